"""Frames of HTTP/2 and of WebSockets as a trial wants them, and what those say that came back."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from h2.errors import ErrorCodes
from hpack import Decoder, Encoder
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from bench.trials.raw import Client

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
PIECE = 16_384  # bytes: the largest frame that everybody takes (RFC 9113 section 4.2)
WIDE = (
    SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 2**31 - 1}).serialize()
    + WindowUpdateFrame(0, window_increment=2**31 - 70_000).serialize()
)  # whoever sends it takes whatever comes
TEXT, BINARY, CLOSE, PING, CONTINUED = 1, 2, 8, 9, 0  # opcodes of WebSockets (RFC 6455 section 5.2)

type Fields = Sequence[tuple[str, str]]


def fields(
    client: Client, method: str = "GET", path: str = "/", *, app: str = "wiki", cookie: str = "", more: Fields = ()
) -> Fields:
    """The header list of a request."""
    asked = [(":method", method), (":path", path), (":scheme", "https"), (":authority", client.authority(app)), *more]
    return [*asked, ("cookie", cookie)] if cookie else asked


def request(stream: int, said: Fields, *, end: bool = True) -> bytes:
    """A request's head in one frame; `end`: it has no body."""
    frame = HeadersFrame(stream, Encoder().encode(said))
    frame.flags.add("END_HEADERS")
    if end:
        frame.flags.add("END_STREAM")
    return frame.serialize()


def body(stream: int, length: int, *, end: bool = False) -> Iterator[bytes]:
    """A body in frames, whatever the windows are; `end`: it is over with it."""
    while length > 0:
        frame = DataFrame(stream, b"x" * min(PIECE, length))
        length -= PIECE
        if end and length <= 0:
            frame.flags.add("END_STREAM")
        yield frame.serialize()


def read(heard: bytes) -> Iterator[Frame]:
    """The frames that came; a last one that is not whole is left out."""
    view = memoryview(heard)
    while len(view) >= 9:
        frame, length = Frame.parse_frame_header(view[:9])
        if len(view) < 9 + length:
            return
        try:
            frame.parse_body(view[9 : 9 + length])
        except HyperframeError:
            return
        yield frame
        view = view[9 + length :]


def said(heard: bytes) -> str:
    """What came of an HTTP/2 connection: the statuses by stream, resets, the good-bye; each once, in that order."""
    statuses: dict[int, str] = {}
    resets: list[str] = []
    goodbye: list[str] = []
    decoder = Decoder()
    for frame in read(heard):
        if isinstance(frame, HeadersFrame):
            head = cast(list[tuple[str, str]], decoder.decode(frame.data))
            statuses.setdefault(frame.stream_id, dict(head)[":status"])
        elif isinstance(frame, RstStreamFrame) and frame.error_code != ErrorCodes.NO_ERROR:
            resets.append(f"RST_STREAM {ErrorCodes(frame.error_code).name}")
        elif isinstance(frame, GoAwayFrame):
            goodbye.append(f"GOAWAY {ErrorCodes(frame.error_code).name}")
    return ", ".join(_once([*statuses.values(), *resets, *goodbye])) or "nothing"


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


# WebSockets


def message(opcode: int, payload: bytes, *, last: bool = True, packed: bool = False) -> bytes:
    """A client's frame; its mask is zero (RFC 6455 section 5.3)."""
    first = opcode | (0x80 if last else 0) | (0x40 if packed else 0)
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + struct.pack(">H", size)
    else:
        length = b"\xff" + struct.pack(">Q", size)
    return bytes([first]) + length + b"\0\0\0\0" + payload


def messages(heard: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames of a server: opcode and payload; a last one that is not whole is left out."""
    while len(heard) >= 2:
        opcode, size, start = heard[0] & 15, heard[1] & 127, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(heard[2:start], "big")
        if len(heard) < start + size:
            return
        yield opcode, heard[start : start + size]
        heard = heard[start + size :]


def talked(heard: bytes) -> str:
    """What came of a WebSocket: the last text of the origin's, without who was told, and the code of its end."""
    words = []
    for opcode, payload in messages(heard):
        if opcode == TEXT:
            words = [payload.decode().partition("\n")[2]]
        elif opcode == CLOSE:
            words.append(f"closed {int.from_bytes(payload[:2], 'big')}")
    return ", ".join(words) or "nothing"
