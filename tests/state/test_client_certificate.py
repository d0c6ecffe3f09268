"""The gate's own certificate towards origins."""

import ssl
import stat
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from glassgate.errors import StartError
from glassgate.state.certificates import ensure_edge_certificate
from glassgate.state.client_certificate import client_authority, client_certificate, ensure_client_certificate

NOW = datetime.now(UTC).timestamp()  # handshakes go by the system's clock
DAY = 86400


def leaf(state):
    return x509.load_pem_x509_certificates(client_certificate(state).read_bytes())[0]


def known_to(authority, certificate):
    """A handshake in memory with a server that asks for a certificate of `authority`; what went wrong, or ""."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(client_certificate(authority.parents[1]))
    server.load_verify_locations(authority)
    server.verify_mode = ssl.CERT_REQUIRED
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.load_cert_chain(certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as fault:
                return fault.verify_message
            ends.remove(end)
    return ""


def test_it_is_made_once_and_for_its_owner_alone(tmp_path):
    assert ensure_client_certificate(tmp_path, NOW)
    before = client_certificate(tmp_path).read_bytes()
    assert not ensure_client_certificate(tmp_path, NOW)
    assert client_certificate(tmp_path).read_bytes() == before
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in client_certificate(tmp_path).parent.glob("[cg]a*")
    }
    assert modes == {"gate.pem": 0o600, "ca.key": 0o600, "ca.pem": 0o644}
    assert stat.S_IMODE(client_certificate(tmp_path).parent.stat().st_mode) == 0o700


def test_it_is_for_clients_alone(tmp_path):
    ensure_client_certificate(tmp_path, NOW)
    usage = leaf(tmp_path).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_who_trusts_its_authority_lets_in_the_gate_and_not_what_the_edge_shows(tmp_path):
    ensure_client_certificate(tmp_path, NOW)
    ensure_edge_certificate(tmp_path / "ca.pem", tmp_path / "edge.pem", ["wiki.localhost"], NOW)
    assert known_to(client_authority(tmp_path), client_certificate(tmp_path)) == ""
    assert known_to(client_authority(tmp_path), tmp_path / "edge.pem") != ""


@pytest.mark.parametrize(
    ("days", "renewed", "authority_too"),
    [(0, False, False), (360, False, False), (370, True, False), (3630, True, True)],
    ids=["new", "in its last weeks but five", "near its end", "its authority near its end"],
)
def test_it_is_renewed_near_its_end(tmp_path, days, renewed, authority_too):
    ensure_client_certificate(tmp_path, NOW)
    before, authority = leaf(tmp_path), client_authority(tmp_path).read_bytes()
    assert ensure_client_certificate(tmp_path, NOW + days * DAY) is renewed
    assert (leaf(tmp_path) != before) is renewed
    assert (client_authority(tmp_path).read_bytes() != authority) is authority_too


def test_origins_that_know_the_authority_know_what_it_signs_next(tmp_path):
    ensure_client_certificate(tmp_path, NOW)
    client_certificate(tmp_path).unlink()
    assert ensure_client_certificate(tmp_path, NOW)
    assert known_to(client_authority(tmp_path), client_certificate(tmp_path)) == ""


def test_one_of_another_authority_is_not_touched(tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    for state in (mine, other):
        ensure_client_certificate(state, NOW)
    foreign = client_certificate(other).read_bytes()
    client_certificate(mine).write_bytes(foreign)
    with pytest.raises(StartError, match=r"another authority.*move gate.pem away"):
        ensure_client_certificate(mine, NOW)
    assert client_certificate(mine).read_bytes() == foreign


def test_a_key_that_others_may_read_is_refused(tmp_path):
    ensure_client_certificate(tmp_path, NOW)
    client_certificate(tmp_path).chmod(0o644)
    with pytest.raises(StartError, match="chmod 600"):
        ensure_client_certificate(tmp_path, NOW)
