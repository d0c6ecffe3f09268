"""Heads of HTTP/1 messages: where one ends, how long it may be, and only one way to read it."""

import re
import time
from typing import Self, cast

from h11 import Data, EndOfMessage, LocalProtocolError
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.net.http import http1
from mitmproxy.net.http.validate import validate_headers

from glassgate.config.limits import Limits

SWITCHING = 101  # RFC 9110 section 15.2.2
EMPTY = b"\r\n"
END = b"\r\n\r\n"
VERSIONS = (b" HTTP/1.1", b" HTTP/1.0")
FOLD = re.compile(rb"\r?\n[ \t]+")
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # RFC 9110 section 5.6.2
NAMES = re.compile(rb"(?:" + TOKEN + rb":)*+")  # each with the colon after it
LENGTH = re.compile(rb"0|[1-9][0-9]{0,15}+")
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (/[!-~]*+) (HTTP/1\.[01])")
STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2}) ([\t -~]*+)")
FRAMING = {name.encode(): name for name in ("transfer-encoding", "content-length", "connection")}
SIZED = frozenset(("transfer-encoding", "content-length"))
SIZES = frozenset(name.encode() for name in SIZED)
# No header with a name of another length needs to be looked at.
FRAMING_LENGTHS = frozenset(map(len, FRAMING))
SIZE_LENGTHS = frozenset(map(len, SIZES))


class HeadError(ValueError):
    """A head that is refused. `code` is the standing message that says so, `reason` a short name for the log."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Tokens(http.Headers):
    """Headers whose names are tokens, as they must be: they were read so."""


class Buffer(ReceiveBuffer):
    """What a peer has sent and nobody has read yet. Each byte is looked at once, however small the pieces are."""

    def __iadd__(self, data: bytes | bytearray) -> Self:
        self._data += data
        return self

    def take_empty_lines(self) -> int:
        """Take the empty lines that stand at the beginning; how many there were."""
        count = 0
        while self._data.startswith(EMPTY, 2 * count):
            count += 1
        if count:
            self._extract(2 * count)
        return count

    def take_head(self, most: int, *, lenient: bool = False) -> bytes | None:
        """Take a head, with its first line and the empty line after it; None where it is not whole yet.

        `lenient` takes line feeds for ends of lines (RFC 9112 section 2.2) and gives them back as whole ones.
        Raises HeadError where it is longer than `most`, or can be seen to have no end.
        """
        data = self._data
        end = data.find(END, self._multiple_lines_search)
        if end < 0 or (lenient and data.count(b"\n", 0, end) != data.count(EMPTY, 0, end)):
            if lenient:
                return self._take_lenient(most)
            self._wait(most)
            return None
        if end + len(END) > most:
            raise self._too_long(most)
        return bytes(self._extract(end + len(END)))

    def _wait(self, most: int) -> None:
        data, seen = self._data, self._multiple_lines_search
        if data.find(b"\n\n", seen) >= 0 or data.find(b"\n\r\n", seen) >= 0:
            raise HeadError("bad_request", "bare_line_feed")
        if len(data) > most:
            raise self._too_long(most)
        self._multiple_lines_search = max(0, len(data) - len(END) + 1)

    def _take_lenient(self, most: int) -> bytes | None:
        before = len(self._data)
        lines = super().maybe_extract_lines()
        if lines is None:
            if before > most:
                raise self._too_long(most)
            return None
        if before - len(self._data) > most:
            raise self._too_long(most)
        return EMPTY.join([*map(bytes, lines), b"", b""])

    def _too_long(self, most: int) -> HeadError:
        if self._data.find(EMPTY, 0, most) < 0:
            return HeadError("target_too_long", "request_line_too_long")
        return HeadError("head_too_large", "head_too_large")

    def maybe_extract_lines(self) -> list[bytes] | None:  # type: ignore[override]
        """The lines after the last chunk, up to an empty one. h11 refuses those that end otherwise."""
        if self._data.startswith(EMPTY):
            self._extract(len(EMPTY))
            return []
        end = self._data.find(END, self._multiple_lines_search)
        if end < 0:
            self._multiple_lines_search = max(0, len(self._data) - len(END) + 1)
            return None
        return bytes(self._extract(end + len(END)))[: -len(END)].split(EMPTY)

    def maybe_extract_at_most(self, count: int) -> bytearray | None:
        """Up to `count` bytes; None where there are none. The whole of it is given away, not copied."""
        if len(self._data) > count:
            return self._extract(count)
        if not self._data:
            return None
        whole, self._data = self._data, bytearray()
        self._next_line_search = self._multiple_lines_search = 0
        return whole


class Chunks(ChunkedReader):
    """h11's reader of a chunked body: its lines have a limit, and trailers are left out (RFC 9110 section 6.5.1)."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __call__(self, buf: ReceiveBuffer) -> Data | EndOfMessage | None:
        """The next piece. Raises LocalProtocolError."""
        before = len(buf)
        found = super().__call__(buf)
        left = len(buf)
        beside = left if found is None else before - left - (len(found.data) if isinstance(found, Data) else 0)
        if beside > self._most:
            raise LocalProtocolError("a chunk's line or the trailers have no end")
        return EndOfMessage() if isinstance(found, EndOfMessage) else found


