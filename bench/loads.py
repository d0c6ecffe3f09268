"""The loads: what is asked, how, and by which tool. A new one is a row of LOADS."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import asked
from bench.asked import Ask
from bench.count import Count
from bench.target import Target
from bench.tools import curl, echo, h2load, wrk

type Run = Callable[[Target, Ask, int], Count]


@dataclass(frozen=True, slots=True)
class Load:
    """One load. `run` gets the candidate, what to ask, and the length of the right answer's body."""

    name: str
    says: str
    unit: str
    ask: Ask
    run: Run
    core: bool = False  # in quick runs too, and in every round
    unsteady: bool = False  # its rounds differ most: in every round, though in no quick run


def keep_alive(connections: int, seconds: int = 2, warm_up: float = 0.5) -> Run:
    """Connections that stay, on each a request as soon as the last was answered."""
    return lambda target, ask, length: wrk.load(
        target, ask, length, connections=connections, seconds=seconds, warm_up=warm_up
    )


def resumed(target: Target, ask: Ask, length: int) -> Count:
    """A connection for each request, its TLS session resumed where the candidate allows that."""
    return wrk.load(target, ask, length, connections=16, seconds=2, warm_up=0.5, close=True)


def fresh(target: Target, ask: Ask, length: int) -> Count:
    """A connection for each request, with a whole handshake."""
    # Not more at once: stock asyncio servers queue 100, and what is beyond waits a second to try again.
    return h2load.new_connections(target, ask, length, at_once=64, seconds=1.2)


def streams(target: Target, ask: Ask, length: int) -> Count:
    """16 streams of one HTTP/2 connection."""
    return h2load.streams(target, ask, length, at_once=16, seconds=1.6)


def few(target: Target, ask: Ask, length: int) -> Count:
    """A few large bodies, one after the other."""
    return curl.repeated(target, ask, 4)


def echoes(target: Target, ask: Ask, length: int) -> Count:
    """WebSocket messages there and back."""
    return echo.messages(target)


LOADS = (
    # With one connection alone both ends rest again and again, and how soon they wake varies most.
    Load("keep-alive-1", "small GET, 1 connection", "requests/s", asked.SMALL, keep_alive(1, 4, 1.0), unsteady=True),
    Load("keep-alive-16", "small GET, 16 connections", "requests/s", asked.SMALL, keep_alive(16), core=True),
    # The warm-up is for 128 handshakes. Answers come in bursts: it takes many of them to make a rate.
    Load("keep-alive-128", "small GET, 128 connections", "requests/s", asked.SMALL, keep_alive(128, 6, 2.5)),
    Load("new-tls", "small GET, a new handshake each", "requests/s", asked.SMALL, fresh, core=True),
    Load("resumed-tls", "small GET, a resumed handshake each", "requests/s", asked.SMALL, resumed),
    Load("http2-16", "small GET, HTTP/2, 16 streams", "requests/s", asked.SMALL_HTTP2, streams, core=True),
    Load("down-100k", "100 KB down, 16 connections", "requests/s", asked.DOWN_100K, keep_alive(16)),
    Load("up-100k", "100 KB up, 16 connections", "requests/s", asked.UP_100K, keep_alive(16)),
    Load("down-10m", "10 MB down, 1 connection", "MB/s", asked.DOWN_10M, few),
    Load("up-10m", "10 MB up, 1 connection", "MB/s", asked.UP_10M, few),
    Load("redirect", "no session: sent to sign in, 16 connections", "requests/s", asked.REDIRECT, keep_alive(16)),
    Load("websocket", "100 bytes and back, 16 connections", "messages/s", asked.SMALL, echoes),
)  # fmt: skip
