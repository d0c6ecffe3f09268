"""Who may come in, and how all of it ends. A stock program counts nobody, and ends at once: each test says so."""

import asyncio
import contextlib
import json
import socket
import time
from collections import Counter
from dataclasses import replace
from ipaddress import ip_network

import h2.exceptions
import pytest

from glassgate.config.limits import LIMITS
from glassgate.mitm.core import Core
from glassgate.mitm.driver.front_door import TOLD, FrontDoor
from glassgate.mitm.driver.hooks import Table
from glassgate.mitm.driver.pool import Pool
from glassgate.mitm.driver.sides import Side
from glassgate.mitm.tls import OriginTrust
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from mitm.driver.playing import Client, nothing_left, playing, until
from mitm.harness import signed_in
from mitm.raw import Http2


@pytest.fixture
def running(gate, certificates, tmp_path):
    """Run a gate with some limits."""
    with contextlib.ExitStack() as stack:

        def start(proxies=(), **limits):
            origin = stack.enter_context(playing())
            limited, metrics = replace(LIMITS, **limits), Metrics("0")
            made = stack.enter_context(
                gate(
                    certificates,
                    tmp_path,
                    origin.address[1],
                    limits=limited,
                    trusted_proxies=proxies,
                    recorder=Recorder(None, metrics),
                )
            )
            made.ca, made.cookie, made.metrics = certificates[0], signed_in(made.site), metrics
            return made, origin, lambda: stack.enter_context(Client(made.ca, made, made.cookie))

        yield start


class Arriving(Side):
    """A client that has just connected, from somewhere else than this machine."""

    def __init__(self, peer):
        super().__init__(None, None)
        self.peer, self.transport, self.aborted = peer, self, False

    def get_extra_info(self, name):
        return (self.peer, 1) if self.peer else None

    def abort(self):
        self.aborted = True


class Counting:
    """What of a gate's addon counts who is turned away."""

    def __init__(self):
        self.away = Counter()

    def turned_away(self, reason, *, told):
        self.away[reason, told] += 1


def turned_away(made):
    """What the metrics of a gate say of connections: how many by why, and by whether they were told."""
    rows = [sample for family in made.metrics.registry.collect() for sample in family.samples]
    return {tuple(row.labels.values()): row.value for row in rows if row.name == "glassgate_turned_away_total"}


def is_hung_up_on(port):
    with socket.create_connection(("127.0.0.1", port), 10) as one, contextlib.suppress(ConnectionError):
        return one.recv(1) == b""
    return True


class Looked:
    """A conversation that is looked at."""

    def __init__(self, fault=None):
        self.fault, self.looks, self.aborted, self.again = fault, 0, False, asyncio.Event()

    @property
    def has_left(self):
        self.looks += 1
        if self.looks > 1:
            self.again.set()
        if self.fault:
            raise self.fault
        return True

    def abort(self):
        self.aborted = True


def test_a_fault_in_the_look_at_one_connection_ends_it_and_the_others_are_looked_at(caplog):
    async def test():
        pool = Pool(OriginTrust([]), LIMITS, time.monotonic)
        door = FrontDoor(None, None, pool, None, None, LIMITS)
        broken, other = Looked(RuntimeError("a secret")), Looked()
        door.conversations = {"broken": broken, "other": other}
        ticking = asyncio.create_task(door._tick())
        await asyncio.wait_for(other.again.wait(), 10)
        ticking.cancel()
        assert (broken.aborted, other.aborted, broken.looks) == (True, True, 2)

    asyncio.run(test())
    assert "A connection that was looked at is ended: RuntimeError" in caplog.messages
    assert "secret" not in caplog.text


class First(Looked):
    """One after whose look somebody else has something to do."""

    def __init__(self, do):
        super().__init__()
        self.do = do

    @property
    def has_left(self):
        asyncio.get_running_loop().call_soon(self.do)
        return super().has_left


