"""TLS to the origins: for each of them its own trust, its own name, and where it is asked for our certificate."""

import ssl
from collections.abc import Iterable
from ipaddress import ip_address

import certifi
from OpenSSL import SSL

from glassgate.access.app import App, Origin, OriginTls
from glassgate.errors import StartError

type Address = tuple[str, int]

# X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, and _NEVER_CHECK_SUBJECT: a common name is no host name (RFC 9525 section 2).
HOST_FLAGS = 0x4 | 0x20
BOTH = (b"h2", b"http/1.1")  # RFC 7301


def address_of(origin: Origin) -> Address:
    """Where to connect: every name under .localhost is this machine, whatever a resolver says (RFC 6761)."""
    local = origin.host == "localhost" or origin.host.endswith(".localhost")
    return ("127.0.0.1" if local else origin.host, origin.port)


class OriginTrust:
    """Builds the TLS side of connections to https origins. What it does not know, it refuses."""

    def __init__(self, apps: Iterable[App]) -> None:
        """Read every certificate now, so that what is missing is told at the start. Raises StartError."""
        self._origins: dict[Address, tuple[Origin, SSL.Context]] = {}
        self._contexts: dict[Address, tuple[ssl.SSLContext, str]] = {}
        self._http2: dict[Address, tuple[ssl.SSLContext, str]] = {}  # of origins that want it
        self._named: set[Address] = set()  # by some app
        for app in apps:
            self._named.add(address_of(app.origin))
            if app.origin.scheme == "https":
                self._learn(app)
        self._nobody = _context()  # trusts no certificate at all

    def context(self, address: Address, *, http2: bool = False) -> tuple[ssl.SSLContext, str] | None:
        """The same trust for the standard library, and the name to ask for; None where an origin is plain http.

        `http2`: HTTP/2 is offered, where the origin wants it.
        """
        return (http2 and self._http2.get(address)) or self._contexts.get(address)

    def keep(self, earlier: "OriginTrust") -> None:
        """Know what `earlier` knew of addresses that no app names any more, for requests that are on their way there:
        to what is not known one would speak in the clear."""
        for address in earlier._named - self._named:
            if address in earlier._origins:
                self._origins[address] = earlier._origins[address]
                self._contexts[address] = earlier._contexts[address]
            if address in earlier._http2:
                self._http2[address] = earlier._http2[address]

    def _learn(self, app: App) -> None:
        address = address_of(app.origin)
        known = self._origins.get(address)
        if known and known[0] != app.origin:
            raise StartError(
                f"Two applications send to the origin {address[0]}:{address[1]}, and differ in how they reach it.",
                where=f"app {app.name}",
                mend="give both the same origin_tls and http2_origin",
            )
        self._origins[address] = (app.origin, _trusting(app.origin.tls, app.name))
        name = app.origin.tls.server_name or app.origin.host
        self._contexts[address] = (_standard(app.origin.tls), name)
        if app.origin.http2:
            both = _standard(app.origin.tls)
            both.set_alpn_protocols([name.decode() for name in BOTH])
            self._http2[address] = (both, name)

    def refuse(self) -> SSL.Connection:
        """A connection that no certificate satisfies."""
        return _client(self._nobody, None)

    def connect(self, address: Address, *, http2: bool = False) -> SSL.Connection:
        """The TLS client for one connection. Raises KeyError where no app's origin is at this address."""
        origin, context = self._origins[address]
        client = _client(context, origin.tls.server_name or origin.host)
        if http2 and origin.http2:
            client.set_alpn_protos(list(BOTH))
        return client


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_PEER, lambda conn, certificate, code, depth, preverified: bool(preverified))
    return context


def _trusting(tls: OriginTls, app: str) -> SSL.Context:
    context = _context()
    try:
        context.load_verify_locations(str(tls.ca or certifi.where()))
        if tls.client_certificate:
            context.use_certificate_chain_file(str(tls.client_certificate))
            context.use_privatekey_file(str(tls.client_certificate))
            context.check_privatekey()
    except SSL.Error as fault:
        paths = " or ".join(str(path) for path in (tls.ca, tls.client_certificate) if path)
        raise StartError(
            f"A certificate for the origin cannot be read: {paths}.",
            where=f"app {app}",
            mend="ca is PEM certificates; client_certificate is one PEM file with key and certificate",
        ) from fault
    return context


def _standard(tls: OriginTls) -> ssl.SSLContext:
    """The same as `_trusting`, which has found that every file can be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the chain and the name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.load_verify_locations(str(tls.ca or certifi.where()))
    if tls.client_certificate:
        context.load_cert_chain(tls.client_certificate)
    return context


class _Connection(SSL.Connection):
    """OpenSSL takes a fatal alert for a shutdown, too, and mitmproxy 12.2.3 waits for nothing more after one: an origin
    that refuses our certificate when its handshake is over (TLS 1.3) would keep its visitor waiting."""

    _ended = False

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        """Read, and notice an end that was said."""
        try:
            return super().recv(bufsiz, flags)
        except SSL.ZeroReturnError:
            self._ended = True
            raise

    def get_shutdown(self) -> int:
        """Tell of a shutdown only where the origin said that it ends."""
        return super().get_shutdown() if self._ended else super().get_shutdown() & ~SSL.RECEIVED_SHUTDOWN


def _client(context: SSL.Context, name: str | None) -> SSL.Connection:
    connection = _Connection(context)
    connection.set_connect_state()
    if name is None:
        return connection
    # SNI is for host names alone (RFC 6066 section 3); the name itself is checked in both cases.
    try:
        ip_address(name)
    except ValueError:
        host = name.encode("idna")
        connection.set_tlsext_host_name(host)
        _check_host(connection, host)
    else:
        _check_ip(connection, ip_address(name).packed)
    return connection


def _check_host(connection: SSL.Connection, host: bytes) -> None:
    lib = SSL._lib  # type: ignore[attr-defined]
    parameters = lib.SSL_get0_param(connection._ssl)
    lib.X509_VERIFY_PARAM_set_hostflags(parameters, HOST_FLAGS)
    SSL._openssl_assert(lib.X509_VERIFY_PARAM_set1_host(parameters, host, len(host)) == 1)


def _check_ip(connection: SSL.Connection, packed: bytes) -> None:
    lib = SSL._lib  # type: ignore[attr-defined]
    parameters = lib.SSL_get0_param(connection._ssl)
    SSL._openssl_assert(lib.X509_VERIFY_PARAM_set1_ip(parameters, packed, len(packed)) == 1)
