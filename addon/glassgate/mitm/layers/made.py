"""What each request needs of mitmproxy's objects, made as its constructors would, which take their time.

A test holds these to what the constructors make.
"""

import os
import time
from typing import Any, cast

from mitmproxy.connection import Client, Server
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.context import Context


def hook(kind: type[StartHook], flow: HTTPFlow) -> StartHook:
    """A hook of a flow. mitmproxy asks its class each time what it is."""
    made: Any = object.__new__(kind)
    made.flow = flow
    return cast(StartHook, made)


def fork(context: Context) -> Context:
    """A context below another. mitmproxy makes a server first, which costs more than all the rest, and drops it."""
    made = Context.__new__(Context)
    made.client, made.options, made.server = context.client, context.options, context.server
    made.layers = context.layers.copy()
    return made


def flow(client: Client, server: Server) -> HTTPFlow:
    """A flow in which nothing has happened. mitmproxy's has an id made by way of a number, digit by digit."""
    made = HTTPFlow.__new__(HTTPFlow)
    made.id = _uuid()
    made.client_conn, made.server_conn = client, server
    made.live = made.intercepted = False
    made.timestamp_created = time.time()
    made._resume_event = made._backup = made.is_replay = None
    made.marked = made.comment = ""
    made.metadata = {}
    return made


def _uuid() -> str:
    """A random UUID (RFC 9562 section 5.4)."""
    digits = os.urandom(16).hex()
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )
