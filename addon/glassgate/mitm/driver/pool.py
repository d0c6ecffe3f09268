"""Connections to origins, shared by all clients: made when they are needed, kept for a while, bounded."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from glassgate.config.limits import Limits
from glassgate.mitm.driver.sides import Side
from glassgate.mitm.layers.events import BUSY
from glassgate.mitm.tls import Address, OriginTrust


class OriginBusyError(OSError):
    """Every connection that one origin may have is in use, and as many requests wait for one."""


@dataclass(slots=True)
class _Origin:
    """What there is for one address."""

    open: int = 0
    idle: deque[tuple[float, Side]] = field(default_factory=deque)  # since when; the youngest last
    waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)


class Pool:
    """Makes and keeps them, by address: an address has one origin, and one origin one trust (`OriginTrust`).

    A connection goes to one client at a time, and comes back only when its last answer was whole.
    """

    def __init__(self, trust: OriginTrust, limits: Limits, clock: Callable[[], float]) -> None:
        self._trust = trust
        self._limits = limits
        self._clock = clock
        self._origins: dict[Address, _Origin] = {}

    def take_over(self, trust: OriginTrust, limits: Limits) -> None:
        """Connect by another trust from now on. What was connected by the one before is used to its end, not kept."""
        self._trust, self._limits = trust, limits
        self.close()

    def is_tls(self, address: Address) -> bool:
        """Whether connections to an address are by TLS."""
        return self._trust.context(address) is not None

    def take(self, address: Address) -> Side | None:
        """A connection that is there already, the one that was used last; None where there is none."""
        origin = self._origins.get(address)
        while origin and origin.idle:
            _, side = origin.idle.pop()
            if side.is_open and not side.has_news:
                return side
            side.close()
            self._gone(address)
        return None

    async def connect(self, address: Address, side: Side, *, http2: bool = True) -> None:
        """Connect `side`, TLS and all; by HTTP/2 where its origin wants that, unless it must not be.

        Raises OSError (TimeoutError, ssl.SSLError, OriginBusyError among them).
        """
        origin = self._origins.setdefault(address, _Origin())
        async with asyncio.timeout(self._limits.connect_time):
            if origin.open < self._limits.to_origin or self._make_room(origin):
                origin.open += 1
            else:
                await self._turn(address, origin)
            try:
                side.trust = self._trust
                tls = side.trust.context(address, http2=http2)
                context, name = tls or (None, None)
                await asyncio.get_running_loop().create_connection(
                    lambda: side, *address, ssl=context, server_hostname=name
                )
            except BaseException:
                self._gone(address)
                raise

    def give_back(self, address: Address, side: Side) -> None:
        """Take a connection whose last answer was whole."""
        origin = self._origins.setdefault(address, _Origin())
        is_kept = side.is_open and side.trust is self._trust and len(origin.idle) < self._limits.kept_idle
        if not is_kept or origin.waiting:
            side.close()
            self._gone(address)
            return
        side.hearer = side.connection = None
        side.read(True)
        origin.idle.append((self._clock(), side))

    def gone(self, address: Address) -> None:
        """A connection that was taken has ended."""
        self._gone(address)

    def sweep(self) -> None:
        """Close what was not used for long, and forget what its origin closed."""
        now = self._clock()
        for address, origin in self._origins.items():
            while origin.idle and (origin.idle[0][0] + self._limits.kept_time <= now or not origin.idle[0][1].is_open):
                origin.idle.popleft()[1].close()
                self._gone(address)

    def close(self) -> None:
        """Close everything that nobody uses."""
        for address, origin in self._origins.items():
            while origin.idle:
                origin.idle.pop()[1].close()
                self._gone(address)

    def is_full(self, address: Address) -> bool:
        """Whether there are as many connections to an address as may be."""
        return self._origins[address].open >= self._limits.to_origin

    def counts(self, address: Address) -> tuple[int, int]:
        """How many connections there are to an address, and how many of them nobody uses."""
        origin = self._origins.get(address, _Origin())
        return origin.open, len(origin.idle)

    def _make_room(self, origin: _Origin) -> bool:
        if not origin.idle:
            return False
        origin.idle.popleft()[1].close()
        origin.open -= 1
        return True

    async def _turn(self, address: Address, origin: _Origin) -> None:
        """Wait for the place of a connection that ends."""
        if len(origin.waiting) >= self._limits.to_origin:
            raise OriginBusyError(BUSY)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        origin.waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn in origin.waiting:
                origin.waiting.remove(turn)
            elif not turn.cancelled():
                self._gone(address)  # the place came too late: it is the next one's
            raise

    def _gone(self, address: Address) -> None:
        origin = self._origins[address]
        while origin.waiting:
            turn = origin.waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the place is handed on: whoever comes in between cannot have it
                return
        origin.open -= 1
