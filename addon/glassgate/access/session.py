"""Global sessions, and the application tokens that were granted from them."""

import hashlib
import json
from dataclasses import dataclass, replace

from glassgate.access.identity import Identity

FORMAT = 1  # of what is stored; another format is not misread, it is no session


@dataclass(frozen=True, slots=True)
class Session:
    """A global session: one browser's sign-in on the team domain. Times are Unix seconds."""

    id: str  # internal, no credential; stays when the same user signs in again
    identity: Identity
    created: float
    expires: float
    cookie: str  # digest of the cookie value that presents it

    def to_bytes(self) -> bytes:
        """The session for the store. Holds no credential: of the cookie only its digest."""
        fields = {
            "v": FORMAT,
            "id": self.id,
            "created": self.created,
            "expires": self.expires,
            "cookie": self.cookie,
        }
        return json.dumps({**fields, "identity": self.identity.to_json()}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Session | None":
        """Read what `to_bytes` wrote; None where it is of another format."""
        fields = json.loads(stored)
        if fields.get("v") != FORMAT:
            return None
        identity = Identity.from_json(fields["identity"])
        return cls(fields["id"], identity, fields["created"], fields["expires"], fields["cookie"])

    def renewed(self, identity: Identity, cookie: str, expires: float) -> "Session":
        """The same session after the same user signed in again: new proof, new cookie."""
        return replace(self, identity=identity, cookie=cookie, expires=expires)


@dataclass(frozen=True, slots=True)
class Grant:
    """One application token that was issued: for which session, for which app, till when."""

    session: str
    audience: str
    expires: float

    def to_bytes(self) -> bytes:
        """The grant for the store."""
        return json.dumps({"v": FORMAT, "session": self.session, "aud": self.audience, "exp": self.expires}).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Grant | None":
        """Read what `to_bytes` wrote; None where it is of another format."""
        fields = json.loads(stored)
        return cls(fields["session"], fields["aud"], fields["exp"]) if fields.get("v") == FORMAT else None


def digest(credential: str) -> str:
    """What the store keeps of a bearer value: SHA-256, as hex. Enough for 256 random bits."""
    return hashlib.sha256(credential.encode()).hexdigest()
