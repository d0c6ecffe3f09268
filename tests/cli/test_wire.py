"""A host reached for one step at a time, on real sockets."""

import socket
import time

import pytest
from cryptography import x509

from glassgate.cli import wire
from journeys.demo import free_ports
from oidc.peer import Authority, Peer

HOST = "login.localhost"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "trusted")


@pytest.mark.parametrize("name", ["localhost", "login.localhost", "A.B.LOCALHOST."])
def test_a_name_of_this_machine_needs_no_resolver(name):
    assert wire.resolve(name, 0) == ("127.0.0.1",)


def test_an_address_is_its_own_name():
    assert wire.resolve("127.0.0.1", 5) == ("127.0.0.1",)


def test_what_is_no_name_is_told_as_an_error_of_the_network():
    with pytest.raises(OSError, match="no host name"):
        wire.resolve("a" * 64 + ".example", 5)


def test_a_resolver_that_hangs_holds_nobody_up():
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no answer in 0\.2 seconds"):
        wire.within(0.2, lambda: time.sleep(30))
    assert time.monotonic() - begun < 5


def test_the_first_address_that_answers_counts():
    with Peer([]) as peer:
        assert wire.connect(("127.0.0.2", "127.0.0.1"), peer.port, 5) in ("127.0.0.1", "127.0.0.2")
        assert wire.connect(("127.0.0.1",), peer.port, 5) == "127.0.0.1"


def test_where_nobody_answers_the_last_error_is_told():
    (port,) = free_ports(1)
    with pytest.raises(ConnectionRefusedError):
        wire.connect(("127.0.0.1", "127.0.0.2"), port, 5)
    with pytest.raises(OSError, match="no address"):
        wire.connect((), port, 5)


def test_a_trusted_certificate_is_shown(authority):
    with Peer([], tls=authority.context(HOST)) as peer:
        shown = wire.handshake(HOST, "127.0.0.1", peer.port, ca=authority.pem, seconds=5)
    assert shown.distrust is None
    assert shown.version.startswith("TLSv1.")
    assert x509.load_der_x509_certificate(shown.certificate).issuer == authority.name
    assert peer.names == [HOST]
    assert peer.heads == [], "nothing was sent"


def test_one_that_is_not_trusted_is_shown_with_the_reason(authority, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "untrusted")
    with Peer([], tls=other.context(HOST)) as peer:
        shown = wire.handshake(HOST, "127.0.0.1", peer.port, ca=authority.pem, seconds=5)
        by_system = wire.handshake(HOST, "127.0.0.1", peer.port, ca=None, seconds=5)
    assert shown.distrust[0] in (18, 19, 20)
    assert by_system.distrust[0] in (18, 19, 20)
    assert x509.load_der_x509_certificate(shown.certificate).issuer == other.name
    assert peer.heads == [], "nothing was sent to whoever it is"


def test_one_for_another_name_is_shown_with_the_reason(authority):
    with Peer([], tls=authority.context("other.localhost")) as peer:
        shown = wire.handshake(HOST, "127.0.0.1", peer.port, ca=authority.pem, seconds=5)
    assert shown.distrust[0] == 62


def test_what_speaks_no_tls_is_an_error(authority):
    with Peer([b"HTTP/1.1 400 Bad Request\r\n\r\n"], blind=True) as peer, pytest.raises(OSError):  # noqa: PT011
        wire.handshake(HOST, "127.0.0.1", peer.port, ca=authority.pem, seconds=5)


def test_who_says_nothing_is_not_waited_for(authority):
    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        wire.handshake(HOST, "127.0.0.1", silent.getsockname()[1], ca=authority.pem, seconds=0.3)
    assert time.monotonic() - begun < 5
