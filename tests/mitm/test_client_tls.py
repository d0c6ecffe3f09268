"""Our side of TLS with clients: whose certificate they get, what they may speak, and that a session is resumed."""

import contextlib
import socket
import ssl
import threading
import time
from types import SimpleNamespace

import pytest
from mitmproxy.connection import Client, ConnectionState
from OpenSSL import SSL

from glassgate.errors import StartError
from glassgate.mitm.client_tls import ClientTls
from glassgate.state.certificates import ensure_edge_certificate


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """(ca.pem, certificate of wiki and *.apps, certificate of payroll)"""
    folder = tmp_path_factory.mktemp("two")
    ca, first, second = folder / "ca.pem", folder / "first.pem", folder / "second.pem"
    ensure_edge_certificate(ca, first, ("wiki.localhost", "*.apps.localhost"), time.time())
    ensure_edge_certificate(ca, second, ("payroll.localhost",), time.time())
    return ca, first, second


def connect(gives, ca, host, session=None, **context_of):
    """A handshake over a socket: (names in the certificate, protocol, sni as the gate has it, the client's socket)"""
    ours, theirs = socket.socketpair()
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
    data = SimpleNamespace(conn=client, ssl_conn=None)
    gives.tls_start_client(data)

    def serve():
        with ours:
            ours.settimeout(10)
            connection = data.ssl_conn
            try:
                while True:
                    try:
                        connection.do_handshake()
                        connection.sendall(b"x")
                        ours.sendall(connection.bio_read(1 << 16))
                        return
                    except SSL.WantReadError:
                        with contextlib.suppress(SSL.WantReadError):
                            ours.sendall(connection.bio_read(1 << 16))
                        connection.bio_write(ours.recv(1 << 16))
            except (SSL.Error, OSError):
                return

    running = threading.Thread(target=serve, daemon=True)
    running.start()
    context = context_of.get("context") or ssl.create_default_context(cafile=str(ca))
    context.check_hostname = host is not None
    if "alpn" in context_of:
        context.set_alpn_protocols(context_of["alpn"])
    theirs.settimeout(10)
    try:
        peer = context.wrap_socket(theirs, server_hostname=host, session=session)
        assert peer.recv(1) == b"x"
    finally:
        running.join(10)
    names = [name for _, name in peer.getpeercert()["subjectAltName"]]
    return SimpleNamespace(names=names, protocol=peer.selected_alpn_protocol(), sni=client.sni, socket=peer)


ASKED = [
    ("the first's own", "wiki.localhost", "wiki.localhost"),
    ("in capitals", "WIKI.localhost", "wiki.localhost"),
    ("by its pattern", "any.apps.localhost", "wiki.localhost"),
    ("the second's own", "payroll.localhost", "payroll.localhost"),
]


@pytest.mark.parametrize(("host", "first"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_the_certificate_of_the_host_that_is_asked_for(two, host, first):
    met = connect(ClientTls(two[1:]), two[0], host)
    assert first in met.names
    assert met.sni == host.lower()


def test_whoever_names_no_host_gets_the_first_certificate(two):
    context = ssl.create_default_context(cafile=str(two[0]))
    context.check_hostname = False
    met = connect(ClientTls(two[1:]), two[0], None, context=context)
    assert "wiki.localhost" in met.names
    assert met.sni is None


def test_a_host_that_no_certificate_has_gets_the_first(two):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for|doesn't match"):
        connect(ClientTls(two[1:]), two[0], "elsewhere.localhost")


def test_other_certificates_are_taken_while_connections_begin(two):
    gives = ClientTls(two[2:])
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for|doesn't match"):
        connect(gives, two[0], "any.apps.localhost")
    gives.take(ClientTls(two[1:]))
    for host, first in (("any.apps.localhost", "wiki.localhost"), ("payroll.localhost", "payroll.localhost")):
        assert first in connect(gives, two[0], host).names


OFFERS = [
    (["h2", "http/1.1"], "h2"),
    (["http/1.1", "h2"], "http/1.1"),
    (["h3", "http/1.1"], "http/1.1"),
    (["spdy/3"], None),
]


@pytest.mark.parametrize(("offered", "chosen"), OFFERS, ids=[" ".join(row[0]) for row in OFFERS])
def test_the_client_chooses_of_what_we_speak(two, offered, chosen):
    assert connect(ClientTls(two[1:]), two[0], "wiki.localhost", alpn=offered).protocol == chosen


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(two, version):
    gives = ClientTls(two[1:])
    context = ssl.create_default_context(cafile=str(two[0]))
    context.minimum_version = context.maximum_version = version
    first = connect(gives, two[0], "payroll.localhost", context=context)
    again = connect(gives, two[0], "payroll.localhost", context=context, session=first.socket.session)
    assert (first.socket.session_reused, again.socket.session_reused) == (False, True)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_nothing_older_than_tls_1_2(two):
    context = ssl.create_default_context(cafile=str(two[0]))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(ClientTls(two[1:]), two[0], "wiki.localhost", context=context)


@pytest.mark.parametrize("broken", ["", "no PEM", "no key"])
def test_a_certificate_that_cannot_be_used(two, tmp_path, broken):
    path = tmp_path / "edge.pem"
    if broken == "no key":
        path.write_text(two[1].read_text().partition("-----BEGIN CERTIFICATE")[1] + "\n")
    elif broken:
        path.write_text(broken)
    with pytest.raises(StartError, match=r"edge\.pem"):
        ClientTls([path])


def test_without_any_there_is_no_start():
    with pytest.raises(StartError, match="no certificate"):
        ClientTls(())
