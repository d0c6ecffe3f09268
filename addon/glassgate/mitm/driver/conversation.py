"""One client connection: what comes in becomes events for mitmproxy's layers, what they command is carried out.

Any fault in a layer or a hook ends the connection: nothing passes that was not decided.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from mitmproxy.connection import Client, Connection, ConnectionState, Server
from mitmproxy.proxy import commands, events, server_hooks
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.modes import ReverseProxy
from mitmproxy.proxy.mode_specs import ProxyMode

from glassgate.config.limits import Limits
from glassgate.mitm.driver.hooks import Hooks
from glassgate.mitm.driver.patience import Waiting, owes
from glassgate.mitm.driver.pool import OriginBusyError, Pool
from glassgate.mitm.driver.sides import Side, steer
from glassgate.mitm.layers.events import BUSY, TIMED_OUT, Drain, TooSlow
from glassgate.mitm.layers.first import GateLayer
from glassgate.mitm.layers.upstream import reusable

logger = logging.getLogger("glassgate")


class House(Protocol):
    """What all conversations share."""

    options: Any
    mode: ProxyMode
    hooks: Hooks
    pool: Pool
    limits: Limits
    clock: Callable[[], float]  # monotonic, in seconds

    def first_layer(self, context: Context, data: bytes) -> Layer | None:
        """The layer for a client's first bytes."""
        ...

    def left(self, conversation: "Conversation") -> None:
        """A conversation is over."""
        ...


class Conversation:
    """Runs the layers of one client. Everything happens in the loop's thread; events wait for each other in a queue."""

    def __init__(self, house: House, side: Side) -> None:
        transport = side.transport
        self.house = house
        self.client = Client(
            peername=transport.get_extra_info("peername") if transport else ("", 0),
            sockname=transport.get_extra_info("sockname") if transport else ("", 0),
            timestamp_start=time.time(),
            proxy_mode=house.mode,
            state=ConnectionState.OPEN,
        )
        side.connection, side.hearer = self.client, self
        self.heard = house.clock()  # when a byte last came, from whichever side
        self.waiting = Waiting(self.heard)
        self._context = Context(self.client, house.options)
        ReverseProxy(self._context)  # mitmproxy's TLS looks at what is under it
        self._layer: Layer | None = None
        self._side = side
        self._sides: dict[Connection, Side] = {self.client: side}
        self._asked: dict[Connection, float] = {}  # origins whose answer is waited for, since when
        self._events: deque[events.Event] = deque()
        self._done_with: list[Server] = []  # what the HTTP layer need not know of any more
        self._is_busy = False
        self._is_over = False
        self._tasks: set[asyncio.Task[None]] = set()

    # What sides hear

    def received(self, side: Side, data: bytes) -> None:
        """Bytes came."""
        self.heard = self.house.clock()
        if side.connection is None:
            return
        if self._layer is None:
            self._begin(data)
        else:
            if side.connection in self._asked:
                self._asked[side.connection] = self.heard
            self.happened(events.DataReceived(side.connection, data))

    def ended(self, side: Side, *, lost: bool) -> None:
        """The other end sends no more, or is gone."""
        connection = side.connection
        if connection is None or self._sides.get(connection) is not side:
            return
        if lost:
            self._forget(connection)
        first = bool(connection.state & ConnectionState.CAN_READ)
        connection.state = ConnectionState.CLOSED if lost else connection.state & ~ConnectionState.CAN_READ
        if first and self._layer is not None:
            self.happened(events.ConnectionClosed(connection))
        if connection.state is ConnectionState.CLOSED:
            side.close()  # both halves have ended
        if connection is self.client and (lost or self._layer is None):
            self._end()

    def flow_changed(self, side: Side) -> None:
        """Go on where it was this side that was waited for."""
        self.resume()

    def _steer(self) -> None:
        if http := self.http:
            most = http.answers.limits
            origins = [side for side in self._sides.values() if side is not self._side]
            steer(self._side, origins, crowded=http.unread > most.unread, stuck=http.unsent > most.unsent)

    # Events and commands

    def _begin(self, data: bytes) -> None:
        try:
            self._layer = self.house.first_layer(self._context, data)
        except Exception as fault:  # noqa: BLE001 - whatever it is, there is no connection
            self._failed(fault)
            return
        if self._layer is not None:
            self.happened(events.Start())
            self.happened(events.DataReceived(self.client, data))

    def happened(self, event: events.Event) -> None:
        """Take an event, after those that came before it."""
        self._events.append(event)
        self.resume()

    def resume(self) -> None:
        """Work off the events that wait."""
        if self._is_busy or self._layer is None:
            return
        self._is_busy = True
        try:
            while self._events and not self._side.is_stuck:
                for command in self._layer.handle_event(self._events.popleft()):
                    self._do(command)
        except Exception as fault:  # noqa: BLE001 - a fault of a layer or of a hook: nothing more passes here
            self._failed(fault)
        finally:
            self._is_busy = False
        self._tidy()
        for side in tuple(self._sides.values()):
            side.flush()
        self._steer()

    def _tidy(self) -> None:
        # mitmproxy's layer keeps every connection that it ever had, and looks through all of them at each request.
        if self._done_with and (http := self.http):
            for server in self._done_with:
                http.connections.pop(server, None)
            self._done_with.clear()

    def _do(self, command: commands.Command) -> None:
        if isinstance(command, commands.SendData):
            side = self._sides.get(command.connection)
            if side:
                side.say(command.data)
                if command.connection is not self.client:
                    self._asked[command.connection] = self.house.clock()
        elif isinstance(command, commands.StartHook):
            self._hook(command)
        elif isinstance(command, commands.OpenConnection):
            self._open(command)
        elif isinstance(command, commands.CloseTcpConnection) and command.half_close:
            self._half_close(command.connection)
        elif isinstance(command, commands.CloseConnection):
            self._close(command.connection)
        elif isinstance(command, commands.RequestWakeup):
            asyncio.get_running_loop().call_later(command.delay, self.happened, events.Wakeup(command))
        elif isinstance(command, commands.Log):
            logger.log(min(command.level, logging.DEBUG), "%s", command.message)
        else:
            raise TypeError(f"an unknown command: {type(command).__name__}")

    def _hook(self, hook: commands.StartHook) -> None:
        waiting = self.house.hooks.start(hook)
        if waiting is not None:
            self.run(self._hook_awaited(hook, waiting))
        elif hook.blocking:
            self._events.append(events.HookCompleted(hook))

    async def _hook_awaited(self, hook: commands.StartHook, waiting: Awaitable[Any]) -> None:
        await waiting
        if hook.blocking:
            self.happened(events.HookCompleted(hook))

    def run(self, waiting: Awaitable[Any]) -> None:
        """Let something wait, beginning now. Its fault is this connection's end."""
        running = asyncio.Task(_awaited(waiting), loop=asyncio.get_running_loop(), eager_start=True)
        if running.done():
            self._task_done(running)
        else:
            self._tasks.add(running)
            running.add_done_callback(self._task_done)

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            self._failed(None)
        elif fault := task.exception():
            self._failed(fault)

    # Connections to origins

    def _open(self, command: commands.OpenConnection) -> None:
        server = command.connection
        if self._is_over or not isinstance(server, Server) or server.address is None:
            self._opened(command, "there is nobody to connect for")
            return
        data = server_hooks.ServerConnectionHookData(client=self.client, server=server)
        waiting = self.house.hooks.start(server_hooks.ServerConnectHook(data))
        self.run(self._connect(command, server, waiting))

    async def _connect(self, command: commands.OpenConnection, server: Server, waiting: Awaitable[Any] | None) -> None:
        if waiting is not None:
            await waiting
        if server.error or server.address is None:
            self._opened(command, server.error or "no address")
            return
        address = (server.address[0], server.address[1])
        server.timestamp_start = time.time()
        side = self.house.pool.take(address)
        if side is None:
            side = Side(self, server, is_tls=self.house.pool.is_tls(address))
            try:
                await self.house.pool.connect(address, side)
            except TimeoutError:
                self._opened(command, TIMED_OUT)
                return
            except OriginBusyError:
                self._opened(command, BUSY)
                return
            except OSError as fault:
                self._opened(command, type(fault).__name__)
                return
        side.hearer, side.connection = self, server
        if self._is_over:
            side.close()
            self.house.pool.gone(address)
            self._opened(command, "the client is gone")
            return
        self._sides[server] = side
        server.state = ConnectionState.OPEN
        server.timestamp_tcp_setup = time.time()
        if side.transport:
            server.peername = side.transport.get_extra_info("peername")
            server.sockname = side.transport.get_extra_info("sockname")
        self._opened(command, None)

    def _opened(self, command: commands.OpenConnection, error: str | None) -> None:
        if error:
            command.connection.error = error
        self.happened(events.OpenConnectionCompleted(command, error))

    def _half_close(self, connection: Connection) -> None:
        side = self._sides.get(connection)
        if side and connection.state & ConnectionState.CAN_WRITE:
            connection.state &= ~ConnectionState.CAN_WRITE
            side.flush()
            if connection.state is ConnectionState.CLOSED:
                side.close()
            elif side.transport and side.transport.can_write_eof():
                side.transport.write_eof()

    def _close(self, connection: Connection) -> None:
        side = self._sides.get(connection)
        if side is None:
            return
        clean = connection is not self.client and self._is_clean(connection)
        connection.state = ConnectionState.CLOSED
        if isinstance(connection, Server):
            self._let_go(connection, side, clean=clean)
        else:
            side.close()
        if not clean:
            self._events.append(events.ConnectionClosed(connection))

    def _is_clean(self, connection: Connection) -> bool:
        side = self._sides[connection]
        http = self.http
        return http is not None and not side.unsent and side.is_open and reusable(http, connection)

    def _let_go(self, server: Server, side: Side, *, clean: bool) -> None:
        self._sides.pop(server, None)
        self._asked.pop(server, None)
        if server.address is None:
            side.close()
            return
        address = (server.address[0], server.address[1])
        if clean:
            self._done_with.append(server)
            self.house.pool.give_back(address, side)
        else:
            side.close()
            self.house.pool.gone(address)
        self._steer()

    def _forget(self, connection: Connection) -> None:
        """A transport is gone by itself."""
        self._sides.pop(connection)
        self._asked.pop(connection, None)
        if isinstance(connection, Server) and connection.address:
            self.house.pool.gone((connection.address[0], connection.address[1]))
        self._steer()

    # Time

    def share_idle(self) -> None:
        """Let others have the origins' connections that this client does not use just now."""
        for connection in tuple(self._sides):
            if isinstance(connection, Server) and self._is_clean(connection):
                self._close(connection)
        self.resume()

    def give_up_on_origins(self, before: float) -> bool:
        """End those origins' connections that have said nothing since `before`, while an answer was waited for."""
        asked = [connection for connection, since in self._asked.items() if since < before]
        late = [connection for connection in asked if owes(self.http, connection, self._sides[connection])]
        for connection in late:
            connection.error = TIMED_OUT
            self._close(connection)
        self.resume()
        return bool(late)

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing else is waited for: no origin, no decision."""
        return not self._tasks and not any(owes(self.http, one, self._sides[one]) for one in self._asked)

    @property
    def has_to_take(self) -> bool:
        """Whether nothing happens any more till the client has taken what was said to it."""
        return self.client.state is ConnectionState.CLOSED or self._side.is_stuck

    @property
    def unsent(self) -> int:
        """Bytes that the client has still to take."""
        return self._side.waiting

    def too_slow(self) -> None:
        """Tell the client that it took too long, where that can be said, and end."""
        if self._layer is None:
            self.abort()
        else:
            self.happened(TooSlow())

    def drain(self) -> None:
        """Take no further request; end once those under way are answered."""
        if self._layer is None:
            self.abort()
        else:
            self.happened(Drain())

    # Ends

    @property
    def http(self) -> GateLayer | None:
        """The HTTP layer, once it is there."""
        return next((layer for layer in self._context.layers if isinstance(layer, GateLayer)), None)

    def _failed(self, fault: BaseException | None) -> None:
        """End at once. The kind of the fault alone is told: its text may hold what the request held."""
        if fault is not None:
            logger.error("A connection was ended: %s", type(fault).__name__)
        self.abort()

    def abort(self) -> None:
        """Close the client's connection at once, and with it all of this."""
        self._side.abort()
        self._end()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        for connection, side in tuple(self._sides.items()):
            if isinstance(connection, Server):
                clean = self._is_clean(connection)
                connection.state = ConnectionState.CLOSED
                self._let_go(connection, side, clean=clean)
                if not clean:
                    self.happened(events.ConnectionClosed(connection))
            else:
                side.close()
        self.client.timestamp_end = time.time()
        self.house.left(self)


async def _awaited(waiting: Awaitable[Any]) -> None:
    await waiting
