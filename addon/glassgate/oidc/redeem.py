"""Redeems an authorization code for tokens (RFC 6749, section 4.1.3; OpenID Connect Core 1.0, 3.1.3)."""

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.http import Fetch, HttpRequest, HttpResponse
from glassgate.oidc.provider import Provider
from glassgate.oidc.refusal import check_answer
from glassgate.oidc.strict_json import read_object

FORM = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was good for."""

    id_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """A code and what proves that it is ours to redeem."""

    code: str = field(repr=False)
    code_verifier: str = field(repr=False)
    redirect_uri: str


def redeem(provider: Provider, endpoint: str, client_auth: str, grant: Grant, fetch: Fetch) -> Tokens:
    """Redeem the code at the token endpoint. `client_auth`: "client_secret_basic" or "client_secret_post".

    Raises ProviderUnavailable, ProviderRefused, or SignInError: token_redirect, token_not_json,
    json_duplicate, token_error, token_type, token_malformed, id_token_missing.
    """
    form = {
        "grant_type": "authorization_code",
        "code": grant.code,
        "redirect_uri": grant.redirect_uri,
        "code_verifier": grant.code_verifier,
    }
    headers = [FORM]
    if client_auth == "client_secret_post":
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    else:
        headers.append(("Authorization", _basic(provider)))
    body = urlencode(form).encode("ascii")
    return read_tokens(fetch(HttpRequest("POST", endpoint, tuple(headers), body)))


def read_tokens(answer: HttpResponse) -> Tokens:
    """Read the token endpoint's answer. Raises as `redeem` does."""
    if 300 <= answer.status < 400:
        # Following it would hand code and secret to whomever it names.
        raise SignInError(Reason.TOKEN_REDIRECT, f"expected tokens, got a redirect with status {answer.status}")
    check_answer(answer, Reason.TOKEN_NOT_JSON)
    said = read_object(answer.body, Reason.TOKEN_NOT_JSON)
    if "error" in said:
        raise SignInError(Reason.TOKEN_ERROR, f"expected tokens, got error {shown(said['error'])} with status 200")
    kind = said.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise SignInError(Reason.TOKEN_TYPE, f"expected token_type Bearer, got {shown(kind)}")
    id_token = said.get("id_token")
    if not isinstance(id_token, str) or not id_token:
        raise SignInError(Reason.ID_TOKEN_MISSING, "expected an ID token, got none: the scope openid asks for it")
    access_token = said.get("access_token")
    if access_token is not None and not (isinstance(access_token, str) and _is_header_text(access_token)):
        raise SignInError(Reason.TOKEN_MALFORMED, "expected an access token of plain ASCII characters")
    return Tokens(id_token, access_token or None)


def _basic(provider: Provider) -> str:
    # Form-encoded before they are joined, so that a colon in either has one meaning (RFC 6749, 2.3.1).
    pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"


def _is_header_text(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value
