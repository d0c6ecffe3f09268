"""The local CA and the edge's certificate."""

import os
import ssl
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from glassgate.errors import StartError
from glassgate.state import certificates, issuing
from glassgate.state.certificates import Made, ensure_edge_certificate

HOSTS = ("team.localhost", "wiki.localhost", "*.apps.localhost", "localhost")
NOW = datetime.now(UTC).timestamp()  # handshakes go by the system's clock
DAY = 86400


@pytest.fixture
def certs(tmp_path):
    folder = tmp_path / "certs"
    return SimpleNamespace(
        folder=folder, ca=folder / "ca.pem", ca_key=folder / "ca.key", leaf=folder / "edge.pem",
        ensure=lambda hosts=HOSTS, now=NOW: ensure_edge_certificate(folder / "ca.pem", folder / "edge.pem", hosts, now),
    )  # fmt: skip


def contents(certs):
    return {path.name: path.read_bytes() for path in certs.folder.iterdir()}


def names(path):
    leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    return set(
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    )


def handshake(ca, leaf, host):
    """A real TLS handshake in memory, client and server, as Python's ssl does them."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(leaf)
    client = ssl.create_default_context(cafile=ca)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass


def forged(certs, leaf, *alternatives, subject="forged"):
    """A certificate for any names that a thief of ca.key signs."""
    ca = x509.load_pem_x509_certificate(certs.ca.read_bytes())
    ca_key = load_pem_private_key(certs.ca_key.read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    at = datetime.fromtimestamp(NOW, UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(list(alternatives)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf.write_bytes(issuing.pem(key) + certificate.public_bytes(Encoding.PEM))
    return leaf


def own(path, *hosts, days=90, end=""):
    """A certificate that somebody brought: self-signed, of another kind."""
    key = ec.generate_private_key(ec.SECP384R1())
    at = datetime.fromtimestamp(NOW, UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "own")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(issuing.pem(key) + certificate.public_bytes(Encoding.PEM) + end.encode())
    path.chmod(0o600)


def test_both_are_made_where_there_are_none(certs):
    old = os.umask(0)
    try:
        assert certs.ensure() == Made(ca=True, leaf=True)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in certs.folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "edge.pem": 0o600, ".lock": 0o600}
    assert b"PRIVATE" not in certs.ca.read_bytes()
    assert names(certs.leaf) == set(HOSTS)


@pytest.mark.parametrize("host", ["team.localhost", "wiki.localhost", "any.apps.localhost", "localhost"])
def test_a_client_that_trusts_the_ca_connects(certs, host):
    certs.ensure()
    handshake(certs.ca, certs.leaf, host)


@pytest.mark.parametrize("host", ["other.localhost", "a.b.apps.localhost", "example.com"])
def test_a_client_that_asks_for_another_host_does_not(certs, host):
    certs.ensure()
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(certs.ca, certs.leaf, host)


def test_a_client_that_does_not_trust_the_ca_does_not(certs, tmp_path):
    certs.ensure()
    ensure_edge_certificate(tmp_path / "ca.pem", tmp_path / "edge.pem", HOSTS, NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path / "ca.pem", certs.leaf, "team.localhost")


@pytest.mark.parametrize(
    ("host", "alternative"),
    [
        ("example.com", x509.DNSName("example.com")),
        ("notlocalhost", x509.DNSName("notlocalhost")),
        ("localhost.example.com", x509.DNSName("localhost.example.com")),
        ("127.0.0.1", x509.IPAddress(certificates.ipaddress.ip_address("127.0.0.1"))),
        ("::1", x509.IPAddress(certificates.ipaddress.ip_address("::1"))),
    ],
)
def test_what_a_thief_of_the_key_signs_for_other_names_is_refused(certs, tmp_path, host, alternative):
    certs.ensure()
    leaf = forged(certs, tmp_path / "forged.pem", alternative)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(permitted|excluded) subtree violation"):
        handshake(certs.ca, leaf, host)


def test_openssl_says_the_same(certs, tmp_path):
    certs.ensure()

    def verify(leaf):
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", certs.ca, leaf]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert verify(certs.leaf).stdout == f"{certs.leaf}: OK\n"
    refused = verify(forged(certs, tmp_path / "forged.pem", x509.DNSName("example.com")))
    assert refused.returncode != 0
    assert "permitted subtree violation" in refused.stderr


def test_the_ca_says_critically_what_it_is_for(certs):
    certs.ensure()
    ca = x509.load_pem_x509_certificate(certs.ca.read_bytes())
    said = {type(extension.value): extension for extension in ca.extensions}
    assert [said[kind].critical for kind in (x509.BasicConstraints, x509.KeyUsage, x509.NameConstraints)] == [True] * 3
    assert said[x509.BasicConstraints].value == x509.BasicConstraints(ca=True, path_length=0)
    assert said[x509.NameConstraints].value.permitted_subtrees == [x509.DNSName("localhost")]
    assert [str(every.value) for every in said[x509.NameConstraints].value.excluded_subtrees] == ["0.0.0.0/0", "::/0"]


def test_a_leaf_lives_no_longer_than_browsers_take(certs):
    certs.ensure()
    leaf = x509.load_pem_x509_certificates(certs.leaf.read_bytes())[0]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=398)


def test_what_stands_is_left_alone(certs):
    certs.ensure()
    before = contents(certs)
    assert certs.ensure(HOSTS[:2], NOW + 360 * DAY) == Made()
    assert contents(certs) == before


@pytest.mark.parametrize(
    ("hosts", "days", "made"),
    [
        (HOSTS, 397 - 29, Made(leaf=True)),
        (HOSTS, 500, Made(leaf=True)),
        (HOSTS, -30, Made(ca=True, leaf=True)),
        ((*HOSTS, "new.localhost"), 0, Made(leaf=True)),
        (HOSTS, 3650 - 29, Made(ca=True, leaf=True)),
    ],
    ids=["near its end", "ended", "the clock went back", "a new host", "the CA near its end"],
)
def test_what_does_not_stand_is_made_anew(certs, hosts, days, made):
    certs.ensure()
    before = contents(certs)
    assert certs.ensure(hosts, NOW + days * DAY) == made
    assert (contents(certs)["ca.pem"] != before["ca.pem"], contents(certs)["edge.pem"] != before["edge.pem"]) == (
        made.ca,
        True,
    )
    assert names(certs.leaf) == set(hosts)
    assert certs.ensure(hosts, NOW + days * DAY) == Made()


def test_what_another_configuration_needs_stays_in(certs):
    certs.ensure(("a.localhost",))
    certs.ensure(("b.localhost",))
    assert names(certs.leaf) == {"a.localhost", "b.localhost"}


def test_old_names_go_before_a_certificate_grows_for_ever(certs):
    certs.ensure([f"old{number}.localhost" for number in range(100)])
    certs.ensure(("new.localhost",))
    assert names(certs.leaf) == {"new.localhost"}


@pytest.mark.parametrize(
    "host", ["wiki.example.com", "notlocalhost", "localhost.example.com", "127.0.0.1", "::1", "", "localhost."]
)
def test_a_host_that_the_ca_may_not_sign_is_refused_with_a_mend(certs, host):
    with pytest.raises(StartError, match=r"localhost.*put your own there: one PEM file"):
        certs.ensure((*HOSTS, host))
    assert not certs.folder.exists()


@pytest.mark.parametrize("with_ca", [True, False])
@pytest.mark.parametrize(
    ("hosts", "days", "warned"),
    [
        (("team.localhost", "wiki.example.com"), 90, []),
        (("team.localhost", "*.example.com"), 90, []),
        (("team.localhost",), 90, ["not good for wiki.example.com"]),
        (("team.localhost", "*.com"), 90, ["not good for wiki.example.com"]),
        (("team.localhost", "wiki.example.com"), 20, ["renew it"]),
        ((), -0.5, ["not good for team.localhost, wiki.example.com", "renew it"]),
    ],
    ids=["good", "by a wildcard", "lacks one", "too wide a wildcard", "near its end", "ended"],
)
def test_one_that_is_not_ours_is_never_touched(certs, hosts, days, warned, with_ca):
    if with_ca:
        certs.ensure()
    own(certs.leaf, *hosts, days=days)
    before = contents(certs)
    made = certs.ensure(("team.localhost", "wiki.example.com"))
    assert (made.ca, made.leaf) == (False, False)
    assert len(made.warnings) == len(warned)
    assert all(part in warning for part, warning in zip(warned, made.warnings, strict=True))
    assert contents(certs) == before


def test_one_that_is_not_ours_may_be_open_to_others_but_it_is_told(certs):
    own(certs.leaf, *HOSTS)
    certs.leaf.chmod(0o644)
    (warning,) = certs.ensure().warnings
    assert "0644" in warning


def test_one_that_only_claims_our_name_is_not_ours(certs, tmp_path):
    certs.ensure()
    ensure_edge_certificate(tmp_path / "ca.pem", tmp_path / "edge.pem", ("other.localhost",), NOW)
    certs.leaf.write_bytes((tmp_path / "edge.pem").read_bytes())
    before = contents(certs)
    assert len(certs.ensure().warnings) == 1
    assert contents(certs) == before


@pytest.mark.parametrize("name", ["edge.pem", "ca.key"])
def test_a_key_of_ours_that_others_may_read_is_refused(certs, name):
    certs.ensure()
    (certs.folder / name).chmod(0o644)
    with pytest.raises(StartError, match=rf"{name}: holds secrets.*chmod 600"):
        certs.ensure()


def no_key(certs):
    certs.leaf.write_bytes(certs.leaf.read_bytes().split(b"-----END PRIVATE KEY-----\n")[1])


def other_key(certs):
    _, rest = certs.leaf.read_bytes().split(b"-----END PRIVATE KEY-----\n")
    certs.leaf.write_bytes(issuing.pem(ec.generate_private_key(ec.SECP256R1())) + rest)


def other_ca_key(certs):
    certs.leaf.unlink()
    certs.ca_key.write_bytes(issuing.pem(ec.generate_private_key(ec.SECP256R1())))


def lost_ca_key(certs):
    certs.leaf.unlink()
    certs.ca_key.unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda certs: certs.leaf.write_bytes(b""), "edge.pem: cannot be used as a certificate"),
        (lambda certs: certs.leaf.write_bytes(b"\xff" * 99), "edge.pem: cannot be used as a certificate"),
        (no_key, "edge.pem: cannot be used as a certificate.*private key"),
        (other_key, "edge.pem: cannot be used as a certificate: the key is another certificate's"),
        (lambda certs: certs.ca.write_bytes(b"x"), "ca.pem: holds no certificate"),
        (other_ca_key, r"ca.pem: its key \(ca.key\) is missing or another one.*to have new ones made"),
        (lost_ca_key, r"ca.pem: its key \(ca.key\) is missing or another one"),
    ],
    ids=["empty", "garbage", "without a key", "another key", "no CA", "another CA key", "no CA key"],
)
def test_what_cannot_be_used_is_told_and_left_alone(certs, spoil, said):
    certs.ensure()
    spoil(certs)
    before = contents(certs)
    with pytest.raises(StartError, match=said) as told:
        certs.ensure()
    assert "PRIVATE KEY-" not in str(told.value)
    assert contents(certs) == before


def test_a_crash_between_the_cas_key_and_its_certificate_is_mended(certs):
    certs.ensure()
    key = certs.ca_key.read_bytes()
    certs.ca.unlink()
    certs.leaf.unlink()
    assert certs.ensure() == Made(ca=True, leaf=True)
    assert certs.ca_key.read_bytes() == key
    handshake(certs.ca, certs.leaf, "team.localhost")


def test_who_trusts_the_old_ca_trusts_what_the_renewed_one_signs(certs, tmp_path):
    certs.ensure(now=NOW - 3630 * DAY)
    old = tmp_path / "trusted.pem"
    old.write_bytes(certs.ca.read_bytes())
    assert certs.ensure() == Made(ca=True, leaf=True)
    assert certs.ca.read_bytes() != old.read_bytes()
    for trusted in (old, certs.ca):
        handshake(trusted, certs.leaf, "team.localhost")


def test_many_that_start_at_once_end_with_one(certs):
    together = threading.Barrier(6)

    def start(_):
        together.wait()
        return certs.ensure()

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(start, range(6)))
    assert sorted((one.ca, one.leaf) for one in made) == [(False, False)] * 5 + [(True, True)]
    handshake(certs.ca, certs.leaf, "team.localhost")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "certs").touch()
    with pytest.raises(StartError, match=r"is not writable|cannot be read"):
        ensure_edge_certificate(tmp_path / "certs" / "ca.pem", tmp_path / "certs" / "edge.pem", HOSTS, NOW)
