"""The HTTP layer of one client connection, and the choice of it by the client's first bytes."""

import logging
from collections.abc import Iterator

from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy import commands, events, layer, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import tls
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    RegisterHttpConnection,
    SendHttp,
)
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestHeaders
from wsproto.frame_protocol import CloseReason

from glassgate.mitm.layers import made
from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.backs import Opening, back_of
from glassgate.mitm.layers.events import AtOnce, CaughtUp, CloseWebsocket, Commands, Drain, SayNow, TooSlow
from glassgate.mitm.layers.http1 import Http1Front
from glassgate.mitm.layers.http2 import Http2Front
from glassgate.mitm.layers.stream import GateStream
from glassgate.mitm.layers.tls import GateTls
from glassgate.mitm.layers.to_origin import HTTP1_ALONE, Another, ToOrigin
from glassgate.mitm.layers.upstream import Http1Back
from glassgate.mitm.layers.upstream_http2 import Http2Back

logger = logging.getLogger("glassgate")

SAYING = (commands.SendData, SayNow)  # what needs no more looking at on its way out

HANDSHAKE = 0x16  # how a TLS connection begins (RFC 8446 section 5.1), and no HTTP method does


class GateLayer(HttpLayer):
    """The HTTP layer of one client connection. What a driver may look at costs next to nothing."""

    def __init__(
        self, context: Context, answers: Answers, *, tls_outside: bool = False, refusal: str | None = None
    ) -> None:
        """`tls_outside`: whoever connects to an origin brings its TLS, too. `refusal`: the standing message that is the
        answer to every request, unjudged, where there is no room for this client."""
        super().__init__(context, HTTPMode.transparent)
        self.answers = answers
        self.at_once: AtOnce | None = None  # a driver may say how
        self._tls_outside = tls_outside
        self._refusal = refusal
        self.front: Http1Front | Http2Front | None = None  # None until TLS is set up
        self._multiplexed: list[Http2Back] = []

    # What a driver looks at

    @property
    def has_begun(self) -> bool:
        """Whether HTTP can be spoken: TLS, where there is any, is set up."""
        return self.front is not None

    @property
    def idle(self) -> bool:
        """Whether no request is under way, and nothing of one is here."""
        return self.front is not None and not self.streams and self.front.idle

    @property
    def head_began(self) -> bool:
        """Whether a part of a head is here."""
        return self.front is not None and self.front.head_began

    @property
    def asked(self) -> int:
        """A number that changes with each request."""
        return self.front.asked if self.front is not None else 0

    @property
    def upgraded(self) -> bool:
        """Whether a WebSocket runs."""
        return self.front is not None and self.front.upgraded

    @property
    def unread(self) -> int:
        """Bytes of the client's that wait behind what is being worked on."""
        return self.front.unread if self.front else 0

    @property
    def unsent(self) -> int:
        """Bytes of answers that wait in here for the client to take more."""
        return self.front.unsent if self.front else 0

    @property
    def reads_on(self) -> bool:
        """Whether the client is read though an origin takes nothing: its other requests go on, and windows bound it."""
        return isinstance(self.front, Http2Front)

    def waits(self, connection: Connection) -> bool:
        """Whether a part of the answer from this connection waits in here for the client."""
        back = back_of(self, connection)
        if not isinstance(back, Http1Back) or back.stream_id is None or self.front is None:
            return False  # an origin that speaks HTTP/2 has windows of ours
        return self.front.waits(back.stream_id)

    def below(self) -> list[layer.Layer]:
        """Every layer below this one."""
        found: list[layer.Layer] = []
        for one in (*self.connections.values(), *self.streams.values()):
            below: layer.Layer | None = one
            while below is not None:
                found.append(below)
                below = getattr(below, "child_layer", None)
        return found

    # Events

    def handle_event(self, event: events.Event) -> Commands:
        """Take an event. Requests wait in here, this never does."""
        return self._handle_event(event)

    def _handle_event(self, event: events.Event) -> Commands:
        handled = self._handled(event)
        return handled if self._tls_outside else self._for_mitmproxy(handled)

    def _for_mitmproxy(self, handled: Commands) -> Commands:
        """End the connection at a fault of a layer, as our driver does by itself: mitmproxy's server would go on."""
        try:
            for command in handled:
                if not isinstance(command, SayNow):  # which is nothing to that server: it sends at once
                    yield command
        except Exception as fault:  # noqa: BLE001 - whatever it is, nothing more passes here
            # Its kind alone: its text may hold what the request held.
            logger.error("A connection was ended: %s", type(fault).__name__)
            yield commands.CloseConnection(self.context.client)

    def _handled(self, event: events.Event) -> Commands:
        if isinstance(event, events.ConnectionEvent):
            child = self.connections.get(event.connection)
            if child is not None:
                yield from self.event_to_child(child, event)
                if child is self.front:
                    if self._multiplexed:
                        yield from self._give_room()
                elif self.front is not None and self.front.held:
                    yield from self._go_on()
            elif isinstance(event, events.DataReceived):
                yield commands.CloseConnection(event.connection)  # nobody asked it for anything
        elif isinstance(event, events.CommandCompleted):
            yield from self.event_to_child(self.command_sources.pop(event.command), event)
            yield from self._go_on()
        elif isinstance(event, events.Start):
            yield from self._start(event)
        elif isinstance(event, CaughtUp):
            yield from self._go_on()
        elif isinstance(event, Drain):
            yield from self._end_websockets("The gate is going down.")
            yield from self._to_front(event)
        elif isinstance(event, TooSlow):
            yield from self._end_websockets("It was silent for too long.")
            yield from self._to_front(event)
        elif isinstance(event, CloseWebsocket):
            for stream in [stream for stream in self.streams.values() if stream.flow is event.flow]:
                yield from self.event_to_child(stream, event)
        else:
            yield from super()._handle_event(event)
        if self.front is not None and self.front.draining and not self.streams:
            yield from self._to_front(event if isinstance(event, Drain) else Drain())

    def _start(self, event: events.Start) -> Commands:
        front = Http2Front if self.context.client.alpn == b"h2" else Http1Front
        self.front = front(made.fork(self.context), self.answers, self.streams, self._refusal)
        self.connections[self.context.client] = self.front
        yield from self._to_front(event)

    def _go_on(self) -> Commands:
        """Have a body go on that waited for its request, or for its origin."""
        if self.front is not None and self.front.held:
            yield from self.event_to_child(self.front, events.DataReceived(self.context.client, b""))

    def _give_room(self) -> Commands:
        """Have answers go on that waited for the client."""
        for back in self._multiplexed:
            if back.withholds:
                yield from self.event_to_child(back, events.DataReceived(back.conn, b""))

    def _client_takes(self, stream_id: int) -> bool:
        return self.front is None or self.unsent <= self.answers.limits.unsent or not self.front.waits(stream_id)

    def _to_front(self, event: events.Event) -> Commands:
        if self.front is not None:
            yield from self.event_to_child(self.front, event)

    def _end_websockets(self, reason: str) -> Commands:
        for stream in [stream for stream in self.streams.values() if stream.flow.websocket]:
            yield from self.event_to_child(stream, CloseWebsocket(stream.flow, CloseReason.GOING_AWAY, reason))

    def event_to_child(self, child: layer.Layer, event: events.Event) -> Commands:
        """Hand an event down, and on what comes of it: as mitmproxy does it, the most frequent first."""
        for command in child.handle_event(event):
            if isinstance(command, ReceiveHttp):
                if isinstance(command.event, RequestHeaders):
                    yield from self.make_stream(command.event.stream_id)
                stream = self.streams.get(command.event.stream_id)
                if stream is not None:
                    yield from self.event_to_child(stream, command.event)
            elif isinstance(command, SendHttp):
                yield from self.event_to_child(self.connections[command.connection], command.event)
            elif isinstance(command, DropStream):
                stream = self.streams.pop(command.stream_id, None)
                if isinstance(stream, GateStream):
                    stream.let_go()
            elif isinstance(command, SAYING):
                yield command
            else:
                yield from self._command(child, command)

    def _command(self, child: layer.Layer, command: commands.Command) -> Commands:
        if command.blocking or isinstance(command, commands.RequestWakeup):
            self.command_sources[command] = child
        if isinstance(command, GetHttpConnection):
            yield from self.get_connection(command)
        elif isinstance(command, RegisterHttpConnection):
            yield from self.register_connection(command)
        else:
            if isinstance(command, commands.OpenConnection):
                self.connections[command.connection] = child
            yield command

    # Requests and connections

    def make_stream(self, stream_id: int) -> Commands:
        """Begin one request."""
        self.streams[stream_id] = GateStream(
            made.fork(self.context), stream_id, self.answers, self._at_hand, self.at_once
        )
        yield from ()

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        """Have a connection to an origin: one that has room, or a new one.

        One that has ended, or could not be made, is no reason not to try again.
        """
        self._forget_ended()
        for connection in self._suitable(event, self.command_sources[event]) if reuse else ():
            if connection in self.waiting_for_establishment:
                self.waiting_for_establishment[connection].append(event)
                return
            if self._has_room(connection):
                yield from self._got(event, connection, None)
                return
        yield from self._connect(event)

    def _at_hand(self, event: GetHttpConnection, stream: GateStream) -> Connection | None:
        """A connection that is there and has room, so that nobody need wait for it."""
        for connection in self._suitable(event, stream):
            if self._has_room(connection):
                return connection
        return None

    def _suitable(self, event: GetHttpConnection, stream: layer.Layer) -> Iterator[Connection]:
        if self._tls_outside:
            event.tls = False
        if isinstance(event, Another):
            return
        for connection in self.connections:
            if not event.connection_spec_matches(connection):
                continue
            if connection.alpn == b"h2" and self._is_upgrade(stream):
                continue
            yield connection

    def _has_room(self, connection: Connection) -> bool:
        back = back_of(self, connection)
        return back is not None and back.has_room and connection.state is ConnectionState.OPEN

    def _is_upgrade(self, stream: layer.Layer) -> bool:
        """Whether it is for a WebSocket, which begins with HTTP/1.1: RFC 8441 is not spoken."""
        if not isinstance(self.front, Http1Front) or not isinstance(stream, GateStream):
            return False
        fields = stream.flow.request.headers.fields
        return any(name.lower() == b"upgrade" for name, _ in fields if len(name) == len(b"upgrade"))

    def _connect(self, event: GetHttpConnection) -> Commands:
        context = made.fork(self.context)
        context.server = server = ToOrigin(address=event.address)
        server.must_be_new = isinstance(event, Another)
        server.alpn_offers = HTTP1_ALONE if self._is_upgrade(self.command_sources[event]) else ()
        stack = tunnel.LayerStack()
        if event.tls:
            server.sni = event.address[0]
            stack /= tls.ServerTLSLayer(context)
        stack /= Opening(context, self.answers, self._client_takes)
        self.connections[server] = stack[0]
        self.waiting_for_establishment[server].append(event)
        yield from self.event_to_child(stack[0], events.Start())

    def _got(self, event: GetHttpConnection, connection: Connection | None, error: str | None) -> Commands:
        stream = self.command_sources.pop(event)
        reply = (connection, None) if connection is not None else (None, error or "")
        yield from self.event_to_child(stream, GetHttpConnectionCompleted(event, reply))

    def _forget_ended(self) -> None:
        in_use = {stream.context.server for stream in self.streams.values()}
        for connection in [one for one in self.connections if one.state is ConnectionState.CLOSED]:
            if connection not in in_use and connection not in self.waiting_for_establishment:
                del self.connections[connection]
        if self._multiplexed:
            self._multiplexed = [back for back in self._multiplexed if back.conn in self.connections]

    def register_connection(self, command: RegisterHttpConnection) -> Commands:
        """Tell those who wait for a connection; where there is no room for all of them, the others get their own."""
        connection = command.connection
        back = back_of(self, connection)
        if isinstance(back, Http2Back):
            self._multiplexed.append(back)
        for place, event in enumerate(self.waiting_for_establishment.pop(connection)):
            if command.err or back is None:
                yield from self._got(event, None, command.err)
            elif place == 0 or back.has_room:
                yield from self._got(event, connection, None)
            else:
                yield from self.get_connection(event, reuse=connection.alpn == b"h2")


def first_layer(
    context: Context, data: bytes, answers: Answers, *, tls_outside: bool = False, refusal: str | None = None
) -> layer.Layer | None:
    """The layer for a client's first bytes: TLS and HTTP in it, or HTTP; None where there are none yet.

    One byte decides: where this waited for a second, mitmproxy's own addon would choose in its place.
    """
    if not data:
        return None
    stack = tunnel.LayerStack()
    if data[0] == HANDSHAKE:
        stack /= GateTls(context, answers.limits)
    stack /= GateLayer(context, answers, tls_outside=tls_outside, refusal=refusal)
    return stack[0]
