"""Real https origins: the right one is reached, and of any other not one byte of a request is told."""

import contextlib
import ipaddress
import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gate.site import STAFF, app
from glassgate.access.app import Origin, OriginTls
from glassgate.errors import StartError
from glassgate.mitm.tls import OriginTrust, address_of
from glassgate.state.certificates import ensure_edge_certificate
from journeys.visitor import Visitor
from mitm.harness import OriginServer, signed_in

DAY = timedelta(days=1)


class Authority:
    """A CA for tests; signs whatever it is asked for."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(self.name, self.key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
        self.pem = made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.pem)

    def _builder(self, subject, key, begins=-DAY, ends=DAY):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
            .serial_number(x509.random_serial_number()).not_valid_before(now + begins).not_valid_after(now + ends)
        )  # fmt: skip

    def leaf(self, *, dns=(), ip=(), common="origin", begins=-DAY, ends=DAY, usage=ExtendedKeyUsageOID.SERVER_AUTH):
        """A PEM file: key and certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        builder = self._builder(subject, key.public_key(), begins, ends)
        names = [x509.DNSName(name) for name in dns] + [x509.IPAddress(ipaddress.ip_address(name)) for name in ip]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        path = self.folder / f"leaf-{x509.random_serial_number():x}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return path


class SecureOrigin(OriginServer):
    """An origin over TLS; a handshake that fails is noted, and no request of it can be read."""

    def __init__(self, certificate, clients=None):
        super().__init__()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if certificate:
            self.context.load_cert_chain(certificate)
        if clients:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(clients)

    def finish_request(self, request, address):
        try:
            secured = self.context.wrap_socket(request, server_side=True) if self.context else request
            super().finish_request(secured, address)
        except OSError:
            pass


@dataclass
class Row:
    """One origin, what it shows, how it is trusted, and whether it may be reached."""

    reached: bool
    host: str = "localhost"
    leaf: dict = field(default_factory=lambda: {"dns": ["localhost"]})
    by: str = "right"
    trust: str | None = "right"
    server_name: str | None = None
    clients: str | None = None  # whose client certificates it wants
    shows: str | None = None  # whose client certificate the gate has
    tls: bool = True
    http2: bool = False


EDGE = {"dns": ["127.0.0.1"]}
ROWS = {
    "the right CA and name": Row(True),
    "a name under localhost": Row(True, host="api.localhost", leaf={"dns": ["api.localhost"]}),
    "an address": Row(True, host="127.0.0.1", leaf={"ip": ["127.0.0.1"]}),
    "another name, as configured": Row(True, host="127.0.0.1", leaf={"dns": ["wiki.corp"]}, server_name="wiki.corp"),
    "an address, as configured": Row(True, leaf={"ip": ["192.0.2.1"]}, server_name="192.0.2.1"),
    "a wildcard": Row(True, leaf={"dns": ["*.corp.example"]}, server_name="wiki.corp.example"),
    "a client certificate": Row(True, clients="right", shows="right"),
    "h2 that is offered and not taken": Row(True, http2=True),
    "h2 and a client certificate": Row(True, clients="right", shows="right", http2=True),
    "another CA": Row(False, by="other"),
    "the system's trust, and a CA of one's own": Row(False, trust=None),
    "signed by itself": Row(False, by="itself"),
    "another name": Row(False, leaf={"dns": ["evil.example"]}),
    "another name under localhost": Row(False, host="api.localhost", leaf={"dns": ["localhost", "x.localhost"]}),
    "a name below": Row(False, leaf={"dns": ["x.localhost"]}),
    "not the configured name": Row(False, server_name="wiki.corp"),
    "a wildcard over two labels": Row(False, leaf={"dns": ["*.corp.example"]}, server_name="a.b.corp.example"),
    "a wildcard in a part of a label": Row(False, leaf={"dns": ["w*.corp.example"]}, server_name="wiki.corp.example"),
    "another address": Row(False, host="127.0.0.1", leaf={"ip": ["127.0.0.2"]}),
    "an address written as a name": Row(False, host="127.0.0.1", leaf=EDGE),
    "a name for an address": Row(False, host="127.0.0.1"),
    "a common name alone": Row(False, leaf={"common": "localhost"}),
    "ended": Row(False, leaf={"dns": ["localhost"], "begins": -2 * DAY, "ends": -DAY}),
    "not yet valid": Row(False, leaf={"dns": ["localhost"], "begins": DAY, "ends": 2 * DAY}),
    "for clients": Row(False, leaf={"dns": ["localhost"], "usage": ExtendedKeyUsageOID.CLIENT_AUTH}),
    "no client certificate where one is wanted": Row(False, clients="right"),
    "a client certificate of another CA": Row(False, clients="right", shows="other"),
    "plain http": Row(False, tls=False),
}


def host_of(name):
    return f"{name.lower().replace(' ', '-').replace(',', '').replace(chr(39), '')[:50]}.localhost"


def certificate_of(row, authorities, folder):
    if row.by == "itself":
        return Authority(folder, "itself").leaf(**row.leaf)
    return authorities[row.by].leaf(**row.leaf) if row.tls else None


def app_of(name, row, authorities, server):
    shown = authorities[row.shows].leaf(usage=ExtendedKeyUsageOID.CLIENT_AUTH) if row.shows else None
    tls = OriginTls(authorities[row.trust].path if row.trust else None, shown, row.server_name)
    return app(name, host_of(name), STAFF, origin=Origin("https", row.host, server.port, tls, row.http2))


