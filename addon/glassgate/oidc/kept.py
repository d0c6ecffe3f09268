"""What is kept of a sign-in so that the provider can be asked for it again, and what the new answer must agree with."""

import hashlib
import hmac
from dataclasses import asdict, dataclass, field
from typing import Any

from glassgate.oidc.claims import Claims
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.id_token import ClaimCheck


@dataclass(frozen=True, slots=True)
class Kept:
    """A refresh token, and whose it is. A credential: it is stored sealed, and shown to nobody."""

    refresh_token: str = field(repr=False)
    issuer: str
    subject: str  # the `sub` of the first ID token; for Entra not the object id
    nonce: str  # digest of the sign-in's nonce
    auth_time: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The value as sealed text carries it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Kept":
        """Read what `to_json` wrote. Raises TypeError where it is anything else."""
        return cls(**value)


def digest(nonce: str) -> str:
    """What is kept of a nonce."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def nonce_if_any(kept: Kept) -> ClaimCheck:
    """The check of a refreshed token: it need not bear the nonce, but bears no other (Core 1.0, section 12.2)."""

    def judge(claims: Claims) -> None:
        nonce = claims.get("nonce")
        if nonce is None:
            return
        if not isinstance(nonce, str) or not hmac.compare_digest(digest(nonce), kept.nonce):
            raise SignInError(Reason.NONCE_MISMATCH, "expected no nonce or that of the sign-in, got another")

    return judge


def check_goes_on(kept: Kept, claims: Claims) -> None:
    """Refuse an answer about somebody else, or about an older sign-in (Core 1.0, section 12.2)."""
    if claims.get("iss") != kept.issuer:
        raise SignInError(Reason.REFRESH_SUBJECT, f"expected iss {shown(kept.issuer)}, got {shown(claims.get('iss'))}")
    if claims.get("sub") != kept.subject:
        raise SignInError(Reason.REFRESH_SUBJECT, "expected the same sub as at the sign-in, got another")
    auth_time = time_of(claims)
    if kept.auth_time is not None and auth_time is not None and auth_time < kept.auth_time:
        raise SignInError(Reason.REFRESH_STALE, "expected the auth_time of the sign-in, got an older one")


def time_of(claims: Claims) -> float | None:
    """When somebody last proved who they are, where the token says so (`auth_time`). Raises claim_type."""
    value = claims.get("auth_time")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**53:
        raise SignInError(Reason.CLAIM_TYPE, f"expected auth_time in seconds since 1970, got {shown(value)}")
    return float(value)
