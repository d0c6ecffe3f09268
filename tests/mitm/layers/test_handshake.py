"""The first message of TLS: what is taken of one that has no end, and what is written down of it."""

import ssl
import time

import pytest
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context

from glassgate.config.limits import Limits
from glassgate.mitm.layers.handshake import GateTls
from mitm.layers.stage import PROGRAM


def hello():
    """The first message of an ordinary client."""
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="wiki.localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def tiny_records(size):
    """A message that says it has a megabyte, in records of one byte each."""
    message = b"\x01\x10\x00\x00" + bytes(size)
    return b"".join(b"\x16\x03\x01\x00\x01" + message[place : place + 1] for place in range(size))


class Tls:
    """A layer of TLS, and all that it does with what a client sends."""

    def __init__(self, **limits):
        self.client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
        context = Context(self.client, PROGRAM.options)
        context.layers.append(None)
        self.layer = GateTls(context, Limits(**limits))
        self.done = list(self.layer.handle_event(events.Start()))

    def say(self, data, step=None):
        step = step or len(data)
        for start in range(0, len(data), step):
            if not self.is_closed:
                piece = events.DataReceived(self.client, data[start : start + step])
                self.done += self.layer.handle_event(piece)
        return self

    @property
    def is_closed(self):
        return any(isinstance(command, commands.CloseConnection) for command in self.done)

    @property
    def hooks(self):
        return [command.name for command in self.done if isinstance(command, commands.StartHook)]

    @property
    def logged(self):
        return [command.message for command in self.done if isinstance(command, commands.Log)]


@pytest.mark.parametrize("step", [None, 100, 5, 3])
def test_a_first_message_is_read_however_it_comes(step):
    made = Tls().say(hello(), step)
    assert made.hooks == ["tls_clienthello"]
    assert made.client.sni == "wiki.localhost"


ENDLESS = [
    ("one long message", b"\x16\x03\x01\x40\x00\x01\x10\x00\x00" + bytes(100_000), None),
    ("records of one byte", tiny_records(40_000), None),
    ("byte by byte", tiny_records(5000), 1),
    ("nothing that is TLS", b"\x16" + bytes(100), None),
]


@pytest.mark.parametrize(("data", "step"), [row[1:] for row in ENDLESS], ids=[row[0] for row in ENDLESS])
def test_one_without_an_end_ends_the_connection(data, step):
    began = time.process_time()
    made = Tls().say(data, step or 1000)
    assert "tls_failed_client" in made.hooks
    assert time.process_time() - began < 5
    assert len(made.layer.recv_buffer) <= Limits().hello
    assert max(len(line) for line in made.logged) < 200, "what was sent is not written down"
