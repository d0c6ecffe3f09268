"""Sockets to listen on: our own, shared ones, and those that are handed in."""

import os
import resource
import socket
import subprocess
import sys

import pytest

from glassgate.config.settings import Endpoint
from glassgate.errors import StartError
from glassgate.mitm.driver.listening import handed_in, is_handed_in, more_files, sockets, sockets_each
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
    made = sockets_each(2, Endpoint("127.0.0.1", port), {}, os.getpid())
    for (one,) in made:
        one.listen()
    assert {one.getsockname() for (one,) in made} == {("127.0.0.1", port)}
    with pytest.raises(StartError, match="already in use"):
        sockets(Endpoint("127.0.0.1", port), {}, os.getpid())
    for (one,) in made:
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
    assert not is_handed_in(environ, os.getpid())


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


def test_several_processes_share_what_was_handed_in():
    program = (
        "import os, sys; from glassgate.config.settings import Endpoint;"
        "from glassgate.mitm.driver.listening import sockets_each;"
        "os.dup2(int(sys.argv[1]), 3); me = os.getpid();"
        "each = sockets_each(2, Endpoint('127.0.0.1', 1), {'LISTEN_PID': str(me), 'LISTEN_FDS': '1'}, me);"
        "print([[one.fileno() for one in mine] for mine in each])"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        said = subprocess.run(
            [sys.executable, "-c", program, str(listening.fileno())],
            env=environment(), pass_fds=[listening.fileno()], capture_output=True, timeout=20, check=True,
        )  # fmt: skip
    assert said.stdout == b"[[3], [3]]\n"


FILES = [
    ("few may be open, and the system lets us have more", (64, 4096), 300, (556, 4096), ""),
    ("there are enough", (1024, 4096), 300, (1024, 4096), ""),
    ("the system lets us have no more", (64, 512), 8000, (512, 512), "Only 512 files may be open"),
]


@pytest.mark.parametrize(
    ("before", "connections", "after", "said"), [row[1:] for row in FILES], ids=[r[0] for r in FILES]
)
def test_as_many_files_as_connections_need(before, connections, after, said):
    program = (
        "import resource, sys; from glassgate.mitm.driver.listening import more_files;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, {before}); more_files({connections});"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, timeout=20, check=True, text=True
    )
    assert done.stdout == f"{after}\n"
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)


def test_a_process_that_may_open_enough_is_left_as_it_is():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    more_files(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
