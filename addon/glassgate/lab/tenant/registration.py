"""An application of a tenant, as it was registered there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Audience(StrEnum):
    """Whose users may sign in, by Entra's own names (`signInAudience`)."""

    SINGLE = "AzureADMyOrg"
    MULTIPLE = "AzureADMultipleOrgs"


@dataclass(frozen=True, slots=True)
class Federated:
    """A federated credential: whose tokens prove the application in place of a secret of its own."""

    issuer: str
    subject: str
    key: Mapping[str, str]  # the issuer's public key, as a JWK
    audience: str = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True)
class Registration:
    """An application. Any one of its secrets, certificates and federated credentials proves it."""

    client_id: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    redirect_uris: tuple[str, ...] = ()
    post_logout_uris: tuple[str, ...] = ()
    mfa_contexts: tuple[str, ...] = ()  # authentication contexts whose policy asks for a second factor
    name: str = "glassgate"
    certificates: tuple[bytes, ...] = ()  # PEM
    federated: tuple[Federated, ...] = ()
    tenant: str = ""  # where it is registered, by id or domain; "": in the main tenant
    audience: Audience = Audience.SINGLE
    logout_uri: str | None = None  # what is framed when a session ends (front-channel logout)
