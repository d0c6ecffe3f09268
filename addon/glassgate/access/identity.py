"""Who a visitor is, as an identity provider proved it."""

import json
import uuid
from dataclasses import asdict, dataclass, field
from functools import lru_cache

# The namespace of our user ids (`sub`): fixed for ever, since origins store the ids made from it.
USER_NAMESPACE = uuid.UUID("3f9a2a0e-6f1c-5d0b-9d5e-0b6a3f4c7d21")


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as one provider proved them at one moment.

    `email` is only ever an e-mail that counts (its provider is trusted for its domain); one that does not is
    `unverified_email`, shown to its owner alone. `groups` is None where they could not be read.
    `realm` and `subject` are what is authorised by: Entra's `tid` and `oid`, elsewhere issuer and `sub`.
    `amr` holds methods that the provider proved; `acrs` Entra's authentication contexts.
    """

    provider: str  # identity_providers[].id
    provider_type: str  # "entra" | "oidc"
    realm: str
    subject: str
    name: str = ""
    email: str | None = None
    unverified_email: str | None = None
    groups: frozenset[str] | None = frozenset()
    roles: frozenset[str] = frozenset()
    acrs: frozenset[str] = frozenset()
    acrs_at: dict[str, int] = field(default_factory=dict)  # when each of them was proven, in Unix seconds
    amr: frozenset[str] = frozenset()
    idp_session: str | None = None  # `sid`: what front-channel and back-channel logout name
    login_hint: str | None = None  # Entra's `login_hint` claim: the logout_hint of end_session
    claims: dict[str, object] = field(default_factory=dict)  # further claims that rules may ask for
    groups_asked: frozenset[str] | None = None  # where only some groups were asked about: those; None: all are known

    @property
    def user_id(self) -> str:
        """A UUID that stays the same for this user at every sign-in and on every edge (RFC 9562, version 5)."""
        return _user_id(self.provider_type, self.realm, self.subject)

    def to_json(self) -> str:
        """The identity as text for the store."""
        return json.dumps(asdict(self), default=sorted, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Identity":
        """Read what `to_json` wrote. Raises ValueError, KeyError or TypeError where it is anything else."""
        data = json.loads(text)
        for name in ("roles", "acrs", "amr"):
            data[name] = frozenset(data[name])
        for name in ("groups", "groups_asked"):
            if data.get(name) is not None:
                data[name] = frozenset(data[name])
        return cls(**data)


@lru_cache(1024)  # it is asked for at every request
def _user_id(*parts: str) -> str:
    return str(uuid.uuid5(USER_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))
