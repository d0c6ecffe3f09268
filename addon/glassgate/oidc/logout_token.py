"""Checks a logout token, by which a provider says that a session of its own has ended (OpenID Connect Back-Channel
Logout 1.0, sections 2.4 and 2.6)."""

from dataclasses import dataclass

from glassgate.oidc.claims import text
from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.id_token import LOGOUT_EVENT, ClaimCheck, check_audience, check_key_issuer, check_times
from glassgate.oidc.signed import KeyFinder, open_signed

TYPES = ("logout+jwt", "jwt")


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """Whose sessions have ended: those of `session`, or all of `subject` where no session is named."""

    subject: str | None
    session: str | None  # `sid`
    id: str  # `jti`, by which a second one is known
    expires: float


@dataclass(frozen=True, slots=True)
class LogoutRules:
    """What one logout token is held against."""

    client_id: str
    algorithms: tuple[str, ...]
    skew: float
    issuer_checks: tuple[ClaimCheck, ...]
    keys_name_issuer: bool = False


def check(token: str, keys: KeyFinder, rules: LogoutRules, now: float) -> LogoutToken:
    """Return what a good logout token says. Raises SignInError: logout_nonce, logout_claims, or what an ID token's
    checks raise. Whether it was seen before is for the caller to find out."""
    claims, key = open_signed(token, keys, rules.algorithms, TYPES, now)
    for judge in rules.issuer_checks:
        judge(claims)
    if rules.keys_name_issuer:
        check_key_issuer(key, claims)
    check_audience(claims, rules.client_id)
    check_times(claims, rules.skew, now)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise SignInError(Reason.LOGOUT_CLAIMS, "expected the event of a back-channel logout, got none")
    if "nonce" in claims:
        # So that no ID token passes for one.
        raise SignInError(Reason.LOGOUT_NONCE, "expected no nonce in a logout token")
    subject, session, jti = text(claims, "sub"), text(claims, "sid"), text(claims, "jti")
    if jti is None or (subject is None and session is None):
        raise SignInError(Reason.LOGOUT_CLAIMS, "expected a jti, and a sub or a sid")
    return LogoutToken(subject, session, jti, float(str(claims["exp"])))
