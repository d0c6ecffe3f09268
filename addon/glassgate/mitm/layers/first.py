"""The HTTP layer of one client connection, and the choice of it by the client's first bytes."""

import logging
from copy import copy
from typing import Any

from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy import commands, events, layer, tunnel
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    HttpClient,
    HttpLayer,
    HTTPMode,
    RegisterHttpConnection,
    SendHttp,
)
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestHeaders
from mitmproxy.proxy.layers.http._http1 import Http1Client
from wsproto.frame_protocol import CloseReason

from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.events import AtOnce, CloseWebsocket, Commands, Drain, TooSlow
from glassgate.mitm.layers.handshake import GateTls
from glassgate.mitm.layers.http1 import Http1Front
from glassgate.mitm.layers.http2 import Http2Front
from glassgate.mitm.layers.stream import GateStream
from glassgate.mitm.layers.upstream import Http1Back

logger = logging.getLogger("glassgate")

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

    # Events

    def handle_event(self, event: events.Event) -> Commands:
        """Take an event. Requests wait in here, this never does."""
        return self._handle_event(event)

    def _handle_event(self, event: events.Event) -> Commands:
        handled = self._handled(event)
        return handled if self._tls_outside else self._or_end(handled)

    def _or_end(self, handled: Commands) -> Commands:
        """End the connection at a fault of a layer, as our driver does by itself: mitmproxy's server would go on."""
        try:
            yield from handled
        except Exception as fault:  # noqa: BLE001 - whatever it is, nothing more passes here
            # Its kind alone: its text may hold what the request held.
            logger.error("A connection was ended: %s", type(fault).__name__)
            yield commands.CloseConnection(self.context.client)

    def _handled(self, event: events.Event) -> Commands:
        if isinstance(event, events.CommandCompleted):
            yield from self.event_to_child(self.command_sources.pop(event.command), event)
            if self.front is not None and self.front.held:
                yield from self.event_to_child(self.front, events.DataReceived(self.context.client, b""))
        elif isinstance(event, events.ConnectionEvent):
            child = self.connections.get(event.connection)
            if child is not None:
                yield from self.event_to_child(child, event)
            elif isinstance(event, events.DataReceived):
                yield commands.CloseConnection(event.connection)  # nobody asked it for anything
        elif isinstance(event, events.Start):
            yield from self._start(event)
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
        self.front = front(self.context.fork(), self.answers, self.streams, self._refusal)
        self.connections[self.context.client] = self.front
        yield from self._to_front(event)

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
            elif isinstance(command, commands.SendData):
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
        self.streams[stream_id] = GateStream(_fork(self.context), stream_id, self.answers, self.at_once)
        yield from ()

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        """Have a connection to an origin. One that has ended, or could not be made, is no reason not to try again."""
        self._forget_ended()
        if self._tls_outside:
            event.tls = False
        yield from super().get_connection(event, reuse=reuse)

    def _forget_ended(self) -> None:
        in_use = {stream.context.server for stream in self.streams.values()}
        for connection in [one for one in self.connections if one.state is ConnectionState.CLOSED]:
            if connection not in in_use and connection not in self.waiting_for_establishment:
                del self.connections[connection]

    def register_connection(self, command: RegisterHttpConnection) -> Commands:
        """Put our own side in place of mitmproxy's, before anything is sent."""
        if not command.err:
            self._take_over(command.connection)
        yield from super().register_connection(command)

    def _take_over(self, connection: Connection) -> None:
        client: Any = self.connections[connection]
        while not isinstance(client, HttpClient):
            client = client.child_layer
        theirs = client.child_layer
        if isinstance(theirs, Http1Client):
            client.context.layers.remove(theirs)
            client.child_layer = Http1Back(client.context, self.answers.limits)
            # Neither has anything to do between the two, nor to wait for.
            client.handle_event = client._handle_event = client.child_layer.handle_event  # type: ignore[method-assign]


def _fork(context: Context) -> Context:
    # Context.fork makes a server of its own first, which costs more than all the rest of a stream, and drops it.
    fork = copy(context)
    fork.layers = context.layers.copy()
    return fork


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
