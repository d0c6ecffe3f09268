"""A peer on loopback that misbehaves on the wire, and certificates for it."""

import datetime
import socket
import socketserver
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority in a folder: `pem` is what to trust."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = folder / f"{name}.pem"
        certificate = self._certificate(self.name, self.key, x509.BasicConstraints(ca=True, path_length=0))
        self.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, host):
        """A server's TLS with a certificate for `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        leaf = self._certificate(subject, key, x509.SubjectAlternativeName([x509.DNSName(host)]))
        path = self.folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + leaf.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _certificate(self, subject, key, extension):
        now = datetime.datetime.now(datetime.UTC)
        public = key.public_key()
        builder = (
            x509.CertificateBuilder(self.name, subject, public, x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if isinstance(extension, x509.BasicConstraints):
            usage = {"key_cert_sign": True, "crl_sign": True}
            names = (
                "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
            )  # fmt: skip
            builder = builder.add_extension(
                x509.KeyUsage(**{name: usage.get(name, False) for name in names}), critical=True
            )
        return builder.sign(self.key, hashes.SHA256())


class Peer:
    """Says to each request what `pieces` holds, a piece at a time, `pause` seconds apart.

    `heads` are the requests' heads and bodies as they came, `names` the TLS names asked for, `connections` counts.
    A `blind` one answers to whatever comes.
    """

    def __init__(self, pieces, *, tls=None, pause=0.0, keep_open=False, blind=False):
        self.pieces, self.pause, self.keep_open, self.blind = pieces, pause, keep_open, blind
        self.heads, self.names, self.connections = [], [], 0
        self._ended = threading.Event()
        if tls:
            tls.sni_callback = lambda sock, name, context: self.names.append(name)
        self._tls = tls
        peer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                peer._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, sock):
        self.connections += 1
        try:
            sock.settimeout(20)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            while self._answer(sock) and self.keep_open:
                pass
            # Whoever hangs up with unread bytes resets the connection, and the answer may be lost.
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _answer(self, sock):
        said = b""
        while b"\r\n\r\n" not in said and not (self.blind and said):
            more = sock.recv(65536)
            if not more:
                return False
            said += more
        head, _, body = said.partition(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while length and len(body) < int(length[0].partition(b":")[2]):
            body += sock.recv(65536)
        self.heads.append(head + b"\r\n\r\n" + body)
        for piece in self.pieces:
            if self._ended.is_set():
                return False
            sock.sendall(piece)
            time.sleep(self.pause)
        return True
