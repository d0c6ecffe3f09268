"""The layer that speaks to an origin: HTTP/2 or HTTP/1, as was agreed on when the connection was made."""

from collections.abc import Callable

from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpClient, HttpLayer, RegisterHttpConnection

from glassgate.mitm.layers.answers import Answers
from glassgate.mitm.layers.events import Commands
from glassgate.mitm.layers.upstream import Http1Back
from glassgate.mitm.layers.upstream_http2 import Http2Back

type Back = Http1Back | Http2Back


class Opening(HttpClient):
    """Has a connection made, then leaves it to the layer of what both ends speak."""

    child_layer: Back

    def __init__(self, context: Context, answers: Answers, has_room: Callable[[int], bool]) -> None:
        """`has_room` says whether more of the answer to a request can be worked on."""
        super().__init__(context)
        self._answers = answers
        self._has_room = has_room

    def _handle_event(self, event: events.Event) -> Commands:
        server = self.context.server
        error = None if server.connected else (yield commands.OpenConnection(server))
        if not error:
            self.child_layer = self._choose()
            # Neither has anything to do between the two, nor to wait for.
            self.handle_event = self._handle_event = self.child_layer.handle_event  # type: ignore[method-assign]
            if isinstance(self.child_layer, Http2Back):
                yield from self.child_layer.handle_event(event)
        yield RegisterHttpConnection(server, error)

    def _choose(self) -> Back:
        if self.context.server.alpn == b"h2":
            return Http2Back(self.context, self._answers, self._has_room)
        return Http1Back(self.context, self._answers.limits)


def back_of(layer: HttpLayer, connection: Connection) -> Back | None:
    """The layer that speaks to an origin on a connection; None where there is none yet."""
    above = layer.connections.get(connection)
    while above is not None and not isinstance(above, Opening):
        above = getattr(above, "child_layer", None)  # TLS
    return getattr(above, "child_layer", None)


def reusable(layer: HttpLayer, connection: Connection) -> bool:
    """Whether another client's request may be sent on this connection to an origin."""
    back = back_of(layer, connection)
    return back is not None and back.is_reusable