@pytest.fixture(scope="module")
def world(gate, certificates, tmp_path_factory):
    """One gate in front of an origin for each row."""
    folder = tmp_path_factory.mktemp("tls")
    authorities = {name: Authority(folder, name) for name in ("right", "other")}
    ca, edge = certificates[0], folder / "edge.pem"
    ensure_edge_certificate(ca, edge, ["team.localhost", *map(host_of, ROWS)], time.time())
    with contextlib.ExitStack() as stack:
        servers, apps = {}, []
        for name, row in ROWS.items():
            clients = authorities[row.clients].path if row.clients else None
            server = servers[name] = SecureOrigin(certificate_of(row, authorities, folder), clients)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            apps.append(app_of(name, row, authorities, server))
        running = stack.enter_context(gate((ca, edge), folder, 0, apps=apps))
        yield running, servers, ca


@pytest.mark.parametrize("name", ROWS)
def test_which_origins_are_reached(world, name):
    running, servers, ca = world
    cookie = signed_in(running.site, host_of(name), host_of(name))
    page = Visitor(ca, timeout=8).ask(
        running.url(host_of(name), "/page"), headers={"Cookie": cookie, "Accept": "text/html"}
    )
    log = servers[name].log
    if ROWS[name].reached:
        assert (page.status, page.body, [entry[1] for entry in log]) == (200, b"ok", ["/page"])
        return
    assert (page.status, log) == (502, [])
    assert page.headers["Cf-Ray"] in page.text
    assert not [word for word in ("certificate", "OpenSSL", "mitmproxy") if word in page.text]


ADDRESSES = [
    ("localhost", ("127.0.0.1", 1)),
    ("api.localhost", ("127.0.0.1", 1)),
    ("127.0.0.1", ("127.0.0.1", 1)),
    ("192.0.2.1", ("192.0.2.1", 1)),
    ("::1", ("::1", 1)),
    ("notlocalhost", ("notlocalhost", 1)),
    ("localhost.example", ("localhost.example", 1)),
]


@pytest.mark.parametrize(("host", "address"), ADDRESSES, ids=[row[0] for row in ADDRESSES])
def test_names_under_localhost_are_this_machine(host, address):
    assert address_of(Origin("http", host, 1)) == address


def trusted(name, *, ca=None, client=None, server_name=None, scheme="https"):
    return app(name, f"{name}.localhost", origin=Origin(scheme, "origin.corp", 443, OriginTls(ca, client, server_name)))


def test_an_address_that_is_no_apps_is_not_trusted():
    trust = OriginTrust([trusted("wiki"), trusted("plain", scheme="http")])
    assert trust.connect(("origin.corp", 443))
    for address in (("origin.corp", 444), ("other.corp", 443)):
        with pytest.raises(KeyError):
            trust.connect(address)


def test_an_http_origin_has_no_trust():
    with pytest.raises(KeyError):
        OriginTrust([trusted("plain", scheme="http")]).connect(("origin.corp", 443))


def test_two_apps_may_share_an_origin_that_they_trust_alike():
    OriginTrust([trusted("one"), trusted("two")])
    with pytest.raises(StartError, match="differ in how they reach it") as refused:
        OriginTrust([trusted("one"), trusted("two", server_name="other.corp")])
    assert (refused.value.where, refused.value.mend) == (
        "app two",
        "give both the same origin_tls and http2_origin",
    )


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


BROKEN = [
    ("no such CA", lambda folder, authority: {"ca": folder / "none.pem"}),
    ("a CA that is none", lambda folder, authority: {"ca": write(folder, "ca.pem", b"hello")}),
    ("no such client certificate", lambda folder, authority: {"client": folder / "none.pem"}),
    ("a client certificate without its key", lambda folder, authority: {"client": authority.path}),
    (
        "a client certificate with another key",
        lambda folder, authority: {
            "client": write(folder, "x.pem", key_of(authority.leaf()) + certificate_in(authority.leaf()))
        },
    ),
]


def key_of(path: Path):
    return path.read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]


def certificate_in(path: Path):
    return b"-----BEGIN CERTIFICATE" + path.read_bytes().partition(b"-----BEGIN CERTIFICATE")[2]


@pytest.mark.parametrize("made", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_cannot_be_read_is_told_at_the_start(tmp_path, made):
    given = made(tmp_path, Authority(tmp_path, "authority"))
    with pytest.raises(StartError) as refused:
        OriginTrust([trusted("wiki", **given)])
    assert str(next(iter(given.values()))) in refused.value.what
    assert refused.value.where == "app wiki"


def test_an_origin_that_left_the_configuration_is_not_spoken_to_in_the_clear():
    """A request that was let in just before is on its way there."""
    gone, moved = Origin("https", "gone.localhost", 1), Origin("https", "127.0.0.1", 2)
    earlier = OriginTrust(
        [app("gone", "gone.localhost", STAFF, origin=gone), app("a", "a.localhost", STAFF, origin=moved)]
    )
    trust = OriginTrust([app("a", "a.localhost", STAFF, origin=Origin("http", "127.0.0.1", 2))])
    trust.keep(earlier)
    assert trust.context(("127.0.0.1", 1))[1] == "gone.localhost"
    assert trust.connect(("127.0.0.1", 1))
    assert trust.context(("127.0.0.1", 2)) is None, "what the configuration says of an address counts"
    last = OriginTrust([])
    last.keep(trust)
    assert last.context(("127.0.0.1", 1)) is None, "nothing is kept for more than one change"
