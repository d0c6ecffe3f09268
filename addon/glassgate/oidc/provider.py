"""An identity provider as it is configured."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of `identity_providers`. `authority` and `tenant` (entra) or `issuer` (oidc): where it is."""

    id: str
    type: str  # "entra" | "oidc"
    client_id: str
    client_secret: str = field(repr=False)
    name: str = ""  # shown on the login page
    issuer: str | None = None  # oidc: exactly as the provider writes it
    authority: str = "https://login.microsoftonline.com"  # entra: without a trailing slash
    tenant: str | None = None  # entra: GUID or domain
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    email_domains: tuple[str, ...] = ()  # whose e-mails count for this provider, lower case
    mfa_context: str | None = None  # entra: the acrs value that proves MFA
    ca: Path | None = None  # trust for the calls to it; None: the system's
    clock_skew: int = 60  # seconds
    prompt: str | None = None
    domain_hint: str | None = None
