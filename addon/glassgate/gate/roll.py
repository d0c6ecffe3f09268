"""The roll of all sessions: who is signed in, which apps they have open, and how an administrator ends them.

For command lines: its functions read a store from end to end, and block.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched

from glassgate.access.session import Grant, Session
from glassgate.gate.sessions import NEWS, revoked
from glassgate.state.store import Change, Store

AT_ONCE = 100  # sessions that end in one transaction, so that no sign-in waits long for its turn
NEWS_KEPT = 86400.0  # seconds


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A live session, as an administrator sees it."""

    session: Session
    audiences: frozenset[str]  # of the apps that have a live token of it
    used: float | None  # about when it was last used, in Unix seconds; None where that is not written down

    def is_of(self, user: str) -> bool:
        """Whether this is a session of somebody: by their e-mail, one that does not count too, or their user id."""
        identity = self.session.identity
        names = (identity.email, identity.unverified_email, identity.login_hint, identity.user_id)
        return user.casefold() in {name.casefold() for name in names if name}


def enrolled(store: Store, now: float) -> Iterator[Enrolled]:
    """Every live session, in no order that means anything."""
    audiences = _audiences(store, now)
    for values in _pages(store, "session", now):
        uses = store.get_all("used", values, now)
        for key, value in values.items():
            session = Session.from_bytes(value)
            if session and session.expires > now:
                used = float(uses[key]) if key in uses else None
                yield Enrolled(session, frozenset(audiences.get(key, ())), used)


def revoke(store: Store, sessions: Iterable[Session], now: float, news: str) -> None:
    """End these sessions. Every running gate hears of it; `news` is any text that was never used so before."""
    for number, some in enumerate(batched(sessions, AT_ONCE)):
        changes = [change for session in some for change in revoked(session)]
        # With the last of them: whoever hears of it finds them ended.
        store.change([*changes, Change(*NEWS, f"{news}/{number}".encode(), now + NEWS_KEPT)])


def _audiences(store: Store, now: float) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for values in _pages(store, "grant", now):
        for grant in map(Grant.from_bytes, values.values()):
            if grant and grant.expires > now:
                found[grant.session].add(grant.audience)
    return found


def _pages(store: Store, space: str, now: float) -> Iterator[dict[str, bytes]]:
    """All live entries of a space, some at a time."""
    last = ""
    while keys := store.find(space, "", now, last):
        yield store.get_all(space, keys, now)
        last = keys[-1]
