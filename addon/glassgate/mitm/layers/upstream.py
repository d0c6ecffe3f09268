"""A connection to an origin: one framed request at a time, one bounded answer, and whether it may be used again."""

from h11 import Data, ProtocolError
from h11._readers import ContentLengthReader, Http10Reader
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
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
from mitmproxy.proxy.layers.http._http1 import Http1Client

from glassgate.config.limits import Limits
from glassgate.mitm.layers.events import TIMED_OUT, Commands, SayNow, nothing, said
from glassgate.mitm.layers.heads import EMPTY, SWITCHING, Buffer, Chunks, Framing, HeadError, lines_of, response_of
from glassgate.mitm.layers.to_origin import ToOrigin, UnansweredError

NO_HEADERS = http.Headers()


class Http1Back(Http1Client):
    """The side of an HTTP/1 connection that an origin sees."""

    def __init__(self, context: Context, limits: Limits) -> None:
        super().__init__(context)
        self.limits = limits
        self.buf: Buffer = Buffer()
        self.state = self.read_headers
        self.is_clean = True  # its last answer was whole, and nothing of it is left
        self._asked = Framing(NO_HEADERS)
        self._chunked = False  # the request goes out in chunks
        self._keeps = False  # the origin goes on after its answer
        self._kept = isinstance(self.conn, ToOrigin) and self.conn.was_kept  # it was used before this request
        self._silent = True  # nothing has come since
        self._interim = 0

    # What others look at

    @property
    def has_room(self) -> bool:
        """Whether a request may be sent."""
        return self.request is None and self.state == self.read_headers

    @property
    def owes(self) -> bool:
        """Whether the origin is to go on: it has all of a request, or takes no more of it."""
        stuck = isinstance(self.conn, ToOrigin) and self.conn.is_behind
        return self.request is not None and (self.request_done or stuck)

    def handle_event(self, event: events.Event) -> Commands:
        """Take an event. Nothing in here is ever waited for."""
        return self._handle_event(event)

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, HttpEvent):
            return self.send(event)
        if isinstance(event, events.DataReceived) and self.state != self.passthrough:
            self.buf += event.data
        return self.state(event)

    # To the origin

    def send(self, event: HttpEvent) -> Commands:
        """Send a part of a request."""
        if isinstance(event, RequestHeaders):
            return self._send_head(event)
        if event.stream_id != self.stream_id:
            return nothing()  # that exchange is over
        if isinstance(event, RequestData):
            return said(self.conn, event.data, chunked=self._chunked)
        if isinstance(event, RequestEndOfMessage):
            return self._end_request()
        return self._end() if isinstance(event, RequestProtocolError) else nothing()

    def _end_request(self) -> Commands:
        if self._chunked:
            yield commands.SendData(self.conn, b"0\r\n\r\n")
        yield from self.mark_done(request=True)

    def _send_head(self, event: RequestHeaders) -> Commands:
        request = self.request = event.request
        self.stream_id = event.stream_id
        self.is_clean = False
        self._silent = True
        self._interim = 0
        framing = b""
        self._asked = Framing(NO_HEADERS if event.end_stream else request.headers, request.method)
        said = self._asked.headers
        self._chunked = "chunked" in said.get("transfer-encoding", "").lower()
        if not event.end_stream and not self._chunked and "content-length" not in said:
            # An HTTP/2 body came without a length. Unframed, its bytes would be read as another request.
            framing, self._chunked = b"Transfer-Encoding: chunked\r\n", True
        line = b"%s %s HTTP/1.1\r\n" % (request.data.method, request.data.path)
        yield commands.SendData(self.conn, line + lines_of(request.headers) + framing + EMPTY)
        if event.end_stream:
            yield SayNow(self.conn)

    # From the origin

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        """Read the head of an answer, past those that only announce it (RFC 9110 section 15.2)."""
        if isinstance(event, events.ConnectionClosed):
            yield from self._closed("The origin ended the connection before its answer.")
            return
        self._silent = False
        if self.request is None:
            yield from self._end()  # nothing was asked
            return
        try:
            response = self._head()
            if response is None:
                return
            framing = Framing(response.headers, status_code=response.status_code)
            size = self._asked.size(framing)
        except ValueError:
            yield from self._broke("The origin's answer cannot be read.")
            return
        # Looked at now: the gate takes the header off before the answer goes on.
        self._keeps = size != -1 and response.http_version == "HTTP/1.1" and not framing.closes
        yield from self._began(response, size, event)

    def _head(self) -> http.Response | None:
        if self.buf.take_empty_lines() > self.limits.empty_lines:
            raise HeadError("origin_broken", "empty_lines")
        while (head := self.buf.take_head(self.limits.head, lenient=True)) is not None:
            response = response_of(head, self.limits)
            if response.status_code >= 200 or response.status_code == SWITCHING:
                return response
            self._interim += 1
            if self._interim > self.limits.interim_answers:
                raise HeadError("origin_broken", "interim_answers")
        return None

    def _began(self, response: http.Response, size: int | None, event: events.ConnectionEvent) -> Commands:
        self.response = response
        stream = self.stream_id or 0
        yield ReceiveHttp(ResponseHeaders(stream, response, end_stream=size == 0))
        if self.response is not response or self.state != self.read_headers:
            return
        if size == 0:
            yield ReceiveHttp(ResponseEndOfMessage(stream))
            yield from self.mark_done(response=True)
            return
        if size is None:
            self.body_reader = Chunks(self.limits.trailers)
        else:
            self.body_reader = Http10Reader() if size == -1 else ContentLengthReader(size)
        self.state = self.read_body
        yield from self.read_body(event)

    def read_body(self, event: events.Event) -> Commands:
        """Pass the body of an answer on."""
        stream = self.stream_id or 0
        if isinstance(event, events.ConnectionClosed):
            if not isinstance(self.body_reader, Http10Reader):
                yield from self._closed("The origin's answer broke off.")
                return
            yield ReceiveHttp(ResponseEndOfMessage(stream))
            yield from self.mark_done(response=True)
            return
        while self.state == self.read_body:
            try:
                found = self.body_reader(self.buf)
            except ProtocolError:
                yield from self._broke("The chunks of the origin's answer cannot be read.")
                return
            if found is None:
                return
            if not isinstance(found, Data):
                yield ReceiveHttp(ResponseEndOfMessage(stream))
                yield from self.mark_done(response=True)
                return
            yield ReceiveHttp(ResponseData(stream, bytes(found.data)))

    def early(self, event: events.Event) -> Commands:
        """The answer is whole, the request is not."""
        if isinstance(event, events.ConnectionClosed):
            yield from self._closed("The origin ended the connection before the request was sent.")
        else:
            self._keeps = False
            self.buf = Buffer()

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        """Note that a half of the exchange is over; after both, be ready for the next, or end."""
        self.request_done = self.request_done or request
        self.response_done = self.response_done or response
        if self.request is None or self.response is None or not self.response_done:
            return
        if not self.request_done:
            self.state = self.early
        elif self.response.status_code == SWITCHING:
            yield from self.make_pipe()
        else:
            self.is_clean = self._keeps and not self.buf
            self._kept = True
            # mitmproxy asks for a connection of its own for each request of HTTP/2. A driver may keep this one.
            once = self.request.is_http2
            self._forget()
            if once or not self.is_clean:
                self.state = self.done
                yield commands.CloseConnection(self.conn)

    def _forget(self) -> None:
        self.request_done = self.response_done = False
        self.request = self.response = self.stream_id = None
        self.state = self.read_headers

    def _end(self) -> Commands:
        self.is_clean = False
        self.state = self.done
        self.buf = Buffer()
        yield commands.CloseConnection(self.conn)

    def _broke(self, said: str) -> Commands:
        stream = self.stream_id or 0
        yield from self._end()
        yield ReceiveHttp(ResponseProtocolError(stream, said, ErrorCode.RESPONSE_VALIDATION_FAILED))

    def _closed(self, said: str) -> Commands:
        stream, waited_for = self.stream_id or 0, self.request is not None
        late = self.conn.error == TIMED_OUT
        unanswered = self._kept and self._silent and self.state == self.read_headers and not late
        yield from self._end()
        if waited_for:
            kind = UnansweredError if unanswered else ResponseProtocolError
            yield ReceiveHttp(kind(stream, TIMED_OUT if late else said, ErrorCode.GENERIC_SERVER_ERROR))

    @property
    def is_reusable(self) -> bool:
        """Whether another client's request may be sent on this connection.

        Only where its last answer was whole and ended by its own framing, both sides would go on, the request was sent
        to its end, and nothing is left in between. One on which nothing was ever asked may be used, too.
        """
        return self.is_clean and not self.buf and self.conn.state is ConnectionState.OPEN
