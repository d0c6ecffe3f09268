"""Our side of TLS with clients: contexts that are made once, each with a certificate, chosen by the name asked for."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from mitmproxy import tls
from mitmproxy.connection import Client
from OpenSSL import SSL

from glassgate.errors import StartError

PROTOCOLS = frozenset((b"h2", b"http/1.1"))  # RFC 7301
# What TLS 1.2 may use: forward secret, and authenticated (RFC 9325 section 4.2). TLS 1.3 has no others.
CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
NO_RENEGOTIATION = 0x40000000  # SSL_OP_NO_RENEGOTIATION


class ClientTls:
    """Gives mitmproxy the TLS of each client's connection. Its own addon would build a context for every one of them,
    and no client could resume a session."""

    name = "glassgate-tls"

    def __init__(self, certificates: Iterable[Path]) -> None:
        """PEM files with key, certificate and chain. The first serves whoever asks for no name, or one that none has.

        Raises StartError.
        """
        self._by_name: dict[str, SSL.Context] = {}
        contexts = [self._learn(path) for path in certificates]
        if not contexts:
            raise StartError("There is no certificate.", mend="name one in tls.certificate")
        self._default = contexts[0]

    def _learn(self, path: Path) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(CIPHERS)
        context.set_options(NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_alpn_select_callback(_protocol)
        context.set_tlsext_servername_callback(self._named)
        try:
            context.use_certificate_chain_file(str(path))
            context.use_privatekey_file(str(path))
            context.check_privatekey()
            names = _names(path.read_bytes())
        except (SSL.Error, OSError, ValueError) as fault:
            raise StartError(
                f"The certificate {path} cannot be used.", mend="it is one PEM file with key, certificate and chain"
            ) from fault
        for name in names:
            self._by_name.setdefault(name, context)
        return context

    def take(self, newer: "ClientTls") -> None:
        """Use the certificates of another from now on; connections that are there keep theirs."""
        self._default = newer._default  # it chooses among its own by name

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
        found = self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2])
        if found and found is not connection.get_context():
            connection.set_context(found)


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
