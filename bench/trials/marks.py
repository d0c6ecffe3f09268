"""Marked requests: whoever gets an answer can tell whether it is its own, whole, and given for the right person."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

MARK, TOLD, GOT, WANTS, THEN, PAUSE = "x-mark", "x-told", "x-got", "x-wants", "x-then", "x-pause"
HANG_UP, CLOSE, CHUNKS = "hang-up", "close", "chunks"  # what the origin does with its answer, besides giving it
BROKEN = frozenset((502, 503, 504))  # an origin that was not there


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: its own mark, who asks, how much it sends, and how much it wants."""

    mark: str
    user: str
    method: str = "GET"
    sends: int = 0  # bytes
    wants: int = 200  # bytes
    then: str = ""

    @property
    def body(self) -> bytes:
        """What it sends."""
        return pattern(self.mark, self.sends)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The headers that say all this to the origin."""
        then = [(THEN, self.then)] if self.then else []
        return [(MARK, self.mark), (WANTS, str(self.wants)), *then]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came for one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def pattern(mark: str, length: int) -> bytes:
    """A body in which every piece tells whose it is."""
    piece = f"{mark};".encode()
    return (piece * (length // len(piece) + 1))[:length]


def got(body: bytes) -> str:
    """What the origin says of a body that it got."""
    return f"{len(body)} {zlib.crc32(body):08x}"


def told(email: str, assertion_email: str) -> str:
    """What the origin says of who it was told that asks: by header and by assertion."""
    return f"{email} {assertion_email}"


def of_user(user: str) -> str:
    """What the origin is to say where `user` asks."""
    return told(*[f"{user}@contoso.example"] * 2)


def wrong(ask: Ask, answer: Answer) -> str:
    """What of an answer with a 200 is not this request's; "" where all is."""
    head = answer.headers
    if head.get(MARK) != ask.mark:
        return f"the answer to {head.get(MARK)!r} came for {ask.mark!r}"
    if head.get(TOLD) != of_user(ask.user):
        return f"{ask.mark}: {ask.user} asked, the origin was told {head.get(TOLD)!r}"
    if head.get(GOT) != got(ask.body):
        return f"{ask.mark}: the origin got {head.get(GOT)!r}, and {got(ask.body)!r} was sent"
    if ask.method != "HEAD" and answer.body != pattern(ask.mark, ask.wants):
        return f"{ask.mark}: {len(answer.body)} bytes that are not the {ask.wants} of the origin"
    return ""
