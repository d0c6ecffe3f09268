"""The sockets that are listened on: our own, or those that were handed in (systemd's socket activation)."""

import os
import socket
from collections.abc import Mapping

from glassgate.config.settings import Endpoint
from glassgate.errors import StartError

FIRST_HANDED_IN = 3  # sd_listen_fds(3)


def sockets(endpoint: Endpoint, environ: Mapping[str, str], pid: int, *, shared: bool = False) -> list[socket.socket]:
    """The sockets to take connections on; `shared`: several processes listen on the same port (SO_REUSEPORT).

    Raises StartError where the address cannot be had.
    """
    return handed_in(environ, pid) or [_own(endpoint, shared)]


def handed_in(environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The listening sockets that whoever started us has opened; none where there are none, or they are not for us."""
    if environ.get("LISTEN_PID") != str(pid) or not environ.get("LISTEN_FDS", "").isdigit():
        return []
    numbers = range(FIRST_HANDED_IN, FIRST_HANDED_IN + int(environ["LISTEN_FDS"]))
    found = [socket.socket(fileno=number) for number in numbers]
    for number in numbers:
        os.set_inheritable(number, False)
    return found


def _own(endpoint: Endpoint, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    # With its protocol said: asyncio sets TCP_NODELAY for no other, and each answer would wait for an acknowledgement.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((endpoint.host, endpoint.port))
    except OSError as fault:
        made.close()
        raise StartError(
            f"nothing can listen at {endpoint}: {(fault.strerror or str(fault)).lower()}",
            mend="end what listens there, or change `listen`",
        ) from fault
    made.setblocking(False)
    return made
