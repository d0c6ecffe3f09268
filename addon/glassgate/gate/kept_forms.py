"""Forms in the store, while those who sent them sign in again: in pieces, which nothing that is stored can open.

What opens them is the key in a `Place`, and that is in one cookie of one browser. All of it ends by itself after
LIFETIME. How many there are at once is bounded in every process of the store together: a form takes a numbered slot
in all, one of its address, and one of its session, and where one of these has none left, it is not kept.

Whose they may be is remembered here, too: for a day after a token has run out, unless somebody ended its session.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from glassgate.access.box import Box
from glassgate.access.cookies import LAPSED_FOR
from glassgate.access.seal import SealError
from glassgate.access.session import Session, digest
from glassgate.gate.exchange import Lane, Steps, ask
from glassgate.gate.sessions import IDLE
from glassgate.state.store import Change, Store

LIFETIME = 600  # seconds
MOST = 32  # at once, of everybody
MOST_OF_ADDRESS = 8
MOST_OF_SESSION = 2  # of one browser, that is
HEAD = 0  # the number of what is written last: without it there is no form


@dataclass(frozen=True, slots=True)
class Place:
    """Where one form is kept, and the key to it."""

    id: str
    key: str
    slots: tuple[str, ...]
    until: float  # Unix seconds


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a form beside its body."""

    content_type: str
    referer: str
    at: float  # when it was sent, in Unix seconds
    size: int  # bytes of the body
    pieces: int  # in which it is kept


class KeptForms:
    """The forms in a store. Its methods are steps, as those of Sessions are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def place(self, form: str, key: str, session: str, address: str, now: float) -> Steps[Place | None]:
        """Have a place for one more form of this session and address; None where there is no room."""
        return (yield from ask(Lane.STORE, partial(self._place, form, key, session, address, now)))

    def write(self, place: Place, number: int, piece: bytes) -> Steps[None]:
        """Keep a piece of the body; the first is number 1."""
        yield from ask(Lane.STORE, partial(self._write, place, number, piece))

    def finish(self, place: Place, head: Head) -> Steps[None]:
        """Keep the head: the body is whole."""
        yield from ask(Lane.STORE, lambda: self._write(place, HEAD, json.dumps(asdict(head)).encode()))

    def head(self, place: Place, now: float) -> Steps[Head | None]:
        """The head of a form that is whole and waits; None where there is none."""
        plain = yield from ask(Lane.STORE, partial(self._waiting, place, now))
        return Head(**json.loads(plain)) if plain is not None else None

    def claim(self, place: Place, now: float) -> Steps[bool]:
        """Have it wait no longer, since it is sent. True for the first caller alone, in every process of the store."""
        return (yield from ask(Lane.STORE, lambda: self._store.add("form_sent", place.id, b"", place.until, now)))

    def release(self, place: Place, now: float) -> Steps[None]:
        """Let it wait on: nothing of it was sent."""
        yield from ask(Lane.STORE, lambda: self._store.delete("form_sent", place.id))

    def body(self, place: Place, head: Head, now: float) -> Steps[bytes | None]:
        """The whole body, byte for byte; None where anything of it is missing."""
        body = yield from ask(Lane.STORE, partial(self._body, place, head, now))
        return body if body is not None and len(body) == head.size else None

    def forget(self, place: Place, now: float) -> Steps[None]:
        """Remove a form, and make room for others."""
        yield from ask(Lane.STORE, partial(self._forget, place, now))

    def may_lapse(self, nonce: str, session: Session, expires: float, now: float) -> Steps[None]:
        """Remember for LAPSED_FOR longer than a token lasts whose it was, and that nobody ended its session."""
        yield from ask(Lane.STORE, partial(self._may_lapse, nonce, session, expires, now))

    def lapsed(self, nonce: str, now: float, *, of_idleness_alone: bool) -> Steps[str | None]:
        """The id of the session behind a token that has run out; None where somebody ended it, or it is too long ago.

        `of_idleness_alone`: the token's own time is not over. What is remembered goes with the session when that is
        ended, so that not to know is to say no.
        """
        found = yield from ask(Lane.STORE, partial(self._lapsed, nonce, now))
        if found is None or (of_idleness_alone and found[1] != IDLE):
            return None
        return found[0]

    def _may_lapse(self, nonce: str, session: Session, expires: float, now: float) -> None:
        marks = [
            Change("lapse", digest(nonce), session.id.encode(), expires + LAPSED_FOR),
            Change("unended", session.id, b"", session.expires + LAPSED_FOR),
        ]
        self._store.change(marks)
        if self._store.get("session", session.id, now) is None:
            self._store.delete("unended", session.id)  # it was ended in this very moment, before there was a mark

    def _lapsed(self, nonce: str, now: float) -> tuple[str, bytes] | None:
        session = self._store.get("lapse", digest(nonce), now)
        mark = self._store.get("unended", session.decode(), now) if session is not None else None
        return (session.decode(), mark) if session is not None and mark is not None else None

    def _place(self, form: str, key: str, session: str, address: str, now: float) -> Place | None:
        until = now + LIFETIME
        taken: list[str] = []
        for group, most in ((f"of {session}", MOST_OF_SESSION), (digest(address), MOST_OF_ADDRESS), ("all", MOST)):
            slots = (f"{group}/{number}" for number in range(most))
            slot = next((one for one in slots if self._store.add("form_slot", one, form.encode(), until, now)), None)
            if slot is None:
                self._free(form, taken, now)
                return None
            taken.append(slot)
        return Place(form, key, tuple(taken), until)

    def _free(self, form: str, slots: Iterable[str], now: float) -> None:
        for slot in slots:  # unless it has ended and become another's
            self._store.swap("form_slot", slot, form.encode(), b"", now, now)

    def _write(self, place: Place, number: int, piece: bytes) -> None:
        sealed = Box(place.id, place.key).close(number, piece)
        self._store.put("form", f"{place.id}/{number}", sealed, place.until)

    def _read(self, place: Place, number: int, now: float) -> bytes | None:
        sealed = self._store.get("form", f"{place.id}/{number}", now)
        try:
            return Box(place.id, place.key).open(number, sealed) if sealed is not None else None
        except SealError:
            return None

    def _waiting(self, place: Place, now: float) -> bytes | None:
        is_sent = self._store.get("form_sent", place.id, now) is not None
        return None if is_sent else self._read(place, HEAD, now)

    def _body(self, place: Place, head: Head, now: float) -> bytes | None:
        pieces: list[Any] = [self._read(place, number, now) for number in range(1, head.pieces + 1)]
        return None if None in pieces else b"".join(pieces)

    def _forget(self, place: Place, now: float) -> None:
        for key in self._store.find("form", f"{place.id}/", now):
            self._store.delete("form", key)
        self._free(place.id, place.slots, now)
