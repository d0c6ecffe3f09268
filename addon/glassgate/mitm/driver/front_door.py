"""The listener and all its conversations: who may come in, who has waited too long, and how all of it ends."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from socket import socket
from typing import Any

from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.mode_specs import ProxyMode

from glassgate.config.limits import Limits
from glassgate.config.settings import Network
from glassgate.gate import pace
from glassgate.mitm.addon import GateAddon
from glassgate.mitm.core import Core
from glassgate.mitm.driver.conversation import Conversation
from glassgate.mitm.driver.hooks import Hooks
from glassgate.mitm.driver.listening import more_files
from glassgate.mitm.driver.patience import look
from glassgate.mitm.driver.pool import Pool
from glassgate.mitm.driver.sides import Side
from glassgate.mitm.flows import peer_address
from glassgate.mitm.layers.events import CloseWebsocket

TICK = 0.5  # seconds between two looks at who waits for what
LOOKS = 32  # at connections, in one go
BACKLOG = 2048
TELL = 60.0  # seconds between two lines in the log about those
TOLD = 64  # clients at once that are told that there is no room for them; whoever comes then is hung up on

logger = logging.getLogger("glassgate")


class FrontDoor:
    """Takes connections on sockets that listen already, and runs a conversation for each."""

    def __init__(
        self,
        addon: GateAddon,
        hooks: Hooks,
        pool: Pool,
        options: Any,
        mode: ProxyMode,
        limits: Limits,
        proxies: Sequence[Network] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`proxies` are trusted: each speaks for many people, and has as many connections as it likes."""
        self.addon = addon
        self.hooks = hooks
        self.pool = pool
        self.options = options
        self.mode = mode
        self.limits = limits
        self.proxies = proxies
        self.clock = clock
        self.conversations: dict[str, Conversation] = {}
        self._of_visitor: Counter[str] = Counter()
        self._counted: dict[str, str] = {}  # by client: as whose connection it was counted
        self._too_many: dict[str, _TooMany] = {}  # by client: those that are only told so
        self._turned_away = 0  # since the operator was last told
        self._told_at = -TELL
        self._servers: list[asyncio.Server] = []
        self._ticking: asyncio.Task[None] | None = None
        self._is_closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def open(self, sockets: Sequence[socket]) -> None:
        """Begin to take connections."""
        loop = asyncio.get_running_loop()
        for one in sockets:
            self._servers.append(await loop.create_server(lambda: _Arrival(self), sock=one, backlog=BACKLOG))
        self._ticking = asyncio.create_task(self._tick(), name="glassgate-tick")

    def arrived(self, side: Side) -> None:
        """A client has connected: take it, tell it that there is no room, or hang up where many are told so already."""
        peer = side.transport.get_extra_info("peername") if side.transport else None
        if self._is_closing or not peer:
            side.abort()
            return
        visitor = self._visitor(peer)
        refusal = self._refusal(visitor)
        if refusal and not self._has_time_for(refusal):
            side.abort()
            return
        conversation = Conversation(self, side)
        self.conversations[conversation.client.id] = conversation
        self._empty.clear()
        if refusal:
            self._too_many[conversation.client.id] = _TooMany(refusal, self.clock())
        else:
            self._of_visitor[visitor] += 1
            self._counted[conversation.client.id] = visitor

    def _has_time_for(self, refusal: str) -> bool:
        """Whether one more can be told that there is no room."""
        is_told = len(self._too_many) < TOLD
        self._turned_away += 1
        self.addon.turned_away(refusal, told=is_told)
        return is_told

    def _visitor(self, peer: tuple[str, int]) -> str:
        """What a connection is counted by, an address or with IPv6 a network; "" where nobody's are counted."""
        address = peer_address(peer)
        return "" if any(address in network for network in self.proxies) else pace.of(address, "connection")

    def _refusal(self, visitor: str) -> str | None:
        if len(self.conversations) - len(self._too_many) >= self.limits.connections:
            return "crowded"
        is_too_many = visitor and self._of_visitor[visitor] >= self.limits.of_one_address
        return "too_many_connections" if is_too_many else None

    def first_layer(self, context: Context, data: bytes) -> Layer | None:
        """The layer for a client's first bytes."""
        known = self._too_many.get(context.client.id)
        return self.addon.first_layer(context, data, tls_outside=True, refusal=known.refusal if known else None)

    def left(self, conversation: Conversation) -> None:
        """A conversation is over."""
        if self.conversations.pop(conversation.client.id, None) is None:
            return
        if self._too_many.pop(conversation.client.id, None) is None:
            self._forget(self._counted.pop(conversation.client.id))
        if not self.conversations:
            self._empty.set()
        waiting = self.hooks.start(server_hooks.ClientDisconnectedHook(conversation.client))
        if waiting is not None:
            conversation.run(waiting)

    def _forget(self, visitor: str) -> None:
        self._of_visitor[visitor] -= 1
        if not self._of_visitor[visitor]:
            del self._of_visitor[visitor]

    def take(self, core: Core) -> None:
        """Go by another configuration from now on."""
        self.limits, self.proxies = core.limits, core.proxies
        more_files(core.limits.connections + core.limits.to_origin)
        self.pool.take_over(core.trust, core.limits)
        for conversation in self.conversations.values():
            conversation.origins.share_idle(rested=True)  # and the pool does not keep it

    def close_websocket(self, event: CloseWebsocket) -> None:
        """Have the layers of its connection close a WebSocket."""
        conversation = self.conversations.get(event.flow.client_conn.id)
        if conversation:
            conversation.happened(event)

    def hang_up(self, client: str) -> None:
        """End a client's connection at once, by its id."""
        conversation = self.conversations.get(client)
        if conversation:
            conversation.abort()

    async def close(self) -> None:
        """Take nobody any more, let what is under way come to its end for a while, then end everything."""
        self._is_closing = True
        for server in self._servers:
            server.close()
        for conversation in tuple(self.conversations.values()):
            conversation.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.drain_time):
                await self._empty.wait()
        for conversation in tuple(self.conversations.values()):
            conversation.abort()
        if self._ticking:
            self._ticking.cancel()
        self.pool.close()

    def _look(self, conversation: Conversation, now: float) -> None:
        try:
            look(conversation, self.limits, now)
        except Exception as fault:  # noqa: BLE001 - the others are to be looked at
            logger.error("A connection that was looked at is ended: %s", type(fault).__name__)
            conversation.abort()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self.clock()
            for number, (client, conversation) in enumerate(tuple(self.conversations.items()), 1):
                if client in self.conversations:
                    self._look(conversation, now)
                if number % LOOKS == 0:
                    await asyncio.sleep(0)  # all others have their turn: thousands of last answers take a second
            try:
                for client in [one for one, told in self._too_many.items() if now - told.since > self.limits.head_time]:
                    self.conversations[client].abort()
                self._tell_operator(now)
                self.pool.sweep()
            except Exception as fault:  # noqa: BLE001 - the clock must go on
                logger.error("A look at the connections failed: %s", type(fault).__name__)

    def _tell_operator(self, now: float) -> None:
        if self._turned_away and now >= self._told_at + TELL:
            said = "There was no room for %d connections: see `connections` and `of_one_address` of `limits`"
            logger.warning(said, self._turned_away)
            self._turned_away, self._told_at = 0, now


@dataclass(frozen=True, slots=True)
class _TooMany:
    """One client too many: the message that says so, and since when it is here."""

    refusal: str
    since: float


class _Arrival(Side):
    """The side of a client that has just connected."""

    __slots__ = ("_door",)

    def __init__(self, door: FrontDoor) -> None:
        super().__init__(None, None)
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Come in."""
        super().connection_made(transport)
        self._door.arrived(self)
