"""What differs from provider to provider: one value for each kind."""

from collections.abc import Callable
from dataclasses import dataclass

from glassgate.access.identity import Identity
from glassgate.oidc.claims import Claims
from glassgate.oidc.metadata import Metadata
from glassgate.oidc.provider import Provider

type Check = Callable[[Claims, Provider, Metadata], None]  # raises SignInError


def with_offline_access(provider: Provider) -> tuple[str, ...]:
    """The scopes, with the one that brings refresh tokens where sessions are to be asked for again (Core 1.0, 11)."""
    wanted = (*provider.scopes, *(("offline_access",) if provider.recheck else ()))
    return tuple(dict.fromkeys(wanted))


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways of one kind of provider. What is the same for all stands in the room's other files."""

    discovery_url: Callable[[Provider], str]
    check_document_issuer: Callable[[Provider, str], None]  # raises discovery_issuer
    algorithms: Callable[[Metadata], tuple[str, ...]]  # what an ID token may be signed with
    client_auth: Callable[[Provider, Metadata], str]  # "client_secret_basic" | "client_secret_post"
    scopes: Callable[[Provider, Metadata], tuple[str, ...]]  # what is asked for
    issuer_checks: tuple[Check, ...]  # of the token's issuer, before all other claims
    claim_checks: tuple[Check, ...]  # after the checks that every ID token must pass
    identity: Callable[[Claims, Provider], Identity]
    keys_name_issuer: bool = False  # a key with a member `issuer` signs for that issuer alone
    asks_acrs: bool = False  # takes authentication contexts in the `claims` parameter
    asks_userinfo: bool = False  # what the ID token lacks is asked for at the userinfo endpoint
    reads_graph: bool = False  # has its users' groups in Microsoft Graph
