"""One identity provider as the gate uses it: where to send a browser, whom it proved on the way back."""

import threading
from dataclasses import dataclass, field

from glassgate.access.identity import Identity
from glassgate.oidc import authorize, id_token, userinfo
from glassgate.oidc.authorize import AuthorizationRequest, code_challenge
from glassgate.oidc.callback import Callback
from glassgate.oidc.claims import Claims
from glassgate.oidc.discovery import Discovery
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.http import Fetch
from glassgate.oidc.keys import Keys
from glassgate.oidc.metadata import Metadata
from glassgate.oidc.provider import Provider
from glassgate.oidc.providers.entra import ENTRA
from glassgate.oidc.providers.generic import GENERIC
from glassgate.oidc.providers.ways import Check
from glassgate.oidc.redeem import Grant, Tokens, redeem
from glassgate.oidc.refusal import refusal

# The whole of what the gate needs, but for the callback's reader and the errors.
__all__ = ["AuthorizationRequest", "Expected", "RelyingParty", "code_challenge"]

WAYS = {"entra": ENTRA, "oidc": GENERIC}


@dataclass(frozen=True, slots=True)
class Expected:
    """What this browser's sign-in was begun with."""

    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


class RelyingParty:
    """The gate's side towards one provider. Thread-safe; every call may block for as long as `fetch` does.

    All methods raise SignInError, and ProviderUnavailable (which is one) where another try may succeed.
    """

    def __init__(self, provider: Provider, redirect_uri: str, fetch: Fetch) -> None:
        self.provider = provider
        self._redirect_uri = redirect_uri
        self._fetch = fetch
        self._ways = WAYS[provider.type]
        self._discovery = Discovery(provider, self._ways, fetch)
        self._keys: Keys | None = None
        self._lock = threading.Lock()

    def authorization_url(self, ask: AuthorizationRequest, now: float) -> str:
        """Where to send a browser that should sign in."""
        metadata = self._discovery.metadata(now)
        return authorize.authorization_url(self.provider, self._ways, metadata, self._redirect_uri, ask)

    def sign_in(self, callback: Callback, expected: Expected, now: float) -> Identity:
        """Whom the provider proved, from what the browser brought back.

        The caller has already found out that `callback.state` belongs to this browser and this provider.
        """
        metadata = self._discovery.metadata(now)
        _check_iss(callback, metadata)
        if callback.code is None:
            raise refusal({"error": callback.error, "error_description": callback.error_description})
        grant = Grant(callback.code, expected.code_verifier, self._redirect_uri)
        method = self._ways.client_auth(metadata)
        tokens = redeem(self.provider, metadata.token_endpoint, method, grant, self._fetch)
        claims = self._claims(tokens, expected.nonce, metadata, now)
        return self._ways.identity(claims, self.provider)

    def end_session_url(self, *, login_hint: str | None, return_to: str | None, now: float) -> str | None:
        """Where to send a browser that signed out here, so that it does at the provider too.

        None where the provider has no such place, or does not answer: a sign-out here never fails for that.
        """
        try:
            endpoint = self._discovery.metadata(now).end_session_endpoint
        except SignInError:
            return None
        if endpoint is None:
            return None
        parameters = {
            "client_id": self.provider.client_id,
            "logout_hint": login_hint,
            "post_logout_redirect_uri": return_to,
        }
        return authorize.with_query(endpoint, parameters)

    def _claims(self, tokens: Tokens, nonce: str, metadata: Metadata, now: float) -> Claims:
        provider, ways = self.provider, self._ways
        rules = id_token.Rules(
            client_id=provider.client_id,
            nonce=nonce,
            algorithms=ways.algorithms(metadata),
            skew=provider.clock_skew,
            issuer_checks=self._bound(ways.issuer_checks, metadata),
            claim_checks=self._bound(ways.claim_checks, metadata),
            keys_name_issuer=ways.keys_name_issuer,
            access_token=tokens.access_token,
        )
        claims = id_token.check(tokens.id_token, self._keys_at(metadata.jwks_uri), rules, now)
        endpoint = metadata.userinfo_endpoint
        if ways.asks_userinfo and "email" not in claims and endpoint and tokens.access_token:
            return userinfo.complete(claims, endpoint, tokens.access_token, self._fetch)
        return claims

    def _bound(self, checks: tuple[Check, ...], metadata: Metadata) -> tuple[id_token.ClaimCheck, ...]:
        def bind(judge: Check) -> id_token.ClaimCheck:
            return lambda claims: judge(claims, self.provider, metadata)

        return tuple(bind(judge) for judge in checks)

    def _keys_at(self, address: str) -> Keys:
        # A document that moves its keys takes the old ones out of use.
        with self._lock:
            if self._keys is None or self._keys.address != address:
                self._keys = Keys(address, self._fetch)
            return self._keys


def _check_iss(callback: Callback, metadata: Metadata) -> None:
    """Refuse a callback of another issuer (RFC 9207, section 2.4), before its code is shown to anybody."""
    if callback.iss is None:
        if metadata.sends_iss:
            raise SignInError(Reason.ISS_PARAM_MISSING, f"expected iss {shown(metadata.issuer)}, got none")
    elif callback.iss != metadata.issuer:
        raise SignInError(
            Reason.ISS_PARAM_MISMATCH, f"expected iss {shown(metadata.issuer)}, got {shown(callback.iss)}"
        )
