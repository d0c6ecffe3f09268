"""Sockets to listen on: our own, shared ones, and those that are handed in."""

import os
import socket
import subprocess
import sys

import pytest

from glassgate.config.settings import Endpoint
from glassgate.errors import StartError
from glassgate.mitm.driver.listening import handed_in, sockets
from journeys.demo import environment, free_ports


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_socket_of_our_own(host):
    [port] = free_ports(1)
    (made,) = sockets(Endpoint(host, port), {}, os.getpid())
    with made:
        assert made.getsockname()[:2] == (host, port)
        assert made.proto == socket.IPPROTO_TCP, "else asyncio leaves Nagle's algorithm on"


def test_an_address_that_is_taken_is_one_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as refused:
            sockets(Endpoint("127.0.0.1", port), {}, os.getpid())
    assert str(refused.value).startswith(f"nothing can listen at 127.0.0.1:{port}: address already in use (")


def test_several_processes_may_share_a_port():
    [port] = free_ports(1)
    made = [sockets(Endpoint("127.0.0.1", port), {}, os.getpid(), shared=True)[0] for _ in range(2)]
    for one in made:
        one.listen()
        one.close()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"},
        {"LISTEN_FDS": "1"},
    ],
    ids=["none", "for another", "no number", "for nobody"],
)
def test_what_was_not_handed_to_us_is_left_alone(environ):
    assert handed_in(environ, os.getpid()) == []


def test_a_socket_that_was_handed_in_takes_connections():
    """As systemd does it: the socket is number 3, and the environment says whose it is."""
    program = (
        "import os, sys; from glassgate.config.settings import Endpoint;"
        "from glassgate.mitm.driver.listening import sockets;"
        "os.dup2(int(sys.argv[1]), 3); me = os.getpid();"
        "(one,) = sockets(Endpoint('127.0.0.1', 1), {'LISTEN_PID': str(me), 'LISTEN_FDS': '1'}, me);"
        "client, _ = one.accept(); client.sendall(b'hello')"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(listening.fileno())], env=environment(), pass_fds=[listening.fileno()]
        )
        try:
            with socket.create_connection(listening.getsockname(), 20) as client:
                assert client.recv(5) == b"hello"
        finally:
            process.wait(20)