def test_others_have_their_turn_while_thousands_are_looked_at():
    """To tell each of five thousand slow clients that it was too slow takes a second."""

    async def test():
        door = FrontDoor(None, None, Pool(OriginTrust([]), LIMITS, time.monotonic), None, None, LIMITS)
        many, turns, gone = [Looked() for _ in range(1000)], [], Looked()

        def turn():
            turns.append(sum(one.looks for one in many))
            door.conversations.pop("gone", None)

        door.conversations = {"first": First(turn), **dict(enumerate(many)), "gone": gone}
        ticking = asyncio.create_task(door._tick())
        await asyncio.wait_for(many[-1].again.wait(), 10)
        ticking.cancel()
        assert turns[0] < 100
        assert gone.looks == 0, "it ended meanwhile"

    asyncio.run(test())


def closing(made):
    """Begin to close the door, as a program does when it is told to end."""
    return asyncio.run_coroutine_threadsafe(made.door.close(), made.loop)


def refuses(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


TOO_MANY = {
    "connections": (503, "crowded", "Too many visitors at once"),
    "of_one_address": (429, "too_many_connections", "Too many connections"),
}


@pytest.mark.parametrize("limit", TOO_MANY)
def test_one_connection_more_than_may_be_is_told_so(running, limit):
    status, code, title = TOO_MANY[limit]
    made, origin, client = running(**{limit: 2})
    one, other, third = client(), client(), client()
    if made.front == "stock":
        assert [each.ask("/")[0] for each in (one, other, third)] == [200] * 3
        return
    third.send("/third", "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n\r\n")
    head, _, page = third.rest().decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert {"Retry-After: 5", "Connection: close", "Cache-Control: no-store"} <= set(head.split("\r\n"))
    ray = next(line for line in head.split("\r\n") if line.startswith("Cf-Ray: ")).partition(": ")[2]
    assert title in page
    assert ray in page
    fourth = client()
    fourth.say("/fourth")
    got = fourth.http.getresponse()
    assert (got.status, json.load(got)["error"]) == (status, code)
    assert (one.ask("/one")[0], other.ask("/other")[0]) == (200, 200), "those that are in are served"
    for told in (third, fourth):
        told.sock.close()
    until(lambda: len(made.door.conversations) == 2)
    assert client().ask("/fifth")[0] == status, "those that were told so have held no place, and leave none"
    other.sock.close()
    until(lambda: len(made.door.conversations) == 1)
    assert client().ask("/next")[0] == 200
    assert sorted(origin.paths) == ["/next", "/one", "/other"]
    assert turned_away(made) == {(code, "told"): 3}


def test_the_operator_is_told_once_a_minute_at_most(caplog):
    door = FrontDoor(Counting(), None, None, None, None, replace(LIMITS, of_one_address=1))
    for _ in range(4):
        door.arrived(Arriving("192.0.2.1"))
    door._tell_operator(100.0)
    door.arrived(Arriving("192.0.2.1"))
    door._tell_operator(159.9)
    door._tell_operator(160.0)
    door._tell_operator(300.0)
    assert [message.partition(" connections")[0] for message in caplog.messages] == [
        "There was no room for 3",
        "There was no room for 1",
    ]


def test_by_http_2_each_request_is_told_so_and_the_client_to_go(running):
    made, origin, client = running(connections=1, head_time=2.0)  # after which it is hung up on
    assert client().ask("/one")[0] == 200
    peer = Http2(made.ca, made.port)
    asked = [(":method", "GET"), (":scheme", "https"), (":authority", f"wiki.localhost:{made.port}")]
    first = peer.ask([*asked, (":path", "/first"), ("cookie", made.cookie)])
    status, body = peer.answer(first)
    if made.front == "stock":
        assert status == 200
        peer.close()
        return
    assert (status, json.loads(body)["error"]) == (503, "crowded")
    peer._read()
    with pytest.raises(h2.exceptions.ProtocolError):  # it was told to go away
        peer.ask([*asked, (":path", "/second"), ("cookie", made.cookie)])
    peer.close()
    assert origin.paths == ["/one"]


def test_a_bounded_number_is_told_so_for_a_bounded_time(running):
    made, _, client = running(connections=1, head_time=2.0)
    assert client().ask("/one")[0] == 200
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", made.port), 10)) for _ in range(TOLD)]
        until(lambda: len(made.clients) == TOLD + 1)
        if made.front == "stock":
            assert client().ask("/two")[0] == 200
            return
        assert is_hung_up_on(made.port)
        assert len(made.door.conversations) == TOLD + 1, "at once, not with the others"
        assert turned_away(made) == {("crowded", "told"): TOLD, ("crowded", "hung_up"): 1}
        assert all(one.recv(1) == b"" for one in silent)
        until(lambda: len(made.door.conversations) <= 1)


def test_who_reads_no_answer_keeps_no_place(running):
    made, _, client = running(connections=1, head_time=0.6)
    assert client().ask("/one")[0] == 200
    stays = client()
    stays.send("/two", "\r\n")
    if made.front == "stock":
        assert stays.sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        return
    until(lambda: len(made.door.conversations) <= 1)


def test_a_trusted_proxy_speaks_for_many(running):
    _, origin, client = running(of_one_address=1, proxies=[ip_network("127.0.0.0/8")])
    for one in [client() for _ in range(4)]:
        one.headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        assert one.ask("/")[0] == 200
    assert origin.paths == ["/"] * 4


def test_a_network_of_ipv6_is_one_visitor():
    door = FrontDoor(Counting(), None, None, None, None, replace(LIMITS, of_one_address=2))
    for peer in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::ffff:192.0.2.1", "192.0.2.1"):
        door.arrived(Arriving(peer))
    assert not door._too_many
    door.arrived(Arriving("2001:db8::3"))
    door.arrived(Arriving("192.0.2.1"))
    assert [one.refusal for one in door._too_many.values()] == ["too_many_connections"] * 2
    assert door.addon.away == {("too_many_connections", True): 2}


def test_other_limits_and_proxies_count_from_then_on():
    door = FrontDoor(
        Counting(), Table([], []), Pool(OriginTrust([]), LIMITS, time.monotonic), None, None,
        replace(LIMITS, of_one_address=1),
    )  # fmt: skip

    def take(proxies=(), **limits):
        door.take(Core(None, OriginTrust([]), None, replace(LIMITS, **limits), proxies))

    door.arrived(Arriving("192.0.2.1"))
    take(of_one_address=2)
    door.arrived(Arriving("192.0.2.1"))
    take(of_one_address=2, proxies=(ip_network("192.0.2.0/24"),))
    for _ in range(3):
        door.arrived(Arriving("192.0.2.1"))
    assert not door._too_many
    for conversation in tuple(door.conversations.values()):
        door.left(conversation)
    take(of_one_address=1)
    door.arrived(Arriving("192.0.2.1"))
    assert not door._too_many, "each was let go as what it was counted"
    door.arrived(Arriving("192.0.2.1"))
    assert len(door._too_many) == 1


def test_who_has_left_before_it_was_taken_is_forgotten():
    door = FrontDoor(None, None, None, None, None, LIMITS)
    one = Arriving(None)
    door.arrived(one)
    assert (one.aborted, door.conversations) == (True, {})


def test_who_comes_when_an_origin_has_its_fill_is_told_so(running):
    """One is served, one waits for its place; the third is not kept waiting."""
    made, origin, client = running(to_origin=1)
    served, waits, third = client(), client(), client()
    served.say("/wait")
    until(lambda: origin.paths == ["/wait"])
    if made.front == "stock":
        assert [waits.ask("/next")[0], third.ask("/third")[0]] == [200, 200], "each has a connection of its own"
        return
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
    if made.front == "stock":
        made.master.shutdown()
        assert (idle.rest(), busy.rest()) == (b"", b"")
        return
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
    if made.front == "stock":
        made.master.shutdown()
    else:
        closing(made).result(10)
        nothing_left(made, origin)
    assert busy.rest() == b""
