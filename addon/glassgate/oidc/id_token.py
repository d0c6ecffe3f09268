"""Checks an ID token, claim by claim, in the order of OpenID Connect Core 1.0, section 3.1.3.7."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from jwt import PyJWS
from jwt.exceptions import DecodeError, InvalidKeyError, InvalidSignatureError, PyJWTError

from glassgate.oidc.claims import Claims
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.keys import Key
from glassgate.oidc.strict_json import read_object

MAX_TOKEN = 262_144  # characters
LIFETIME = 86_400 + 600  # seconds: a day, from an iat that Entra sets some minutes back
MAX_TIME = 2**53  # seconds: up to where a float counts them exactly

COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")  # RFC 7515, section 7.1
FOREIGN_KEYS = ("jwk", "jku", "x5u", "x5c")  # keys that a token brings along (CVE-2018-0114)
OTHER_FORMATS = ("enc", "zip", "b64")
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


type ClaimCheck = Callable[[Claims], None]  # raises SignInError


class KeyFinder(Protocol):
    """Where the keys come from: `glassgate.oidc.keys.Keys`."""

    def find(self, kid: object, now: float) -> Key:
        """The key that a token's header names; raises SignInError."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What one ID token is held against."""

    client_id: str
    nonce: str = field(repr=False)
    algorithms: tuple[str, ...]
    skew: float  # seconds that the provider's clock may differ
    issuer_checks: tuple[ClaimCheck, ...]  # of the token's issuer, before all other claims
    claim_checks: tuple[ClaimCheck, ...] = ()  # after the checks that every ID token must pass
    keys_name_issuer: bool = False
    access_token: str | None = field(default=None, repr=False)  # what came with it, for at_hash


def check(token: str, keys: KeyFinder, rules: Rules, now: float) -> Claims:
    """Return the claims of a token that passes every check. Raises SignInError, with a reason for each."""
    header = _read_header(token)
    algorithm = _check_algorithm(header, rules)
    _check_header(header)
    key = keys.find(header.get("kid"), now)
    claims = read_object(_verify(token, key, algorithm), Reason.CLAIMS_MALFORMED)
    _check_purpose(claims)
    for judge in rules.issuer_checks:
        judge(claims)
    if rules.keys_name_issuer:
        _check_key_issuer(key, claims)
    _check_audience(claims, rules)
    _check_times(claims, rules, now)
    _check_nonce(claims, rules)
    _check_subject(claims)
    _check_access_token(claims, rules)
    for judge in rules.claim_checks:
        judge(claims)
    return claims


def _read_header(token: str) -> dict[str, object]:
    # Exactly three parts: five are an encrypted token, and the JSON forms may carry several signatures.
    compact = COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN else None
    if not compact:
        raise SignInError(Reason.FORMAT, f"expected a compact token of three parts, got {len(token)} characters")
    try:
        raw = base64.urlsafe_b64decode(compact[1] + "=" * (-len(compact[1]) % 4))
    except ValueError:
        raise SignInError(Reason.FORMAT, "expected a header in base64url") from None
    return read_object(raw, Reason.FORMAT)


def _check_algorithm(header: dict[str, object], rules: Rules) -> str:
    algorithm = header.get("alg")
    if isinstance(algorithm, str) and algorithm.lower() == "none":
        raise SignInError(Reason.ALG_NONE, "expected a signed token, got one without a signature")
    if not isinstance(algorithm, str) or algorithm not in rules.algorithms:
        raise SignInError(
            Reason.ALG_NOT_ALLOWED, f"expected alg {' or '.join(rules.algorithms)}, got {shown(algorithm)}"
        )
    return algorithm


