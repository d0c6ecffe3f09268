"""Nobody is waited for for ever: what a client sees that is too slow, or whose origin is."""

import contextlib
import socket
from dataclasses import dataclass, field, replace

import pytest

from gate.site import STAFF, app
from glassgate.access.app import Origin
from glassgate.config.limits import LIMITS
from glassgate.mitm.driver.patience import State, Waiting, look, state_of
from mitm.driver.playing import Client, closed_port, nothing_left, playing, settled, until
from mitm.harness import signed_in
from mitm.raw import Http2

USERS = {"wiki.localhost": "alice", "payroll.localhost": "bob", "graph.localhost": "carol"}
HASTY = replace(LIMITS, head_time=0.3, idle_time=0.3, body_pause=0.3, connect_time=0.3, answer_time=0.3)


# By the clock


@dataclass
class Http:
    """What an HTTP layer says of itself."""

    has_begun: bool = True
    upgraded: bool = False
    idle: bool = False
    head_began: bool = False


@dataclass
class Talk:
    """A conversation, as far as it is looked at."""

    http: Http | None
    heard: float = 0.0
    late: bool = False  # an origin is
    waits_for_client: bool = True
    has_to_take: bool = False
    has_left: bool = False
    unsent: int = 0
    waiting: Waiting = field(default_factory=lambda: Waiting(0.0))
    done: list = field(default_factory=list)

    def give_up_on_origins(self, before):
        return self.late

    def __getattr__(self, name):
        return lambda: self.done.append(name)


STATES = [
    (None, State.ARRIVING),
    (Http(has_begun=False), State.ARRIVING),
    (Http(idle=True), State.IDLE),
    (Http(head_began=True), State.HEAD),
    (Http(), State.WORKING),
    (Http(upgraded=True), State.UPGRADED),
]


@pytest.mark.parametrize(("http", "state"), STATES)
def test_what_a_connection_is_doing(http, state):
    assert state_of(http) is state


ROWS = [  # a conversation, the limit in seconds, what is done before it and after it
    ("nothing comes", Talk(None), LIMITS.head_time, [], ["too_slow"]),
    ("a head stays half", Talk(Http(head_began=True)), LIMITS.head_time, [], ["too_slow"]),
    ("nothing is asked", Talk(Http(idle=True)), LIMITS.idle_time, ["share_idle"], ["share_idle", "drain"]),
    ("a body stops", Talk(Http()), LIMITS.body_pause, [], ["too_slow"]),
    ("an origin is late", Talk(Http(), late=True), LIMITS.body_pause, [], []),
    ("an origin thinks", Talk(Http(), waits_for_client=False), LIMITS.body_pause, [], []),
    ("a WebSocket is silent", Talk(Http(upgraded=True)), LIMITS.websocket_idle, [], ["abort"]),
    ("a client that nobody reads is gone", Talk(Http(), has_left=True), LIMITS.body_pause, ["abort"], ["abort"]),
    ("a last answer is not taken", Talk(Http(), has_to_take=True, unsent=9), LIMITS.body_pause, [], ["abort"]),
]


