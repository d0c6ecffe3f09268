"""An identity provider as it is configured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from glassgate.oidc.client_auth import Credential

ORGANIZATIONS = "organizations"  # Entra's name for "any tenant of work or school accounts"


class GroupsFrom(StrEnum):
    """Where the groups of Entra's users come from."""

    CLAIM = "claim"  # the ID token, which holds at most 200
    GRAPH = "graph"  # Microsoft Graph, all of them
    CHECK = "check"  # Microsoft Graph, asked for just the groups that policies name


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of `identity_providers`. `authority` and `tenant` (entra) or `issuer` (oidc): where it is."""

    id: str
    type: str  # "entra" | "oidc"
    client_id: str
    credentials: tuple[Credential, ...]  # at least one; tried in this order
    name: str = ""  # shown on the login page
    issuer: str | None = None  # oidc: exactly as the provider writes it
    authority: str = "https://login.microsoftonline.com"  # entra: without a trailing slash
    tenant: str | None = None  # entra: GUID, domain, or ORGANIZATIONS
    allowed_tenants: tuple[str, ...] = ()  # entra, with ORGANIZATIONS: GUIDs, at least one
    graph: str | None = None  # entra: Microsoft Graph, without a trailing slash; None: what the document names
    groups_from: GroupsFrom = GroupsFrom.CLAIM  # entra
    named_groups: tuple[str, ...] = ()  # entra: object ids that policies name, which is what CHECK asks for
    claims: Mapping[str, str] = field(default_factory=dict)  # oidc: "email" | "name" | "groups" -> its own name for it
    named_claims: tuple[str, ...] = ()  # claims that policies ask for
    client_auth: str | None = None  # oidc: "client_secret_basic" | "client_secret_post"; None: what it offers
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    response_mode: str = "query"  # or "form_post"
    email_domains: tuple[str, ...] = ()  # whose e-mails count for this provider, lower case
    tenant_email_domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # entra: the same by tenant
    mfa_context: str | None = None  # entra: the acrs value that proves MFA
    ca: Path | None = None  # trust for the calls to it; None: the system's
    clock_skew: int = 60  # seconds
    prompt: str | None = None
    domain_hint: str | None = None
    recheck: int | None = None  # seconds after which a live session is asked for again; None: never

    def domains_of(self, tenant: str) -> tuple[str, ...]:
        """The domains whose e-mails count when this tenant vouches for them."""
        return self.tenant_email_domains.get(tenant, self.email_domains)
