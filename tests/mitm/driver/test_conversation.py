"""Clients and an origin on real sockets: no answer is mixed up, nothing is left behind, memory is bounded.

All of it holds on stock programs too, whose connections are mitmproxy's own; a test says where these differ."""

import contextlib
import gc
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from OpenSSL import SSL

from glassgate.config.limits import Limits
from glassgate.mitm.addon import GateAddon
from mitm.driver.playing import BIG, PIECE, Client, nothing_left, playing, settled, until
from mitm.harness import signed_in
from mitm.raw import Http2, tls

CLIENTS = 64
MOST = 2 << 20  # bytes that may wait for one client in this process, whatever it asks for
READ_ON = Limits(most_unsent=8 << 20)  # a stock program stops at no less: there the connection ends


class Fragile(GateAddon):
    """A gate one of whose answers to the layers fails, and that counts what it is asked."""

    asked = 0

    def requestheaders(self, flow):
        self.asked += 1
        return super().requestheaders(flow)

    def limit_of(self, flow):
        if flow.request.path == "/fault":
            raise RuntimeError("a secret of the request")
        return super().limit_of(flow)


@pytest.fixture(scope="module")
def parts(gate, certificates, tmp_path_factory):
    with playing() as server:
        folder = tmp_path_factory.mktemp("gate")
        with gate(certificates, folder, server.address[1], addon=partial(Fragile, limits=READ_ON)) as made:
            yield made, server


@pytest.fixture
def running(parts):
    yield parts[0]
    nothing_left(*parts)


@pytest.fixture
def origin(parts):
    if parts[0].front == "driver":
        parts[0].in_loop(parts[0].door.pool.close)
    return parts[1].again()


@pytest.fixture
def client(certificates, running):
    cookie = signed_in(running.site)
    return lambda: Client(certificates[0], running, cookie)