@pytest.mark.parametrize(("talk", "limit", "before", "after"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_who_is_given_up_and_when(talk, limit, before, after):
    look(talk, LIMITS, 0.0)
    talk.done.clear()
    look(talk, LIMITS, limit)
    assert talk.done == before
    talk.done.clear()
    look(talk, LIMITS, limit + 0.1)
    assert talk.done == after


def test_each_state_has_its_own_time():
    talk = Talk(Http(idle=True))
    look(talk, LIMITS, 70.0)
    talk.http = Http(head_began=True)
    look(talk, LIMITS, 74.0)
    look(talk, LIMITS, 84.0)
    assert "too_slow" not in talk.done
    look(talk, LIMITS, 84.1)
    assert talk.done[-1] == "too_slow"


def test_who_takes_a_last_answer_slowly_gets_it():
    talk = Talk(Http(), has_to_take=True, unsent=1000)
    for now in range(0, 1000, 25):
        talk.unsent -= 1
        look(talk, LIMITS, float(now))
    assert talk.done == []


# On real sockets. A stock program has none of these times: it waits on, and a test says for what.

LONGER = 1.0  # seconds; more than our driver waits for anything here


def comes_nothing(one):
    """Whether a connection goes on, and nothing is said on it for longer than our driver would wait."""
    before, came = one.gettimeout(), None
    one.settimeout(LONGER)
    with contextlib.suppress(TimeoutError):
        came = one.recv(1)
    one.settimeout(before)
    return came is None


@pytest.fixture(scope="module")
def parts(gate, certificates, tmp_path_factory):
    """A hasty gate, an origin that is there, one that says nothing to a handshake, and one that is away."""
    with playing() as server, socket.create_server(("127.0.0.1", 0)) as silent:
        rows = [
            ("wiki", "http", server.address[1]),
            ("payroll", "https", silent.getsockname()[1]),
            ("graph", "http", closed_port()),
        ]
        apps = [
            app(name, f"{name}.localhost", STAFF, origin=Origin(scheme, "127.0.0.1", port))
            for name, scheme, port in rows
        ]
        folder = tmp_path_factory.mktemp("gate")
        with gate(certificates, folder, 0, apps=apps, limits=HASTY) as made:
            yield made, server


@pytest.fixture
def running(parts):
    parts[1].again()
    yield parts[0]
    parts[1].go_on.set()
    nothing_left(*parts)


@pytest.fixture
def client(certificates, running):
    made = []

    def connect(host="wiki.localhost"):
        made.append(Client(certificates[0], running, signed_in(running.site, USERS[host], host)))
        made[-1].headers["Host"] = f"{host}:{running.port}"
        return made[-1]

    yield connect
    for one in made:
        one.sock.close()


LATE = [
    ("an origin that says nothing", "wiki.localhost", "/wait", 504),
    ("an origin that takes no connection", "payroll.localhost", "/", 504),
    ("an origin that is away", "graph.localhost", "/", 502),
]


@pytest.mark.parametrize(("host", "path", "status"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_an_origin_that_fails_is_told_of_by_our_own_answer(client, front, host, path, status):
    one = client(host)
    one.say(path)
    if front == "stock" and status == 504:
        assert comes_nothing(one.sock)
        return
    got = one.http.getresponse()
    assert got.status == status
    assert got.headers["Cf-Ray"] in got.read().decode()


SLOW = [
    ("a head", "", b"", b"\r\n"),
    ("a body", "Content-Length: 9\r\n\r\n", b"half", b" more"),
]


@pytest.mark.parametrize(("more", "body", "rest"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
def test_a_client_that_does_not_go_on_is_told_so(client, front, more, body, rest):
    one = client()
    one.send("/x", more, body, "POST")
    if front == "stock":
        assert comes_nothing(one.sock)
        one.sock.sendall(rest)
        assert one.sock.recv(65536).startswith(b"HTTP/1.1 200 "), "it had all the time it wanted"
        return
    said = one.rest()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close\r\n" in said


def test_who_says_nothing_is_hung_up_on(running, front):
    with socket.create_connection(("127.0.0.1", running.port), 10) as one:
        assert comes_nothing(one) if front == "stock" else one.recv(1) == b""


def test_an_idle_connection_is_closed(client, front):
    one = client()
    assert one.ask("/x")[0] == 200
    if front == "stock":
        assert comes_nothing(one.sock)
        assert one.ask("/y")[0] == 200
        return
    assert one.rest() == b""


def test_an_idle_http2_connection_is_closed(certificates, running, front):
    one = Http2(certificates[0], running.port)
    if front == "stock":
        one.sock.settimeout(LONGER)
        with pytest.raises(TimeoutError):
            one.answer(1)
    else:
        assert one.answer(1) == (None, b"")
    one.close()


def test_who_does_not_take_its_last_answer_is_let_go_of(client, parts):
    made, origin = parts
    one = client()
    one.send("/big", "Connection: close\r\n\r\n")
    until(lambda: origin.paths)
    if made.front == "stock":
        settled(lambda: origin.sent, still=LONGER)
        assert made.clients, "it is waited for"
        return
    nothing_left(made, origin)


def test_an_origins_connection_is_shared_once_its_client_is_idle(client, parts):
    made, origin = parts
    one = client()
    assert one.ask("/x")[0] == 200
    if made.front == "stock":
        assert client().ask("/y")[0] == 200
        assert origin.connections == 2, "each client has one of its own"
        return
    until(lambda: made.in_loop(made.door.pool.counts, origin.address)[1] == 1)
    assert client().ask("/y")[0] == 200
    assert origin.connections == 1
