"""A client's HTTP/2 connection: windows that bound what waits, floods that end it, and answers as ours."""

import time
from collections.abc import Mapping
from typing import Any

import h2.events
from h2.connection import ConnectionState
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.stream import StreamState as H2StreamState
from hyperframe.frame import GoAwayFrame
from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http._base import ReceiveHttp
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
from mitmproxy.proxy.layers.http._http2 import CATCH_HYPER_H2_ERRORS, Http2Server, StreamState, parse_h2_request_headers

from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.events import Commands, Drain, Early, Enough, Refuse, TooSlow
from glassgate.mitm.layers.http1 import CODES
from glassgate.mitm.layers.tally import Tally
from glassgate.mitm.layers.to_origin import takes
from glassgate.mitm.layers.windows import PIECE, Idle, ToClient

ALL_STREAMS = 2**31 - 1
EMPTY = (
    h2.events.PingReceived,
    h2.events.PingAckReceived,
    h2.events.RemoteSettingsChanged,
    h2.events.SettingsAcknowledged,
    h2.events.PriorityUpdated,
    h2.events.UnknownFrameReceived,
    Idle,
)


class Http2Front(Http2Server):
    """The side of a connection that a client sees. `streams` are the layer's requests under way, by their ids."""

    h2_conn: ToClient

    def __init__(
        self, context: Context, answers: Answers, streams: Mapping[int, Layer], refusal: str | None = None
    ) -> None:
        super().__init__(context)
        self.answers = answers
        self.limits = limits = answers.limits
        self.requests = streams
        self.h2_conn = ToClient(self.h2_conf, limits)
        self.draining = False
        self._refusal = refusal  # the answer to whatever is asked
        self._was_told_to_go = False
        self._withheld: dict[int, int] = {}  # bytes by stream that wait for their request, so that no more may come
        self._enough: set[int] = set()  # streams whose answer comes before their request has ended
        self._ending: set[int] = set()  # streams whose answer is whole here, and waits for the client's window
        self._resets = Tally(limits.resets, limits.span, answers.clock)
        self._empty_frames = Tally(limits.empty_frames, limits.span, answers.clock)

    # What a driver looks at

    @property
    def held(self) -> bool:
        """Whether a body waits until its request is worked on again."""
        return bool(self._withheld)

    @property
    def idle(self) -> bool:
        """Whether nothing is half-read or half-sent."""
        return not self.h2_conn.half_read and not self.h2_conn.stream_buffers

    @property
    def head_began(self) -> bool:
        """Whether a part of a head, or of any frame, is here while no request is under way."""
        return not self.requests and self.h2_conn.half_read

    @property
    def unread(self) -> int:
        """Bytes that wait behind what is being worked on. Their windows bound them."""
        return sum(self._withheld.values())

    @property
    def unsent(self) -> int:
        """Bytes of answers that wait for the client's window."""
        return self.h2_conn.unsent if self.h2_conn.stream_buffers else 0

    def waits(self, stream_id: int) -> bool:
        """Whether a part of an answer waits for the client's window."""
        return stream_id in self.h2_conn.stream_buffers

    @property
    def asked(self) -> int:
        """A number that changes with each request."""
        return self.h2_conn.highest_inbound_stream_id

    @property
    def upgraded(self) -> bool:
        """Never: a WebSocket over HTTP/2 (RFC 8441) is not offered."""
        return False

    # From the client

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.DataReceived):
            yield from self._received(event.data)
        elif isinstance(event, ResponseHeaders):
            yield from super()._handle_event(event)
        elif isinstance(event, Enough):
            self._enough.add(event.stream_id)
        elif isinstance(event, Early):
            yield from super()._handle_event(ResponseEndOfMessage(event.stream_id))
        elif isinstance(event, ResponseProtocolError):
            yield from self._failed(event)
        elif isinstance(event, Drain):
            yield from self._drain()
        elif isinstance(event, TooSlow):
            yield from self._too_slow()
        else:
            yield from super()._handle_event(event)
            if isinstance(event, ResponseEndOfMessage):
                yield from self._ended(event.stream_id)
            elif self.unsent > self.limits.most_unsent:
                yield from self._calm_down()

    def _received(self, data: bytes) -> Commands:
        if self._withheld:
            self._give_room()
        for start in range(0, len(data), PIECE):
            try:
                found = self.h2_conn.receive_data(data[start : start + PIECE])
            except (ProtocolError, *CATCH_HYPER_H2_ERRORS):
                yield from self._close(ErrorCodes.PROTOCOL_ERROR)
                return
            for event in found:
                if (yield from self.handle_h2_event(event)):
                    return
            if self.h2_conn.head_so_far > self.limits.head:
                yield from self._calm_down()
                return
        for stream_id in self._ending - self.h2_conn.stream_buffers.keys():
            self._ending.discard(stream_id)
            self._forget(stream_id)
        yield from self._flush()

    def _give_room(self) -> None:
        for stream_id, size in list(self._withheld.items()):
            if self._is_worked_on(stream_id):
                del self._withheld[stream_id]
                self.h2_conn.acknowledge_received_data(size, stream_id)

    def handle_h2_event(self, event: Any) -> Commands:
        """Take one thing that the client did. True where the connection has ended with it."""
        if isinstance(event, h2.events.DataReceived):
            return (yield from self._body(event))
        if isinstance(event, h2.events.RequestReceived):
            yield from self._request(event)
            return False
        if isinstance(event, EMPTY):
            if self._empty_frames.is_over():
                yield from self._calm_down()
                return True
            return False
        if isinstance(event, h2.events.StreamEnded):
            # mitmproxy would forget the stream where it was taken back at once, and its request would go on.
            if event.stream_id in self.streams:
                yield ReceiveHttp(RequestEndOfMessage(event.stream_id))
            if event.stream_id not in self.requests:
                self.streams.pop(event.stream_id, None)
            return False
        if isinstance(event, h2.events.StreamReset):
            return (yield from self._taken_back(event.stream_id))
        return (yield from super().handle_h2_event(event))

    def _taken_back(self, stream_id: int) -> Commands:
        if self._resets.is_over():
            yield from self._calm_down()
            return True
        self.h2_conn.stream_trailers.pop(stream_id, None)
        if self.streams.pop(stream_id, None):
            yield ReceiveHttp(RequestProtocolError(stream_id, "The client wants it no more.", ErrorCode.CANCEL))
        return False

    def _request(self, event: h2.events.RequestReceived) -> Commands:
        fields = event.headers or []
        most = self.limits.head_lines
        if len(fields) > most and sum(name != b"cookie" for name, _ in fields) > most:
            yield from self._refuse(event.stream_id, "head_too_large", "header_lines")
            return
        try:
            host, port, method, scheme, authority, path, headers = parse_h2_request_headers(fields)
        except ValueError:
            yield from self._refuse(event.stream_id, "bad_request", "malformed_head")
            return
        request = http.Request(
            host=host, port=port, method=method, scheme=scheme, authority=authority, path=path,
            http_version=b"HTTP/2.0", headers=headers, content=None, trailers=None,
            timestamp_start=time.time(), timestamp_end=None,
        )  # fmt: skip
        if self._refusal:
            yield from self._refuse(event.stream_id, self._refusal, self._refusal, request)
            yield from self._go_away()
            return
        self.streams[event.stream_id] = StreamState.HEADERS_RECEIVED
        yield ReceiveHttp(RequestHeaders(event.stream_id, request, end_stream=bool(event.stream_ended)))

    def _body(self, event: h2.events.DataReceived) -> Commands:
        stream_id, size = event.stream_id, event.flow_controlled_length
        if event.data:
            yield ReceiveHttp(RequestData(stream_id, event.data))
        elif not event.stream_ended and self._empty_frames.is_over():
            yield from self._calm_down()
        if self._is_over:
            return True
        if self._is_worked_on(stream_id):
            self.h2_conn.acknowledge_received_data(size, stream_id)
        else:
            self._withheld[stream_id] = self._withheld.get(stream_id, 0) + size
        return False

    def _is_worked_on(self, stream_id: int) -> bool:
        """Whether more of a body may come: its request has been decided on, and its origin takes it."""
        stream = self.requests.get(stream_id)
        return stream is None or (not stream._paused and takes(stream.context.server, stream_id))

    # To the client

    def _refuse(self, stream_id: int, code: str, reason: str, request: http.Request | None = None) -> Commands:
        """Answer a head that could not be judged, or is one too many."""
        response = self.answers.for_head(self.context.client, code, request, reason)
        content = response.raw_content or b""
        self._enough.add(stream_id)
        yield from super()._handle_event(ResponseHeaders(stream_id, response, end_stream=not content))
        yield from super()._handle_event(ResponseData(stream_id, content))
        yield from super()._handle_event(ResponseEndOfMessage(stream_id))
        yield from self._ended(stream_id)

    def _failed(self, event: ResponseProtocolError) -> Commands:
        status = event.code.http_status_code()
        stream = self.h2_conn.streams.get(event.stream_id)
        untouched = stream is not None and not stream.state_machine.headers_sent
        if untouched and status is not None and self.is_open_for_us(event.stream_id):
            yield from self._refuse(event.stream_id, CODES.get(status, "origin_unreachable"), "unexpected")
        else:
            yield from super()._handle_event(event)
            yield from self._ended(event.stream_id)

    def _ended(self, stream_id: int) -> Commands:
        """An answer is whole."""
        if stream_id in self.h2_conn.stream_buffers:
            self._ending.add(stream_id)
        else:
            self._forget(stream_id)
        yield from self._flush()

    def _forget(self, stream_id: int) -> None:
        """An answer is sent: want no more of its request (RFC 9113 section 8.1), and forget both."""
        if stream_id in self._enough:
            self._enough.discard(stream_id)
            if not self.is_closed(stream_id):
                self.h2_conn.reset_stream(stream_id, ErrorCodes.NO_ERROR)
        if self.is_closed(stream_id):
            self.streams.pop(stream_id, None)

    def _flush(self) -> Commands:
        data = self.h2_conn.data_to_send()
        if data:
            yield commands.SendData(self.conn, data)

    # Ends

    @property
    def _is_over(self) -> bool:
        return self.h2_conn.state_machine.state is ConnectionState.CLOSED

    def _calm_down(self) -> Commands:
        yield from self._close(ErrorCodes.ENHANCE_YOUR_CALM)

    def _close(self, code: ErrorCodes) -> Commands:
        if not self._is_over:  # else h2 has said why by itself
            self.h2_conn.close_connection(code)
        yield from self._flush()
        yield from self.close_connection("The connection has ended.")

    def protocol_error(self, message: str, error_code: int = ErrorCodes.PROTOCOL_ERROR) -> Commands:
        """End the connection, without mitmproxy's words."""
        yield from self._close(ErrorCodes(error_code))

    def close_connection(self, msg: str) -> Commands:
        """End the connection, and every request on it."""
        self._handle_event = self.done  # type: ignore[method-assign, assignment]
        streams, self.streams = self.streams, {}
        self._withheld.clear()
        yield commands.CloseConnection(self.conn)
        for stream_id in streams:
            yield ReceiveHttp(RequestProtocolError(stream_id, msg, ErrorCode.CLIENT_DISCONNECTED))

    def done(self, _: events.Event) -> Commands:
        """Hear no more."""
        yield from ()

    # From a driver

    def _drain(self) -> Commands:
        if self.requests or self.h2_conn.stream_buffers:
            yield from self._go_away()
            self.draining = True
        else:
            yield from self._close(ErrorCodes.NO_ERROR)

    def _go_away(self) -> Commands:
        if not self._was_told_to_go:
            self._was_told_to_go = True
            # By h2 itself it would be the end of all streams.
            yield commands.SendData(self.conn, GoAwayFrame(0, last_stream_id=ALL_STREAMS).serialize())

    def _too_slow(self) -> Commands:
        unfinished = [stream_id for stream_id in self.requests if self._is_receiving(stream_id)]
        for stream_id in unfinished:
            yield ReceiveHttp(Refuse(stream_id, "timeout"))
        if not unfinished:
            yield from self._close(ErrorCodes.NO_ERROR)

    def _is_receiving(self, stream_id: int) -> bool:
        stream = self.h2_conn.streams.get(stream_id)
        return stream is not None and stream.state_machine.state is H2StreamState.OPEN
