"""Global sessions, and the application tokens that were granted from them."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from glassgate.access.identity import Identity

FORMAT = 1  # of what is stored; another format is not misread, it is no session


@dataclass(frozen=True, slots=True)
class Asking:
    """How a session is asked for again at its provider. Times are Unix seconds."""

    kept: str  # what it takes, sealed: a refresh token is a credential
    at: float  # when next
    heard: float  # when the provider last answered


@dataclass(frozen=True, slots=True)
class Session:
    """A global session: one browser's sign-in on the team domain. Times are Unix seconds."""

    id: str  # internal, no credential; stays when the same user signs in again
    identity: Identity
    created: float
    expires: float
    cookie: str  # digest of the cookie value that presents it
    asking: Asking | None = None
    # What the provider wants of the person before the session counts again: its `claims`, or "" for a plain sign-in.
    challenge: str | None = None
    browser: str = ""  # in words, for its owner alone

    @property
    def stands(self) -> bool:
        """Whether the session counts: nobody has to act first."""
        return self.challenge is None

    def to_bytes(self) -> bytes:
        """The session for the store. Holds no credential: of the cookie only its digest."""
        fields: dict[str, Any] = {
            "v": FORMAT,
            "id": self.id,
            "created": self.created,
            "expires": self.expires,
            "cookie": self.cookie,
        }
        if self.asking:
            fields["asking"] = [self.asking.kept, self.asking.at, self.asking.heard]
        if self.challenge is not None:
            fields["challenge"] = self.challenge
        if self.browser:
            fields["browser"] = self.browser
        return json.dumps({**fields, "identity": self.identity.to_json()}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Session | None":
        """Read what `to_bytes` wrote; None where it is of another format."""
        fields = json.loads(stored)
        if fields.get("v") != FORMAT:
            return None
        identity = Identity.from_json(fields["identity"])
        asking = Asking(*fields["asking"]) if "asking" in fields else None
        return cls(
            fields["id"], identity, fields["created"], fields["expires"], fields["cookie"], asking,
            fields.get("challenge"), fields.get("browser", ""),
        )  # fmt: skip

    def renewed(self, by: "Session") -> "Session":
        """The same session after the same user signed in again: new proof, new cookie."""
        return replace(by, id=self.id, created=self.created)


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
