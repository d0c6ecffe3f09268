"""Sessions as the journey sees them: read from the store, remembered for a second, ended for good."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache, partial

from glassgate.access.identity import Identity
from glassgate.access.session import Asking, Grant, Session, digest
from glassgate.gate.exchange import Lane, Steps, ask
from glassgate.state.store import Store

# How long an answer of the store is believed: within this time a session that another process ended is refused.
REMEMBERED = 1.0  # seconds
MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Granted:
    """What an application token stands for, as of `read_at`."""

    session: Session
    grant: Grant
    read_at: float


@dataclass(frozen=True, slots=True)
class Named:
    """By what a provider names sessions: `claim` is "sid" or "sub"."""

    claim: str
    value: str


class Sessions:
    """Sessions and grants in a store. Its methods are steps: what may block is asked for, not done.

    Of a bearer value the store holds the digest, so that a stolen store opens nothing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remembered: OrderedDict[str, Granted] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        # Of the same bytes always the same value: most of what is read again has not changed.
        self._grant_of = lru_cache(MOST_REMEMBERED)(Grant.from_bytes)
        self._session_of = lru_cache(MOST_REMEMBERED)(Session.from_bytes)

    def granted(self, nonce: str, now: float) -> Steps[Granted | None]:
        """The live session behind an application token, by its identity_nonce; None where it has ended."""
        known = self._remembered.get(nonce)
        if known is None or not known.read_at <= now < known.read_at + REMEMBERED:
            known = yield from ask(Lane.STORE, partial(self._read_grant, nonce, now))
            self._remember(nonce, known)
        if known is None or known.session.id in self._ended:
            return None
        return known if now < min(known.session.expires, known.grant.expires) else None

    def read_ahead(self, nonces: Collection[str], now: float) -> Steps[None]:
        """Read what stands behind many application tokens in one go: `granted` knows it then without the store."""
        for nonce, known in (yield from ask(Lane.STORE, partial(self._read_grants, nonces, now))).items():
            self._remember(nonce, known)

    def presented(self, cookie: str, now: float) -> Steps[Session | None]:
        """The live session that a global session cookie presents; None where there is none."""
        session = yield from ask(Lane.STORE, partial(self._read_cookie, digest(cookie), now))
        return session if session and session.id not in self._ended else None

    def by_id(self, session: str, now: float) -> Steps[Session | None]:
        """The live session of this internal id."""
        found = yield from ask(Lane.STORE, partial(self._read_session, session, now))
        return found if found and found.id not in self._ended else None

    def begin(self, session: Session, previous: Session | None, now: float) -> Steps[Session]:
        """Write a session. Where `previous` is the same user's it is renewed, else it ends; answers with what stands.

        A session that was ended meanwhile is not renewed: the new one stands by itself.
        """
        written = yield from ask(Lane.STORE, partial(self._write_session, session, previous, now))
        if previous and previous.id != written.id:
            self._forget(previous.id)
        return written

    def replace(self, old: Session, new: Session, now: float) -> Steps[bool]:
        """Write what became of a session; False where it changed or ended meanwhile, and nothing was written."""
        swap = partial(self._store.swap, "session", old.id, old.to_bytes(), new.to_bytes(), new.expires, now)
        return (yield from ask(Lane.STORE, swap))

    def lease(self, session: str, owner: str, until: float, now: float) -> Steps[bool]:
        """Take what only one may do for a session at a time, in every process of the store. It ends by itself."""
        return (yield from ask(Lane.STORE, lambda: self._store.add("lease", session, owner.encode(), until, now)))

    def let_go(self, session: str, owner: str, now: float) -> Steps[None]:
        """Let others take it, unless it has become another's."""
        ended = partial(self._store.swap, "lease", session, owner.encode(), b"", now, now)
        yield from ask(Lane.STORE, ended)

    def of_provider(self, provider: str, named: Named, now: float) -> Steps[tuple[Session, ...] | None]:
        """The sessions that a provider knows by a name, or a first part of them; None where nothing is left to look at.

        What leads to no such session any more is forgotten on the way.
        """
        return (yield from ask(Lane.STORE, partial(self._read_of_provider, provider, named, now)))

    def grant(self, nonce: str, grant: Grant) -> Steps[None]:
        """Write that an application token was issued."""
        yield from ask(Lane.STORE, lambda: self._store.put("grant", digest(nonce), grant.to_bytes(), grant.expires))

    def refresh(self, nonce: str, known: Granted) -> None:
        """Remember what became of a session, for the token that was just asked about."""
        self._remember(nonce, known)

    def end(self, session: Session) -> Steps[None]:
        """End a session: no token granted from it counts from now on."""
        self._forget(session.id)
        yield from ask(Lane.STORE, partial(self._delete, session))

    def use_once(self, kind: str, value: str, expires: float, now: float) -> Steps[bool]:
        """Mark a one-time value as used. True for the first caller alone, in every process of the store."""
        key = f"{kind}:{digest(value)}"
        first = yield from ask(Lane.STORE, lambda: self._store.add("once", key, b"", expires, now))
        return first

    def was_used(self, kind: str, value: str, now: float) -> Steps[bool]:
        """Whether a one-time value was marked as used."""
        key = f"{kind}:{digest(value)}"
        return (yield from ask(Lane.STORE, lambda: self._store.get("once", key, now) is not None))

    def _read_grant(self, nonce: str, now: float) -> Granted | None:
        stored = self._store.get("grant", digest(nonce), now)
        grant = self._grant_of(stored) if stored else None
        session = self._read_session(grant.session, now) if grant else None
        return Granted(session, grant, now) if session and grant else None

    def _read_session(self, session: str, now: float) -> Session | None:
        stored = self._store.get("session", session, now)
        return self._session_of(stored) if stored else None

    def _read_grants(self, nonces: Collection[str], now: float) -> dict[str, Granted | None]:
        keys = {nonce: digest(nonce) for nonce in nonces}
        stored = self._store.get_all("grant", keys.values(), now)
        grants = {nonce: self._grant_of(stored[key]) for nonce, key in keys.items() if key in stored}
        behind = self._store.get_all("session", {grant.session for grant in grants.values() if grant}, now)
        sessions = {key: self._session_of(value) for key, value in behind.items()}
        found: dict[str, Granted | None] = dict.fromkeys(nonces)
        for nonce, grant in grants.items():
            session = sessions.get(grant.session) if grant else None
            found[nonce] = Granted(session, grant, now) if session and grant else None
        return found

    def _read_cookie(self, cookie: str, now: float) -> Session | None:
        session = self._store.get("cookie", cookie, now)
        return self._read_session(session.decode(), now) if session else None

    def _write_session(self, session: Session, previous: Session | None, now: float) -> Session:
        written = session
        if previous and previous.identity.user_id == session.identity.user_id:
            renewed = previous.renewed(session)
            if self._store.swap("session", previous.id, previous.to_bytes(), renewed.to_bytes(), renewed.expires, now):
                written = renewed
        if written is session:
            self._store.put("session", session.id, session.to_bytes(), session.expires)
        self._store.put("cookie", written.cookie, written.id.encode(), written.expires)
        for key in _name_keys(written):
            self._store.put("provider", key, b"", written.expires)
        if previous:
            self._store.delete("cookie", previous.cookie)
            if previous.id != written.id:
                self._delete(previous)
        return written

    def _read_of_provider(self, provider: str, named: Named, now: float) -> tuple[Session, ...] | None:
        keys = self._store.find("provider", f"{_name_key(provider, named)}/", now)
        found = []
        for key in keys:
            session = self._read_session(key.rpartition("/")[2], now)
            # A session that was renewed since may go by another name.
            if session and key in _name_keys(session):
                found.append(session)
            else:
                self._store.delete("provider", key)
        return tuple(found) if keys else None

    def _delete(self, session: Session) -> None:
        self._store.delete("session", session.id)
        self._store.delete("cookie", session.cookie)
        for key in _name_keys(session):
            self._store.delete("provider", key)

    def _remember(self, nonce: str, known: Granted | None) -> None:
        self._remembered.pop(nonce, None)
        if known is not None:
            self._remembered[nonce] = known
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)

    def _forget(self, session: str) -> None:
        # A read that began before the end may come back after it, so the end itself is remembered.
        self._ended[session] = None
        if len(self._ended) > MOST_REMEMBERED:
            self._ended.popitem(last=False)


def _name_keys(session: Session) -> list[str]:
    """By what the provider may name a session: its own session id, and where `sub` is the user, that."""
    identity = session.identity
    names = [Named("sid", identity.idp_session)] if identity.idp_session else []
    if identity.provider_type == "oidc":
        names.append(Named("sub", identity.subject))
    return [f"{_name_key(identity.provider, named)}/{session.id}" for named in names]


def _name_key(provider: str, named: Named) -> str:
    # The claim is a part of the key: a `sub` is no secret, and must not pass for a `sid`.
    return digest(f"{len(provider)}:{provider}{named.claim}:{named.value}")


def new_session(
    identity: Identity, *, session: str, cookie: str, now: float, duration: float, asking: Asking | None = None
) -> Session:
    """A session that begins now; `session` is its internal id, `cookie` the bearer value (only its digest is kept)."""
    return Session(session, identity, now, now + duration, digest(cookie), asking)
