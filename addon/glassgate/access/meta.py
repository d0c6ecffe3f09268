"""The signed `meta` of a sign-in: what an app tells the team domain about the visitor whom it sends there.

Its key is never one of `certs`: whoever takes the published keys for proof of a session must not be able to take
this token, which every anonymous visitor gets, for one.
"""

from dataclasses import dataclass

import jwt

LIFETIME = 300  # seconds
TYPE = "glassgate-meta+jwt"


@dataclass(frozen=True, slots=True)
class Meta:
    """A visitor of `hostname` asked for `target` and has no session there."""

    audience: str  # the app's AUD tag
    hostname: str
    target: str  # path and query, as sent
    app_session: str  # digest of the secret in the browser's __Host-CF_AppSession_ cookie
    app_session_id: str


class MetaError(Exception):
    """It is not ours, for another app, or too old."""


def sign(meta: Meta, secret: bytes, now: float) -> str:
    """Sign with HMAC (RFC 7519, HS256), for LIFETIME seconds."""
    claims = {
        "type": "meta",
        "aud": meta.audience,
        "hostname": meta.hostname,
        "redirect_url": meta.target,
        "app_session_hash": meta.app_session,
        "app_session_id": meta.app_session_id,
        "auth_status": "NONE",
        "iat": int(now),
        "exp": int(now) + LIFETIME,
    }
    return jwt.encode(claims, secret, algorithm="HS256", headers={"typ": TYPE})


def read(token: str, secrets: tuple[bytes, ...], now: float) -> Meta:
    """Check and read what `sign` made; `secrets` holds the current key and earlier ones. Raises MetaError."""
    for secret in secrets:
        try:
            parts = jwt.decode_complete(
                token,
                secret,
                algorithms=["HS256"],
                options={"verify_exp": False, "verify_aud": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            continue
        claims = parts["payload"]
        if parts["header"].get("typ") != TYPE or claims.get("type") != "meta" or now >= claims["exp"]:
            break
        return Meta(
            claims["aud"],
            claims["hostname"],
            claims["redirect_url"],
            claims["app_session_hash"],
            claims["app_session_id"],
        )
    raise MetaError
