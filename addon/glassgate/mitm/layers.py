"""mitmproxy's HTTP layer with three cures: bodies are framed, refused bodies are cut off, failures get our page.

An HTTP/2 body without a content-length would go to an HTTP/1 origin without any framing, where its bytes are read as
a second request that nobody judged. A body of a refused request would be kept in memory to its last byte. And what
mitmproxy answers when an origin is away carries none of our headers.
"""

from collections.abc import Callable
from typing import Any

from mitmproxy import flow, http
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy import commands, events, layer, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import ClientTLSLayer
from mitmproxy.proxy.layers.http import DropStream, HttpLayer, HTTPMode, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

REFUSED_BODY = 64 * 1024  # bytes of a body that are taken after its request was answered
HANDSHAKE = 0x16  # how a TLS connection begins (RFC 8446 section 5.1), and no HTTP method does

type Away = Callable[[http.HTTPFlow], http.Response]
type Commands = layer.CommandGenerator[Any]


class GateStream(HttpStream):
    """One request and its answer."""

    away: Away

    def start_request_stream(self) -> Commands:
        """Frame a body that came without a length, then pass it on."""
        headers = self.flow.request.headers
        if "content-length" not in headers and "transfer-encoding" not in headers:
            headers["Transfer-Encoding"] = "chunked"
        yield from super().start_request_stream()

    def state_consume_request_body(self, event: RequestData | RequestTrailers | RequestEndOfMessage) -> Commands:
        """Take the body of a request that is answered here, and only so much of it."""
        yield from super().state_consume_request_body(event)
        if self.flow.response is not None and len(self.request_body_buf) > REFUSED_BODY:
            self.request_body_buf.clear()
            self.flow.error = flow.Error("The body of a refused request was too long.")
            yield HttpErrorHook(self.flow)
            yield from self._answer(self.flow.response)

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Commands:
        """Take the head of an origin's answer for a failure where it can be read in two ways."""
        try:
            validate_headers(event.response)
        except ValueError as fault:
            yield commands.CloseConnection(self.flow.server_conn)
            said = ResponseProtocolError(self.stream_id, str(fault), ErrorCode.RESPONSE_VALIDATION_FAILED)
            yield from self.handle_protocol_error(said)
        else:
            yield from super().state_wait_for_response_headers(event)

    def handle_protocol_error(self, event: Any) -> Commands:
        """Answer with our own page where the origin failed before its answer began."""
        failed = isinstance(event, ResponseProtocolError) and self.client_state != self.state_errored
        if not failed or self.flow.response is not None:
            yield from super().handle_protocol_error(event)
            return
        answer = self.away(self.flow)
        self.flow.error = flow.Error(event.message)
        yield HttpErrorHook(self.flow)
        self.flow.response = answer
        yield from self._answer(answer)

    def _answer(self, response: http.Response) -> Commands:
        """Send an answer now, whatever of the request is still to come."""
        unfinished = self.client_state != self.state_done
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        if unfinished:
            response.headers["Connection"] = "close"
        client = self.context.client
        content = response.raw_content or b""
        yield SendHttp(ResponseHeaders(self.stream_id, response, not content), client)
        if content:
            yield SendHttp(ResponseData(self.stream_id, content), client)
        yield DropStream(self.stream_id)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), client)
        if unfinished and client.alpn != b"h2":
            yield commands.CloseConnection(client)


class GateLayer(HttpLayer):
    """The HTTP layer of one client connection."""

    def __init__(self, context: Context, away: Away) -> None:
        super().__init__(context, HTTPMode.transparent)
        self.away = away

    def make_stream(self, stream_id: int) -> Commands:
        """Begin one request."""
        stream = GateStream(self.context.fork(), stream_id)
        stream.away = self.away
        self.streams[stream_id] = stream
        yield from self.event_to_child(stream, events.Start())


def first_layer(context: Context, data: bytes, away: Away) -> layer.Layer | None:
    """The layer for a client's first bytes: TLS and HTTP in it, or HTTP; None where there are none yet.

    One byte decides: where this waited for a second, mitmproxy's own addon would choose in its place.
    """
    if not data:
        return None
    stack = tunnel.LayerStack()
    if data[0] == HANDSHAKE:
        stack /= ClientTLSLayer(context)
    stack /= GateLayer(context, away)
    return stack[0]
