"""Application tokens, as Cloudflare Access writes them: minted for one app, and checked claim by claim."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.types import Options

# A token is some 900 bytes; anything much longer is not ours.
MAX_TOKEN = 4096
SKEW = 5  # seconds that two edges' clocks may differ


class Reason(StrEnum):
    """Why a token does not count. Closed: tests and metrics go by it."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE = "signature"
    TYPE = "type"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


class TokenError(Exception):
    """The token does not count. `reason` is one of Reason; the text says expected and got, never the token."""

    def __init__(self, reason: Reason, said: str) -> None:
        super().__init__(said)
        self.reason = reason


class SigningKey(Protocol):
    """What is needed of a key of the key ring."""

    @property
    def kid(self) -> str:
        """Its name in the token's header (64 hex digits)."""
        ...

    @property
    def private_key(self) -> RSAPrivateKey:
        """An RSA key of 2048 bits or more."""
        ...


@dataclass(frozen=True, slots=True)
class AppToken:
    """An application token that was checked: its signature held, and it is for this app."""

    audience: str
    email: str | None
    subject: str
    nonce: str  # identity_nonce: what the store knows the token by
    not_before: float
    expires: float


def mint(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    subject: str,
    email: str | None,
    nonce: str,
    now: float,
    expires: float,
    country: str | None = None,
) -> str:
    """Sign an application token (RFC 7519; Cloudflare Access's claims). `expires` is Unix seconds."""
    claims: dict[str, Any] = {
        "aud": [audience],
        "iat": int(now),
        "nbf": int(now),
        "exp": int(expires),
        "iss": issuer,
        "type": "app",
        "identity_nonce": nonce,
        "sub": subject,
        "country": country or "",
        "custom": {},
    }
    if email is not None:
        claims["email"] = email
    return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.kid})


def mint_for_service(key: SigningKey, *, issuer: str, audience: str, name: str, now: float, expires: float) -> str:
    """Sign what an origin is told of a program: `name` is its client id, or its certificate's common name.

    It has Cloudflare Access's claims for a service token, and is none to come back with: it names no user.
    """
    claims = {
        "type": "app",
        "aud": [audience],
        "exp": int(expires),
        "iss": issuer,
        "common_name": name,
        "iat": int(now),
        "sub": "",
    }
    return jwt.encode(claims, key.private_key, algorithm="RS256", headers={"kid": key.kid})


def claimed_audiences(token: str) -> frozenset[str]:
    """For whom a token says that it is. Nothing of it was checked: good for a look into the right place alone."""
    claimed = _claimed(token).get("aud")
    return frozenset(one for one in claimed if isinstance(one, str)) if isinstance(claimed, list) else frozenset()


def claims_issuer(token: str, issuer: str) -> bool:
    """Whether a token says that it was issued there. Nothing of it was checked: good for not passing it on alone."""
    return bool(_claimed(token).get("iss") == issuer)


def _claimed(token: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN:
        return {}
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}


def verify(
    token: str, keys: Iterable[SigningKey], *, issuer: str, audience: str, now: float, ended_too: bool = False
) -> AppToken:
    """Check an application token claim by claim (RFC 7519 section 4.1, RFC 8725). Raises TokenError.

    `ended_too` leaves out the times: whose a token was, not whether it counts.
    """
    if len(token) > MAX_TOKEN:
        raise TokenError(Reason.MALFORMED, f"longer than {MAX_TOKEN} bytes")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, RecursionError) as fault:
        raise TokenError(Reason.MALFORMED, "not a JWT") from fault
    if header.get("alg") != "RS256":
        raise TokenError(Reason.ALGORITHM, f"signed with {header.get('alg')!r}, expected 'RS256'")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise TokenError(Reason.TYPE, f"header typ is {header.get('typ')!r}, expected 'JWT'")
    key = next((key for key in keys if key.kid == header.get("kid")), None)
    if key is None:
        raise TokenError(Reason.KEY_UNKNOWN, "signed by a key that this team does not have")
    try:
        claims = jwt.decode(
            token,
            key.private_key.public_key(),
            algorithms=["RS256"],
            options=CHECKED_BY_US,
        )
    except jwt.InvalidSignatureError as fault:
        raise TokenError(Reason.SIGNATURE, "the signature does not hold") from fault
    except jwt.PyJWTError as fault:
        raise TokenError(Reason.MALFORMED, "not a JWT of ours") from fault
    checked = _check(claims, issuer, audience)
    if not ended_too:
        check_times(checked, now)
    return checked


# Each claim is checked below, by a clock that is handed in and with a reason of its own.
CHECKED_BY_US: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def _check(claims: dict[str, Any], issuer: str, audience: str) -> AppToken:
    if claims.get("type") != "app":
        raise TokenError(Reason.TYPE, f"type is {claims.get('type')!r}, expected 'app'")
    if claims.get("iss") != issuer:
        raise TokenError(Reason.ISSUER, f"iss is {claims.get('iss')!r}, expected {issuer!r}")
    if claims.get("aud") != [audience]:
        raise TokenError(Reason.AUDIENCE, f"aud is {claims.get('aud')!r}, expected [{audience!r}]")
    times = [claims.get(name) for name in ("iat", "nbf", "exp")]
    texts = [claims.get(name) for name in ("sub", "identity_nonce")]
    if not all(_is_time(time) for time in times) or not all(isinstance(text, str) and text for text in texts):
        raise TokenError(Reason.MALFORMED, "a claim is missing or of the wrong type")
    email = claims.get("email")
    return AppToken(audience, email if isinstance(email, str) else None, texts[0], texts[1], *times[1:])  # type: ignore[arg-type]


def check_times(token: AppToken, now: float) -> None:
    """Check the two claims that change their answer as time goes by. Raises TokenError."""
    if now >= token.expires:
        raise TokenError(Reason.EXPIRED, f"exp was {int(now - token.expires)} s ago")
    if now < token.not_before - SKEW:
        raise TokenError(Reason.NOT_YET_VALID, f"nbf is {math.ceil(token.not_before - now)} s ahead")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
