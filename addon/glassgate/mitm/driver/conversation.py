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
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.modes import ReverseProxy
from mitmproxy.proxy.mode_specs import ProxyMode

from glassgate.config.limits import Limits
from glassgate.mitm.driver.hooks import Hooks
from glassgate.mitm.driver.origins import Origins
from glassgate.mitm.driver.patience import Waiting
from glassgate.mitm.driver.pool import Pool
from glassgate.mitm.driver.sides import Side, steer
from glassgate.mitm.layers.events import TIMED_OUT, CaughtUp, Drain, GiveUp, SayNow, TooSlow
from glassgate.mitm.layers.first import GateLayer
from glassgate.mitm.layers.to_origin import ToOrigin

MOST_CALLS = 64  # hooks, before it is looked whether the client takes what is said

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


class FromClient(Client):
    """A client's connection."""

    __hash__, __eq__ = object.__hash__, object.__eq__  # mitmproxy's compare ids, many times a request


class Conversation:
    """Runs the layers of one client. Everything happens in the loop's thread; events wait for each other in a queue."""

    def __init__(self, house: House, side: Side) -> None:
        transport = side.transport
        self.house = house
        self.client = FromClient(
            peername=transport.get_extra_info("peername") if transport else ("", 0),
            sockname=transport.get_extra_info("sockname") if transport else ("", 0),
            timestamp_start=time.time(),
            proxy_mode=house.mode,
            state=ConnectionState.OPEN,
        )
        side.connection, side.hearer = self.client, self
        self.heard = house.clock()  # when a byte last came, from whichever side
        self.came = 0  # bytes from the client, in all
        self.waiting = Waiting(self.heard)
        self._context = Context(self.client, house.options)
        ReverseProxy(self._context)  # mitmproxy's TLS looks at what is under it
        self._layer: Layer | None = None
        self.http: GateLayer | None = None  # the HTTP layer, once it is there
        self._side = side
        self.origins = Origins(self)
        self.is_over = False
        self._events: deque[events.Event] = deque()
        self._calls = 0  # hooks that the event that is worked on may still call at once
        self._begun: dict[commands.StartHook, Awaitable[Any]] = {}  # hooks that were called and have to be waited for
        self._is_busy = False
        self._tasks: set[asyncio.Task[None]] = set()

    # What sides hear

    def received(self, side: Side, data: bytes) -> None:
        """Bytes came."""
        self.heard = self.house.clock()
        if side.connection is None or self.is_over:
            return
        if side is self._side:
            self.came += len(data)
        else:
            self.origins.heard(side.connection, self.heard)
        if self._layer is None:
            self._begin(data)
        else:
            self.happened(events.DataReceived(side.connection, data))

    def ended(self, side: Side, *, lost: bool) -> None:
        """The other end sends no more, or is gone."""
        connection = side.connection
        if connection is None or (side is not self._side and self.origins.sides.get(connection) is not side):
            return
        if lost and isinstance(connection, Server):
            self.origins.forget(connection)
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
        if isinstance(side.connection, ToOrigin):
            side.connection.is_behind = side.is_behind
            if not side.is_behind:
                self.happened(CaughtUp())
                return
        self.resume()

    def steer(self) -> None:
        """Read from those whose bytes can be worked on, and from no one else."""
        if http := self.http:
            most = http.answers.limits
            sides = self.origins.sides
            stuck = [sides[one] for one in sides if http.waits(one)] if http.unsent > most.unsent else ()
            behind = http.unread > most.unread or True in [side.is_behind for side in sides.values()]
            steer(self._side, sides.values(), crowded=behind and not http.reads_on, stuck=stuck)

    # Events and commands

    def _begin(self, data: bytes) -> None:
        try:
            self._layer = self.house.first_layer(self._context, data)
        except Exception as fault:  # noqa: BLE001 - whatever it is, there is no connection
            self._failed(fault)
            return
        if self._layer is not None:
            self.http = next((layer for layer in self._context.layers if isinstance(layer, GateLayer)), None)
            if self.http:
                self.http.at_once = self._at_once
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
                self._calls = MOST_CALLS
                for command in self._layer.handle_event(self._events.popleft()):
                    self._do(command)
        except Exception as fault:  # noqa: BLE001 - a fault of a layer or of a hook: nothing more passes here
            self._failed(fault)
        finally:
            self._is_busy = False
        self.origins.tidy()
        self._side.flush()
        self.origins.flush()
        self.steer()

    def _do(self, command: commands.Command) -> None:
        if isinstance(command, commands.SendData):
            if command.connection is self.client:
                self._side.say(command.data)
            else:
                self.origins.say(command.connection, command.data)
        elif isinstance(command, SayNow):
            if side := self._side_of(command.connection):
                side.flush()
        elif isinstance(command, commands.StartHook):
            self._hook(command)
        elif isinstance(command, commands.OpenConnection):
            self.origins.open(command)
        elif isinstance(command, commands.CloseTcpConnection) and command.half_close:
            self._half_close(command.connection)
        elif isinstance(command, commands.CloseConnection):
            self.close(command.connection)
        elif isinstance(command, commands.RequestWakeup):
            asyncio.get_running_loop().call_later(command.delay, self.happened, events.Wakeup(command))
        elif isinstance(command, commands.Log):
            logger.log(min(command.level, logging.DEBUG), "%s", command.message)
        else:
            raise TypeError(f"an unknown command: {type(command).__name__}")

    def _at_once(self, hook: commands.StartHook) -> bool:
        """Call a hook. False where it has to be waited for; it comes as a command then."""
        if self._side.is_stuck:
            return False  # answers to requests that came together would pile up
        self._calls -= 1
        if self._calls < 0:
            return False  # many requests came together: see first whether their answers are taken
        waiting = self.house.hooks.start(hook)
        if waiting is not None:
            self._begun[hook] = waiting
        return waiting is None

    def _hook(self, hook: commands.StartHook) -> None:
        waiting = self._begun.pop(hook, None) or self.house.hooks.start(hook)
        if waiting is not None:
            self.run(self._hook_awaited(hook, waiting))
        elif hook.blocking and self._calls < 0:  # many requests came together: let others have their turn
            asyncio.get_running_loop().call_soon(self.happened, events.HookCompleted(hook))
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
        self._let_go()

    def _side_of(self, connection: Connection) -> Side | None:
        return self._side if connection is self.client else self.origins.sides.get(connection)

    def _half_close(self, connection: Connection) -> None:
        side = self._side_of(connection)
        if side and connection.state & ConnectionState.CAN_WRITE:
            connection.state &= ~ConnectionState.CAN_WRITE
            side.flush()
            if connection.state is ConnectionState.CLOSED:
                side.close()
            elif side.transport and side.transport.can_write_eof():
                side.transport.write_eof()

    def close(self, connection: Connection) -> None:
        """Close a connection, or let others have it."""
        if connection is not self.client:
            has_ended = self.origins.close(connection)
        else:
            has_ended = connection.state is not ConnectionState.CLOSED
            connection.state = ConnectionState.CLOSED
            self._side.close()
        if has_ended:
            self._events.append(events.ConnectionClosed(connection))

    # Time

    def share_idle(self, *, rested: bool) -> None:
        """Let others have the origins' connections that this client does not use; at once, where they are in want."""
        self.origins.share_idle(rested=rested)
        self.resume()

    def give_up_on_origins(self, before: float) -> bool:
        """End those origins' connections that have said nothing since `before`, while an answer was waited for."""
        late = self.origins.late(before)
        for event in late:
            if isinstance(event, GiveUp):
                self._events.append(event)
            else:
                event.connection.error = TIMED_OUT
                self.close(event.connection)
        self.resume()
        return bool(late)

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing else is waited for: no origin, no decision."""
        return not self._tasks and not self.origins.are_waited_for

    @property
    def has_to_take(self) -> bool:
        """Whether nothing happens any more till the client has taken what was said to it."""
        return self.client.state is ConnectionState.CLOSED or self._side.is_stuck

    @property
    def has_left(self) -> bool:
        """Whether the client is gone, which nobody hears while it is not read."""
        return self._side.has_left

    @property
    def has_said_all(self) -> bool:
        """Whether nothing more is said to the client, and all that was is on its way."""
        return not self.client.state & ConnectionState.CAN_WRITE and not self.unsent

    @property
    def unsent(self) -> int:
        """Bytes that the client has still to take."""
        return self._side.waiting

    @property
    def taken(self) -> int:
        """Bytes that the client has taken."""
        return self._side.taken

    def too_slow(self) -> None:
        """Tell the client that it took too long, where that can be said, and end."""
        self._tell(TooSlow())

    def drain(self) -> None:
        """Take no further request; end once those under way are answered."""
        self._tell(Drain())

    def _tell(self, event: TooSlow | Drain) -> None:
        if self.http is not None and self.http.has_begun:
            self.happened(event)
        else:
            self.abort()  # till TLS is set up, mitmproxy keeps for later whatever is said to the layers

    # Ends

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
        if self.is_over:
            return
        self.is_over = True
        for connection in tuple(self.origins.sides):
            if self.origins.close(connection):
                self.happened(events.ConnectionClosed(connection))
        self._side.close()
        self.client.timestamp_end = time.time()
        self.house.left(self)
        self._let_go()

    def _let_go(self) -> None:
        """Hold nothing any more once nothing is waited for. What runs just now goes on to its end before that."""
        if self.is_over and not self._tasks:
            asyncio.get_running_loop().call_soon(self._clear)

    def _clear(self) -> None:
        # Layers hold each other: left to Python's collector, what TLS keeps of hundreds of connections would pile up.
        if not self._tasks:
            layers = [*self._context.layers, *(self.http.below() if self.http else ())]
            self._layer = self.http = None
            self._events.clear()
            self._side.hearer = None
            for layer in layers:
                vars(layer).clear()


async def _awaited(waiting: Awaitable[Any]) -> None:
    await waiting