def _check_header(header: dict[str, object]) -> None:
    for name in FOREIGN_KEYS:
        if name in header:
            raise SignInError(Reason.HEADER_KEY, f"expected the provider's own keys, got {name} in the header")
    for name in OTHER_FORMATS:
        if name in header:
            raise SignInError(Reason.FORMAT, f"expected a plain signed token, got {name} in the header")
    if "crit" in header:
        # We know of no extension, so there is none that we could honour (RFC 7515, section 4.1.11).
        raise SignInError(Reason.CRIT_UNKNOWN, f"expected no extension, got crit {shown(header['crit'])}")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.upper() != "JWT":
        raise SignInError(Reason.TYP, f"expected typ JWT, got {shown(typ)}")


def _verify(token: str, key: Key, algorithm: str) -> bytes:
    if algorithm not in key.algorithms:
        raise SignInError(
            Reason.ALG_KEY_MISMATCH,
            f"key {shown(key.kid)} is for {' or '.join(sorted(key.algorithms))}, the token says {algorithm}",
        )
    jws = PyJWS(algorithms=[algorithm], options={"verify_signature": True, "enforce_minimum_key_length": True})
    try:
        payload: bytes = jws.decode(token, key.public, algorithms=[algorithm])
    except InvalidSignatureError:
        raise SignInError(Reason.SIGNATURE, f"expected a signature by key {shown(key.kid)}, got another") from None
    except InvalidKeyError as error:
        raise SignInError(Reason.KEY_UNFIT, f"key {shown(key.kid)}: {error}") from None
    except DecodeError as error:
        raise SignInError(Reason.FORMAT, f"expected a compact token: {error}") from None
    except PyJWTError as error:
        raise SignInError(Reason.SIGNATURE, f"the signature could not be checked: {error}") from None
    return payload


def _check_purpose(claims: Claims) -> None:
    events = claims.get("events")
    if isinstance(events, dict) and LOGOUT_EVENT in events:
        raise SignInError(Reason.PURPOSE, "expected an ID token, got a logout token")


def _check_key_issuer(key: Key, claims: Claims) -> None:
    # A document may mix keys of several issuers: each signs for its own, or by a template for any tenant's.
    signs_for = (key.issuer or "").replace("{tenantid}", str(claims.get("tid")))
    if key.issuer is not None and signs_for != claims.get("iss"):
        raise SignInError(
            Reason.KEY_ISSUER,
            f"key {shown(key.kid)} signs for {shown(signs_for)}, not for {shown(claims.get('iss'))}",
        )


def _check_audience(claims: Claims, rules: Rules) -> None:
    aud = claims.get("aud")
    audiences = aud if isinstance(aud, list) else [aud]
    if rules.client_id not in audiences:
        raise SignInError(Reason.AUD_MISMATCH, f"expected aud {shown(rules.client_id)}, got {shown(aud)}")
    if any(audience != rules.client_id for audience in audiences):
        raise SignInError(Reason.AUD_UNTRUSTED, f"expected no other audience, got {shown(aud)}")
    if "azp" in claims and claims["azp"] != rules.client_id:
        raise SignInError(Reason.AZP_MISMATCH, f"expected azp {shown(rules.client_id)}, got {shown(claims['azp'])}")


def _check_times(claims: Claims, rules: Rules, now: float) -> None:
    exp = _time(claims, "exp", Reason.EXP_MALFORMED)
    iat = _time(claims, "iat", Reason.IAT_IMPLAUSIBLE)
    if now >= exp + rules.skew:
        raise SignInError(Reason.EXPIRED, f"ended {now - exp:.0f} seconds ago, clocks may differ by {rules.skew:g}")
    if "nbf" in claims:
        nbf = _time(claims, "nbf", Reason.CLAIMS_MALFORMED)
        if nbf > now + rules.skew:
            raise SignInError(
                Reason.NOT_YET_VALID,
                f"begins in {nbf - now:.0f} seconds, clocks may differ by {rules.skew:g}",
            )
    if not now - LIFETIME - rules.skew <= iat <= min(now + rules.skew, exp):
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


def _check_nonce(claims: Claims, rules: Rules) -> None:
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), rules.nonce.encode()):
        got = "another" if nonce else "none"
        raise SignInError(Reason.NONCE_MISMATCH, f"expected the nonce of this sign-in, got {got}")


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
