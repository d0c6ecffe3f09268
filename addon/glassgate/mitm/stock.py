"""mitmproxy's own server, as far as the gate has to reach into it."""

from mitmproxy.addons.proxyserver import Proxyserver

from glassgate.mitm.core import Core
from glassgate.mitm.layers.events import CloseWebsocket


class StockServer:
    """The front end of `mitmdump -s` and `mitmweb -s`."""

    def __init__(self, server: Proxyserver) -> None:
        self._server = server

    def take(self, core: Core) -> None:
        """Go by another configuration: nothing here knows one. Connections to origins that are there stay."""

    def close_websocket(self, event: CloseWebsocket) -> None:
        """Have the layers of its connection close a WebSocket, as mitmproxy injects messages. Raises ValueError."""
        self._server.inject_event(event)  # type: ignore[arg-type]

    def hang_up(self, client: str) -> None:
        """End a client's connection at once."""
        handler = self._server.connections.get(client)
        transport = handler.transports.get(handler.client) if handler else None
        if transport and transport.handler:
            transport.handler.cancel("hung up on")
