"""The listener and all its conversations: who may come in, who has waited too long, and how all of it ends."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from socket import socket
from typing import Any

from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.mode_specs import ProxyMode

from glassgate.mitm.addon import GateAddon
from glassgate.mitm.driver.conversation import Conversation
from glassgate.mitm.driver.hooks import Hooks
from glassgate.mitm.driver.limits import Limits
from glassgate.mitm.driver.patience import look
from glassgate.mitm.driver.pool import Pool
from glassgate.mitm.driver.sides import Side

TICK = 0.5  # seconds between two looks at who waits for what
BACKLOG = 2048

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.addon = addon
        self.hooks = hooks
        self.pool = pool
        self.options = options
        self.mode = mode
        self.limits = limits
        self.clock = clock
        self.conversations: dict[str, Conversation] = {}
        self._of_address: Counter[str] = Counter()
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
        """A client has connected: take it, or hang up where there are too many already."""
        peer = str(side.transport.get_extra_info("peername", ("",))[0]) if side.transport else ""
        full = len(self.conversations) >= self.limits.connections
        if full or self._is_closing or self._of_address[peer] >= self.limits.of_one_address:
            side.abort()
            return
        conversation = Conversation(self, side)
        self.conversations[conversation.client.id] = conversation
        self._of_address[peer] += 1
        self._empty.clear()

    def first_layer(self, context: Context, data: bytes) -> Layer | None:
        """The layer for a client's first bytes."""
        return self.addon.first_layer(context, data, tls_outside=True)

    def left(self, conversation: Conversation) -> None:
        """A conversation is over."""
        if self.conversations.pop(conversation.client.id, None) is None:
            return
        peer = str((conversation.client.peername or ("",))[0])
        self._of_address[peer] -= 1
        if not self._of_address[peer]:
            del self._of_address[peer]
        if not self.conversations:
            self._empty.set()
        waiting = self.hooks.start(server_hooks.ClientDisconnectedHook(conversation.client))
        if waiting is not None:
            conversation.run(waiting)

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

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                now = self.clock()
                for conversation in tuple(self.conversations.values()):
                    look(conversation, self.limits, now)
                self.pool.sweep()
            except Exception as fault:  # noqa: BLE001 - the clock must go on
                logger.error("A look at the connections failed: %s", type(fault).__name__)


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
