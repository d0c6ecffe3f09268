"""Trials of WebSockets: messages that are too big, in too many pieces, and frames that are no messages."""

import zlib
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, repeat

from bench.trials import frames
from bench.trials.attempts import Attempt, Came, Table
from bench.trials.findings import MIB, size
from bench.trials.frames import BINARY, CONTINUED, PING, TEXT, message
from bench.trials.ground import WIKI, Ground
from bench.trials.raw import pour

UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://{}\r\n"
)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
MOST = 16 * MIB  # bytes of a message
GIB = 1024 * MIB
SILENCE = 2.0  # seconds
END = b"\r\n\r\n"


def opening(ground: Ground, *, packed: bool = False) -> bytes:
    """The head that asks for a WebSocket."""
    more = UPGRADE.format(ground.client.authority()) + (DEFLATE if packed else "")
    return ground.client.head(target="/talk", more=more, cookie=ground.cookies[WIKI])


def talk(pieces: Callable[[], Iterable[bytes]], what: str, ground: Ground, *, packed: bool = False) -> Came:
    """Open one, say all of it, and hear what comes."""
    with ground.client.connect() as connection:
        connection.sendall(opening(ground, packed=packed))
        head = b""
        while END not in head:
            if not (data := connection.recv(65536)):
                return Came(what, "nothing")
            head += data
        if not head.startswith(b"HTTP/1.1 101"):
            return Came(what, head[:12].decode("latin-1"))
        poured = pour(connection, pieces(), SILENCE)
    ends = ", the end" if poured.ended else ""
    return Came(what, frames.talked(head.partition(END)[2] + poured.heard) + ends, poured.taken)


def in_pieces(count: int) -> Iterable[bytes]:
    """A message of so many frames with a byte in each."""
    middle = repeat(message(CONTINUED, b"x", last=False), count - 2)
    return chain([message(BINARY, b"x", last=False)], middle, [message(CONTINUED, b"x")])


def bomb(count: int) -> Iterable[bytes]:
    """A message of so many bytes, all zero, compressed to a thousandth."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = b"".join(pack.compress(bytes(MIB)) for _ in range(count // MIB)) + pack.flush(zlib.Z_SYNC_FLUSH)
    return [message(TEXT, content[:-4], packed=True)]


def given(*pieces: bytes) -> Callable[[], Iterable[bytes]]:
    """These."""
    return lambda: pieces


def without_end() -> Iterable[bytes]:
    """A message that grows by megabytes, and is never over."""
    more = repeat(message(CONTINUED, bytes(MIB), last=False), 255)
    return chain([message(BINARY, bytes(MIB), last=False)], more)


def pings() -> Iterable[bytes]:
    """Frames that are no messages."""
    return repeat(message(PING, b"12345678"), 100_000)


TOO_BIG = "closed 1009, the end"
MUCH = 128 * MIB  # a message is here as it came, whole, and as it goes on

TALKS = Table.of(
    "websockets",
    Attempt(
        "a message of 16 MiB", str(MOST), partial(talk, given(message(BINARY, bytes(MOST))), size(MOST)), memory=MUCH
    ),
    Attempt(
        "a byte more", TOO_BIG, partial(talk, given(message(BINARY, bytes(MOST + 1))), size(MOST + 1)), memory=MUCH
    ),
    Attempt("a message without an end", TOO_BIG, partial(talk, without_end, "256 MiB"), takes=32 * MIB, memory=MUCH),
    Attempt(
        "a gigabyte of zeros, packed", TOO_BIG, partial(talk, partial(bomb, GIB), "1 MB", packed=True), memory=MUCH
    ),
    Attempt("a message of 16,000 frames", "16000", partial(talk, partial(in_pieces, 16_000), "16,000 frames")),
    Attempt("a message of 17,000 frames", TOO_BIG, partial(talk, partial(in_pieces, 17_000), "17,000 frames")),
    Attempt("PING frames", "closed 1008, the end", partial(talk, pings, "100,000 frames"), takes=4 * MIB),
    Attempt("a frame that is none", "closed 1002, the end", partial(talk, given(b"\xff" * 64), "64 B")),
    Attempt("a text that is none", "closed 1007, the end", partial(talk, given(message(TEXT, b"\xff\xfe")), "2 B")),
)