def request_of(head: bytes, limits: Limits) -> http.Request:
    """A request from its head. Raises HeadError for whatever two readers could take for two things (RFC 9112)."""
    if (read := _plain(head, limits.head_lines)) and (line := REQUEST_LINE.fullmatch(read[0])):
        method, target, version = line.groups()
        return http.Request("", 0, method, b"", b"", target, version, read[1], None, None, time.time(), None)
    ends = head.count(EMPTY)
    if head.count(b"\n") != ends:
        raise HeadError("bad_request", "bare_line_feed")
    if head.count(b"\r") != ends:
        raise HeadError("bad_request", "bare_carriage_return")
    if b"\0" in head:
        raise HeadError("bad_request", "nul")
    if b"\r\n " in head or b"\r\n\t" in head:
        raise HeadError("bad_request", "folded_line")
    if ends - 2 > limits.head_lines:
        raise HeadError("head_too_large", "header_lines")
    lines = head[: -len(END)].split(EMPTY)
    if lines[0].count(b" ") != 2 or not lines[0].endswith(VERSIONS):
        raise HeadError("bad_request", "request_line")
    try:
        return http1.read_request_head(lines)
    except ValueError as fault:
        raise HeadError("bad_request", "malformed_head") from fault


def response_of(head: bytes, limits: Limits) -> http.Response:
    """An origin's answer from its head. Raises HeadError.

    What a proxy may replace by a space is replaced: a folded line, a carriage return alone (RFC 9112 sections 5.2
    and 2.2), a NUL (RFC 9110 section 5.5).
    """
    if (read := _plain(head, limits.head_lines)) and (line := STATUS_LINE.fullmatch(read[0])):
        version, status, reason = line.groups()
        return http.Response(version, int(status), reason, read[1], None, None, time.time(), None)
    lines = head[: -len(END)].split(EMPTY)
    if head.count(b"\r") != head.count(EMPTY) or b"\0" in head or b"\r\n " in head or b"\r\n\t" in head:
        unfolded = FOLD.sub(b" ", head[: -len(END)]).split(EMPTY)
        lines = [line.replace(b"\r", b" ").replace(b"\0", b" ") for line in unfolded]
    if len(lines) - 1 > limits.head_lines:
        raise HeadError("origin_broken", "header_lines")
    try:
        response = http1.read_response_head(lines)
    except ValueError as fault:
        raise HeadError("origin_broken", "malformed_head") from fault
    if response.http_version not in ("HTTP/1.1", "HTTP/1.0") or not 100 <= response.status_code <= 999:
        raise HeadError("origin_broken", "status_line")
    return response


def _plain(head: bytes, most: int) -> tuple[bytes, Tokens] | None:
    """The first line of a head and its headers, read in a few passes of C; None where anything is odd about it.

    What is odd is looked at line by line, by mitmproxy. A folded line has a space in what would be its name.
    """
    lines = head.split(EMPTY)
    ends = len(lines) - 1
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head or ends - 2 > most:
        return None
    parts = [line.partition(b":") for line in lines[1:-2]]
    names = b"".join([name + colon for name, colon, _ in parts])
    if names.count(b":") != len(parts) or not NAMES.fullmatch(names):
        return None
    headers = Tokens.__new__(Tokens)  # the constructor looks whether all are bytes
    headers.fields = tuple([(name, value.strip()) for name, _, value in parts])
    return lines[0], headers


def lines_of(headers: http.Headers) -> bytes:
    """Headers as they are sent, each with the end of its line."""
    lines = EMPTY.join([b": ".join(field) for field in headers.fields])
    return lines + EMPTY if lines else lines


def check(message: http.Message) -> None:
    """Refuse headers that can be read in two ways, as mitmproxy does, which asks for each. Raises ValueError."""
    headers = message.headers
    sized = [field for field in headers.fields if len(field[0]) in SIZE_LENGTHS and field[0].lower() in SIZES]
    is_sure = not sized or (len(sized) == 1 and _is_length(*sized[0]))
    if not is_sure or not (isinstance(headers, Tokens) or _are_tokens(headers)):
        validate_headers(message)


def _is_length(name: bytes, value: bytes) -> bool:
    return name.lower() == b"content-length" and LENGTH.fullmatch(value) is not None


def _are_tokens(headers: http.Headers) -> bool:
    names = b"".join([name + b":" for name, _ in headers.fields])
    return names.count(b":") == len(headers.fields) and NAMES.fullmatch(names) is not None


def waits(request: http.Request) -> bool:
    """Whether a body is sent only once it is asked for (RFC 9110 section 10.1.1)."""
    fields = request.headers.fields
    return any(
        value.lower() == b"100-continue" for name, value in fields if len(name) == 6 and name.lower() == b"expect"
    )


def go_on() -> http.Response:
    """The word that asks for it."""
    response = http.Response.make(100)
    response.headers.clear()
    return response


class Framing:
    """What of a head says where its message ends, and whether another follows: found in one pass over its headers.

    mitmproxy looks through all headers for each of these, several times a message. What it makes of them is its own:
    this stands in for the whole head there.
    """

    __slots__ = ("headers", "method", "status_code")

    def __init__(self, headers: http.Headers, method: str = "", status_code: int = 0) -> None:
        self.method = method
        self.status_code = status_code
        self.headers: dict[str, str] = {}
        for name, value in [field for field in headers.fields if len(field[0]) in FRAMING_LENGTHS]:
            key = FRAMING.get(name.lower())
            if key is not None:
                before = self.headers.get(key)
                said = value.decode("latin-1")
                self.headers[key] = said if before is None else f"{before}, {said}"

    def size(self, response: "Framing | None" = None) -> int | None:
        """Bytes of the body of a request, or of the response to it; None: in chunks, -1: till the connection ends.

        Raises ValueError where it cannot be known.
        """
        if response is None and SIZED.isdisjoint(self.headers):
            return 0
        return http1.expected_http_body_size(cast(http.Request, self), cast(http.Response | None, response))

    @property
    def closes(self) -> bool:
        """Whether this is the connection's last message (RFC 9112 section 9.6)."""
        said = self.headers.get("connection")
        return said is not None and "close" in (option.strip().lower() for option in said.split(","))
