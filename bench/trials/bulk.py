"""Trials in bulk: megabytes that nobody is signed in for, and header lines without an end."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, repeat

import h2.config
import h2.connection
import h2.exceptions
from hyperframe.frame import ContinuationFrame, HeadersFrame

from bench.trials import frames
from bench.trials.attempts import Attempt, Came, Table
from bench.trials.findings import MIB, size
from bench.trials.ground import Ground
from bench.trials.raw import Poured, pour, status_of

POSTED, LINES = 200_000_000, 40_000_000  # bytes
PIECE = 64 * 1024
SILENCE = 3.0  # seconds
LINE = b"X-Filler: " + b"a" * 1012 + b"\r\n"
HEAD = b"GET / HTTP/1.1\r\n"
STREAM = 1


def http1(first: Callable[[Ground], bytes], piece: bytes, length: int, ground: Ground) -> Came:
    """Write `first`, then pieces as long as somebody takes them."""
    with ground.client.connect() as connection:
        pieces = chain([first(ground)], repeat(piece, length // len(piece)))
        poured = pour(connection, pieces, SILENCE)
        return _came(poured, length, status_of(poured.heard))


def http2(
    opening: Callable[[Ground], bytes], pieces: Callable[[], Iterable[bytes]], length: int, ground: Ground
) -> Came:
    """The same by HTTP/2, whatever the gate's windows are."""
    with ground.client.connect(alpn="h2") as connection:
        poured = pour(connection, chain([frames.PREFACE + opening(ground)], pieces()), SILENCE)
        return _came(poured, length, frames.said(poured.heard))


def in_windows(length: int, ground: Ground) -> Came:
    """The same, as a client does that keeps to the windows and does not mind what it is told."""
    asked = frames.fields(ground.client, "POST")
    with ground.client.connect(alpn="h2") as connection:
        heard = bytearray()
        made = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        made.initiate_connection()
        made.send_headers(STREAM, list(asked))
        connection.settimeout(SILENCE)
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            for _ in _sent(made, length):
                connection.sendall(made.data_to_send())
                if made.local_flow_control_window(STREAM) == 0:
                    data = connection.recv(PIECE)
                    heard += data
                    made.receive_data(data)
        poured = pour(connection, [], SILENCE)
        return _came(poured, length, frames.said(bytes(heard) + poured.heard))


def _sent(made: h2.connection.H2Connection, length: int) -> Iterator[None]:
    while length > 0:
        room = min(made.local_flow_control_window(STREAM), made.max_outbound_frame_size, length)
        if room:
            made.send_data(STREAM, b"x" * room)
            length -= room
        yield


def _came(poured: Poured, length: int, said: str) -> Came:
    return Came(f"{size(length)}; {size(poured.taken)} taken", said, poured.taken)


def post(ground: Ground) -> bytes:
    """The head of a long body by nobody."""
    return ground.client.head("POST", more=f"Content-Length: {POSTED}\r\n")


def post_in_chunks(ground: Ground) -> bytes:
    """The head of a body of any length by nobody."""
    return ground.client.head("POST", more="Transfer-Encoding: chunked\r\n")


def opened(ground: Ground) -> bytes:
    """The same by HTTP/2."""
    return frames.request(STREAM, frames.fields(ground.client, "POST"), end=False)


def head_without_end(_: Ground) -> bytes:
    """The begin of a head: a method, and no END_HEADERS."""
    return HeadersFrame(STREAM, b"\x82").serialize()


CHUNK = b"10000\r\n" + b"x" * PIECE + b"\r\n"
AFTER_ALL = "401(, RST_STREAM STREAM_CLOSED)?(, GOAWAY .*)?"  # whoever goes on after an answer may be told so
CONTINUATION = ContinuationFrame(STREAM, b"\0" * 16_000).serialize()


def trial(share: float = 1.0) -> Table:
    """The table, of this share of the bytes."""
    posted, lines = int(POSTED * share), int(LINES * share)
    in_body = partial(frames.body, STREAM, posted)
    return Table.of(
        "bulk",
        Attempt("a body by nobody", "401", partial(http1, post, b"x" * PIECE, posted), takes=16 * MIB),
        Attempt("a body by nobody, in chunks", "401", partial(http1, post_in_chunks, CHUNK, posted), takes=16 * MIB),
        Attempt("by HTTP/2, as the windows let it", AFTER_ALL, partial(in_windows, posted), takes=16 * MIB),
        Attempt(
            "by HTTP/2, whatever the windows are", AFTER_ALL, partial(http2, opened, in_body, posted), takes=24 * MIB
        ),
        Attempt("header lines", "431", partial(http1, lambda _: HEAD, LINE, lines), takes=16 * MIB),
        Attempt(
            "by HTTP/2: a head in CONTINUATION frames", "GOAWAY .*", takes=16 * MIB,
            run=partial(http2, head_without_end, lambda: repeat(CONTINUATION, lines // len(CONTINUATION)), lines),
        ),
    )  # fmt: skip
