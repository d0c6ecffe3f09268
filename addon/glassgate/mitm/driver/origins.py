"""One client's connections to origins: made or taken from the pool, given back when clean, given up when late."""

import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from mitmproxy.connection import Connection, ConnectionState, Server
from mitmproxy.proxy import commands, events, server_hooks

from glassgate.mitm.driver.pool import OriginBusyError
from glassgate.mitm.driver.sides import Side
from glassgate.mitm.layers.backs import Back, back_of, reusable
from glassgate.mitm.layers.events import BUSY, TIMED_OUT, GiveUp
from glassgate.mitm.layers.to_origin import ToOrigin
from glassgate.mitm.layers.upstream_http2 import Http2Back
from glassgate.mitm.tls import Address

if TYPE_CHECKING:
    from glassgate.mitm.driver.conversation import Conversation


class Origins:
    """The connections to origins of one conversation. What happens on them, its layers hear by its events."""

    def __init__(self, talk: "Conversation") -> None:
        self._talk = talk
        self._pool = talk.house.pool
        self._hooks = talk.house.hooks
        self._clock = talk.house.clock
        self.sides: dict[Connection, Side] = {}
        self._asked: dict[Connection, float] = {}  # those whose answer is waited for, since when
        self._unread: dict[Connection, float] = {}  # those that had to pause for the client, and till when
        self._done_with: list[Server] = []  # what the HTTP layer need not know of any more

    # Open

    def open(self, command: commands.OpenConnection) -> None:
        """Have a connection, now or after a while."""
        server = command.connection
        if self._talk.is_over or not isinstance(server, Server) or server.address is None:
            self._opened(command, "there is nobody to connect for")
            return
        data = server_hooks.ServerConnectionHookData(client=self._talk.client, server=server)
        waiting = self._hooks.start(server_hooks.ServerConnectHook(data))
        self._talk.run(self._connect(command, server, waiting))

    async def _connect(self, command: commands.OpenConnection, server: Server, waiting: Awaitable[Any] | None) -> None:
        if waiting is not None:
            await waiting
        if server.error or server.address is None:
            self._opened(command, server.error or "no address")
            return
        server.timestamp_start = time.time()
        side = self._kept(server)
        if side is None:
            side = Side(self._talk, server, is_tls=self._pool.is_tls(_address(server)))
            if error := await self._made(server, side):
                self._opened(command, error)
                return
        side.hearer, side.connection = self._talk, server
        if self._talk.is_over:
            side.close()
            self._pool.gone(_address(server))
            self._opened(command, "the client is gone")
            return
        self._take(server, side)
        self._opened(command, None)

    def _kept(self, server: Server) -> Side | None:
        if not isinstance(server, ToOrigin) or server.must_be_new:
            return None
        side = self._pool.take(_address(server))
        server.was_kept = side is not None
        return side

    async def _made(self, server: Server, side: Side) -> str | None:
        try:
            await self._pool.connect(_address(server), side, http2=not server.alpn_offers)
        except TimeoutError:
            return TIMED_OUT
        except OriginBusyError:
            return BUSY
        except OSError as fault:
            return type(fault).__name__
        return None

    def _take(self, server: Server, side: Side) -> None:
        self.sides[server] = side
        server.state = ConnectionState.OPEN
        server.timestamp_tcp_setup = time.time()
        if side.transport:
            server.peername = side.transport.get_extra_info("peername")
            server.sockname = side.transport.get_extra_info("sockname")
            if tls := side.transport.get_extra_info("ssl_object"):
                server.alpn = (tls.selected_alpn_protocol() or "").encode()

    def _opened(self, command: commands.OpenConnection, error: str | None) -> None:
        if error:
            command.connection.error = error
        self._talk.happened(events.OpenConnectionCompleted(command, error))

    # Talk

    def say(self, connection: Connection, data: bytes) -> None:
        """Send to an origin, from whom an answer is waited for then."""
        side = self.sides.get(connection)
        if side:
            side.say(data)
            self._asked[connection] = self._clock()

    def heard(self, connection: Connection, now: float) -> None:
        """An origin has said something."""
        if connection in self._asked:
            self._asked[connection] = now

    def flush(self) -> None:
        """Send what was said to them."""
        for side in tuple(self.sides.values()):
            side.flush()

    # Let go

    def close(self, connection: Connection) -> bool:
        """Let go of a connection: into the pool where it is clean. Whether it has ended for the layers, too."""
        side = self.sides.get(connection)
        if side is None or not isinstance(connection, Server):
            return False
        clean = self.is_clean(connection)
        connection.state = ConnectionState.CLOSED
        self._drop(connection)
        if clean:
            self._done_with.append(connection)
            self._pool.give_back(_address(connection), side)
        else:
            side.close()
            self._pool.gone(_address(connection))
        return not clean

    def is_clean(self, connection: Connection) -> bool:
        """Whether somebody else may use a connection."""
        side, http = self.sides[connection], self._talk.http
        if http is None or side.unsent or not side.is_open or connection.alpn_offers:
            return False  # one that was kept from HTTP/2 was for a WebSocket
        return reusable(http, connection)

    def forget(self, connection: Server) -> None:
        """A connection has ended by itself."""
        self._drop(connection)
        self._pool.gone(_address(connection))

    def _drop(self, connection: Server) -> None:
        del self.sides[connection]
        self._asked.pop(connection, None)
        self._unread.pop(connection, None)
        self._talk.steer()

    def tidy(self) -> None:
        """Have mitmproxy's layer forget what was let go of: it keeps all, and looks through them at each request."""
        if self._done_with and (http := self._talk.http):
            for server in self._done_with:
                http.connections.pop(server, None)
            self._done_with.clear()

    # Time

    def share_idle(self, *, rested: bool) -> None:
        """Let others have what this client does not use: after a rest, or at once where no more can be made.

        HTTP/2 is for one client: it is kept for a while.
        """
        for connection in tuple(self.sides):
            in_want = isinstance(connection, Server) and self._pool.is_full(_address(connection))
            if self.is_clean(connection):
                if rested or in_want:
                    self.close(connection)
            elif isinstance(self._back(connection), Http2Back) and (in_want or self._is_unused(connection)):
                self._talk.close(connection)

    def _is_unused(self, connection: Connection) -> bool:
        return self._clock() - self._asked.get(connection, 0.0) > self._talk.house.limits.kept_time

    def late(self, before: float) -> list[events.ConnectionEvent]:
        """What those are to be told that did nothing since `before`, while an answer was waited for.

        Of HTTP/2 the requests that wait are given up, of HTTP/1 the connection.
        """
        late: list[events.ConnectionEvent] = []
        for connection, since in self._asked.items():
            if self._paused_for_client(connection, before):
                continue
            back = self._back(connection)
            if isinstance(back, Http2Back):
                if back.is_late(before):
                    late.append(GiveUp(connection, before))
            elif since < before and (back is None or back.owes):
                late.append(events.ConnectionClosed(connection))
        return late

    def _paused_for_client(self, connection: Connection, before: float) -> bool:
        """Whether its silence is ours: it was not read since `before`, since the client takes no more."""
        if not self.sides[connection].is_reading:
            self._unread[connection] = self._clock()
        return self._unread.get(connection, before) > before

    @property
    def are_waited_for(self) -> bool:
        """Whether one of them has to answer, or to take more."""
        backs = [self._back(connection) for connection in self._asked]
        return any(back is None or back.owes for back in backs)

    def _back(self, connection: Connection) -> Back | None:
        http = self._talk.http
        return back_of(http, connection) if http else None


def _address(server: Server) -> Address:
    host, port = (server.address or ("", 0))[:2]
    return host, port
