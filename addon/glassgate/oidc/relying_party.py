"""One identity provider as the gate uses it: where to send a browser, whom it proved on the way back."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from glassgate.access.identity import Identity
from glassgate.oidc import authorize, id_token, kept, logout_token, userinfo
from glassgate.oidc.authorize import AuthorizationRequest, code_challenge
from glassgate.oidc.callback import Callback
from glassgate.oidc.claims import Claims, claim_at
from glassgate.oidc.client_auth import ClientAuth, ReadFile
from glassgate.oidc.discovery import Discovery
from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError, shown
from glassgate.oidc.graph import Graph, Wait
from glassgate.oidc.http import Fetch
from glassgate.oidc.id_token import ClaimCheck
from glassgate.oidc.kept import Kept
from glassgate.oidc.keys import Keys
from glassgate.oidc.logout_token import LogoutRules, LogoutToken
from glassgate.oidc.metadata import Metadata
from glassgate.oidc.provider import GroupsFrom, Provider
from glassgate.oidc.providers.entra import ENTRA, graph_at
from glassgate.oidc.providers.generic import GENERIC
from glassgate.oidc.providers.ways import Check
from glassgate.oidc.redeem import TokenEndpoint, Tokens
from glassgate.oidc.refusal import refusal

# The whole of what the gate needs, but for the callback's reader and the errors.
__all__ = ["AuthorizationRequest", "Expected", "Outside", "RelyingParty", "SignedIn", "code_challenge"]

WAYS = {"entra": ENTRA, "oidc": GENERIC}


@dataclass(frozen=True, slots=True)
class Outside:
    """What a relying party needs of the world."""

    fetch: Fetch
    read: ReadFile  # for credentials that stand in files
    chance: Callable[[int], str]  # n random bytes as URL-safe text
    wait: Wait  # blocks for some seconds


@dataclass(frozen=True, slots=True)
class Expected:
    """What this browser's sign-in was begun with."""

    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    began: float = 0.0  # Unix seconds
    anew: bool = False  # it asked for `prompt=login`, whatever the provider's own `prompt` is


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whom the provider proved; what to keep so as to ask again; what was amiss and cost no sign-in."""

    identity: Identity
    kept: Kept | None = None
    amiss: tuple[str, ...] = ()


class RelyingParty:
    """The gate's side towards one provider. Thread-safe; every call may block for as long as `fetch` does.

    All methods raise SignInError, and ProviderUnavailable (which is one) where another try may succeed.
    """

    def __init__(self, provider: Provider, redirect_uri: str, outside: Outside) -> None:
        self.provider = provider
        self._redirect_uri = redirect_uri
        self._outside = outside
        self._ways = WAYS[provider.type]
        self._discovery = Discovery(provider, self._ways, outside.fetch)
        self._client = ClientAuth(provider.client_id, provider.credentials, outside.read, outside.chance)
        self._keys: Keys | None = None
        self._lock = threading.Lock()

    @property
    def home(self) -> str:
        """The provider's own address: below it are its pages."""
        return self.provider.issuer or self.provider.authority

    def authorization_url(self, ask: AuthorizationRequest, now: float) -> str:
        """Where to send a browser that should sign in."""
        metadata = self._discovery.metadata(now)
        return authorize.authorization_url(self.provider, self._ways, metadata, self._redirect_uri, ask)

    def sign_in(self, callback: Callback, expected: Expected, now: float) -> SignedIn:
        """Whom the provider proved, from what the browser brought back.

        The caller has already found out that `callback.state` belongs to this browser and this provider.
        """
        metadata = self._discovery.metadata(now)
        _check_iss(callback, metadata)
        if callback.code is None:
            raise refusal({"error": callback.error, "error_description": callback.error_description})
        tokens = self._endpoint(metadata).redeem(callback.code, expected.code_verifier, self._redirect_uri, now)
        claims = self._claims(tokens, id_token.nonce_is(expected.nonce), metadata, now)
        self._check_signed_in_anew(claims, expected)
        identity, amiss = self._identity(claims, tokens, metadata)
        identity = replace(identity, acrs_at=dict.fromkeys(sorted(identity.acrs), int(now)))
        return SignedIn(identity, self._kept(tokens.refresh_token, claims, kept.digest(expected.nonce)), amiss)

    def refresh(self, old: Kept, identity: Identity, now: float) -> SignedIn:
        """Who the provider says that this is today: the same person, or it is refused.

        Authentication contexts that were proven before stay proven, at the age that they have: a refreshed token may
        leave them out. Raises ProviderRefused where the account or its session ended, or somebody has to act.
        """
        metadata = self._discovery.metadata(now)
        scopes = self._ways.scopes(self.provider, metadata)
        tokens = self._endpoint(metadata).refresh(old.refresh_token, scopes, now)
        again = replace(old, refresh_token=tokens.refresh_token or old.refresh_token)
        if not tokens.id_token:
            return SignedIn(identity, again, ("the provider sent no new ID token: nothing is known anew",))
        claims = self._claims(tokens, kept.nonce_if_any(old), metadata, now)
        kept.check_goes_on(old, claims)
        fresh, amiss = self._identity(claims, tokens, metadata, is_refresh=True)
        if fresh.user_id != identity.user_id:
            raise SignInError(Reason.REFRESH_SUBJECT, "expected the same user as at the sign-in, got another")
        proven = identity.acrs_at | dict.fromkeys(sorted(fresh.acrs), int(now))
        fresh = replace(
            fresh,
            acrs=fresh.acrs | identity.acrs,
            amr=fresh.amr | identity.amr,
            acrs_at=proven,
            idp_session=identity.idp_session or fresh.idp_session,  # what a sign-out there will name
            login_hint=fresh.login_hint or identity.login_hint,
        )
        return SignedIn(fresh, again, amiss)

    def read_logout_token(self, token: str, now: float) -> LogoutToken:
        """What a logout token says that the provider sent (OpenID Connect Back-Channel Logout 1.0)."""
        metadata = self._discovery.metadata(now)
        rules = LogoutRules(
            client_id=self.provider.client_id,
            algorithms=self._ways.algorithms(metadata),
            skew=self.provider.clock_skew,
            issuer_checks=self._bound(self._ways.issuer_checks, metadata),
            keys_name_issuer=self._ways.keys_name_issuer,
        )
        return logout_token.check(token, self._keys_at(metadata.jwks_uri), rules, now)

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

    def keys_age(self, now: float) -> float | None:
        """Seconds since the provider's keys were last fetched; None where they never were."""
        return self._keys.age(now) if self._keys else None

    def _endpoint(self, metadata: Metadata) -> TokenEndpoint:
        method = self._ways.client_auth(self.provider, metadata)
        return TokenEndpoint(metadata.token_endpoint, method, self._client, self._outside.fetch)

    def _claims(self, tokens: Tokens, check_nonce: ClaimCheck, metadata: Metadata, now: float) -> Claims:
        provider, ways = self.provider, self._ways
        rules = id_token.Rules(
            client_id=provider.client_id,
            check_nonce=check_nonce,
            algorithms=ways.algorithms(metadata),
            skew=provider.clock_skew,
            issuer_checks=self._bound(ways.issuer_checks, metadata),
            claim_checks=self._bound(ways.claim_checks, metadata),
            keys_name_issuer=ways.keys_name_issuer,
            access_token=tokens.access_token,
        )
        claims = id_token.check(tokens.id_token, self._keys_at(metadata.jwks_uri), rules, now)
        endpoint = metadata.userinfo_endpoint
        if ways.asks_userinfo and endpoint and tokens.access_token and self._lacks(claims):
            email = provider.claims.get("email", "email")
            return userinfo.complete(claims, endpoint, tokens.access_token, self._outside.fetch, email)
        return claims

    def _check_signed_in_anew(self, claims: Claims, expected: Expected) -> None:
        """With `prompt=login`, refuse a sign-in that is older than this request, where the token tells its age: the
        request went through the visitor's browser, which may have left the prompt out."""
        auth_time = kept.time_of(claims)
        asked = expected.anew or self.provider.prompt == "login"
        if not asked or auth_time is None:
            return
        if auth_time < expected.began - self.provider.clock_skew:
            raise SignInError(Reason.AUTH_TOO_OLD, "expected somebody who has just signed in, got an older sign-in")

    def _lacks(self, claims: Claims) -> bool:
        """Whether a claim is wanted that the ID token leaves out."""
        wanted = {"email": "email", **self.provider.claims}
        return any(claim_at(claims, name) is None for name in (*wanted.values(), *self.provider.named_claims))

    def _identity(
        self, claims: Claims, tokens: Tokens, metadata: Metadata, *, is_refresh: bool = False
    ) -> tuple[Identity, tuple[str, ...]]:
        """The person, with the groups that the token could not hold. What could not be read stays unknown.

        At a refresh a Graph that is away is a provider that is away: what is known stays in force meanwhile.
        """
        identity = self._ways.identity(claims, self.provider)
        if not self._wants_graph(claims, identity):
            return identity, ()
        try:
            groups, asked = self._ask_graph(tokens.access_token, metadata)
        except SignInError as fault:
            if is_refresh and isinstance(fault, ProviderUnavailable):
                raise
            return replace(identity, groups=None), (f"{fault.reason}: {fault.detail}",)
        return replace(identity, groups=groups, groups_asked=asked), ()

    def _wants_graph(self, claims: Claims, identity: Identity) -> bool:
        # A list in the token is whole, but where it says itself that there are more than it can hold.
        held = claims.get("groups") is not None and identity.groups is not None
        return self._ways.reads_graph and self.provider.groups_from is not GroupsFrom.CLAIM and not held

    def _ask_graph(self, access_token: str | None, metadata: Metadata) -> tuple[frozenset[str], frozenset[str] | None]:
        """The groups, and where only some were asked about, which."""
        base = graph_at(self.provider, metadata)
        if base is None or access_token is None:
            raise SignInError(Reason.GROUPS_UNKNOWN, "expected the address of a Microsoft Graph, and a token for it")
        graph = Graph(base, access_token, self._outside.fetch, self._outside.wait)
        if self.provider.groups_from is GroupsFrom.CHECK:
            return graph.groups_among(self.provider.named_groups), frozenset(self.provider.named_groups)
        return graph.groups(), None

    def _kept(self, refresh_token: str | None, claims: Claims, nonce: str) -> Kept | None:
        if refresh_token is None or self.provider.recheck is None:
            return None
        return Kept(refresh_token, str(claims["iss"]), str(claims["sub"]), nonce, kept.time_of(claims))

    def _bound(self, checks: tuple[Check, ...], metadata: Metadata) -> tuple[ClaimCheck, ...]:
        def bind(judge: Check) -> ClaimCheck:
            return lambda claims: judge(claims, self.provider, metadata)

        return tuple(bind(judge) for judge in checks)

    def _keys_at(self, address: str) -> Keys:
        # A document that moves its keys takes the old ones out of use.
        with self._lock:
            if self._keys is None or self._keys.address != address:
                self._keys = Keys(address, self._outside.fetch)
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
