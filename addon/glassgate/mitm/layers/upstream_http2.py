"""An HTTP/2 connection to an origin: requests of one client, each with windows of its own, and bounded answers."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import h2.events
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._base import HttpConnection, HttpEvent, ReceiveHttp
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
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http2 import CATCH_HYPER_H2_ERRORS

from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.events import TIMED_OUT, Commands, GiveUp
from glassgate.mitm.layers.header_lists import request_fields, response_of, trailers_of
from glassgate.mitm.layers.tally import Tally
from glassgate.mitm.layers.to_origin import ToOrigin, UnansweredError
from glassgate.mitm.layers.windows import PIECE, Leaving, ToServer

UNREADABLE = "The origin's answer cannot be read."
AT_FIRST = 10  # requests at once, until the origin has said how many it takes
WITHOUT_CONTENT = (h2.events.PingReceived, h2.events.PingAckReceived, h2.events.RemoteSettingsChanged,
                   h2.events.SettingsAcknowledged, h2.events.PriorityUpdated, h2.events.UnknownFrameReceived,
                   h2.events.AlternativeServiceAvailable)  # fmt: skip
CONFIG = H2Configuration(
    client_side=True, header_encoding=False, validate_outbound_headers=False, normalize_outbound_headers=False,
    normalize_inbound_headers=False,
)  # fmt: skip


@dataclass(slots=True)
class Exchange:
    """One request and its answer."""

    stream_id: int  # the layer's own
    method: bytes
    since: float  # when a part of it last came or went, in monotonic seconds
    is_sent: bool  # all of the request is
    is_heard: bool = False  # something of an answer came
    is_answered: bool = False  # all of it came
    interim: int = 0
    withheld: int = 0  # bytes that wait for the client, so that no more may come


class Http2Back(HttpConnection):
    """The side of an HTTP/2 connection that an origin sees. It serves one client's connection alone."""

    def __init__(self, context: Context, answers: Answers, has_room: Callable[[int], bool]) -> None:
        super().__init__(context, context.server)
        self._limits = limits = answers.limits
        self._clock = answers.clock
        self._client_takes = has_room
        self._for_http2 = context.client.alpn == b"h2"
        self._h2 = ToServer(CONFIG, limits)
        self._exchanges: dict[int, Exchange] = {}  # by the origin's stream
        self._streams: dict[int, int] = {}  # the origin's, by the layer's own
        self._at_once = AT_FIRST
        self._has_served = False
        self._is_leaving = False
        self._is_over = False
        self._withheld = False
        self._empty_frames = Tally(limits.empty_frames, limits.span, answers.clock)
        self._full: set[int] = set()
        if isinstance(self.conn, ToOrigin):
            self.conn.full = self._full

    # What others look at

    is_reusable = False  # by another client

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked."""
        return not self._exchanges

    @property
    def has_room(self) -> bool:
        """Whether a request may be sent."""
        usable = not self._is_leaving and not self._is_over and self.conn.state is ConnectionState.OPEN
        return usable and not self._is_stuck and len(self._exchanges) < self._at_once

    @property
    def owes(self) -> bool:
        """Whether the origin is to go on with anything."""
        return any(self._owes(exchange) for exchange in self._exchanges.values())

    @property
    def withholds(self) -> bool:
        """Whether a part of an answer waits for the client."""
        return self._withheld

    def is_late(self, before: float) -> bool:
        """Whether there is a request for which the origin did nothing since `before`, in monotonic seconds."""
        return any(True for _ in self._late(before))

    def _late(self, before: float) -> Iterator[int]:
        for ours, exchange in self._exchanges.items():
            if exchange.since < before and self._owes(exchange):
                yield ours

    def _owes(self, exchange: Exchange) -> bool:
        has_to_answer = exchange.is_sent and not exchange.withheld  # else it may be the client who takes no more
        return has_to_answer or self._is_stuck or exchange.stream_id in self._full

    @property
    def _is_stuck(self) -> bool:
        return isinstance(self.conn, ToOrigin) and self.conn.is_behind

    # Events

    def handle_event(self, event: events.Event) -> Commands:
        """Take an event. Nothing in here is ever waited for."""
        return self._handle_event(event)

    def _handle_event(self, event: events.Event) -> Commands:
        if self._is_over:
            return
        if isinstance(event, HttpEvent):
            yield from self._send(event)
        elif isinstance(event, events.DataReceived):
            yield from self._received(event.data)
        elif isinstance(event, events.ConnectionClosed):
            late = self.conn.error == TIMED_OUT
            yield from self._end(TIMED_OUT if late else "The origin ended the connection.")
        elif isinstance(event, GiveUp):
            for ours in list(self._late(event.before)):
                yield from self._fail(ours, TIMED_OUT)
        elif isinstance(event, events.Start):
            self._h2.initiate_connection()
        if not self._is_over:
            yield from self._flush()

    def _flush(self) -> Commands:
        if self._full or self._h2.stream_buffers:
            self._full.clear()
            self._full.update(
                each.stream_id for ours, each in self._exchanges.items() if ours in self._h2.stream_buffers
            )
        data = self._h2.data_to_send()
        if data:
            yield commands.SendData(self.conn, data)
        if self._is_leaving and not self._exchanges:
            yield from self._close(ErrorCodes.NO_ERROR, "It has ended.")

    # To the origin

    def _send(self, event: HttpEvent) -> Commands:
        if isinstance(event, RequestHeaders):
            yield from self._ask(event)
            return
        ours = self._streams.get(event.stream_id)
        if ours is None:
            return  # that exchange is over
        exchange = self._exchanges[ours]
        exchange.since = self._clock()
        if isinstance(event, RequestData):
            if event.data:
                self._h2.send_data(ours, event.data)
        elif isinstance(event, RequestEndOfMessage):
            self._sent(ours, exchange)
        elif isinstance(event, RequestProtocolError):
            self._take_back(ours)

    def _ask(self, event: RequestHeaders) -> Commands:
        exchange = Exchange(event.stream_id, event.request.data.method, self._clock(), event.end_stream)
        try:
            ours = self._h2.get_next_available_stream_id()
            self._h2.send_headers(ours, request_fields(event.request), end_stream=event.end_stream)
        except ProtocolError:
            said = "The origin takes no request."
            yield ReceiveHttp(ResponseProtocolError(event.stream_id, said, ErrorCode.GENERIC_SERVER_ERROR))
            return
        self._exchanges[ours] = exchange
        self._streams[event.stream_id] = ours

    def _sent(self, ours: int, exchange: Exchange) -> None:
        if not exchange.is_sent:
            exchange.is_sent = True
            self._h2.end_stream(ours)
        if exchange.is_answered:
            self._forget(ours)

    def _forget(self, ours: int) -> Exchange | None:
        exchange = self._exchanges.pop(ours, None)
        if exchange is not None:
            self._streams.pop(exchange.stream_id, None)
            self._full.discard(exchange.stream_id)
            if exchange.withheld:
                self._h2.acknowledge_received_data(exchange.withheld, ours)
        return exchange

    # From the origin

    def _received(self, data: bytes) -> Commands:
        for start in range(0, len(data), PIECE):
            try:
                found = self._h2.receive_data(data[start : start + PIECE])
            except (ProtocolError, *CATCH_HYPER_H2_ERRORS):
                yield from self._break(ErrorCodes.PROTOCOL_ERROR)
                return
            for event in found:
                yield from self._take(event)
                if self._is_over:
                    return
            if self._h2.head_so_far > self._limits.head:
                yield from self._break(ErrorCodes.ENHANCE_YOUR_CALM)
                return
        if self._withheld:
            self._give_room()

    def _give_room(self) -> None:
        self._withheld = False
        for ours, exchange in self._exchanges.items():
            if exchange.withheld and self._client_takes(exchange.stream_id):
                self._h2.acknowledge_received_data(exchange.withheld, ours)
                exchange.withheld, exchange.since = 0, self._clock()
            self._withheld = self._withheld or exchange.withheld > 0

    def _take(self, event: h2.events.Event | Leaving) -> Commands:
        if isinstance(event, h2.events.DataReceived):
            yield from self._body(event)
        elif isinstance(event, h2.events.ResponseReceived):
            yield from self._head(event)
        elif isinstance(event, h2.events.StreamEnded):
            yield from self._answered(event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            yield from self._trailers(event)
        elif isinstance(event, h2.events.StreamReset):
            yield from self._reset(event)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            yield from self._announced(event.stream_id)
        elif isinstance(event, Leaving):
            yield from self._goes(event)
        elif isinstance(event, WITHOUT_CONTENT):
            if isinstance(event, h2.events.RemoteSettingsChanged):
                self._at_once = min(self._h2.remote_settings.max_concurrent_streams, self._limits.streams)
            yield from self._idle_frame()
        else:
            yield from self._break(ErrorCodes.PROTOCOL_ERROR)

    def _idle_frame(self) -> Commands:
        if self._empty_frames.is_over():
            yield from self._break(ErrorCodes.ENHANCE_YOUR_CALM)

    def _announced(self, ours: int) -> Commands:
        """Pass over an answer that only announces another (RFC 9110 section 15.2)."""
        if exchange := self._exchanges.get(ours):
            exchange.is_heard, exchange.since = True, self._clock()
            exchange.interim += 1
            if exchange.interim > self._limits.interim_answers:
                yield from self._fail(ours, "The origin announces without end.", ErrorCode.RESPONSE_VALIDATION_FAILED)

    def _head(self, event: h2.events.ResponseReceived) -> Commands:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is None:
            return
        exchange.is_heard, exchange.since = True, self._clock()
        fields, ended = event.headers or [], event.stream_ended is not None
        try:
            if len(fields) > self._limits.head_lines:
                raise ValueError("too many lines")
            response = response_of(fields, exchange.method, ended=ended, for_http2=self._for_http2)
        except ValueError:
            yield from self._fail(event.stream_id, UNREADABLE, ErrorCode.RESPONSE_VALIDATION_FAILED)
            return
        yield ReceiveHttp(ResponseHeaders(exchange.stream_id, response, ended))

    def _body(self, event: h2.events.DataReceived) -> Commands:
        ours, size = event.stream_id, event.flow_controlled_length or 0
        exchange = self._exchanges.get(ours)
        if exchange is not None and event.data:
            exchange.since = self._clock()
            yield ReceiveHttp(ResponseData(exchange.stream_id, event.data))
        elif not event.stream_ended:
            yield from self._idle_frame()
        if self._is_over or not size:
            return
        if ours in self._exchanges and exchange is not None and not self._client_takes(exchange.stream_id):
            exchange.withheld += size
            self._withheld = True
        else:
            self._h2.acknowledge_received_data(size, ours)

    def _trailers(self, event: h2.events.TrailersReceived) -> Commands:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is None or not self._for_http2:
            return  # of HTTP/1 only those get them who ask for them
        fields = trailers_of(event.headers or [])
        if sum(len(name) + len(value) for name, value in fields) > self._limits.trailers:
            yield from self._fail(event.stream_id, "The origin's trailers are too long.")
        elif fields:
            yield ReceiveHttp(ResponseTrailers(exchange.stream_id, http.Headers(fields)))

    def _answered(self, ours: int) -> Commands:
        exchange = self._exchanges.get(ours)
        if exchange is None:
            return
        exchange.is_answered = self._has_served = True
        if exchange.is_sent:
            self._forget(ours)
        yield ReceiveHttp(ResponseEndOfMessage(exchange.stream_id))

    # What fails

    def _reset(self, event: h2.events.StreamReset) -> Commands:
        exchange = self._forget(event.stream_id)
        if exchange is None:
            yield from self._idle_frame()
        elif not exchange.is_answered:
            refused = event.error_code == ErrorCodes.REFUSED_STREAM and not exchange.is_heard
            yield _failure(exchange, "The origin broke the request off.", unanswered=refused)

    def _goes(self, event: Leaving) -> Commands:
        """The origin takes no more requests, but answers those up to the last that it names (RFC 9113 section 6.8)."""
        self._is_leaving = True
        for ours in [ours for ours in self._exchanges if ours > event.last_stream_id]:
            exchange = self._forget(ours)
            if exchange is not None:
                yield _failure(exchange, "The origin takes no more requests here.", unanswered=not exchange.is_heard)

    def _fail(self, ours: int, said: str, code: ErrorCode = ErrorCode.GENERIC_SERVER_ERROR) -> Commands:
        """Break off one request."""
        exchange = self._take_back(ours)
        if exchange is not None:
            yield ReceiveHttp(ResponseProtocolError(exchange.stream_id, said, code))

    def _take_back(self, ours: int) -> Exchange | None:
        with contextlib.suppress(ProtocolError):  # where it has ended by itself
            self._h2.reset_stream(ours, ErrorCodes.CANCEL)
        return self._forget(ours)

    def _break(self, code: ErrorCodes) -> Commands:
        """End the connection for what the origin did."""
        yield from self._close(code, UNREADABLE, ErrorCode.RESPONSE_VALIDATION_FAILED)

    def _close(self, code: ErrorCodes, said: str, why: ErrorCode = ErrorCode.GENERIC_SERVER_ERROR) -> Commands:
        if not self._h2.is_closed:
            self._h2.close_connection(code)
        data = self._h2.data_to_send()
        if data:
            yield commands.SendData(self.conn, data)
        yield from self._end(said, why)

    def _end(self, said: str, code: ErrorCode = ErrorCode.GENERIC_SERVER_ERROR) -> Commands:
        self._is_over = True
        exchanges, self._exchanges = self._exchanges, {}
        self._streams.clear()
        self._full.clear()
        self._withheld = False
        yield commands.CloseConnection(self.conn)
        gone = self._has_served and code is ErrorCode.GENERIC_SERVER_ERROR and said != TIMED_OUT
        for exchange in exchanges.values():
            yield _failure(exchange, said, code, unanswered=gone and not exchange.is_heard)


def _failure(
    exchange: Exchange, said: str, code: ErrorCode = ErrorCode.GENERIC_SERVER_ERROR, *, unanswered: bool
) -> ReceiveHttp:
    kind = UnansweredError if unanswered else ResponseProtocolError
    return ReceiveHttp(kind(exchange.stream_id, said, code))
