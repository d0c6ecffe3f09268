"""What clients find out before anybody signs in: the OpenID configuration, the keys, and where clouds are."""

from typing import Any
from urllib.parse import urlsplit

from glassgate.lab.tenant.cloud import TEMPLATE, Call
from glassgate.lab.tenant.errors import TenantError


def document(call: Call) -> dict[str, Any]:
    """The OpenID configuration (OpenID Connect Discovery 1.0, 4), with Entra's members and no others.

    Like Entra's it names no PKCE methods, no `claims_parameter`, no back-channel logout and no `iss` parameter.
    """
    cloud, base, directory = call.cloud, call.base, call.authority.directory
    graph = cloud.graph.removeprefix("https://")
    return {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer(call),
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": f"{cloud.graph}/oidc/userinfo",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
            "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name",
            "tid", "ver", "at_hash", "c_hash", "email",
        ],
        "tenant_region_scope": "EU" if directory else None,
        "cloud_instance_name": cloud.origin.removeprefix("https://"),
        "cloud_graph_host_name": graph,
        "msgraph_host": graph,
        "rbac_url": "https://pas.windows.net",
    }  # fmt: skip


def keys(call: Call) -> dict[str, Any]:
    """The JWK Set (RFC 7517): every tenant's tokens are signed by the same keys, and each says for which issuer."""
    return {"keys": [key.jwk(issuer(call)) for key in call.cloud.keys.published]}


def issuer(call: Call) -> str:
    """The issuer of this authority's tokens; where all tenants' users may come, a template of it."""
    directory = call.authority.directory
    return call.cloud.issuer(directory.tenant_id if directory else TEMPLATE)


def instance(call: Call, authorization_endpoint: str, api_version: str) -> dict[str, Any]:
    """Instance discovery, by which MSAL makes sure of an authority. Raises TenantError for one that is not here."""
    ours, asked = urlsplit(call.cloud.origin), urlsplit(authorization_endpoint)
    tenant = asked.path.strip("/").partition("/")[0]
    hosts = list(dict.fromkeys((ours.netloc, ours.hostname or "")))  # MSAL asks, and remembers, without the port
    if asked.scheme != ours.scheme or asked.netloc.lower() not in hosts or not tenant:
        raise TenantError(50049)
    return {
        "tenant_discovery_endpoint": f"{call.cloud.origin}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": api_version,
        "metadata": [{"preferred_network": hosts[0], "preferred_cache": hosts[-1], "aliases": hosts}],
    }
