"""Service tokens: an id and a secret by which a program says who it is. Of the secret only the digest is kept."""

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

from glassgate.access.session import digest

FORMAT = 1  # of what is stored; another format is not misread, it is no token
CLIENT_ID = re.compile(r"[0-9a-f]{32}\.access", re.ASCII)  # Cloudflare Access's form, by which people know it
FOREVER = 253_402_300_799.0  # Unix seconds: the end of the year 9999
NOBODYS = digest("")  # what is compared where there is nothing to compare with, so that it takes the same time


class Standing(StrEnum):
    """Whether a secret counts."""

    GOOD = "good"
    EXPIRED = "expired"
    WRONG = "wrong_secret"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a program shows, and what a person is shown once."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A service token as the store keeps it. Times are Unix seconds."""

    client_id: str
    name: str
    created: float
    expires: float
    secret: str  # the digest of it
    previous: str | None = None  # the digest of the secret before, which counts until `previous_until`
    previous_until: float = 0.0

    def standing(self, secret: str, now: float) -> Standing:
        """Whether this secret counts now. Takes the same time whatever the answer."""
        shown = digest(secret)
        is_current = hmac.compare_digest(self.secret, shown)
        is_previous = hmac.compare_digest(self.previous or NOBODYS, shown) and now < self.previous_until
        if not is_current and not is_previous:
            return Standing.WRONG
        return Standing.GOOD if now < self.expires else Standing.EXPIRED

    def rotated(self, secret: str, now: float, grace: float, expires: float | None = None) -> "ServiceToken":
        """The same token with a new secret; the one that was current counts for `grace` more seconds."""
        return replace(
            self, secret=digest(secret), previous=self.secret if grace else None,
            previous_until=now + grace if grace else 0.0, expires=expires or self.expires,
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """The token for the store. Holds no secret."""
        return json.dumps({"v": FORMAT, **asdict(self)}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "ServiceToken | None":
        """Read what `to_bytes` wrote; None where it is of another format."""
        fields = json.loads(stored)
        return cls(**fields) if fields.pop("v", None) == FORMAT else None


def made(name: str, now: float, expires: float, chance: Callable[[int], str]) -> tuple[ServiceToken, Credentials]:
    """A new token, and what it is shown by. `chance(n)` gives n random bytes in hex."""
    shown = Credentials(f"{chance(16)}.access", chance(32))
    return ServiceToken(shown.client_id, name, now, expires, digest(shown.secret)), shown
