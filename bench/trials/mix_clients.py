"""The mix's clients, a process of their own: python -m bench.trials.mix_clients, a Mix as JSON on stdin.

Prints one line of JSON, a Report: what was asked and answered, by kind of client, and everything that was not as it is
to be, with its times (monotonic, the same for all processes of a machine).
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from bench.trials.clients import Cut, Http1, Http2, Place, tls
from bench.trials.marks import CHUNKS, CLOSE, HANG_UP, Answer, Ask, of_user, wrong

KB = 1024
UPGRADE = "upgrade"  # in place of a method: a request for a WebSocket
AGAIN = 0.1  # seconds before somebody who was refused tries again
SLOW = 0.02  # seconds between the pieces that a slow reader takes


@dataclass(frozen=True, slots=True)
class Mix:
    """Who asks where, and for how long. `cookies` are the Cookie headers of those signed in, by name."""

    port: int
    host: str
    ca: str
    cookies: dict[str, str]
    seconds: float
    seed: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that did not get its answer: from when to when it was under way, and what was said."""

    kind: str
    method: str
    begin: float
    end: float
    said: str


@dataclass
class Report:
    """`right` and `left` (what a client itself gave up) by kind; `mixed` is what was not this client's own."""

    right: dict[str, int] = field(default_factory=partial(defaultdict, int))
    left: dict[str, int] = field(default_factory=partial(defaultdict, int))
    mixed: list[str] = field(default_factory=list)
    lost: list[Failure] = field(default_factory=list)


@dataclass
class Client:
    """One client of the mix: who it is, what it draws its choices from, and what it has asked so far."""

    mix: Mix
    place: Place
    report: Report
    kind: str
    number: int
    until: float
    count: int = 0

    @cached_property
    def chance(self) -> random.Random:
        """The same choices for the same seed."""
        return random.Random(f"{self.mix.seed} {self.kind} {self.number}")

    @cached_property
    def user(self) -> str:
        """Who it is."""
        return sorted(self.mix.cookies)[self.number % len(self.mix.cookies)]

    @property
    def cookie(self) -> str:
        """Its session."""
        return self.mix.cookies[self.user]

    @property
    def works(self) -> bool:
        """Whether its time is not over."""
        return time.monotonic() < self.until

    def draw(self, *, methods: str = "GET GET GET HEAD POST PUT", most: int = 96 * KB) -> Ask:
        """A request by chance: mostly small ones, some with a body, some with a long answer."""
        self.count += 1
        method = self.chance.choice(methods.split())
        sends = self.chance.choice([1, 900, 20 * KB, most]) if method in ("POST", "PUT") else 0
        wants = self.chance.choice([0, 10, 900, 5 * KB, 20 * KB, most])
        then = self.chance.choice(["", "", "", "", CHUNKS, CLOSE, HANG_UP] if method == "GET" else ["", "", CHUNKS])
        mark = f"{self.kind}-{self.number}-{self.count}"
        return Ask(mark, self.user, method, sends, wants, then)

    async def asked(self, ask: Ask, answer: Awaitable[Answer]) -> bool:
        """Wait for an answer and judge it. Whether there was one."""
        begin = time.monotonic()
        try:
            came = await answer
        except Cut as fault:
            self.lost(ask.method, begin, str(fault))
            return False
        if came.status != 200:
            self.lost(ask.method, begin, str(came.status))
            await asyncio.sleep(AGAIN)
        elif said := wrong(ask, came):
            self.report.mixed.append(said)
        else:
            self.report.right[self.kind] += 1
        return True

    def lost(self, method: str, begin: float, said: str) -> None:
        """Note what did not get its answer."""
        self.report.lost.append(Failure(self.kind, method, begin, time.monotonic(), said))


async def keep_alive(client: Client) -> None:
    """HTTP/1.1: one request after the other, on a connection that stays as long as it can."""
    while client.works:
        connection = await Http1.open(client.place)
        for _ in range(client.chance.randint(1, 200)):
            ask = client.draw()
            chunked = client.chance.random() < 0.3 and ask.sends > 0
            if not await client.asked(ask, connection.ask(ask, client.cookie, chunked=chunked)):
                break
            if not connection.goes_on or not client.works:
                break
        connection.leave()