@pytest.fixture
def http2(certificates, running):
    opened = []

    def connect():
        opened.append(Http2(certificates[0], running.port))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def fields(gate, path, cookie):
    authority = f"wiki.localhost:{gate.port}"
    return [(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", authority), ("cookie", cookie)]


def test_no_answer_of_many_clients_is_mixed_up(client, origin, front):
    def visit(n):
        seen = []
        for visit in range(2):
            with client() as one:
                for turn in range(3):
                    path, body = f"/{n}/{visit}/{turn}", b"body of %d" % n * (turn % 2)
                    seen.append(one.ask(path, body) == (200, f"{path} {body.decode()}"))
        return seen

    with ThreadPoolExecutor(CLIENTS) as threads:
        seen = [one for each in threads.map(visit, range(CLIENTS)) for one in each]
    assert (len(seen), all(seen)) == (CLIENTS * 6, True)
    assert len(set(origin.paths)) == len(origin.paths) == CLIENTS * 6
    if front == "driver":
        assert origin.connections < CLIENTS * 2, "clients share them"
    else:
        assert origin.connections == CLIENTS * 2, "each client has one of its own"


def test_an_origin_that_closes_between_requests_is_noticed(client, origin, running):
    with client() as one:
        assert one.ask("/last")[0] == 200
        until(lambda: running.in_loop(running.to_origin, origin.address)[0] == 0)
        assert one.ask("/next") == (200, "/next ")
    assert origin.paths == ["/last", "/next"]


def test_requests_of_one_http2_client_share_connections(http2, origin, running):
    one, cookie = http2(), signed_in(running.site)
    for n in range(10):
        assert one.answer(one.ask(fields(running, f"/{n}", cookie))) == (200, b"/%d " % n)
    streams = {n: one.ask(fields(running, f"/at-once/{n}", cookie)) for n in range(10)}
    for n, stream in streams.items():
        assert one.answer(stream) == (200, b"/at-once/%d " % n)
    assert len(origin.paths) == 20
    if running.front == "driver":
        assert origin.connections <= 10
    else:
        assert origin.connections == 20, "mitmproxy makes one for each request of an HTTP/2 client"


def half_of_an_answer(one):
    one.send("/big", "\r\n")
    assert one.sock.recv(1000)


LEAVING = [
    ("in a head", lambda one: one.send("/x")),
    ("in a body", lambda one: one.send("/x", "Content-Length: 9\r\n\r\n", b"half", "POST")),
    ("before its answer", lambda one: one.send("/wait", "\r\n")),
    ("in an answer", half_of_an_answer),
    ("with another behind", lambda one: (one.send("/wait", "\r\n"), one.send("/behind", "\r\n"))),
]


@pytest.mark.parametrize("leave", [row[1] for row in LEAVING], ids=[row[0] for row in LEAVING])
def test_a_client_that_leaves_in_the_midst_leaves_nothing_behind(client, origin, running, leave):
    with client() as one:
        leave(one)
        until(lambda: running.clients)
    nothing_left(running, origin)
    with client() as another:
        assert another.ask("/after") == (200, "/after ")


def test_a_fault_ends_its_own_connection_and_its_kind_alone_is_told(client, origin, running, caplog):
    with client() as other, client() as one:
        assert other.ask("/before")[0] == 200
        one.send("/fault", "Content-Length: 4\r\n\r\n", b"body", "POST")
        assert one.rest() == b""
        assert other.ask("/after")[0] == 200
    assert "A connection was ended: RuntimeError" in caplog.messages
    assert "secret" not in caplog.text
    assert "/fault" not in origin.paths


# What waits in memory


def waiting(running):
    """Bytes that wait for clients in this process."""
    return running.in_loop(lambda: sum(map(running.waiting, running.clients)))


def fills(sock, data):
    """Send until nobody takes it any more, or the connection ends. False where all of 50 MB was taken."""
    sock.settimeout(0.5)
    with contextlib.suppress(OSError):
        for _ in range(BIG // len(data)):
            sock.sendall(data)
        return False
    return True


def test_an_origin_waits_for_a_client_that_does_not_read(client, origin, running):
    with client() as one:
        one.say("/big")
        until(lambda: origin.sent)
        assert settled(lambda: origin.sent) < BIG / 2
        assert 0 < waiting(running) < MOST
        status, body = one.answer()
        assert (status, len(body)) == (200, BIG)
        assert body.count("x") == BIG
        assert one.ask("/next") == (200, "/next ")


def test_an_origin_waits_for_a_client_that_gives_no_window(http2, origin, running):
    one, cookie = http2(), signed_in(running.site)
    for n in range(3):
        one.ask(fields(running, f"/big/{n}", cookie))
    if running.front == "stock":
        until(lambda: not running.clients)
        assert settled(lambda: origin.sent) < BIG, "what an origin sends is read, till that ends the connection"
        return
    until(lambda: len(origin.paths) == 3)
    assert settled(lambda: origin.sent) < 3 * BIG / 2
    assert 0 < waiting(running) < MOST


def test_many_answers_at_once_wait_no_more_than_one(http2, origin, running):
    """Windows are wide open, the socket is not read: what is asked for later has to wait as well."""
    one, cookie = http2(), signed_in(running.site)
    one.h2.update_settings({4: 2**31 - 1})
    one.h2.increment_flow_control_window(2**31 - 1 - 65535)
    for n in range(8):
        one.ask(fields(running, f"/big/{n}", cookie))
        if running.front == "driver":  # mitmproxy's server reads no more of a client that has to take something first
            until(lambda n=n: f"/big/{n}" in origin.paths)
    settled(lambda: origin.sent)
    assert 0 < waiting(running) < MOST


def test_who_does_not_take_its_answers_is_not_listened_to(client, origin, running):
    """Refusals have no origin to wait for: only to read no more keeps them few."""
    with client() as one:
        one.headers |= {
            "Cookie": signed_in(running.site, "mallory"),
            "Accept": "text/html",
            "Sec-Fetch-Mode": "navigate",
        }
        asked = "".join(f"{name}: {value}\r\n" for name, value in one.headers.items())
        assert fills(one.sock, f"GET / HTTP/1.1\r\n{asked}\r\n".encode() * 100)
        if running.front == "stock":
            until(lambda: not running.clients)  # so many in one go end the connection
            return
        until(lambda: waiting(running) > 0)
        assert settled(lambda: waiting(running)) < MOST
    assert origin.paths == []


def test_what_stands_behind_a_request_under_way_is_not_read_for_ever(client, origin, running):
    with client() as one:
        one.send("/wait", "\r\n")
        until(lambda: origin.paths)
        assert fills(one.sock, PIECE)
        if running.front == "stock":
            until(lambda: not running.clients)  # what is read is bounded: there the connection ends
            return
        [talk] = running.door.conversations.values()
        assert 0 < running.in_loop(lambda: talk.http.unread) < MOST
        origin.go_on.set()


def test_who_sends_thousands_of_requests_together_holds_up_nobody(certificates, client, origin, running):
    before, many = running.addon.asked, 5000
    with client() as other, tls(certificates[0], running.port) as hasty:
        hasty.sendall(b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n" * many)
        until(lambda: running.addon.asked > before)
        assert other.ask("/a") == (200, "/a ")
        assert running.addon.asked < before + many / 2, "the others were worked off first"


def connections_of_tls():
    return sum(isinstance(one, SSL.Connection) for one in gc.get_objects())


def test_what_tls_took_of_a_connection_is_free_with_its_end(client, origin, running, front):
    """Up to half a megabyte. Layers hold each other: what waits for Python's collector piles up till it comes."""
    gc.collect()
    before = connections_of_tls()
    gc.disable()
    try:
        for _ in range(5):
            with client() as one:
                assert one.ask("/")[0] == 200
        if front == "stock":  # mitmproxy leaves it to the collector
            until(lambda: gc.collect() >= 0 and connections_of_tls() == before)
        else:
            until(lambda: connections_of_tls() == before)
    finally:
        gc.enable()
