"""Sessions as the journey sees them: read from the store, remembered for a second, ended for good."""

import math
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from glassgate.access.cookies import LAPSED_FOR
from glassgate.access.identity import Identity
from glassgate.access.session import Asking, Grant, Session, digest
from glassgate.errors import StoreError
from glassgate.gate.exchange import Lane, Steps, ask, tell
from glassgate.record.events import Action, Event
from glassgate.state.store import Change, Store

# How long an answer of the store is believed: within this time a session that another process ended is refused.
REMEMBERED = 1.0  # seconds
MOST_REMEMBERED = 20_000
# A session's last use is written this often at most, so it may end so much before its time of idleness is over.
STAMP = 60.0  # seconds
ALWAYS_USED = math.inf  # the last use where no idleness ends a session

IDLE = b"idle"  # what is remembered of a session that ended so, where forms are kept

# The one entry that changes whenever sessions were ended from outside; every gate looks at it a few times a second.
NEWS = ("news", "sessions")
# How often it is written down, for their owner, that a session is used.
SEEN = 900.0  # seconds


@dataclass(frozen=True, slots=True)
class Granted:
    """What an application token stands for, as of `read_at`."""

    session: Session
    grant: Grant
    read_at: float
    used: float = ALWAYS_USED  # about when the session was last used


@dataclass(frozen=True, slots=True)
class Named:
    """By what sessions of a provider are found: `claim` is "sid" or "sub", as it names them, or "user", as we do."""

    claim: str
    value: str


@dataclass(frozen=True, slots=True)
class Own:
    """One of somebody's sessions, as they see it themselves."""

    session: Session
    audiences: frozenset[str]  # of the apps that have a live token of it
    seen: float  # when it was last used, to SEEN, in Unix seconds