async def streams(client: Client) -> None:
    """HTTP/2: eight at once on one connection, some of them taken back."""

    async def one(connection: Http2) -> None:
        while client.works and connection.goes_on:
            ask = client.draw()
            if client.chance.random() < 0.02:
                await _take_back(client, connection, ask)
            else:
                await client.asked(ask, connection.ask(ask, client.cookie))

    while client.works:
        connection = await Http2.open(client.place)
        await asyncio.gather(*(one(connection) for _ in range(8)))
        connection.leave()


async def _take_back(client: Client, connection: Http2, ask: Ask) -> None:
    number = connection.begin(ask, client.cookie)
    with contextlib.suppress(OSError):
        if ask.sends:
            await connection.more(number, ask.body[: ask.sends // 2])
        else:
            await connection.came(number, ask.wants // 2)
    connection.take_back(number)
    client.report.left[client.kind] += 1
    await asyncio.sleep(0.05)  # 200 within ten seconds are as many as the gate bears


async def leavers(client: Client) -> None:
    """HTTP/1.1: gone in the midst of a body, or of an answer."""
    while client.works:
        connection = await Http1.open(client.place)
        ask = client.draw(methods="GET POST", most=2048 * KB)
        await connection.begin(ask, client.cookie)
        if ask.sends:
            await connection.more(ask.body[: ask.sends // 2])
        else:
            await connection.read(ask.wants // 2, 1.0)
        connection.leave()
        client.report.left[client.kind] += 1
        await asyncio.sleep(0.02)


async def slow_readers(client: Client) -> None:
    """HTTP/1.1: megabytes, of which a little is taken at a time."""
    while client.works:
        connection = await Http1.open(client.place, small=True)
        client.count += 1
        ask = Ask(f"{client.kind}-{client.number}-{client.count}", client.user, wants=4096 * KB)
        await client.asked(ask, connection.ask(ask, client.cookie, pause=SLOW))
        connection.leave()


async def talkers(client: Client) -> None:
    """WebSockets: every message comes back, with the name of who said it before it."""
    url = f"wss://{client.place.authority}/talk"
    given: dict[str, Any] = {
        "origin": f"https://{client.place.authority}", "additional_headers": {"Cookie": client.cookie},
        "ssl": tls(client.place.ca, "http/1.1"), "host": "127.0.0.1", "port": client.place.port, "proxy": None,
    }  # fmt: skip
    while client.works:
        begin = time.monotonic()
        try:
            async with connect(url, **given) as talk:
                for _ in range(client.chance.randint(1, 100)):
                    begin = time.monotonic()
                    if not client.works:
                        break
                    client.count += 1
                    message = f"{client.kind}-{client.number}-{client.count};" * client.chance.choice([1, 10, 1000])
                    await talk.send(message)
                    came = await talk.recv()
                    if came == f"{of_user(client.user)}\n{message}":
                        client.report.right[client.kind] += 1
                    else:
                        client.report.mixed.append(f"{message[:40]} came back as {came[:120]!r}")
        except InvalidStatus as fault:
            client.lost(UPGRADE, begin, str(fault.response.status_code))
            await asyncio.sleep(AGAIN)
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as fault:
            client.lost("message", begin, f"{type(fault).__name__}: {fault}")
            await asyncio.sleep(AGAIN)


type Behaviour = Callable[[Client], Awaitable[None]]
KINDS: dict[str, tuple[Behaviour, int]] = {
    "keep-alive": (keep_alive, 12),
    "http2": (streams, 3),
    "websockets": (talkers, 6),
    "leavers": (leavers, 3),
    "slow-readers": (slow_readers, 3),
}  # by kind: what they do, and how many there are


async def alive(client: Client, behaviour: Behaviour) -> None:
    """Keep a client going: who cannot connect, or is cut off where no answer was due, tries again."""
    while client.works:
        try:
            await behaviour(client)
        except (Cut, OSError) as fault:
            client.lost("", time.monotonic(), str(fault))
            await asyncio.sleep(AGAIN)


async def main(mix: Mix) -> Report:
    """Run all of them to the end of the time."""
    report, until = Report(), time.monotonic() + mix.seconds
    place = Place(mix.port, mix.host, mix.ca)
    clients = [
        (Client(mix, place, report, kind, number, until), behaviour)
        for kind, (behaviour, count) in KINDS.items()
        for number in range(count)
    ]
    await asyncio.gather(*(alive(*one) for one in clients))
    return report


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(main(Mix(**json.load(sys.stdin)))))))
