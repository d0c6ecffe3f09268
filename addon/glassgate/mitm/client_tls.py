"""Our side of TLS with clients: contexts that are made once, each with a certificate, chosen by the name asked for.

Where an app wants it, and nowhere else, the client is asked for a certificate of its own. OpenSSL verifies it, against
that app's authority alone, in this very handshake: no such session is resumed, by any name.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from mitmproxy import certs, tls
from mitmproxy.connection import Client
from OpenSSL import SSL, crypto

from glassgate.access.app import App
from glassgate.errors import StartError

logger = logging.getLogger("glassgate")

PROTOCOLS = frozenset((b"h2", b"http/1.1"))  # RFC 7301
# What TLS 1.2 may use: forward secret, and authenticated (RFC 9325 section 4.2). TLS 1.3 has no others.
CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
NO_RENEGOTIATION = 0x40000000  # SSL_OP_NO_RENEGOTIATION


class ClientTls:
    """Gives mitmproxy the TLS of each client's connection. Its own addon would build a context for every one of them,
    and no client could resume a session."""

    name = "glassgate-tls"

    def __init__(self, certificates: Iterable[Path], client_cas: Mapping[str, Path | None] | None = None) -> None:
        """PEM files with key, certificate and chain. The first serves whoever asks for no name, or one that none has.

        `client_cas` has for each host, or pattern of hosts, whose client certificates are asked for there; None: none
        is. Raises StartError.
        """
        self._by_name: dict[str, SSL.Context] = {}
        self._files: dict[SSL.Context, Path] = {}
        contexts = [self._learn(path) for path in certificates]
        if not contexts:
            raise StartError("There is no certificate.", mend="name one in tls.certificate")
        self._default = contexts[0]
        self._asking = {host: self._that_asks(host, ca) if ca else None for host, ca in (client_cas or {}).items()}
        self._authorities = {host: ca.read_bytes() if ca else None for host, ca in (client_cas or {}).items()}
        # Whose certificates were asked for: by which name, and whose.
        self._asked: WeakKeyDictionary[Client, tuple[str, bytes | None]] = WeakKeyDictionary()

    def _learn(self, path: Path) -> SSL.Context:
        context = self._made(path)
        for name in _names(path.read_bytes()):
            self._by_name.setdefault(name, context)
        return context

    def _that_asks(self, host: str, ca: Path) -> SSL.Context:
        """A context for a host that asks for client certificates, and tells clients whose."""
        context = self._made(self._files[_of(host, self._by_name) or self._default])
        try:
            context.load_verify_locations(str(ca))
            context.load_client_ca(str(ca).encode())
        except SSL.Error as fault:
            raise StartError(
                f"The client authority {ca} cannot be used.", mend="it is PEM: the certificates of those who sign"
            ) from fault
        return context

    def _made(self, path: Path) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(CIPHERS)
        context.set_options(NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_alpn_select_callback(_protocol)
        context.set_tlsext_servername_callback(self._named)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # clients keep their sessions themselves, in tickets
        try:
            context.use_certificate_chain_file(str(path))
            context.use_privatekey_file(str(path))
            context.check_privatekey()
            _names(path.read_bytes())
        except (SSL.Error, OSError, ValueError) as fault:
            raise StartError(
                f"The certificate {path} cannot be used.", mend="it is one PEM file with key, certificate and chain"
            ) from fault
        self._files[context] = path
        return context

    def take(self, newer: "ClientTls") -> list[str]:
        """Use the certificates of another from now on; connections that are there keep theirs.

        Answers with the clients, by id, whose own certificates were for an authority that is not their host's any more.
        """
        self._default, newer._asked = newer._default, self._asked  # it chooses among its own by name
        asked = tuple(self._asked.items())
        return [client.id for client, (name, by) in asked if _of(name, newer._authorities) != by]

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Begin TLS with a client."""
        connection = SSL.Connection(self._default)
        connection.set_app_data(data.conn)
        connection.set_accept_state()
        data.ssl_conn = connection

    def _named(self, connection: SSL.Connection) -> None:
        """OpenSSL has read which host a client asks for (RFC 6066 section 3)."""
        asked = connection.get_servername()
        if asked is None:
            return
        client, name = connection.get_app_data(), asked.decode("latin-1").lower()
        if isinstance(client, Client):
            client.sni = name
        found = _of(name, self._asking)
        if found:
            # In the session of another name, or in one of this name's own, nobody would be asked again.
            connection.set_options(SSL.OP_NO_TICKET)
            connection.set_verify(SSL.VERIFY_PEER, _verified)
            if isinstance(client, Client):
                self._asked[client] = name, _of(name, self._authorities)
        found = found or _of(name, self._by_name)
        if found and found is not connection.get_context():
            connection.set_context(found)


def client_cas(apps: Iterable[App]) -> dict[str, Path | None]:
    """Whose client certificates are asked for at each host. Raises StartError where its apps differ: before there is
    a path to go by, TLS is done."""
    found: dict[str, Path | None] = {}
    for app in apps:
        for domain in app.domains:
            host = domain.partition("/")[0]
            if found.setdefault(host, app.client_ca) != app.client_ca:
                raise StartError(
                    f"Two applications at {host} differ in their client_ca.", where=f"app {app.name}",
                    mend="give both the same, and let policies ask for a `certificate`",
                )  # fmt: skip
    return found


def _of[T](host: str, by_name: Mapping[str, T | None]) -> T | None:
    """What there is for a host, or for a pattern that it fits: its own comes first, also where that is nothing."""
    return by_name[host] if host in by_name else by_name.get("*." + host.partition(".")[2])


def _verified(connection: SSL.Connection, certificate: crypto.X509, code: int, depth: int, good: int) -> bool:
    """Take what OpenSSL found good, if it can be read: mitmproxy leaves out what cannot, and another would count.

    Its client learns little of what is amiss, so the log says it.
    """
    amiss = "" if good else SSL._ffi.string(SSL._lib.X509_verify_cert_error_string(code)).decode()  # type: ignore[attr-defined]
    try:
        certs.Cert.from_pyopenssl(certificate).cn  # noqa: B018 - it may be unreadable
    except ValueError:
        amiss = amiss or "it cannot be read"
    if amiss:
        client = connection.get_app_data()
        logger.warning("A client certificate for %r is refused, from %s: %s.", client.sni, client.peername[0], amiss)
    return not amiss


def _protocol(_: SSL.Connection, offered: list[bytes]) -> Any:
    """What the client would like best, of what we speak."""
    return next((one for one in offered if one in PROTOCOLS), SSL.NO_OVERLAPPING_PROTOCOLS)


def _names(pem: bytes) -> list[str]:
    leaf = x509.load_pem_x509_certificates(pem)[0]
    try:
        names = leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return []
    found: list[str] = names.get_values_for_type(x509.DNSName)  # type: ignore[attr-defined]
    return [name.lower() for name in found]
