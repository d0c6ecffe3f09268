"""Who may come in, and how all of it ends."""

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest

from glassgate.mitm.driver.limits import LIMITS
from mitm.driver.playing import Client, nothing_left, playing, until
from mitm.harness import gate, signed_in


@pytest.fixture
def running(certificates, tmp_path):
    """Run a gate with some limits."""
    with contextlib.ExitStack() as stack:

        def start(**limits):
            origin = stack.enter_context(playing())
            limited = replace(LIMITS, **limits)
            made = stack.enter_context(gate(certificates, tmp_path, origin.address[1], limits=limited))
            cookie = signed_in(made.site)
            return made, origin, lambda: stack.enter_context(Client(certificates[0], made, cookie))

        yield start


def is_hung_up_on(port):
    with socket.create_connection(("127.0.0.1", port), 10) as one, contextlib.suppress(ConnectionError):
        return one.recv(1) == b""
    return True


def closing(made):
    """Begin to close the door, as a program does when it is told to end."""
    return asyncio.run_coroutine_threadsafe(made.door.close(), made.loop)


def refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("limit", ["connections", "of_one_address"])
def test_more_connections_than_may_be_are_hung_up_on(running, limit):
    made, origin, client = running(**{limit: 2})
    one, other = client(), client()
    assert is_hung_up_on(made.port)
    assert (one.ask("/one")[0], other.ask("/other")[0]) == (200, 200), "those that are in are served"
    other.sock.close()
    until(lambda: len(made.door.conversations) == 1)
    assert client().ask("/next")[0] == 200
    assert sorted(origin.paths) == ["/next", "/one", "/other"]


def test_who_comes_when_an_origin_has_its_fill_is_told_so(running):
    """One is served, one waits for its place; the third is not kept waiting."""
    made, origin, client = running(to_origin=1)
    served, waits, third = client(), client(), client()
    served.say("/wait")
    until(lambda: origin.paths == ["/wait"])
    waits.say("/next")
    address = origin.address
    until(lambda: made.in_loop(lambda: len(made.door.pool._origins[address].waiting)) == 1)
    third.say("/third")
    got = third.http.getresponse()
    assert (got.status, got.headers["Cf-Ray"] in got.read().decode()) == (503, True)
    origin.go_on.set()
    assert [served.answer()[0], waits.answer()[0]] == [200, 200]
    assert origin.paths == ["/wait", "/next"]


def test_closing_answers_what_is_under_way_and_takes_nothing_new(running):
    made, origin, client = running()
    idle, silent, busy = client(), socket.create_connection(("127.0.0.1", made.port), 10), client()
    assert idle.ask("/idle")[0] == 200
    busy.send("/wait", "\r\n")
    until(lambda: "/wait" in origin.paths)
    closed = closing(made)
    until(lambda: refuses(made.port))
    assert idle.rest() == b""
    with silent, contextlib.suppress(ConnectionError):
        assert silent.recv(1) == b""
    busy.send("/new", "\r\n")
    assert not closed.done()
    origin.go_on.set()
    answer = busy.rest()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\n/wait ")
    closed.result(10)
    nothing_left(made, origin)
    assert origin.paths == ["/idle", "/wait"]
    assert made.in_loop(made.door.pool.counts, origin.address) == (0, 0)


def test_closing_waits_for_nobody_for_ever(running):
    made, origin, client = running(drain_time=0.2)
    busy = client()
    busy.send("/wait", "\r\n")
    until(lambda: origin.paths)
    closing(made).result(10)
    assert busy.rest() == b""
    nothing_left(made, origin)
