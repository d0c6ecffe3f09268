"""Trials of HTTP/2: frames and streams in such numbers that they are no requests any more."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, repeat

from h2.errors import ErrorCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from bench.trials import frames
from bench.trials.attempts import Attempt, Came, Table
from bench.trials.findings import MIB, size
from bench.trials.ground import SILENT, WIKI, Ground
from bench.trials.raw import pour

MANY = 100_000  # frames
SILENCE = 4.0  # seconds

type Pieces = Callable[[Ground], Iterable[bytes]]


def flood(pieces: Pieces, what: str, ground: Ground, app: str = WIKI) -> Came:
    """Send all of it, as long as it is taken."""
    with ground.client.connect(app, "h2") as connection:
        poured = pour(connection, chain([frames.PREFACE], pieces(ground)), SILENCE)
    return Came(f"{what}; {size(poured.taken)} taken", frames.said(poured.heard), poured.taken)


def open_request(ground: Ground, *, signed: bool = True) -> bytes:
    """A request whose body is still to come."""
    cookie = ground.cookies[WIKI] if signed else ""
    return frames.request(1, frames.fields(ground.client, "POST", cookie=cookie), end=False)


def after_a_request(frame: bytes, count: int = MANY) -> Pieces:
    """So many of a frame, while a request is under way."""
    return lambda ground: chain([open_request(ground)], repeat(frame * 100, count // 100))


def taken_back(ground: Ground, count: int = 20_000) -> Iterator[bytes]:
    """Requests, each taken back at once."""
    asked = frames.fields(ground.client, cookie=ground.cookies[WIKI])
    for stream in range(1, 2 * count, 2):
        yield frames.request(stream, asked) + RstStreamFrame(stream, error_code=ErrorCodes.CANCEL).serialize()


def made_to_reset(ground: Ground, count: int = 20_000) -> Iterator[bytes]:
    """Requests, each with a mistake for which the gate resets it (a window that grows by nothing)."""
    asked = frames.fields(ground.client, "POST", cookie=ground.cookies[WIKI])
    for stream in range(1, 2 * count, 2):
        wrong = WindowUpdateFrame(stream, window_increment=1).serialize()[:-4] + bytes(4)
        yield frames.request(stream, asked, end=False) + wrong


def requests(ground: Ground, count: int, app: str) -> Iterator[bytes]:
    """So many requests at once."""
    asked = frames.fields(ground.client, app=app, cookie=ground.cookies[app])
    yield b"".join(frames.request(stream, asked) for stream in range(1, 2 * count, 2))


def long_list(ground: Ground) -> Iterator[bytes]:
    """One header of 4,000 bytes that is kept, and named so often by one byte that it comes to megabytes."""
    asked = [*frames.fields(ground.client, cookie=ground.cookies[WIKI]), *[("x-long", "a" * 3900)] * 1000]
    yield frames.request(1, asked)


def after_the_answer(ground: Ground) -> Iterable[bytes]:
    """A body in single bytes, that goes on when its request was answered long ago."""
    asked = frames.fields(ground.client, "POST")  # by nobody
    return chain([frames.request(1, asked, end=False)], repeat(DataFrame(1, b"x").serialize() * 100, MANY // 100))


def never_ends(ground: Ground) -> Iterable[bytes]:
    """A head in parts without content, to which there is no end."""
    opening = HeadersFrame(1, b"\x82")  # the method alone; END_HEADERS is not said
    return chain([opening.serialize()], repeat(ContinuationFrame(1, b"").serialize(), MANY))


def many_lines(ground: Ground) -> Iterable[bytes]:
    """More headers than are taken."""
    return [frames.request(1, [*frames.fields(ground.client), *[("x", "a")] * 130])]


def answered(ground: Ground) -> Iterable[bytes]:
    """A hundred requests at once."""
    return requests(ground, 100, WIKI)


def unanswered(ground: Ground) -> Iterable[bytes]:
    """One more, at an origin that says nothing."""
    return requests(ground, 101, SILENT)


PING = PingFrame(0, b"12345678").serialize()
SETTINGS = SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65_535}).serialize()
EMPTY = DataFrame(1).serialize()
PRIORITY = PriorityFrame(1, depends_on=3, stream_weight=1).serialize()
UNKNOWN = ExtensionFrame(type=0xBB, stream_id=0, body=b"").serialize()
WINDOW = WindowUpdateFrame(0, window_increment=1).serialize()
CALM = "GOAWAY ENHANCE_YOUR_CALM"
BAD = "GOAWAY (ENHANCE_YOUR_CALM|PROTOCOL_ERROR)"
GOES = "401(, .*)?, GOAWAY .*"
TOO_MANY = "GOAWAY PROTOCOL_ERROR|RST_STREAM REFUSED_STREAM"
EMPTY_FRAMES = {
    "PING": PING, "SETTINGS": SETTINGS, "empty DATA": EMPTY, "PRIORITY": PRIORITY, "unknown": UNKNOWN,
    "WINDOW_UPDATE": WINDOW,
}  # fmt: skip

FLOODS = Table.of(
    "http2",
    *(
        Attempt(f"{name} frames", CALM, partial(flood, after_a_request(frame), f"{MANY:,}"), takes=8 * MIB)
        for name, frame in EMPTY_FRAMES.items()
    ),
    Attempt("requests taken back at once", CALM, partial(flood, taken_back, "20,000"), takes=16 * MIB),
    Attempt("requests that the gate has to reset", BAD, partial(flood, made_to_reset, "20,000"), takes=16 * MIB),
    Attempt("a body in bytes, after the answer", GOES, partial(flood, after_the_answer, f"{MANY:,}"), takes=8 * MIB),
    Attempt("empty CONTINUATION frames", BAD, partial(flood, never_ends, f"{MANY:,}"), takes=8 * MIB),
    Attempt("a header list that grows as it is read", BAD, partial(flood, long_list, "4 MB")),
    Attempt("130 header lines", "431", partial(flood, many_lines, "130")),
    Attempt("100 requests at once", "200", partial(flood, answered, "100")),
    Attempt("101 that have no answer yet", TOO_MANY, partial(flood, unanswered, "101", app=SILENT)),
)
