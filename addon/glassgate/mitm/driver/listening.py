"""The sockets that are listened on: our own, or those that were handed in (systemd's socket activation)."""

import logging
import os
import resource
import socket
from collections.abc import Mapping

from glassgate.config.settings import Endpoint
from glassgate.errors import StartError

FIRST_HANDED_IN = 3  # sd_listen_fds(3)
OTHER_FILES = 256  # that a process has open, besides connections

logger = logging.getLogger("glassgate")


def sockets(endpoint: Endpoint, environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The sockets to take connections on. Raises StartError where the address cannot be had."""
    return handed_in(environ, pid) or [_own(endpoint, shared=False)]


def sockets_each(count: int, endpoint: Endpoint, environ: Mapping[str, str], pid: int) -> list[list[socket.socket]]:
    """The same for so many processes: each has a socket of its own on the one port (SO_REUSEPORT), among which the
    kernel shares the connections out; those that were handed in are everybody's. Raises StartError."""
    given = handed_in(environ, pid)
    return [given] * count if given else [[_own(endpoint, shared=True)] for _ in range(count)]


def is_handed_in(environ: Mapping[str, str], pid: int) -> bool:
    """Whether whoever started this process listens for it already."""
    return environ.get("LISTEN_PID") == str(pid) and environ.get("LISTEN_FDS", "").isdigit()


def handed_in(environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The listening sockets that whoever started us has opened; none where there are none, or they are not for us."""
    if not is_handed_in(environ, pid):
        return []
    numbers = range(FIRST_HANDED_IN, FIRST_HANDED_IN + int(environ["LISTEN_FDS"]))
    found = [socket.socket(fileno=number) for number in numbers]
    for number in numbers:
        os.set_inheritable(number, False)
    return found


def more_files(connections: int) -> None:
    """Have as many files open as connections need, and as the system lets us; say so where these are fewer."""
    wanted = connections + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and soft != resource.RLIM_INFINITY:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < wanted:
            logger.warning(
                "Only %d files may be open; `connections`, `to_origin` and %d others need %d: raise LimitNOFILE.",
                most,
                OTHER_FILES,
                wanted,
            )


def _own(endpoint: Endpoint, *, shared: bool) -> socket.socket:
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