class Sessions:
    """Sessions and grants in a store. Its methods are steps: what may block is asked for, not done.

    Of a bearer value the store holds the digest, so that a stolen store opens nothing.
    """

    def __init__(self, store: Store, idle_timeout: int | None = None, since: float = 0.0) -> None:
        """`idle_timeout`: after so many seconds without use a session ends. A session of which no use was ever written
        counts as used at `since`, when that began to be so."""
        self._store = store
        self._idle_timeout = idle_timeout
        self._since = since
        self._remembered: OrderedDict[str, Granted] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._heard = 0  # how often others were heard to have ended sessions
        self._seen: OrderedDict[str, float] = OrderedDict()  # when it was last written down of whom
        # Of the same bytes always the same value: most of what is read again has not changed.
        self._grant_of = lru_cache(MOST_REMEMBERED)(Grant.from_bytes)
        self._session_of = lru_cache(MOST_REMEMBERED)(Session.from_bytes)

    def granted(self, nonce: str, now: float, *, is_use: bool = True) -> Steps[Granted | None]:
        """The live session behind an application token, by its identity_nonce; None where it has ended.

        `is_use`: somebody uses it just now, so that it does not end of idleness.
        """
        heard = self._heard
        known = self._remembered.get(nonce)
        if known is None or not known.read_at <= now < known.read_at + REMEMBERED:
            known = yield from ask(Lane.STORE, partial(self._read_grant, nonce, now))
            self._remember(nonce, known, heard)
        if known is None or known.session.id in self._ended:
            return None
        if now >= known.used + STAMP:
            if is_use and not self._is_idle(known.used, now):
                # First, so that of many requests at once one writes.
                self._remember(nonce, replace(known, used=now), heard)
            if not (yield from self._goes_on(known.session, known.used, now, is_use=is_use)):
                return None
        return known if now < min(known.session.expires, known.grant.expires) else None

    def read_ahead(self, nonces: Collection[str], now: float) -> Steps[None]:
        """Read what stands behind many application tokens in one go: `granted` knows it then without the store."""
        heard = self._heard
        for nonce, known in (yield from ask(Lane.STORE, partial(self._read_grants, nonces, now))).items():
            self._remember(nonce, known, heard)

    def hear(self) -> None:
        """Somebody else has ended sessions: believe nothing that was read before. May be called by any thread."""
        self._heard += 1
        self._remembered = OrderedDict()

    def presented(self, cookie: str, now: float) -> Steps[Session | None]:
        """The live session that a global session cookie presents; None where there is none."""
        found = yield from ask(Lane.STORE, partial(self._read_cookie, digest(cookie), now))
        if found is None or found[0].id in self._ended:
            return None
        session, used = found
        if now >= used + STAMP and not (yield from self._goes_on(session, used, now)):
            return None
        return session

    def was_revoked(self, cookie: str, now: float) -> Steps[bool]:
        """Whether the session that a global session cookie presented was revoked, or ended of idleness."""
        key = digest(cookie)
        return (yield from ask(Lane.STORE, lambda: self._store.get("revoked", key, now) is not None))

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
        swap = partial(self._store.swap, "lease", session, owner.encode(), b"", now, now)
        yield from ask(Lane.STORE, swap)

    def of_provider(self, provider: str, named: Named, now: float) -> Steps[tuple[Session, ...] | None]:
        """The sessions that a provider knows by a name, or a first part of them; None where nothing is left to look at.

        What leads to no such session any more is forgotten on the way.
        """
        return (yield from ask(Lane.STORE, partial(self._read_of_provider, provider, named, now)))

    def of_user(self, identity: Identity, now: float) -> Steps[tuple[Own, ...]]:
        """Every live session of a user, or the first MOST_FOUND of them."""
        return (yield from ask(Lane.STORE, partial(self._read_of_user, identity, now)))

    def grant(self, nonce: str, grant: Grant) -> Steps[None]:
        """Write that an application token was issued."""
        yield from ask(Lane.STORE, partial(self._write_grant, nonce, grant))

    def refresh(self, nonce: str, known: Granted) -> None:
        """Remember what became of a session, for the token that was just asked about."""
        self._remember(nonce, known, self._heard)

    def end(self, session: Session) -> Steps[None]:
        """End a session: no token granted from it counts from now on."""
        self._forget(session.id)
        yield from ask(Lane.STORE, partial(self._store.change, ended(session)))

    def revoke(self, session: Session) -> Steps[None]:
        """End a session, and have whoever brings it prove anew at their provider who they are."""
        self._forget(session.id)
        yield from ask(Lane.STORE, partial(self._store.change, revoked(session)))

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
        if session is None or grant is None:
            return None
        self._see(session, now)
        return Granted(session, grant, now, self._last_uses([session], now)[session.id])

    def _last_uses(self, sessions: Collection[Session], now: float) -> dict[str, float]:
        """When sessions were last used, by their id."""
        if self._idle_timeout is None:
            return dict.fromkeys((session.id for session in sessions), ALWAYS_USED)
        stamps = self._store.get_all("used", [session.id for session in sessions], now)
        return {
            session.id: float(stamps[session.id]) if session.id in stamps else max(self._since, session.created)
            for session in sessions
        }

    def _is_idle(self, used: float, now: float) -> bool:
        return self._idle_timeout is not None and now >= used + self._idle_timeout

    def _goes_on(self, session: Session, used: float, now: float, *, is_use: bool = True) -> Steps[bool]:
        """Write that a session is used; or end it, where that was too long ago."""
        if self._is_idle(used, now):
            self._forget(session.id)
            yield from ask(Lane.STORE, partial(self._end_of_idleness, session, now))
            who = session.identity
            yield from tell(Event(Action.IDLE, now, "", user_id=who.user_id, email=who.email, provider=who.provider))
            return False
        if is_use:
            yield from ask(Lane.STORE, partial(self._write_use, session, used, now))
        return True

    def _write_use(self, session: Session, used: float, now: float) -> None:
        # Where another process was first, nothing is written.
        before, after = _stamp(used), _stamp(now)
        if not self._store.swap("used", session.id, before, after, session.expires, now):
            self._store.add("used", session.id, after, session.expires, now)

    def _write_grant(self, nonce: str, grant: Grant) -> None:
        opened = Change("opened", f"{grant.session}/{grant.audience}", b"", grant.expires)
        self._store.change([Change("grant", digest(nonce), grant.to_bytes(), grant.expires), opened])

    def _see(self, session: Session, now: float) -> None:
        """Write down that a session is used, unless that was just done, or is done anyway. Nobody is kept out
        where it fails."""
        if self._idle_timeout is not None or now < self._seen.get(session.id, session.created) + SEEN:
            return
        self._seen.pop(session.id, None)
        self._seen[session.id] = now
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        with suppress(StoreError):
            self._store.put("seen", session.id, repr(now).encode(), session.expires)

    def _read_of_user(self, identity: Identity, now: float) -> tuple[Own, ...]:
        sessions = self._read_of_provider(identity.provider, Named("user", identity.user_id), now) or ()
        ids = [session.id for session in sessions]
        seen, used = (self._store.get_all(space, ids, now) for space in ("seen", "used"))
        return tuple(
            Own(
                session,
                frozenset(key.rpartition("/")[2] for key in self._store.find("opened", f"{session.id}/", now)),
                max(session.created, *(float(stamps.get(session.id, b"0")) for stamps in (seen, used))),
            )
            for session in sessions
        )

    def _read_session(self, session: str, now: float) -> Session | None:
        stored = self._store.get("session", session, now)
        return self._session_of(stored) if stored else None

    def _read_grants(self, nonces: Collection[str], now: float) -> dict[str, Granted | None]:
        keys = {nonce: digest(nonce) for nonce in nonces}
        stored = self._store.get_all("grant", keys.values(), now)
        grants = {nonce: self._grant_of(stored[key]) for nonce, key in keys.items() if key in stored}
        behind = self._store.get_all("session", {grant.session for grant in grants.values() if grant}, now)
        sessions = {key: self._session_of(value) for key, value in behind.items()}
        uses = self._last_uses([session for session in sessions.values() if session], now)
        found: dict[str, Granted | None] = dict.fromkeys(nonces)
        for nonce, grant in grants.items():
            session = sessions.get(grant.session) if grant else None
            if session and grant:
                found[nonce] = Granted(session, grant, now, uses[session.id])
        return found

    def _read_cookie(self, cookie: str, now: float) -> tuple[Session, float] | None:
        """The session that a cookie presents, and when it was last used."""
        named = self._store.get("cookie", cookie, now)
        session = self._read_session(named.decode(), now) if named else None
        if session is None:
            return None
        self._see(session, now)
        return session, self._last_uses([session], now)[session.id]

    def _write_session(self, session: Session, previous: Session | None, now: float) -> Session:
        written = session
        if previous and previous.identity.user_id == session.identity.user_id:
            renewed = previous.renewed(session)
            if self._store.swap("session", previous.id, previous.to_bytes(), renewed.to_bytes(), renewed.expires, now):
                written = renewed
        changes = [Change("cookie", written.cookie, written.id.encode(), written.expires)]
        changes += [Change("provider", key, b"", written.expires) for key in _name_keys(written)]
        if written is session:
            changes.append(Change("session", session.id, session.to_bytes(), session.expires))
        if self._idle_timeout is not None:
            changes.append(Change("used", written.id, _stamp(now), written.expires))
        if previous:
            changes += ended(previous) if previous.id != written.id else [Change("cookie", previous.cookie)]
        self._store.change(changes)
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

    def _end_of_idleness(self, session: Session, now: float) -> None:
        self._store.swap("unended", session.id, b"", IDLE, session.expires + LAPSED_FOR, now)
        self._store.change([change for change in revoked(session) if change.space != "unended"])

    def _remember(self, nonce: str, known: Granted | None, heard: int) -> None:
        # What was read before others were heard of counts for the one who asked, and is not remembered.
        remembered = self._remembered
        remembered.pop(nonce, None)
        if known is not None and heard == self._heard:
            remembered[nonce] = known
            if len(remembered) > MOST_REMEMBERED:
                remembered.popitem(last=False)

    def _forget(self, session: str) -> None:
        # A read that began before the end may come back after it, so the end itself is remembered.
        self._ended[session] = None
        if len(self._ended) > MOST_REMEMBERED:
            self._ended.popitem(last=False)


