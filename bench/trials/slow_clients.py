"""The slow clients, a process of their own: python -m bench.trials.slow_clients, a Slow as JSON on stdin.

They connect, all of them, and say so with a line "connected"; after a line on stdin each sends half a head, and then a
byte now and then. It prints one line of JSON, a Report, when all have ended.
"""

import asyncio
import json
import os
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from functools import partial

from bench.trials.clients import Cut, Place

CONNECTING = 100  # at once
BETWEEN = 2.0  # seconds between two bytes
PATIENCE = 60.0  # seconds for the end
ADDRESSES = 50  # of loopback, from which they come
HALF = "GET /a-page HTTP/1.1\r\nHost: {}\r\nX-Slow: "


@dataclass(frozen=True, slots=True)
class Slow:
    """How many there are, and where they go."""

    count: int
    port: int
    host: str
    ca: str


@dataclass
class Report:
    """How many came in, what was said to them by the end, and from when to when (seconds after they began)."""

    connected: int = 0
    ends: dict[str, int] = field(default_factory=partial(defaultdict, int))
    first: float = 0.0
    last: float = 0.0


class Clients:
    """All of them."""

    def __init__(self, asked: Slow) -> None:
        self._place = Place(asked.port, asked.host, asked.ca)
        self._count = asked.count
        self._turn = asyncio.Semaphore(CONNECTING)
        self._go = asyncio.Event()
        self._begin = 0.0
        self._ended: list[float] = []
        self._report = Report()
        self._settled = 0
        self._all_settled = asyncio.Event()

    async def run(self) -> Report:
        """Connect, wait for the word, be slow till the end."""
        running = [asyncio.create_task(self._one(number)) for number in range(self._count)]
        await self._all_settled.wait()
        print("connected", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        self._begin = time.monotonic()
        self._go.set()
        await asyncio.gather(*running)
        report = self._report
        report.first, report.last = min(self._ended, default=0.0), max(self._ended, default=0.0)
        return report

    async def _one(self, number: int) -> None:
        try:
            async with self._turn:
                reader, writer = await self._place.connect("http/1.1", source=f"127.0.2.{number % ADDRESSES + 1}")
            self._report.connected += 1
        except Cut as fault:
            self._report.ends[str(fault)] += 1
            return
        finally:
            self._settle()
        await self._go.wait()
        self._report.ends[await self._dawdle(reader, writer)] += 1
        self._ended.append(time.monotonic() - self._begin)
        writer.transport.abort()

    def _settle(self) -> None:
        self._settled += 1
        if self._settled == self._count:
            self._all_settled.set()

    async def _dawdle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        writer.write(HALF.format(self._place.authority).encode())
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                async with asyncio.timeout(BETWEEN):
                    data = await reader.read(64)
            except TimeoutError:
                writer.write(b"a")
                continue
            except OSError as fault:
                return type(fault).__name__
            return data.split(b" ", 2)[1].decode() if data.startswith(b"HTTP/1.1 ") else "hung up"
        return "it goes on"


if __name__ == "__main__":
    os.nice(5)  # alice is not to wait for them on her own side
    print(json.dumps(asdict(asyncio.run(Clients(Slow(**json.loads(sys.stdin.readline()))).run()))))
