"""Clients that say exactly what a trial wants, rude ones among them: bytes by TLS, and what came of them."""

import select
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path

from bench.trials import marks

SHORT = 1.0  # seconds
PATIENCE = 20.0  # seconds for whatever is to come
ACKNOWLEDGED = 120  # where in Linux's struct tcp_info (linux/tcp.h) tcpi_bytes_acked is: eight bytes
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Client:
    """Where the gate is, and what its certificate is signed by."""

    port: int
    ca: Path

    def connect(
        self, app: str = "wiki", alpn: str = "http/1.1", *, source: str = "127.0.0.1", small: bool = False
    ) -> ssl.SSLSocket:
        """A TLS connection to an app, from an address of loopback; `small`: that takes little ahead. Raises OSError."""
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols([alpn])
        return context.wrap_socket(self.plain(source, small=small), server_hostname=f"{app}.localhost")

    def plain(self, source: str = "127.0.0.1", *, small: bool = False) -> socket.socket:
        """A TCP connection. Raises OSError."""
        made = socket.socket()
        try:
            if small:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.settimeout(PATIENCE)
            made.bind((source, 0))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect(("127.0.0.1", self.port))
        except OSError:
            made.close()
            raise
        return made

    def authority(self, app: str = "wiki") -> str:
        """The name and port of an app."""
        return f"{app}.localhost:{self.port}"

    def head(
        self, method: str = "GET", target: str = "/", more: str = "", *, app: str = "wiki", cookie: str = ""
    ) -> bytes:
        """A request's head; `more` are further lines, each with its end."""
        signed = f"Cookie: {cookie}\r\n" if cookie else ""
        return f"{method} {target} HTTP/1.1\r\nHost: {self.authority(app)}\r\n{signed}{more}\r\n".encode("latin-1")


def ask(connection: ssl.SSLSocket, client: Client, asked: marks.Ask, cookie: str) -> marks.Answer:
    """Ask on a connection, and take the whole answer. Raises OSError."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in asked.fields)
    length = f"Content-Length: {asked.sends}\r\n" if asked.sends else ""
    connection.sendall(client.head(asked.method, more=lines + length, cookie=cookie) + asked.body)
    return answer(connection, asked.method)


def answer(connection: ssl.SSLSocket, method: str = "GET") -> marks.Answer:
    """The answer that comes next. Raises OSError where none does."""
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
    except (ValueError, OSError) as fault:
        raise ConnectionError(type(fault).__name__) from fault
    finally:
        response.close()
    return marks.Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


@dataclass(frozen=True, slots=True)
class Poured:
    """What became of a stream of bytes: how many were written, how many of them the gate's socket took (it may not
    have read the last of them), what was said meanwhile, and whether the connection ended."""

    written: int
    taken: int
    heard: bytes
    ended: bool


def pour(connection: ssl.SSLSocket, pieces: Iterable[bytes], patience: float = PATIENCE) -> Poured:
    """Write all pieces, as long as somebody takes them, whatever is said; then hear the rest, till the end or for
    `patience` seconds in which nothing comes."""
    heard, written, ended = bytearray(), 0, False
    connection.setblocking(False)
    try:
        for piece in pieces:
            written += _write(connection, piece, heard, patience)
        _listen(connection, heard, patience)
    except (EOFError, OSError):
        ended = True
        _rest(connection, heard)
    except StuckError:
        pass
    return Poured(written, acknowledged(connection), bytes(heard), ended)


class StuckError(Exception):
    """Neither was anything taken, nor did anything come."""


def _write(connection: ssl.SSLSocket, piece: bytes, heard: bytearray, patience: float) -> int:
    view, until = memoryview(piece), time.monotonic() + patience
    while view:
        _hear(connection, heard)
        try:
            count = connection.send(view)
        except ssl.SSLWantWriteError:
            if time.monotonic() > until:
                raise StuckError from None
            select.select([connection], [connection], [], 0.1)
            continue
        view, until = view[count:], time.monotonic() + patience
    return len(piece)


def _hear(connection: ssl.SSLSocket, heard: bytearray) -> bool:
    """Take what is here. Raises EOFError at the end."""
    try:
        data = connection.recv(PIECE)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return False
    if not data:
        raise EOFError
    heard += data
    return True


def _listen(connection: ssl.SSLSocket, heard: bytearray, patience: float) -> None:
    until = time.monotonic() + patience
    while (left := until - time.monotonic()) > 0:
        if _hear(connection, heard):
            until = time.monotonic() + patience
        else:
            select.select([connection], [], [], left)


def _rest(connection: ssl.SSLSocket, heard: bytearray) -> None:
    try:
        while _hear(connection, heard):
            pass
    except (EOFError, OSError):
        pass


def acknowledged(connection: socket.socket) -> int:
    """How many bytes the other end's socket has taken, TLS and all."""
    said = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return int(struct.unpack_from("Q", said, ACKNOWLEDGED)[0])


def status_of(heard: bytes) -> str:
    """The status of the first answer in it; "nothing" where there is none."""
    return heard.split(b" ", 2)[1].decode("latin-1") if heard.startswith(b"HTTP/1.1 ") else "nothing"
