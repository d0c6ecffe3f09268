"""Our side of TLS with clients: whose certificate they get, what they may speak, and that a session is resumed."""

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from mitmproxy.connection import Client, ConnectionState
from OpenSSL import SSL

from gate.site import app
from glassgate.errors import StartError
from glassgate.mitm.client_tls import ClientTls, client_cas
from glassgate.state.certificates import ensure_edge_certificate
from mitm import openssl


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
    shown = data.ssl_conn.get_peer_certificate()
    return SimpleNamespace(
        client=client, names=names, protocol=peer.selected_alpn_protocol(), sni=client.sni, socket=peer, shown=shown
    )


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


# --- client certificates ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """A folder with certificates that openssl made: ours.pem and others.pem are authorities, the rest are clients'."""
    return openssl.clients(tmp_path_factory.mktemp("clients"))


def asks(two, clients):
    """Payroll asks for certificates of our authority; the pattern of apps, too, but for one of its hosts."""
    ours = clients / "ours.pem"
    cas = {"payroll.localhost": ours, "*.apps.localhost": ours, "open.apps.localhost": None, "wiki.localhost": None}
    return ClientTls(two[1:], cas)


def shows(two, clients, name, version=None):
    context = ssl.create_default_context(cafile=str(two[0]))
    if version:
        context.minimum_version = context.maximum_version = version
    if name:
        context.load_cert_chain(clients / f"{name}.crt", clients / f"{name}.key")
    return context


def met(two, clients, host, name, gives=None, version=None, **more):
    """The common name that the gate has of a client that would show this certificate."""
    context = more.pop("context", None) or shows(two, clients, name, version)
    one = connect(gives or asks(two, clients), two[0], host, context=context, **more)
    return one.shown.get_subject().CN if one.shown else None


HOSTS = [
    ("where it is asked for", "payroll.localhost", "ci"),
    ("by a pattern", "any.apps.localhost", "ci"),
    ("at a host of its own within the pattern", "open.apps.localhost", None),
    ("where it is not", "wiki.localhost", None),
]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("host", "said"), [row[1:] for row in HOSTS], ids=[row[0] for row in HOSTS])
def test_a_certificate_is_asked_for_only_where_an_app_wants_it(two, clients, host, said, version):
    assert met(two, clients, host, "ci", version=version) == said


def test_whoever_has_none_is_served_all_the_same(two, clients):
    assert met(two, clients, "payroll.localhost", None) is None


REFUSED = {
    "foreign": "unable to get local issuer certificate",
    "selfmade": "self-signed certificate",
    "ended": "certificate has expired",
    "server": "unsuitable certificate purpose",
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("name", "why"), REFUSED.items())
def test_one_that_the_apps_authority_does_not_answer_for_gets_no_connection(two, clients, name, why, version, caplog):
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        met(two, clients, "payroll.localhost", name, version=version)
    [said] = caplog.messages
    assert said.replace("self signed", "self-signed").startswith(
        f"A client certificate for 'payroll.localhost' is refused, from 127.0.0.1: {why}"
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_with_a_certificate_is_not_resumed_and_one_without_gains_none(two, clients, version):
    gives, context = asks(two, clients), shows(two, clients, "ci", version)
    first = connect(gives, two[0], "payroll.localhost", context=context)
    again = connect(gives, two[0], "payroll.localhost", context=context, session=first.socket.session)
    assert not again.socket.session_reused
    assert again.shown.get_subject().CN == "ci"
    elsewhere = connect(gives, two[0], "wiki.localhost", context=context, session=first.socket.session)
    assert elsewhere.shown is None
    plain = connect(gives, two[0], "wiki.localhost", context=context)
    taken = connect(gives, two[0], "payroll.localhost", context=context, session=plain.socket.session)
    assert taken.shown is None or not taken.socket.session_reused


def test_whose_authority_is_another_now_is_named_once_it_changes(two, clients):
    gives = asks(two, clients)
    first = connect(gives, two[0], "payroll.localhost", context=shows(two, clients, "ci"))
    stays = connect(gives, two[0], "any.apps.localhost", context=shows(two, clients, "ci"))
    plain = connect(gives, two[0], "wiki.localhost", context=shows(two, clients, "ci"))
    assert gives.take(asks(two, clients)) == []
    other = {"payroll.localhost": clients / "others.pem", "*.apps.localhost": clients / "ours.pem"}
    assert gives.take(ClientTls(two[1:], other)) == [first.client.id]
    again = connect(gives, two[0], "payroll.localhost", context=shows(two, clients, "foreign"))
    assert set(gives.take(ClientTls(two[1:]))) == {one.client.id for one in (first, stays, again)}
    assert plain.shown is None


def test_an_authority_that_cannot_be_used(two, tmp_path):
    (tmp_path / "clients.pem").write_text("no PEM")
    with pytest.raises(StartError, match=r"clients\.pem"):
        ClientTls(two[1:], {"wiki.localhost": tmp_path / "clients.pem"})


def test_apps_of_one_host_trust_the_same():
    one, other = app("wiki", "wiki.localhost"), app("admin", "wiki.localhost")
    trusting = replace(one, client_ca=Path("a.pem"))
    assert client_cas([trusting, app("payroll", "payroll.localhost")]) == {
        "wiki.localhost": Path("a.pem"), "payroll.localhost": None,
    }  # fmt: skip
    with pytest.raises(StartError, match="differ in their client_ca"):
        client_cas([trusting, other])
