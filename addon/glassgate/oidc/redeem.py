"""Asks the token endpoint: a code for tokens, later a refresh token for newer ones (RFC 6749, sections 4.1.3, 6)."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from glassgate.oidc.client_auth import ClientAuth, Proof
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.http import Fetch, HttpRequest, HttpResponse
from glassgate.oidc.refusal import check_answer
from glassgate.oidc.strict_json import read_object

FORM = ("Content-Type", "application/x-www-form-urlencoded")
MAX_REFRESH_TOKEN = 4096  # characters: it is stored sealed


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a grant was good for. `id_token` is "" only where a refresh brought none."""

    id_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None  # what was granted, where the provider says so


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where tokens are had, and how this client proves itself there."""

    address: str
    method: str  # how a secret is sent: "client_secret_basic" or "client_secret_post"
    client: ClientAuth
    fetch: Fetch

    def redeem(self, code: str, code_verifier: str, redirect_uri: str, now: float) -> Tokens:
        """Redeem a code.

        Raises ProviderUnavailable, ProviderRefused, or SignInError: client_auth, token_redirect, token_not_json,
        json_duplicate, token_error, token_type, token_malformed, id_token_missing.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": code_verifier,
        }
        return read_tokens(self.ask(form, now))

    def refresh(self, refresh_token: str, scopes: tuple[str, ...], now: float) -> Tokens:
        """Redeem a refresh token. Raises as `redeem` does; an ID token need not come (Core 1.0, section 12.2)."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "scope": " ".join(scopes)}
        return read_tokens(self.ask(form, now), with_id_token=False)

    def ask(self, form: dict[str, str], now: float) -> HttpResponse:
        """Send one token request, with whichever credential the provider takes."""

        def send(proof: Proof) -> HttpResponse:
            body = urlencode(form | proof.fields).encode("ascii")
            answer = self.fetch(HttpRequest("POST", self.address, (FORM, *proof.headers), body))
            if 300 <= answer.status < 400:
                # Following it would hand code and secret to whomever it names.
                raise SignInError(Reason.TOKEN_REDIRECT, f"expected tokens, got a redirect with status {answer.status}")
            check_answer(answer, Reason.TOKEN_NOT_JSON)
            return answer

        return self.client.proven(self.address, self.method, now, send)


def read_tokens(answer: HttpResponse, *, with_id_token: bool = True) -> Tokens:
    """Read the token endpoint's answer, a 200. Raises as `redeem` does."""
    said = read_object(answer.body, Reason.TOKEN_NOT_JSON)
    if "error" in said:
        raise SignInError(Reason.TOKEN_ERROR, f"expected tokens, got error {shown(said['error'])} with status 200")
    kind = said.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise SignInError(Reason.TOKEN_TYPE, f"expected token_type Bearer, got {shown(kind)}")
    id_token = said.get("id_token")
    if id_token is None and not with_id_token:
        id_token = ""
    elif not isinstance(id_token, str) or not id_token:
        raise SignInError(Reason.ID_TOKEN_MISSING, "expected an ID token, got none: the scope openid asks for it")
    access_token = said.get("access_token")
    if access_token is not None and not (isinstance(access_token, str) and _is_header_text(access_token)):
        raise SignInError(Reason.TOKEN_MALFORMED, "expected an access token of plain ASCII characters")
    refresh_token = said.get("refresh_token")
    if refresh_token is not None and not (isinstance(refresh_token, str) and len(refresh_token) <= MAX_REFRESH_TOKEN):
        raise SignInError(Reason.TOKEN_MALFORMED, f"expected a refresh token of at most {MAX_REFRESH_TOKEN} characters")
    scope = said.get("scope")
    return Tokens(id_token, access_token or None, refresh_token or None, scope if isinstance(scope, str) else None)


def _is_header_text(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value
