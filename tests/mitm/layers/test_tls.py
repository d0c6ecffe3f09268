"""TLS of a client: a handshake without an end, what is written down of it, and what goes out in one record."""

import contextlib
import ssl
import time

import pytest
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.tls import TlsStartClientHook
from OpenSSL import SSL

from glassgate.config.limits import Limits
from glassgate.mitm.client_tls import ClientTls
from glassgate.mitm.layers.tls import AT_ONCE, GateTls
from mitm.layers.stage import PROGRAM


def tiny_records(size):
    """A message that says it has a megabyte, in records of one byte each."""
    message = b"\x01\x10\x00\x00" + bytes(size)
    return b"".join(b"\x16\x03\x01\x00\x01" + message[place : place + 1] for place in range(size))


class Says(Layer):
    """What is above TLS: it says whatever it is given to say, in as many pieces."""

    def __init__(self, context, pieces=()):
        super().__init__(context)
        self.pieces, self.heard = pieces, b""

    def _handle_event(self, event):
        if isinstance(event, events.DataReceived):
            self.heard += event.data
            for piece in self.pieces:
                yield commands.SendData(self.context.client, piece)


class Tls:
    """A layer of TLS, and all that it does with what a client sends."""

    def __init__(self, certificates, pieces=(), **limits):
        self.client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
        context = Context(self.client, PROGRAM.options)
        context.layers.append(None)
        self.gives = ClientTls(certificates)
        self.layer = GateTls(context, Limits(**limits))
        self.above = self.layer.child_layer = Says(context, pieces)
        self.done = []
        self._take(events.Start())

    def _take(self, event):
        for command in self.layer.handle_event(event):
            self.done.append(command)
            if isinstance(command, TlsStartClientHook):
                self.gives.tls_start_client(command.data)
            if isinstance(command, commands.StartHook):
                self._take(events.HookCompleted(command))

    def say(self, data, step=None):
        step = step or len(data) or 1
        for start in range(0, len(data), step):
            if not self.is_closed:
                self._take(events.DataReceived(self.client, data[start : start + step]))
        return self

    def sent(self):
        """What it has sent since this was asked last."""
        pieces = [command.data for command in self.done if isinstance(command, commands.SendData)]
        self.done = [command for command in self.done if not isinstance(command, commands.SendData)]
        return pieces

    @property
    def is_closed(self):
        return any(isinstance(command, commands.CloseConnection) for command in self.done)

    @property
    def hooks(self):
        return [command.name for command in self.done if isinstance(command, commands.StartHook)]

    @property
    def logged(self):
        return [command.message for command in self.done if isinstance(command, commands.Log)]


class Peer:
    """An ordinary client of such a layer."""

    def __init__(self, made, ca, step=None, host="wiki.localhost", context=None):
        self.made, self.step = made, step
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or ssl.create_default_context(cafile=str(ca))
        self.tls = context.wrap_bio(self.into, self.out, server_hostname=host)

    def shake(self):
        for _ in range(5):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            self.flush()
        return self

    def flush(self):
        self.made.say(self.out.read(), self.step)
        self.into.write(b"".join(self.made.sent()))


@pytest.mark.parametrize("step", [None, 100, 7])
def test_a_handshake_is_read_however_it_comes(certificates, step):
    ca, leaf = certificates
    made = Tls((leaf,))
    Peer(made, ca, step).shake()
    assert made.hooks == ["tls_start_client", "tls_established_client"]
    assert (made.client.sni, made.client.tls_version) == ("wiki.localhost", "TLSv1.3")


ENDLESS = [
    ("one long message", b"\x16\x03\x01\x40\x00\x01\x10\x00\x00" + bytes(100_000), None),
    ("records of one byte", tiny_records(40_000), None),
    ("byte by byte", tiny_records(5000), 1),
    ("nothing that is TLS", b"\x16" + bytes(100), None),
]


@pytest.mark.parametrize(("data", "step"), [row[1:] for row in ENDLESS], ids=[row[0] for row in ENDLESS])
def test_one_without_an_end_ends_the_connection(certificates, data, step):
    began = time.process_time()
    made = Tls(certificates[1:]).say(data, step or 1000)
    assert "tls_failed_client" in made.hooks
    assert made.is_closed
    assert time.process_time() - began < 5
    assert max(len(line) for line in made.logged) < 200, "what was sent is not written down"


def test_who_cannot_be_understood_is_told_by_an_alert_and_heard_no_more(certificates):
    ca, leaf = certificates
    made = Tls((leaf,))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(ca)
    old.set_ciphers("AES128-SHA@SECLEVEL=0")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    peer = Peer(made, ca, context=old)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        peer.shake()
    [end] = [command for command in made.done if isinstance(command, commands.CloseConnection)]
    assert isinstance(end, commands.CloseTcpConnection)
    assert end.half_close, "else what it says meanwhile resets it"
    made._take(events.DataReceived(made.client, bytes(1 << 20)))
    assert SSL._lib.BIO_get_mem_data(made.layer.tls._into_ssl, SSL._ffi.NULL) == 0
    assert made.above.heard == b""


def test_without_a_certificate_there_is_no_connection(certificates):
    made = Tls(certificates[1:])
    made.gives.tls_start_client = lambda data: None
    Peer(made, certificates[0]).shake()
    assert made.is_closed
    assert made.above.heard == b""


@pytest.mark.parametrize(("pieces", "writes"), [([b"head", b"body"], 1), ([b"x" * AT_ONCE, b"y"], 2), ([], 0)])
def test_what_is_said_together_is_sent_together(certificates, pieces, writes):
    ca, leaf = certificates
    made = Tls((leaf,), pieces)
    peer = Peer(made, ca).shake()
    peer.tls.write(b"hello")
    made.say(peer.out.read())
    sent = made.sent()
    assert made.above.heard == b"hello"
    assert len(sent) <= writes * 2, "of 64 KiB, records are a little more"
    peer.into.write(b"".join(sent))
    assert b"".join(peer.tls.read(1 << 20) for _ in range(len(b"".join(pieces)) // 16384 + bool(pieces))) == b"".join(
        pieces
    )
