"""The beginning of a client's TLS connection, which mitmproxy takes at any length and reads anew at each piece."""

from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers import ClientTLSLayer

from glassgate.config.limits import Limits
from glassgate.mitm.layers.events import Commands

UNREADABLE = "Cannot parse ClientHello"


class GateTls(ClientTLSLayer):
    """TLS of a client's connection, whose first message has an end."""

    def __init__(self, context: Context, limits: Limits) -> None:
        super().__init__(context)
        self._limits = limits
        self._pieces = 0

    def receive_handshake_data(self, data: bytes) -> CommandGenerator[tuple[bool, str | None]]:
        """Take a piece. (whether it is done, what is wrong)"""
        if not self.client_hello_parsed:
            self._pieces += 1
            size = len(self.recv_buffer) + len(data)
            if size > self._limits.hello or self._pieces > self._limits.hello_pieces:
                return False, UNREADABLE
        return (yield from super().receive_handshake_data(data))

    def on_handshake_error(self, err: str) -> Commands:
        """End the connection. What was sent is no business of logs, in which mitmproxy writes all of it."""
        yield from super().on_handshake_error(UNREADABLE if err.startswith(UNREADABLE) else err)
