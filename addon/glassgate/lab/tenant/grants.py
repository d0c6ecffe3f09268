"""What a sign-in grants, and how it travels: sealed, as an authorization code or as a refresh token."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glassgate.access.seal import SealError
from glassgate.lab.tenant.authorize import Ask
from glassgate.lab.tenant.cloud import CODE_LIFETIME, REFRESH_LIFETIME, Call, Sealed, Session
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.errors import TenantError


@dataclass(frozen=True, slots=True)
class Grant:
    """Who granted what to which application, and how they had signed in."""

    client_id: str
    tid: str  # the tenant that issues the tokens
    oid: str  # the user object there
    scopes: tuple[str, ...]
    sid: str
    at: float  # Unix time of the sign-in
    mfa: bool
    acrs: tuple[str, ...] = ()  # what is proven now; a refreshed token proves nothing by itself
    nonce: str | None = None
    issued: float = 0.0  # Unix time of the sign-in's answer, also of what was refreshed since

    def to_json(self) -> list[Any]:
        """The grant as sealed values carry it, in short: Entra's tokens are long, but clients have their bounds."""
        return [
            self.client_id, self.tid, self.oid, self.scopes, self.sid, self.at, self.mfa, self.acrs, self.nonce,
            self.issued,
        ]  # fmt: skip

    @classmethod
    def from_json(cls, value: list[Any]) -> "Grant":
        """Read what `to_json` wrote, after JSON."""
        client_id, tid, oid, scopes, sid, at, mfa, acrs, nonce, issued = value
        return cls(client_id, tid, oid, tuple(scopes), sid, at, mfa, tuple(acrs), nonce, issued)


@dataclass(frozen=True, slots=True)
class Code:
    """An opened code: what it grants, and what its redemption must match."""

    id: str
    grant: Grant
    redirect_uri: str
    challenge: str = field(repr=False)


def granted(ask: Ask, session: Session, person: Person, now: float) -> Grant:
    """What a sign-in that came to its end grants."""
    return Grant(
        ask.client_id, person.tid, person.oid, ask.scopes, session.sid, session.at, session.mfa, ask.contexts,
        ask.nonce, now,
    )  # fmt: skip


def make_code(call: Call, ask: Ask, grant: Grant) -> str:
    """An authorization code. It carries what it stands for."""
    value = {
        "id": secrets.token_urlsafe(12),
        "grant": grant.to_json(),
        "uri": ask.redirect_uri,
        "challenge": ask.challenge,
    }
    return call.cloud.seal.close(Sealed.CODE, value, call.now)


def open_code(call: Call, code: str) -> Code:
    """What a code stands for. Raises TenantError where it is not ours, or too old."""
    value = _opened(call, Sealed.CODE, code, CODE_LIFETIME, 70008)
    return Code(value["id"], Grant.from_json(value["grant"]), value["uri"], value["challenge"])


def make_refresh_token(call: Call, grant: Grant) -> str:
    """A refresh token: good for 90 days, as often as one likes, as Entra's are for a confidential client."""
    return call.cloud.seal.close(Sealed.REFRESH, {"grant": grant.to_json()}, call.now)


def open_refresh_token(call: Call, token: str) -> Grant:
    """What a refresh token stands for. Raises TenantError."""
    return Grant.from_json(_opened(call, Sealed.REFRESH, token, REFRESH_LIFETIME, 700082)["grant"])


def _opened(call: Call, purpose: Sealed, sealed: str, lifetime: int, expired: int) -> Mapping[str, Any]:
    try:
        return call.cloud.seal.open(purpose, sealed, call.now, lifetime)
    except SealError as fault:
        raise TenantError(expired if fault.expired else 70000) from fault
