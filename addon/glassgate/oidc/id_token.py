"""Checks an ID token, claim by claim, in the order of OpenID Connect Core 1.0, section 3.1.3.7."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from glassgate.oidc.claims import Claims
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.keys import Key
from glassgate.oidc.signed import KeyFinder, open_signed

LIFETIME = 86_400 + 600  # seconds: a day, from an iat that Entra sets some minutes back
MAX_TIME = 2**53  # seconds: up to where a float counts them exactly

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"

type ClaimCheck = Callable[[Claims], None]  # raises SignInError


@dataclass(frozen=True, slots=True)
class Rules:
    """What one ID token is held against."""

    client_id: str
    check_nonce: ClaimCheck
    algorithms: tuple[str, ...]
    skew: float  # seconds that the provider's clock may differ
    issuer_checks: tuple[ClaimCheck, ...]  # of the token's issuer, before all other claims
    claim_checks: tuple[ClaimCheck, ...] = ()  # after the checks that every ID token must pass
    keys_name_issuer: bool = False
    access_token: str | None = field(default=None, repr=False)  # what came with it, for at_hash


def check(token: str, keys: KeyFinder, rules: Rules, now: float) -> Claims:
    """Return the claims of a token that passes every check. Raises SignInError, with a reason for each."""
    claims, key = open_signed(token, keys, rules.algorithms, ("jwt",), now)
    _check_purpose(claims)
    for judge in rules.issuer_checks:
        judge(claims)
    if rules.keys_name_issuer:
        check_key_issuer(key, claims)
    check_audience(claims, rules.client_id)
    check_times(claims, rules.skew, now)
    rules.check_nonce(claims)
    _check_subject(claims)
    _check_access_token(claims, rules)
    for judge in rules.claim_checks:
        judge(claims)
    return claims


def _check_purpose(claims: Claims) -> None:
    events = claims.get("events")
    if isinstance(events, dict) and LOGOUT_EVENT in events:
        raise SignInError(Reason.PURPOSE, "expected an ID token, got a logout token")


def check_key_issuer(key: Key, claims: Claims) -> None:
    """Refuse a token by another issuer's key: a document may mix them, and those that are for any tenant's tokens."""
    signs_for = (key.issuer or "").replace("{tenantid}", str(claims.get("tid")))
    if key.issuer is not None and signs_for != claims.get("iss"):
        raise SignInError(
            Reason.KEY_ISSUER,
            f"key {shown(key.kid)} signs for {shown(signs_for)}, not for {shown(claims.get('iss'))}",
        )


def check_audience(claims: Claims, client_id: str) -> None:
    """Refuse a token for anybody else, or for others too (Core 1.0, section 3.1.3.7, steps 3 to 5)."""
    aud = claims.get("aud")
    audiences = aud if isinstance(aud, list) else [aud]
    if client_id not in audiences:
        raise SignInError(Reason.AUD_MISMATCH, f"expected aud {shown(client_id)}, got {shown(aud)}")
    if any(audience != client_id for audience in audiences):
        raise SignInError(Reason.AUD_UNTRUSTED, f"expected no other audience, got {shown(aud)}")
    if "azp" in claims and claims["azp"] != client_id:
        raise SignInError(Reason.AZP_MISMATCH, f"expected azp {shown(client_id)}, got {shown(claims['azp'])}")


def check_times(claims: Claims, skew: float, now: float) -> None:
    """Refuse a token that has ended, has not begun, or is of an odd age (steps 9 and 10)."""
    exp = _time(claims, "exp", Reason.EXP_MALFORMED)
    iat = _time(claims, "iat", Reason.IAT_IMPLAUSIBLE)
    if now >= exp + skew:
        raise SignInError(Reason.EXPIRED, f"ended {now - exp:.0f} seconds ago, clocks may differ by {skew:g}")
    if "nbf" in claims:
        nbf = _time(claims, "nbf", Reason.CLAIMS_MALFORMED)
        if nbf > now + skew:
            raise SignInError(
                Reason.NOT_YET_VALID,
                f"begins in {nbf - now:.0f} seconds, clocks may differ by {skew:g}",
            )
    if not now - LIFETIME - skew <= iat <= min(now + skew, exp):
        raise SignInError(
            Reason.IAT_IMPLAUSIBLE, f"expected one made just now, got iat {iat - now:+.0f} seconds from now"
        )
    if exp - iat > LIFETIME:
        raise SignInError(Reason.LIFETIME, f"expected a life of at most a day, got {exp - iat:.0f} seconds")


def _time(claims: Claims, name: str, malformed: Reason) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MAX_TIME:
        raise SignInError(malformed, f"expected {name} in seconds since 1970, got {shown(value)}")
    return float(value)


def nonce_is(expected: str) -> ClaimCheck:
    """The check of a sign-in: the token bears the nonce that it was begun with (step 11)."""

    def judge(claims: Claims) -> None:
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.encode()):
            got = "another" if nonce else "none"
            raise SignInError(Reason.NONCE_MISMATCH, f"expected the nonce of this sign-in, got {got}")

    return judge


def _check_subject(claims: Claims) -> None:
    # "MUST NOT exceed 255 ASCII characters in length" (Core 1.0, section 2).
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 1 <= len(sub) <= 255 or not (sub.isascii() and sub.isprintable()):
        raise SignInError(Reason.SUB_MALFORMED, f"expected sub of 1 to 255 ASCII characters, got {shown(sub)}")


def _check_access_token(claims: Claims, rules: Rules) -> None:
    # Core 1.0, section 3.1.3.8. Every algorithm that we allow goes with SHA-256.
    if "at_hash" not in claims or rules.access_token is None:
        return
    half = hashlib.sha256(rules.access_token.encode()).digest()[:16]
    expected = base64.urlsafe_b64encode(half).rstrip(b"=")
    got = claims["at_hash"]
    if not isinstance(got, str) or not hmac.compare_digest(got.encode(), expected):
        raise SignInError(Reason.AT_HASH, "expected the hash of the access token beside it, got another")
