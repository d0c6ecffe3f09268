"""A client's HTTP/1 connection: requests one after the other, each with a limit to everything, answers as ours."""

from collections.abc import Mapping

from h11 import Data, ProtocolError
from h11._readers import ContentLengthReader
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.net.http import status_codes
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Server

from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.events import Commands, Drain, Early, Enough, Refuse, SayNow, TooSlow, nothing, said
from glassgate.mitm.layers.heads import EMPTY, SWITCHING, Buffer, Chunks, Framing, HeadError, lines_of, request_of
from glassgate.mitm.layers.to_origin import takes

PIPELINED = 4  # times what a driver lets wait unread: of requests behind another, where nobody stops reading
CODES = {400: "bad_request", 413: "body_too_large"}  # the standing messages for mitmproxy's own errors; else a 502


class Http1Front(Http1Server):
    """The side of a connection that a client sees. `streams` are the layer's requests under way, by their ids."""

    def __init__(
        self, context: Context, answers: Answers, streams: Mapping[int, Layer], refusal: str | None = None
    ) -> None:
        super().__init__(context)
        self.answers = answers
        self.limits = answers.limits
        self.streams = streams
        self._refusal = refusal  # the answer to whatever is asked
        self.buf: Buffer = Buffer()
        self.held = False  # a body waits until its request is worked on again
        self.draining = False
        self._closing = False  # the request under way is the connection's last
        self._asked: Framing | None = None
        self._chunked = False  # the answer goes out in chunks
        self._owed: int | None = None  # bytes of its body that are still to come; None or below 0: not known
        self._answered = False  # all of it went out
        self._is_reading = False  # a head, and whatever comes of it at once
        self._empty_lines = 0
        self._dropped = 0  # bytes, since the last answer

    # What a driver looks at

    @property
    def idle(self) -> bool:
        """Whether no request is under way, and nothing of one is here."""
        return self.state == self.read_headers and not self.buf

    @property
    def head_began(self) -> bool:
        """Whether a part of a head is here."""
        return self.state == self.read_headers and bool(self.buf)

    @property
    def unread(self) -> int:
        """Bytes that wait behind what is being worked on."""
        return len(self.buf)

    @property
    def unsent(self) -> int:
        """Bytes of answers that wait in here: none."""
        return 0

    def waits(self, stream_id: int) -> bool:
        """Whether a part of an answer waits in here: never."""
        return False

    @property
    def asked(self) -> int:
        """A number that changes with each request."""
        return self.stream_id

    @property
    def upgraded(self) -> bool:
        """Whether the connection is not HTTP any more."""
        return self.state == self.passthrough

    # From the client

    def handle_event(self, event: events.Event) -> Commands:
        """Take an event. Nothing in here is ever waited for."""
        return self._handle_event(event)

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, HttpEvent):
            return self.send(event)
        if isinstance(event, Drain):
            return self._drain()
        if isinstance(event, TooSlow):
            return self._too_slow()
        if isinstance(event, events.DataReceived) and self.state != self.passthrough:
            self.buf += event.data
        return self.state(event)

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        """Read a head. One that cannot be read ends the connection, with an answer."""
        if isinstance(event, events.ConnectionClosed):
            yield from self._left()
            return
        self._is_reading = True
        try:
            while self.state == self.read_headers and (request := self._head()) is not None:
                yield from self._began(request, event)
        except HeadError as fault:
            yield from self.refuse(fault.code, fault.reason)
        finally:
            self._is_reading = False

    def _head(self) -> http.Request | None:
        self._empty_lines += self.buf.take_empty_lines()
        if self._empty_lines > self.limits.empty_lines:
            raise HeadError("bad_request", "empty_lines")
        head = self.buf.take_head(self.limits.head)
        if head is None:
            return None
        self._empty_lines = 0
        return request_of(head, self.limits)

    def _began(self, request: http.Request, event: events.ConnectionEvent) -> Commands:
        if self._refusal:
            yield from self.refuse(self._refusal, self._refusal, request)
            return
        self.request = request
        # Looked at now: the gate takes the header off before the request goes on.
        self._asked = asked = Framing(request.headers, request.method)
        self._closing = self.draining or request.http_version == "HTTP/1.0" or asked.closes
        try:
            size = asked.size()
        except ValueError:
            size, self._closing = 0, True  # refused as soon as its headers are looked at
        yield ReceiveHttp(RequestHeaders(self.stream_id, request, end_stream=size == 0))
        if self.state != self.read_headers or self.request is not request:
            return
        if size == 0:
            yield ReceiveHttp(RequestEndOfMessage(self.stream_id))
            yield from self.mark_done(request=True)
            return
        self.body_reader = Chunks(self.limits.trailers) if size is None else ContentLengthReader(size)
        self.state = self.read_body
        yield from self.read_body(event)

    def read_body(self, event: events.Event) -> Commands:
        """Pass a body on, as far as its request is worked on."""
        if isinstance(event, events.ConnectionClosed):
            yield from self._left()
            return
        stream = self.streams.get(self.stream_id)
        if stream is not None and (stream._paused or not takes(stream.context.server, self.stream_id)):
            self.held = True
            yield from self._bound()
            return
        self.held = False
        pieces = []
        try:
            # Together: a client may send chunks of one byte, and each has its way through all layers.
            while isinstance(found := self.body_reader(self.buf), Data):
                pieces.append(found.data)
        except ProtocolError:
            self.state = self.drop
            yield ReceiveHttp(Refuse(self.stream_id, "bad_request"))
            return
        if pieces:
            yield ReceiveHttp(RequestData(self.stream_id, b"".join(pieces)))
        if found is not None and self.state == self.read_body:
            yield ReceiveHttp(RequestEndOfMessage(self.stream_id))
            yield from self.mark_done(request=True)

    def wait(self, event: events.Event) -> Commands:
        """Keep what comes before the answer has ended: it is the next request.

        Where it is many requests, each will have an answer, whether the client takes them or not: so they are few.
        """
        if isinstance(event, events.ConnectionClosed) or len(self.buf) > PIPELINED * self.limits.unread:
            yield from self._left()
        else:
            yield from self._bound()

    def drop(self, event: events.Event) -> Commands:
        """Take what still comes and forget it: closed at once, the last answer might be lost (RFC 9112 section 9.6)."""
        self._dropped += len(self.buf)
        self.buf = Buffer()
        if isinstance(event, events.ConnectionClosed) or self._dropped > self.limits.lingering:
            yield from self._left()

    def _bound(self) -> Commands:
        if len(self.buf) > self.limits.most_unread:
            yield from self._left()

    def _left(self) -> Commands:
        """The client is gone, or as good as gone."""
        yield from self._close()
        if self.request is not None:
            gone = RequestProtocolError(self.stream_id, "The client is gone.", ErrorCode.CLIENT_DISCONNECTED)
            yield ReceiveHttp(gone)

    def _close(self) -> Commands:
        self.state = self.done
        self.buf = Buffer()
        yield commands.CloseConnection(self.conn)

    # To the client

    def send(self, event: HttpEvent) -> Commands:
        """Send a part of the answer."""
        if event.stream_id != self.stream_id or self.request is None or self.state == self.done:
            return nothing()
        if isinstance(event, ResponseData):
            return self._send_data(event.data)
        if isinstance(event, ResponseHeaders):
            return self._send_head(event.response)
        if isinstance(event, ResponseEndOfMessage | Early):
            return self._end_answer(early=isinstance(event, Early))
        if isinstance(event, ResponseProtocolError):
            return self._failed(event)
        if isinstance(event, Enough):
            self._closing = True
        return nothing()

    def _send_data(self, data: bytes) -> Commands:
        yield from said(self.conn, data, chunked=self._chunked)
        if self._owed is not None and self._owed >= 0:
            self._owed -= len(data)
            if self._owed == 0:
                yield SayNow(self.conn)

    def _end_answer(self, *, early: bool) -> Commands:
        self._answered = True
        if self._chunked:
            self._chunked = False
            yield commands.SendData(self.conn, b"0\r\n\r\n")
        if not early:
            yield from self.mark_done(response=True)
        elif self._closing:
            yield from self._linger()

    def _send_head(self, response: http.Response) -> Commands:
        reason = response.data.reason or status_codes.RESPONSES.get(response.status_code, "").encode()
        line = b"HTTP/1.1 %d %s\r\n" % (response.status_code, reason)
        if 100 <= response.status_code < 200 and response.status_code != SWITCHING:
            yield commands.SendData(self.conn, line + lines_of(response.headers) + EMPTY)
            return
        self.response = response
        self._frame(response)
        last = b"Connection: close\r\n" if self._closing and response.status_code != SWITCHING else b""
        yield commands.SendData(self.conn, line + lines_of(response.headers) + last + EMPTY)

    def _frame(self, response: http.Response) -> None:
        if self._asked is None or self.request is None:
            return
        try:
            size = self._asked.size(Framing(response.headers, status_code=response.status_code))
        except ValueError:
            size = -1  # a hook's doing
        if size is None and self.request.http_version == "HTTP/1.0":
            del response.headers["transfer-encoding"]  # which it does not know (RFC 9112 section 6.1)
            size = -1
        self._owed = size
        self._chunked = size is None
        self._closing = self._closing or size == -1

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        """Note that a half of the exchange is over; after both, go on to the next."""
        self.request_done = self.request_done or request
        self.response_done = self.response_done or response
        if not self.response_done:
            self.state = self.wait
        elif not self.request_done:
            if self._closing:
                yield from self._linger()
        elif self.response is not None and self.response.status_code == SWITCHING:
            yield from self.make_pipe()
        elif self._closing:
            yield from self._linger()
        else:
            yield from self._next()

    def _next(self) -> Commands:
        self.request_done = self.response_done = self._answered = self._chunked = False
        self.request = self.response = None
        self.stream_id += 2
        self.state = self.read_headers
        if self.buf and not self._is_reading:  # else it is read below: many that came at once must not pile up
            yield from self.read_headers(events.DataReceived(self.conn, b""))

    def refuse(self, code: str, reason: str, request: http.Request | None = None) -> Commands:
        """Answer a head that could not be read, did not come, or is one too many, and end."""
        response = self.answers.for_head(self.context.client, code, request, reason)
        head = b"HTTP/1.1 %d %s\r\n%sConnection: close\r\n\r\n"
        line = head % (response.status_code, response.data.reason, lines_of(response.headers))
        yield commands.SendData(self.conn, line + (response.raw_content or b""))
        yield from self._linger()

    def _failed(self, event: ResponseProtocolError) -> Commands:
        if self._answered or event.code is ErrorCode.PASSTHROUGH_CLOSE:
            yield from self._linger()
            return
        status = event.code.http_status_code()
        if self.response is None and status is not None:
            code = CODES.get(status, "origin_unreachable")
            response = self.answers.for_head(self.context.client, code, self.request, "unexpected")
            self._closing = True
            yield from self._send_head(response)
            yield commands.SendData(self.conn, response.raw_content or b"")
            yield from self._linger()
            return
        yield from self._close()

    def _linger(self) -> Commands:
        """End the connection after an answer, and let it arrive: what is unread when a socket closes resets it."""
        unfinished = self.request is not None and not self.request_done
        nothing_comes = self.request_done and not self.buf and not self.upgraded
        if nothing_comes or not self.conn.state & ConnectionState.CAN_READ:
            yield from self._close()
        else:
            self.state = self.drop
            self.buf = Buffer()
            yield commands.CloseTcpConnection(self.conn, half_close=True)
        if unfinished:
            yield ReceiveHttp(RequestProtocolError(self.stream_id, "It was answered before.", ErrorCode.CANCEL))
        self.request = None  # what is still said of it is said to nobody

    # From a driver

    def _drain(self) -> Commands:
        self.draining = self._closing = True
        if self.idle:
            yield from self._close()

    def _too_slow(self) -> Commands:
        if self.head_began:
            yield from self.refuse("timeout", "head_too_slow")
        elif self.state == self.read_body:
            self.state = self.drop
            yield ReceiveHttp(Refuse(self.stream_id, "timeout"))
        else:
            yield from self._left()
