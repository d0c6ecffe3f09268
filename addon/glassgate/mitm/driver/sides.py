"""The two kinds of transports of a conversation: bytes in, bytes out, and whether the other end keeps up."""

import asyncio
import contextlib
import fcntl
import select
import sys
import termios
from collections.abc import Collection, Iterable
from typing import Protocol, cast

from mitmproxy.connection import Connection

from glassgate.mitm.tls import OriginTrust

HIGH_WATER = 256 * 1024  # bytes that may wait to be sent before their source is paused
STUCK = 1024 * 1024  # bytes beyond which nothing more is said: answers of our own have no source to pause
LEFT = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR  # the first is Linux's alone
# Where bytes arrive. For other protocols asyncio makes a place of this size at each read: ten times the read's cost.
COMING = memoryview(bytearray(256 * 1024))
TOGETHER = 32  # pieces that are kept back to go out in one write


class Hearer(Protocol):
    """Who hears what a side hears."""

    def received(self, side: "Side", data: bytes) -> None:
        """Bytes came."""
        ...

    def ended(self, side: "Side", *, lost: bool) -> None:
        """The other end sends no more; `lost`: it takes no more either."""
        ...

    def flow_changed(self, side: "Side") -> None:
        """The other end fell behind, or caught up."""
        ...


class Side(asyncio.BufferedProtocol):
    """One transport and the connection that it is to mitmproxy's layers."""

    __slots__ = (
        "connection", "has_ended", "hearer", "is_behind", "is_reading", "is_tls", "said", "transport", "trust",
        "unsent",
    )  # fmt: skip

    def __init__(self, hearer: Hearer | None, connection: Connection | None, *, is_tls: bool = False) -> None:
        self.hearer = hearer
        self.connection = connection
        self.is_tls = is_tls
        self.transport: asyncio.Transport | None = None
        self.trust: OriginTrust | None = None  # by which an origin was connected
        self.has_ended = False
        self.is_behind = False
        self.is_reading = True
        self.unsent: list[bytes] = []
        self.said = 0  # bytes, in all

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(HIGH_WATER)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes: one place for all sides, since it is passed on at once."""
        return COMING

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on what came. Where nobody hears it, the connection was idle in the pool, and is of no more use."""
        if self.hearer:
            self.hearer.received(self, bytes(COMING[:nbytes]))
        else:
            self.close()

    def eof_received(self) -> bool:
        """Tell of a half-close; keep the other half open where that is possible."""
        if self.hearer:
            self.hearer.ended(self, lost=False)
            return not self.is_tls
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell of the end."""
        self.has_ended = True
        if self.hearer:
            self.hearer.ended(self, lost=True)

    def pause_writing(self) -> None:
        """More waits to be sent than should."""
        self.is_behind = True
        if self.hearer:
            self.hearer.flow_changed(self)

    def resume_writing(self) -> None:
        """It was sent."""
        self.is_behind = False
        if self.hearer:
            self.hearer.flow_changed(self)

    def read(self, wanted: bool) -> None:
        """Read on, or pause."""
        if wanted is not self.is_reading and self.transport and not self.transport.is_closing():
            self.is_reading = wanted
            (self.transport.resume_reading if wanted else self.transport.pause_reading)()

    def say(self, data: bytes) -> None:
        """Have bytes sent, with what follows soon."""
        self.unsent.append(data)
        if len(self.unsent) >= TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Send what was said, in one write."""
        if self.unsent:
            data = self.unsent[0] if len(self.unsent) == 1 else b"".join(self.unsent)
            self.unsent.clear()
            if self.transport and not self.transport.is_closing():
                self.said += len(data)
                self.transport.write(data)

    def close(self) -> None:
        """Send what was said, then close."""
        self.flush()
        if self.transport:
            self.transport.close()

    def abort(self) -> None:
        """Close at once, whatever was said."""
        if self.transport:
            self.transport.abort()

    @property
    def waiting(self) -> int:
        """Bytes that were said and that the other end has still to take."""
        return self.transport.get_write_buffer_size() if self.transport else 0

    @property
    def taken(self) -> int:
        """Bytes that the other end has taken. Where the kernel does not say what it still holds, that counts, too."""
        return self.said - self.waiting - self._in_kernel

    @property
    def _in_kernel(self) -> int:
        with contextlib.suppress(OSError, ValueError):  # Linux alone knows it of a socket; it may be closed
            if self.transport:
                said = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
                return int.from_bytes(said, sys.byteorder)
        return 0

    @property
    def has_left(self) -> bool:
        """Whether the other end has closed while nobody reads from it. asyncio would notice when it is read again."""
        if self.is_reading or self.transport is None or self.transport.is_closing():
            return False
        look = select.poll()
        look.register(self.transport.get_extra_info("socket"), LEFT)
        return any(found & LEFT for _, found in look.poll(0))

    @property
    def has_news(self) -> bool:
        """Whether something came that the loop has not heard yet: on a connection that nobody uses, its end."""
        if self.transport is None:
            return False
        look = select.poll()
        look.register(self.transport.get_extra_info("socket"), select.POLLIN | LEFT)
        return bool(look.poll(0))

    @property
    def is_stuck(self) -> bool:
        """Whether the other end takes nothing, whatever is said to it."""
        return self.is_behind and self.waiting > STUCK

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self.transport is not None and not self.has_ended and not self.transport.is_closing()


def steer(client: Side, origins: Iterable[Side], *, crowded: bool, stuck: Collection[Side] = ()) -> None:
    """Read from nobody whose bytes would only wait.

    `crowded`: too much of the client's waits to be worked on. `stuck`: those origins whose answers wait for a window
    that the client has to give, by what it sends: it is read then all the same.
    """
    for side in origins:
        side.read(not client.is_behind and side not in stuck)
    client.read(not crowded and not client.is_stuck)
