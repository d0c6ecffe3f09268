"""The tenant as its endpoints share it: addresses, people, applications, keys."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from glassgate.access.seal import Seal
from glassgate.lab.tenant.authorize import Registration
from glassgate.lab.tenant.directory import Directory, Person
from glassgate.lab.tenant.keys import SigningKey
from glassgate.state.store import Store

SESSION_LIFETIME = 24 * 3600  # of the tenant's own browser session
FLOW_LIFETIME = 15 * 60  # of a sign-in page
CODE_LIFETIME = 10 * 60
TOKEN_LIFETIME = 3600
USED, ENDED = "lab_used", "lab_ended"  # spaces of the store: redeemed codes, sessions that were signed out


class Sealed(StrEnum):
    """What the tenant seals. Nothing of a sign-in is kept here, so a restart in the middle loses none."""

    FLOW = "lab_flow"  # the hidden field of a sign-in page
    SESSION = "lab_session"  # the browser's session
    CODE = "lab_code"  # the authorization code
    ACCESS = "lab_access"  # the access token


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session at the tenant."""

    sid: str
    oid: str
    at: int  # Unix time of the sign-in
    mfa: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """Everything that an endpoint needs to know."""

    origin: str  # "https://login.localhost:8443"
    graph: str  # "https://graph.localhost:8443"
    directory: Directory
    registrations: Mapping[str, Registration]
    key: SigningKey
    seal: Seal
    subject_secret: bytes = field(repr=False)
    store: Store
    clock: Callable[[], float]

    @property
    def base(self) -> str:
        """Where the endpoints stand, by the tenant's id."""
        return f"{self.origin}/{self.directory.tenant_id}"

    @property
    def issuer(self) -> str:
        """Who the ID tokens say that they are from: by id, also where the tenant was asked for by its domain."""
        return f"{self.base}/v2.0"

    def person(self, oid: Any) -> Person | None:
        """The person of an object id, where the directory still has them."""
        return self.directory.people.get(str(oid))

    def pseudonym(self, *parts: str) -> bytes:
        """A digest of these parts that nobody else can make: 32 bytes, the same for ever."""
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.digest(self.subject_secret, text.encode(), "sha256")

    def discovery(self) -> dict[str, Any]:
        """The OpenID configuration with Entra's members, as far as the lab has what they point to.

        Like Entra's it names no PKCE methods, no `claims_parameter` and no `iss` response parameter.
        """
        base = self.base
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": self.issuer,
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": f"{self.graph}/oidc/userinfo",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            "claims_supported": [
                "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
                "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name",
                "tid", "ver", "at_hash", "c_hash", "email",
            ],
            "tenant_region_scope": "EU",
            "cloud_instance_name": self.origin.removeprefix("https://"),
            "cloud_graph_host_name": self.graph.removeprefix("https://"),
            "msgraph_host": self.graph.removeprefix("https://"),
        }  # fmt: skip
