"""Reaches for a host one step at a time, as the gate does in one: its name, a connection, TLS."""

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from glassgate.oidc.doctor.case import Handshake
from glassgate.oidc.http import is_loopback_name, system_trust

LOOPBACK = "127.0.0.1"
MOST_TRIED = 4  # addresses of one host


def resolve(host: str, seconds: float) -> tuple[str, ...]:
    """The addresses of a host, each once; for a name under .localhost nobody is asked. Raises OSError."""
    if is_loopback_name(host):
        return (LOOPBACK,)
    try:
        found = within(seconds, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except UnicodeError:
        raise OSError("it is no host name") from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(addresses: tuple[str, ...], port: int, seconds: float) -> str:
    """The first of the addresses that takes a connection. Raises OSError, the last one's, where none does."""
    fault = OSError("it has no address")
    for address in addresses[:MOST_TRIED]:
        try:
            socket.create_connection((address, port), seconds).close()
        except OSError as refused:
            fault = refused
        else:
            return address
    raise fault


def handshake(host: str, address: str, port: int, *, ca: Path | None, seconds: float) -> Handshake:
    """Begin TLS with a host, trusting whom the gate's own calls trust. Raises OSError where it cannot be spoken.

    A certificate that is not trusted is looked at all the same, and nothing is sent to whoever shows it.
    """
    trust = Path(ca or system_trust())
    folder, file = (trust, None) if trust.is_dir() else (None, trust)
    context = ssl.create_default_context(cafile=file, capath=folder)
    try:
        return _shown(context, host, address, port, seconds)
    except ssl.SSLCertVerificationError as fault:
        distrust = (fault.verify_code, fault.verify_message)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    seen = _shown(context, host, address, port, seconds)
    return Handshake(seen.certificate, seen.version, distrust)


def _shown(context: ssl.SSLContext, host: str, address: str, port: int, seconds: float) -> Handshake:
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection((address, port), seconds))
        secure = stack.enter_context(context.wrap_socket(plain, server_hostname=host))
        return Handshake(secure.getpeercert(binary_form=True) or b"", secure.version() or "TLS")


def within[T](seconds: float, call: Callable[[], T]) -> T:
    """Make a call that has no time-out of its own; one that hangs is left behind. Raises what it raises."""
    answers: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(call())
        except Exception as fault:  # noqa: BLE001 - raised where it was asked for
            answers.put(fault)

    threading.Thread(target=run, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer in {seconds:g} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
