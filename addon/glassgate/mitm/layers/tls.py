"""TLS of a client's connection: its handshake has an end, and what is said together is encrypted together."""

from typing import Any

from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.tls import ClientTLSLayer, TLSLayer
from mitmproxy.proxy.tunnel import TunnelState
from OpenSSL import SSL

from glassgate.config.limits import Limits
from glassgate.mitm.layers.events import Commands

ENDLESS = "the handshake has no end"
AT_ONCE = 1 << 16  # bytes that are taken of what is to be sent
RECORD = 1 << 14  # bytes of a record, RFC 8446 section 5.1


class GateTls(ClientTLSLayer):
    """TLS of a client's connection."""

    def __init__(self, context: Context, limits: Limits) -> None:
        super().__init__(context)
        self._limits = limits
        self._size = self._pieces = 0  # of what came of the handshake

    def handle_event(self, event: events.Event) -> Commands:
        """Take an event. Once TLS is set up, nothing in here is waited for."""
        if self.tunnel_state is not TunnelState.OPEN or self._paused is not None:
            return super().handle_event(event)
        if not isinstance(event, events.ConnectionEvent) or event.connection is not self.conn:
            return self.event_to_child(event)
        if isinstance(event, events.DataReceived):
            return self.receive_data(event.data)
        return super().handle_event(event)

    def event_to_child(self, event: events.Event) -> Commands:
        """Hand an event on; what is said because of it is encrypted together, in as few records as can be."""
        if self.tunnel_state is not TunnelState.OPEN:
            yield from super().event_to_child(event)
            return
        said: list[bytes] = []
        size = 0
        for command in self.child_layer.handle_event(event):
            is_ours = isinstance(command, commands.ConnectionCommand) and command.connection is self.conn
            if is_ours and isinstance(command, commands.SendData):
                said.append(command.data)
                size += len(command.data)
                if size < AT_ONCE:  # more would pile up, unseen by whoever looks at what the client takes
                    continue
            if said:
                yield from self.send_data(b"".join(said))
                said.clear()
                size = 0
            if not is_ours:
                yield command
            elif not isinstance(command, commands.SendData):
                yield from self._handle_command(command)
        if said:
            yield from self.send_data(b"".join(said))

    def receive_data(self, data: bytes) -> Commands:
        """Decrypt what came, and hand it on. mitmproxy asks for more than there is, and pays for the exception."""
        if self.tunnel_state is TunnelState.CLOSED:
            return  # after a handshake that failed: OpenSSL would keep it all
        if data:
            self.tls.bio_write(data)
        plain: list[bytes] = []
        ends = False
        try:
            while not plain or _holds(self.tls._into_ssl) or self.tls.pending():
                plain.append(self.tls.recv(RECORD))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            ends = True
        except SSL.Error as fault:
            yield commands.Log(f"TLS error: {type(fault).__name__}")
        if _holds(self.tls._from_ssl):
            yield from self.tls_interact()
        if plain:
            yield from self.event_to_child(events.DataReceived(self.conn, b"".join(plain)))
        if ends:
            self.conn.state &= ~ConnectionState.CAN_READ
            yield from self.event_to_child(events.ConnectionClosed(self.conn))

    def tls_interact(self) -> Commands:
        """Send what is encrypted."""
        while _holds(self.tls._from_ssl):
            yield commands.SendData(self.conn, self.tls.bio_read(AT_ONCE))

    def receive_handshake_data(self, data: bytes) -> CommandGenerator[tuple[bool, str | None]]:
        """Take a piece. (whether it is done, what is wrong)

        mitmproxy reads the first message itself, whatever its length, and anew at each piece, to know a host before
        there is a certificate. OpenSSL says which host is meant as it comes by it.
        """
        if self.tls is None:
            yield from self.start_tls()
        if self.tls is None:
            return False, "there is no certificate"
        done, error = yield from TLSLayer.receive_handshake_data(self, data)
        # Only now: the last piece may have the first requests behind it.
        self._pieces += 1
        self._size += len(data)
        if not done and (self._size > self._limits.hello or self._pieces > self._limits.hello_pieces):
            return False, error or ENDLESS
        return done, error

    def on_handshake_error(self, err: str) -> Commands:
        """Tell the client by an alert (RFC 8446 section 6.2) what OpenSSL will not take, where it can be told.

        mitmproxy only hangs up; and what a client has sent meanwhile would have a closed connection reset.
        """
        told = self.tls is not None and _holds(self.tls._from_ssl)
        if told:
            yield from self.tls_interact()
        for command in super().on_handshake_error(err):
            closes = isinstance(command, commands.CloseConnection)
            yield commands.CloseTcpConnection(self.conn, half_close=True) if told and closes else command


def _holds(bio: Any) -> bool:
    """Whether there are bytes in a buffer of OpenSSL's."""
    lib, ffi = SSL._lib, SSL._ffi  # type: ignore[attr-defined]
    return bool(lib.BIO_get_mem_data(bio, ffi.NULL))
