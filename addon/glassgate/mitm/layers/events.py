"""Events that a driver sends down the layers, and those that the layers send each other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http._base import HttpEvent

type Commands = CommandGenerator[Any]
type AtOnce = Callable[[StartHook], bool]  # a driver's: calls a hook; False where it has to be waited for

# Errors of a connection to an origin, as a driver says them, and the standing messages for them. Any other is a 502.
TIMED_OUT = "the origin did not answer in time"
BUSY = "every connection to this origin is in use"
ERRORS = {TIMED_OUT: "origin_timeout", BUSY: "origin_busy"}


class Drain(events.Event):
    """From a driver: take no further request. The connection ends once what is under way has its answer."""


class TooSlow(events.Event):
    """From a driver: the client was waited for too long. It is told where that can be told; the connection ends."""


@dataclass
class SayNow(commands.Command):
    """To a driver: send what was said on a connection. It is whole: nothing that follows is waited for there.

    Not a command of the connection's, of which mitmproxy's TLS knows all that there may be.
    """

    connection: Connection


class CaughtUp(events.Event):
    """From a driver: an origin that was behind takes more again."""


@dataclass
class GiveUp(events.ConnectionEvent):
    """From a driver: break off what an origin did nothing for since `before`, in monotonic seconds."""

    before: float


@dataclass
class CloseWebsocket(events.Event):
    """From a driver: end the WebSocket of a flow. `code` and `reason` are for the client (RFC 6455 section 7.4)."""

    flow: http.HTTPFlow
    code: int
    reason: str


@dataclass
class BodyPieceHook(StartHook):
    """A hook of our own: a piece of a body that is kept has come, as the flow's content. The next is read at its end.

    mitmproxy 12.2.3 takes hooks of one argument alone.
    """

    flow: http.HTTPFlow


@dataclass
class Refuse(HttpEvent):
    """To a request: no more of it is wanted. `code` is the standing message that says why."""

    code: str


@dataclass
class Early(HttpEvent):
    """To a client's connection: the answer is whole, its request is not and goes on."""


@dataclass
class Enough(HttpEvent):
    """To a client's connection: the answer that follows comes before its request has ended, and is all that comes."""


def nothing(_: events.Event | None = None) -> Commands:
    """No command."""
    yield from ()


def said(to: Connection, data: bytes, *, chunked: bool) -> Commands:
    """Send a piece of an HTTP/1 body (RFC 9112 section 7.1): not an empty one, which would be the last chunk."""
    if data:
        yield commands.SendData(to, b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
