"""Whether a candidate resumes TLS sessions, by Python's own ssl."""

import socket
import ssl

from bench.signed_in import WIKI
from bench.target import Target

HEAD = f"GET / HTTP/1.1\r\nHost: {WIKI}\r\nConnection: close\r\n\r\n".encode()  # whatever the answer is


def resumes(target: Target) -> bool:
    """Connect twice, the second time with the first one's session. False where it starts anew, or does not answer."""
    context = ssl.create_default_context(cafile=target.ca)
    try:
        session, _ = _connect(context, target.port, None)
        return _connect(context, target.port, session)[1]
    except OSError:
        return False


def _connect(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=WIKI, session=session) as connection,
    ):
        connection.sendall(HEAD)
        while connection.recv(65536):  # its tickets come with the answer (RFC 8446 section 4.6.1)
            pass
        return connection.session, bool(connection.session_reused)
