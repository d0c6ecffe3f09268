"""Builds the authorization request that a browser takes to the provider (OpenID Connect Core, 3.1.2.1)."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

from glassgate.oidc.metadata import Metadata
from glassgate.oidc.provider import Provider
from glassgate.oidc.providers.ways import Ways


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What one sign-in asks for."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_challenge: str  # S256
    acrs: tuple[str, ...] = ()  # authentication contexts that the token should prove (Entra)
    claims: str | None = None  # a `claims` parameter that the provider itself asked to be sent back
    prompt: str | None = None  # wins over the provider's own
    login_hint: str | None = None


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def authorization_url(
    provider: Provider, ways: Ways, metadata: Metadata, redirect_uri: str, ask: AuthorizationRequest
) -> str:
    """The address to send the browser to."""
    prompt = ask.prompt or provider.prompt
    parameters = {
        "client_id": provider.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "response_mode": "form_post" if provider.response_mode == "form_post" else None,
        "scope": " ".join(ways.scopes(provider, metadata)),
        "state": ask.state,
        "nonce": ask.nonce,
        "code_challenge": ask.code_challenge,
        "code_challenge_method": "S256",
        "prompt": prompt,
        # A hint answers the question that select_account is meant to ask: Entra takes only one of them.
        "login_hint": None if prompt == "select_account" else ask.login_hint,
        "domain_hint": provider.domain_hint,
        "claims": _claims(ask.claims, ask.acrs if ways.asks_acrs else ()),
    }
    return with_query(metadata.authorization_endpoint, parameters)


def with_query(address: str, parameters: dict[str, str | None]) -> str:
    """The address with further parameters; a query that it has stays as it is (RFC 6749, section 3.1)."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{address}{'&' if '?' in address else '?'}{query}"


def _claims(asked: str | None, acrs: tuple[str, ...]) -> str | None:
    """The `claims` parameter (Core 1.0, section 5.5): what the provider asked for, and authentication contexts."""
    readable = readable_claims(asked)
    claims: dict[str, object] = json.loads(readable) if readable else {}
    if acrs:
        wanted = {"value": acrs[0]} if len(acrs) == 1 else {"values": acrs}
        of_token = claims.get("id_token")
        claims["id_token"] = (of_token if isinstance(of_token, dict) else {}) | {"acrs": {"essential": True, **wanted}}
    return json.dumps(claims, separators=(",", ":")) if claims else None


def readable_claims(asked: str | None) -> str | None:
    """A `claims` challenge as it may be sent back: a JSON object; None where it is anything else."""
    try:
        return asked if asked and isinstance(json.loads(asked), dict) else None
    except (ValueError, RecursionError):
        return None