def ended(session: Session) -> list[Change]:
    """What ends a session: nothing leads to it any more, and no token granted from it counts."""
    names = [Change("provider", key) for key in _name_keys(session)]
    others = [Change(space, session.id) for space in ("unended", "used", "seen")]
    return [Change("session", session.id), Change("cookie", session.cookie), *others, *names]


def revoked(session: Session) -> list[Change]:
    """What ends a session against its owner's will: the browser that brings it has to prove its owner anew."""
    return [*ended(session), Change("revoked", session.cookie, b"", session.expires)]


def _stamp(used: float) -> bytes:
    return repr(used).encode()


def _name_keys(session: Session) -> list[str]:
    """By what a session is found: its user, and what its provider may name it by, an id of its own or the `sub`."""
    identity = session.identity
    names = [Named("user", identity.user_id)]
    if identity.idp_session:
        names.append(Named("sid", identity.idp_session))
    if identity.provider_type == "oidc":
        names.append(Named("sub", identity.subject))
    return [f"{_name_key(identity.provider, named)}/{session.id}" for named in names]


def _name_key(provider: str, named: Named) -> str:
    # The claim is a part of the key: a `sub` is no secret, and must not pass for a `sid`.
    return digest(f"{len(provider)}:{provider}{named.claim}:{named.value}")


def new_session(
    identity: Identity,
    *,
    session: str,
    cookie: str,
    now: float,
    duration: float,
    asking: Asking | None = None,
    browser: str = "",
) -> Session:
    """A session that begins now; `session` is its internal id, `cookie` the bearer value (only its digest is kept)."""
    return Session(session, identity, now, now + duration, digest(cookie), asking, browser=browser)
