"""One request and its answer: a body has a limit, trailers are left out, and whatever fails gets an answer of ours."""

import time
from collections.abc import Callable

from mitmproxy import flow, http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Paused
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    HTTPMode,
    HttpStream,
    SendHttp,
    validate_request,
)
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._hooks import (
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
)

from glassgate.access.messages import MESSAGES
from glassgate.gate.exchange import PIECE
from glassgate.mitm.layers import made
from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.events import ERRORS, AtOnce, BodyPieceHook, Commands, Early, Enough, Refuse, nothing
from glassgate.mitm.layers.heads import SWITCHING, check, go_on, waits
from glassgate.mitm.layers.to_origin import Another, UnansweredError
from glassgate.mitm.layers.websocket import GateWebsocket

SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
type AtHand = Callable[[GetHttpConnection, GateStream], Connection | None]

FROM_CLIENT = (RequestHeaders, RequestData, RequestTrailers, RequestEndOfMessage)
FROM_ORIGIN = (ResponseHeaders, ResponseData, ResponseTrailers, ResponseEndOfMessage)


class GateStream(HttpStream):
    """One request and its answer."""

    def __init__(
        self, context: Context, stream_id: int, answers: Answers, at_hand: AtHand, at_once: AtOnce | None = None
    ) -> None:
        """`at_hand` gives a connection to an origin where one is free, `at_once` calls a hook that need not wait."""
        super().__init__(context, stream_id)
        self.answers = answers
        self._at_hand = at_hand
        self._at_once = at_once
        self.client_state = self.state_wait_for_request_headers
        self._room: int | None = None  # bytes of the body that may still come; None: as many as there are
        self._taken = 0  # bytes of the body of a request that is answered here
        self._at_origin = False  # the request, or a part of it, was sent on
        self._is_again = False  # it was sent on once more

    def handle_event(self, event: events.Event) -> Commands:
        """Take an event. What pauses a request, and lets it go on, is mitmproxy's."""
        if self._paused is not None or self.child_layer is not None:
            return super().handle_event(event)
        return self._unpaused(self._handle_event(event))

    def _unpaused(self, handled: Commands) -> Commands:
        """Go on at once where nothing has to be waited for: to be paused and resumed costs more than most hooks do.

        A WebSocket's own hooks are not meant: it has been paused for them by then, and waits for their end.
        """
        reply = None
        while True:
            try:
                command = handled.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(command, StartHook):
                if command.blocking is True and self._at_once and self._at_once(command):
                    continue
            elif isinstance(command, GetHttpConnection) and (connection := self._at_hand(command, self)):
                reply = (connection, None)
                continue
            if command.blocking is True:
                break
            yield command
        command.blocking = self
        self._paused = Paused(command, handled)
        yield command

    def _handle_event(self, event: events.Event) -> Commands:
        handled: Commands
        if isinstance(event, FROM_CLIENT):
            handled = self.client_state(event)
        elif isinstance(event, FROM_ORIGIN):
            handled = self.server_state(event)
        elif isinstance(event, RequestProtocolError | ResponseProtocolError):
            handled = self.handle_protocol_error(event)
        else:
            handled = self.refuse(event.code) if isinstance(event, Refuse) else nothing()
        return handled

    # The request

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        """Have the gate decide, before anything of the body is taken."""
        self.flow = made.flow(self.context.client, self.context.server)
        self.flow.request = request = event.request
        self.flow.live = True
        if (yield from self.check_invalid(True)):
            return
        # Where it would go by itself: to the listener's own upstream, which leads nowhere.
        request.data.host, request.data.port = (self.context.server.address or ("", 0))[:2]
        request.data.scheme = b"http"
        yield made.hook(HttpRequestHeadersHook, self.flow)
        if (yield from self.check_killed(True)):
            return
        if not event.end_stream and (yield from self._is_too_long()):
            return
        if waits(request):
            request.headers.pop("expect")
            yield SendHttp(ResponseHeaders(self.stream_id, go_on()), self.context.client)
        self.server_state = self.state_wait_for_response_headers
        if request.stream and not event.end_stream and self.flow.response is None:
            yield from self.start_request_stream()
        else:
            self.client_state = self.state_consume_request_body

    def check_invalid(self, request: bool) -> Commands:
        """Refuse a request whose headers can be read in two ways. True where it was refused."""
        said = validate_request(HTTPMode.transparent, self.flow.request, False)
        try:
            check(self.flow.request)
        except ValueError as fault:
            said = said or str(fault)
        if said is None:
            return False
        self.flow.error = flow.Error(said)
        yield HttpRequestHeadersHook(self.flow)  # for those who look
        answer = self.answers.for_head(self.context.client, "bad_request", self.flow.request, "malformed_headers")
        yield HttpErrorHook(self.flow)
        yield from self._answer(answer)
        return True

    def _is_too_long(self) -> Commands:
        limit = self.answers.limit_of(self.flow)
        if limit is None:
            return False
        self._room = limit
        if int(self.flow.request.headers.get("content-length", 0)) > limit:
            yield from self.refuse("body_too_large")
            return True
        return False

    def start_request_stream(self) -> Commands:
        """Pass a body on as it comes."""
        if not (yield from self.make_server_connection()):
            return
        yield SendHttp(RequestHeaders(self.stream_id, self.flow.request, end_stream=False), self.context.server)
        self.client_state = self.state_stream_request_body

    def make_server_connection(self) -> Commands:
        """Have a connection to the origin. False where there is none, and the visitor was told."""
        self._at_origin = yield from super().make_server_connection()
        return self._at_origin

    def state_stream_request_body(self, event: RequestData | RequestTrailers | RequestEndOfMessage) -> Commands:
        """Pass a piece of a body on, within its limit. Trailers are left out (RFC 9110 section 6.5.1)."""
        if isinstance(event, RequestTrailers):
            return
        if not isinstance(event, RequestData):
            yield from super().state_stream_request_body(event)
            return
        if self._room is not None:
            self._room -= len(event.data)
            if self._room < 0:
                yield from self.refuse("body_too_large")
                return
        yield SendHttp(event, self.context.server)

    def state_consume_request_body(self, event: RequestData | RequestTrailers | RequestEndOfMessage) -> Commands:
        """Take the body of a request that is answered here, and only so much of it."""
        if isinstance(event, RequestEndOfMessage):
            yield from super().state_consume_request_body(event)
        elif isinstance(event, RequestData):
            self._taken += len(event.data)
            if self.answers.limit_of(self.flow) is not None:
                self.request_body_buf += event.data  # somebody reads it; of a refused request nobody would
            room = self.answers.limits.refused_body if self._room is None else self._room
            if self._taken > room:
                self.request_body_buf.clear()
                yield from self._enough()
            elif len(self.request_body_buf) >= PIECE and self.answers.in_pieces(self.flow):
                yield from self._hand_over()

    def _hand_over(self) -> Commands:
        """Have what has come of a body written away, before more of it is read."""
        self.flow.request.data.content = bytes(self.request_body_buf)
        self.request_body_buf.clear()
        yield BodyPieceHook(self.flow)
        self.flow.request.data.content = None
        if not self.answers.in_pieces(self.flow):
            yield from self._enough()

    def _enough(self) -> Commands:
        response = self.flow.response
        if response is None or self.answers.limit_of(self.flow) is not None:
            yield from self.refuse("body_too_large")
            return
        self.flow.error = flow.Error("The body of a refused request was too long.")
        yield HttpErrorHook(self.flow)
        yield from self._answer(response)

    # The answer

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Commands:
        """Take the head of an origin's answer for a failure where it can be read in two ways."""
        try:
            check(event.response)
            self._check_upgrade(event.response)
        except ValueError as fault:
            yield SendHttp(_ended(self.stream_id), self.context.server)
            said = ResponseProtocolError(self.stream_id, str(fault), ErrorCode.RESPONSE_VALIDATION_FAILED)
            yield from self.handle_protocol_error(said)
            return
        self.flow.response = event.response
        yield made.hook(HttpResponseHeadersHook, self.flow)
        if (yield from self.check_killed(True)):
            yield SendHttp(_ended(self.stream_id), self.context.server)
        elif self.flow.response.stream and not event.end_stream:
            yield from self.start_response_stream()
        else:
            self.server_state = self.state_consume_response_body

    def _check_upgrade(self, response: http.Response) -> None:
        if response.status_code != SWITCHING:
            return
        asked = self.flow.request.headers
        if response.headers.get("upgrade", "").lower() != "websocket" or asked.get("sec-websocket-version") != "13":
            raise ValueError("an upgrade to something else than the WebSocket that was asked for")

    def start_response_stream(self) -> Commands:
        """Pass the head of an answer on; its body follows as it comes."""
        if self.flow.response is not None:
            yield SendHttp(ResponseHeaders(self.stream_id, self.flow.response, end_stream=False), self.context.client)
            self.server_state = self.state_stream_response_body

    def state_stream_response_body(self, event: ResponseData | ResponseTrailers | ResponseEndOfMessage) -> Commands:
        """Pass a piece of an answer's body on."""
        if isinstance(event, ResponseData):
            yield SendHttp(event, self.context.client)
        elif isinstance(event, ResponseTrailers):
            yield from super().state_stream_response_body(event)
        else:
            yield from self.send_response(already_streamed=True)

    def send_response(self, already_streamed: bool = False) -> Commands:
        """End an answer. mitmproxy would keep its end till the request has ended, which may wait for just that."""
        data = self.flow.response.data if already_streamed and self.flow.response is not None else None
        if data is None or data.status_code == SWITCHING or data.trailers:
            yield from super().send_response(already_streamed)
        else:
            data.timestamp_end = time.time()
            yield made.hook(HttpResponseHook, self.flow)
            self.server_state = self.state_done
            if (yield from self.check_killed(False)):
                return
            if self.client_state == self.state_done:
                yield from self.flow_done()
        if self.server_state == self.state_done and self.client_state == self.state_stream_request_body:
            yield SendHttp(Early(self.stream_id), self.context.client)

    def flow_done(self) -> Commands:
        """Both are whole: make room for the next request, or become a WebSocket."""
        done = SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        if self.flow.websocket is not None:
            self.child_layer = GateWebsocket(self.context, self.flow, self.stream_id, self.answers)
            self._handle_event = self.passthrough  # type: ignore[method-assign]
            yield from self.child_layer.handle_event(events.Start())
            yield done
            return
        self.flow.live = False
        if self.flow.response is not None and self.flow.response.status_code == SWITCHING:
            yield commands.CloseConnection(self.context.client)
        yield DropStream(self.stream_id)
        yield done

    # What fails

    def refuse(self, code: str) -> Commands:
        """Break a request off, and say why where no answer has begun. `code` is a standing message's."""
        if self.client_state == self.state_errored:
            return
        if self._at_origin:
            yield SendHttp(_ended(self.stream_id), self.context.server)
        if self.server_state == self.state_done:
            yield from self._cut(code)
            return
        began = self.server_state == self.state_stream_response_body
        answer = None if began else self.answers.for_origin(self.flow, code)
        self.flow.error = flow.Error(MESSAGES[code].text)
        yield HttpErrorHook(self.flow)
        yield from self._answer(answer) if answer else self._cut(code)

    def _cut(self, said: str) -> Commands:
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        yield DropStream(self.stream_id)
        yield SendHttp(ResponseProtocolError(self.stream_id, said, ErrorCode.KILL), self.context.client)

    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> Commands:
        """Answer with our own page where the origin failed before its answer began."""
        if isinstance(event, UnansweredError) and self._may_be_asked_again():
            yield from self._ask_again()
            return
        from_origin = isinstance(event, ResponseProtocolError)
        if from_origin and self.client_state != self.state_errored and self.flow.response is None:
            answer = self.answers.for_origin(self.flow, self._why(event))
            self.flow.error = flow.Error(event.message)
            yield HttpErrorHook(self.flow)
            yield from self._answer(answer)
            return
        if not from_origin and self._at_origin and self.server_state == self.state_done:
            yield SendHttp(_ended(self.stream_id), self.context.server)
        yield from super().handle_protocol_error(event)

    def _may_be_asked_again(self) -> bool:
        """Whether it changes nothing to ask twice (RFC 9110 section 9.2.2), and nothing is lost that came before."""
        waits = self.client_state == self.state_done and self.server_state == self.state_wait_for_response_headers
        request = self.flow.request
        bodiless = request.raw_content == b""  # None where it was passed on as it came
        return waits and bodiless and not self._is_again and request.method in SAFE and "upgrade" not in request.headers

    def _ask_again(self) -> Commands:
        self._is_again = True
        request = self.flow.request
        connection, error = yield Another((request.host, request.port), request.scheme == "https", None)
        if error:
            failed = ResponseProtocolError(self.stream_id, error, ErrorCode.CONNECT_FAILED)
            yield from self.handle_protocol_error(failed)
            return
        self.context.server = self.flow.server_conn = connection
        yield SendHttp(RequestHeaders(self.stream_id, request, end_stream=True), connection)
        yield SendHttp(RequestEndOfMessage(self.stream_id), connection)

    def _why(self, event: RequestProtocolError | ResponseProtocolError) -> str:
        broken = event.code is ErrorCode.RESPONSE_VALIDATION_FAILED
        return ERRORS.get(event.message, "origin_broken" if broken else "origin_unreachable")

    def check_killed(self, emit_error_hook: bool) -> Commands:
        """Whether a hook killed the flow, or its client has left. Then nothing more of it is known."""
        if self.flow.error is None and not self._paused_event_queue:
            return False
        killed = yield from super().check_killed(emit_error_hook)
        if killed:
            yield DropStream(self.stream_id)
        return killed

    def let_go(self) -> None:
        """Hold itself no longer, so that a request's memory is free with its end, not when a collector comes by."""
        self.context.layers.clear()
        self.client_state = self.server_state = nothing

    def _answer(self, response: http.Response) -> Commands:
        """Send an answer now, whatever of the request is still to come."""
        unfinished = self.client_state != self.state_done
        self.client_state = self.server_state = self.state_errored
        self.flow.response = response
        self.flow.live = False
        client = self.context.client
        content = response.raw_content or b""
        if unfinished:
            yield SendHttp(Enough(self.stream_id), client)
        yield SendHttp(ResponseHeaders(self.stream_id, response, not content), client)
        if content:
            yield SendHttp(ResponseData(self.stream_id, content), client)
        yield DropStream(self.stream_id)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), client)


def _ended(stream_id: int) -> RequestProtocolError:
    return RequestProtocolError(stream_id, "It is not wanted any more.", ErrorCode.CANCEL)
