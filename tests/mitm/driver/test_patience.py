"""Nobody is waited for for ever: what a client sees that is too slow, or whose origin is."""

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from gate.site import STAFF, app
from glassgate.access.app import Origin
from glassgate.config.limits import LIMITS, MIB
from glassgate.mitm.driver.patience import LEAVING_TIME, State, Waiting, look, state_of
from mitm.driver.playing import BIG, PIECE, Client, closed_port, nothing_left, playing, settled, until
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
    asked: int = 0
    unsent: int = 0
    streams: dict = field(default_factory=dict)


@dataclass
class Request:
    """Of a request, how far it and its answer are."""

    server_state: str = ""
    client_state: str = ""
    state_stream_response_body: str = "answers"
    state_stream_request_body: str = "passes"
    content_type: str = ""

    @property
    def flow(self):
        return SimpleNamespace(request=SimpleNamespace(headers={"content-type": self.content_type}))


@dataclass
class Talk:
    """A conversation, as far as it is looked at."""

    http: Http | None
    heard: float = 0.0
    late: bool = False  # an origin is
    waits_for_client: bool = True
    has_to_take: bool = False
    has_said_all: bool = False
    has_left: bool = False
    unsent: int = 0
    came: int = 0
    taken: int = 0
    waiting: Waiting = field(default_factory=lambda: Waiting(0.0))
    done: list = field(default_factory=list)

    def share_idle(self, rested):
        if rested:
            self.done.append("share_idle")

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
    ("a client that has all does not close", Talk(Http(), has_said_all=True), LEAVING_TIME, [], ["abort"]),
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


def test_a_client_that_sends_on_has_a_pause_to_leave():
    talk = Talk(Http(), has_said_all=True)
    for now in range(int(LIMITS.body_pause) + 1):
        talk.heard = float(now)
        look(talk, LIMITS, float(now))
    assert talk.done == []
    look(talk, LIMITS, LIMITS.body_pause + 1)
    assert talk.done == ["abort"]


def test_a_connection_on_which_nothing_is_asked_rests_whatever_comes():
    """Halves of PING frames, say: a head, and no request."""
    talk = Talk(Http(idle=True))
    for now in range(int(LIMITS.idle_time) + 2):
        talk.http = Http(idle=now % 2 == 0, head_began=now % 2 == 1)
        look(talk, LIMITS, float(now))
    assert "drain" in talk.done


def test_what_a_client_uses_all_the_time_is_not_given_to_others():
    talk = Talk(Http(idle=True))
    for now in range(40):
        talk.http = Http(idle=True, asked=now)
        look(talk, LIMITS, now / 2)
    assert talk.done == []


def test_a_connection_that_asks_between_two_looks_does_not_rest():
    talk = Talk(Http(idle=True))
    for now in range(3 * int(LIMITS.idle_time)):
        talk.http = Http(idle=True, asked=now // 60)
        look(talk, LIMITS, float(now))
    assert "drain" not in talk.done


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
    talk = Talk(Http(), has_to_take=True, unsent=1_000_000)
    for now in range(0, 1000, 25):
        talk.taken += 25 * LIMITS.body_rate
        look(talk, LIMITS, float(now))
    assert talk.done == []


def steps(talk, field_name, each, limits=LIMITS, times=range(0, 600, 5)):
    """When a conversation ends of which so many bytes more come, or are taken, at certain times; None: it does not."""
    for now in map(float, times):
        setattr(talk, field_name, getattr(talk, field_name) + each)
        talk.heard = now
        look(talk, limits, now)
        if talk.done:
            return now
    return None


ANY = replace(LIMITS, body_rate=0)
EACH = 5 * LIMITS.body_rate  # bytes in a step
ANSWERS, GRPC = Request(server_state="answers"), Request(client_state="passes", content_type="application/grpc+proto")
COMES = [  # a conversation, bytes that come in a step, the limits, when it ends
    ("a byte now and then", Talk(Http(streams={1: Request()})), 1, LIMITS, 35.0),
    ("half of what should", Talk(Http(streams={1: Request()})), EACH // 2, LIMITS, 65.0),
    ("what should", Talk(Http(streams={1: Request()})), EACH, LIMITS, None),
    ("a body that nobody wants", Talk(Http()), 1, LIMITS, 35.0),
    ("a form", Talk(Http(streams={1: Request(content_type="application/grpc")})), 1, LIMITS, 35.0),
    ("where any byte will do", Talk(Http(streams={1: Request()})), 1, ANY, None),
    ("an origin takes no more", Talk(Http(streams={1: Request()}), waits_for_client=False), 1, LIMITS, None),
    ("its answer has begun", Talk(Http(streams={1: ANSWERS})), 1, LIMITS, None),
    ("gRPC", Talk(Http(streams={1: GRPC})), 1, LIMITS, None),
    ("gRPC, and another", Talk(Http(streams={1: GRPC, 3: Request()})), 1, LIMITS, 35.0),
    ("much, and it takes nothing", Talk(Http(unsent=9, streams={1: Request()})), EACH, LIMITS, None),
    ("it waits for windows", Talk(Http(unsent=9, streams={1: Request()}), taken=0), 1, LIMITS, 35.0),
    ("a WebSocket", Talk(Http(upgraded=True)), 1, LIMITS, None),
]


@pytest.mark.parametrize(("talk", "each", "limits", "end"), [row[1:] for row in COMES], ids=[row[0] for row in COMES])
def test_a_body_that_comes_too_slowly(talk, each, limits, end):
    assert steps(talk, "came", each, limits=limits) == end
    assert talk.done in ([], ["too_slow"], ["abort"])


TAKES = [
    ("a byte now and then", Talk(Http(), unsent=9), 1, LIMITS, 35.0),
    ("from windows", Talk(Http(unsent=9)), 1, LIMITS, 35.0),
    ("half of what should", Talk(Http(), unsent=9), EACH // 2, LIMITS, 65.0),
    ("what should", Talk(Http(), unsent=9), EACH, LIMITS, None),
    ("what should, at the end", Talk(Http(), has_to_take=True), EACH, LIMITS, None),
    ("nothing, at the end", Talk(Http(), has_to_take=True), 0, LIMITS, 35.0),
    ("where any byte will do", Talk(Http(), unsent=9), 1, ANY, None),
    ("where nothing is, and not one does", Talk(Http(), unsent=9), 0, ANY, 35.0),
    ("there is nothing to take", Talk(Http(), waits_for_client=False), 0, LIMITS, None),
    ("a WebSocket", Talk(Http(upgraded=True), unsent=9), 0, LIMITS, None),
]


@pytest.mark.parametrize(("talk", "each", "limits", "end"), [row[1:] for row in TAKES], ids=[row[0] for row in TAKES])
def test_an_answer_that_is_taken_too_slowly(talk, each, limits, end):
    assert steps(talk, "taken", each, limits=limits) == end
    assert talk.done == ([] if end is None else ["abort"])


def test_who_has_taken_all_of_it_has_all_the_time_again():
    talk = Talk(Http(), unsent=9)
    for now in range(100):
        talk.unsent, talk.heard = 0 if now % 20 == 0 else 9, now
        look(talk, LIMITS, float(now))
    assert talk.done == []


def test_a_websocket_that_ends_has_a_whole_pause_for_its_last_words():
    talk = Talk(Http(), unsent=9)
    look(talk, LIMITS, 0.0)
    talk.http = Http(upgraded=True)
    look(talk, LIMITS, 1.0)
    talk.has_to_take = True
    look(talk, LIMITS, 1000.0)
    look(talk, LIMITS, 1030.0)
    assert talk.done == []
    look(talk, LIMITS, 1030.1)
    assert talk.done == ["abort"]


def test_what_came_quickly_buys_no_more_than_a_pause():
    talk = Talk(Http(streams={1: Request()}), came=0)
    assert steps(talk, "came", 1 << 30, times=range(0, 21, 5)) is None
    assert steps(talk, "came", 1, times=range(20, 600, 5)) == 55.0


def test_each_request_has_a_time_of_its_own():
    talk = Talk(Http(streams={1: Request()}))
    for number in range(100):
        talk.http.streams = {number: Request()}
        talk.heard = number * 20.0
        look(talk, LIMITS, number * 20.0)
        look(talk, LIMITS, number * 20.0 + 15)
    assert talk.done == []


def test_time_stands_still_while_an_origin_is_waited_for():
    talk = Talk(Http(streams={1: Request()}))
    for now in range(0, 100, 5):
        talk.heard, talk.waits_for_client = now, now % 20 < 10
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


def hello():
    """A client's first TLS message, whole."""
    sent = ssl.MemoryBIO()
    one = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="wiki.localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        one.do_handshake()
    return sent.read()


HELLO = hello()
SAID = [("nothing", b""), ("the begin of TLS", HELLO[:6]), ("half of a hello", HELLO[:100]), ("a hello", HELLO)]


@pytest.mark.parametrize("said", [row[1] for row in SAID], ids=[row[0] for row in SAID])
def test_who_does_not_come_to_its_request_is_hung_up_on(running, front, said):
    with socket.create_connection(("127.0.0.1", running.port), 10) as one:
        one.sendall(said)
        if said == HELLO:
            assert one.recv(65536), "the gate's side of the handshake"
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


# Bodies, in both directions

STEP = 0.1  # seconds between two pieces
PRESSED = replace(LIMITS, body_pause=0.7, body_rate=20_000)
TWO_PAUSES = 2 * PRESSED.body_pause + 1  # and what passes till somebody looks


@pytest.fixture
def pressed(gate, certificates, tmp_path):
    """Run a gate with some limits, and make a client of it."""
    with contextlib.ExitStack() as stack:

        def start(**limits):
            origin = stack.enter_context(playing())
            made = stack.enter_context(
                gate(certificates, tmp_path, origin.address[1], limits=replace(PRESSED, **limits))
            )
            cookie = signed_in(made.site)
            return made, origin, stack.enter_context(Client(certificates[0], made, cookie)), cookie

        yield start


PIECES = 24  # of a body, which takes so many steps
SENT = [  # bytes of a piece, the least rate, the answer
    ("slowly", 200, 20_000, 408),
    ("as fast as it must", 16_000, 20_000, 200),
    ("slowly, and that will do", 10, 0, 200),
]


def came_meanwhile(sock):
    """What comes in a step."""
    sock.settimeout(STEP)
    try:
        return sock.recv(65536)
    except TimeoutError:
        return b""
    finally:
        sock.settimeout(15)


@pytest.mark.parametrize(("size", "rate", "status"), [row[1:] for row in SENT], ids=[row[0] for row in SENT])
def test_a_body_must_come_at_a_rate(pressed, size, rate, status):
    made, origin, client, _ = pressed(body_rate=rate)
    began = time.monotonic()
    client.send("/x", f"Content-Length: {PIECES * size}\r\nConnection: close\r\n\r\n", method="POST")
    for _ in range(PIECES):
        client.sock.sendall(b"x" * size)
        if said := came_meanwhile(client.sock):
            break
    status = 200 if made.front == "stock" else status  # there it has all the time it wants
    assert (said or client.rest()).startswith(b"HTTP/1.1 %d " % status)
    assert status == 200 or time.monotonic() - began < TWO_PAUSES
    assert len(origin.paths) == 1
    until(lambda: made.to_origin(origin.address)[0] - made.to_origin(origin.address)[1] == 0)


@pytest.mark.parametrize(("size", "status"), [(200, 408), (16_000, 200)], ids=["slowly", "as fast as it must"])
def test_likewise_by_http_2_as_a_whole(certificates, pressed, size, status):
    made, _, _, cookie = pressed()
    peer = Http2(certificates[0], made.port)
    asked = [(":method", "POST"), (":scheme", "https"), (":authority", f"wiki.localhost:{made.port}"),
             (":path", "/x"), ("cookie", cookie), ("content-length", str(PIECES * size))]  # fmt: skip
    stream = peer.ask_more(asked)
    for _ in range(PIECES):
        peer.send(stream, b"x" * size)
        if said := came_meanwhile(peer.sock):
            peer.take(said)
        if stream in peer.answers:
            break
    else:
        peer.h2.end_stream(stream)
        peer._flush()
    assert peer.answer(stream)[0] == (200 if made.front == "stock" else status)
    peer.close()


def test_who_is_answered_meanwhile_may_say_more_when_it_likes(pressed):
    _, _, client, _ = pressed()
    client.send("/talk", f"Content-Length: {PIECES}\r\nConnection: close\r\n\r\n", method="POST")
    said = b""
    for _ in range(PIECES):
        client.sock.sendall(b"x")
        said += came_meanwhile(client.sock)
        time.sleep(STEP)
    assert (said + client.rest()).endswith(b"\r\n\r\nbegun and ended")


WAITS = [("takes nothing", "/later", 20 * MIB), ("says nothing", "/wait", 0)]


@pytest.mark.parametrize(("path", "size"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_who_waits_for_an_origin_is_not_hurried(pressed, path, size):
    """More bytes than all buffers on the way hold."""
    _, origin, client, _ = pressed()
    threading.Timer(TWO_PAUSES, origin.go_on.set).start()
    client.send(path, f"Content-Length: {size}\r\nConnection: close\r\n\r\n", b"x" * size, method="POST")
    assert client.rest().startswith(b"HTTP/1.1 200 ")


TAKEN = [  # the least rate, and whether who takes 65,536 bytes ten times a second is served
    ("slowly", 10_000_000, False),
    ("as fast as it must", 20_000, True),
    ("slowly, and that will do", 0, True),
]


@pytest.mark.parametrize(("rate", "is_served"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN])
def test_an_answer_must_be_taken_at_a_rate(pressed, rate, is_served):
    made, origin, client, _ = pressed(body_rate=rate)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, len(PIECE))
    client.send("/big", "\r\n")
    until(lambda: origin.paths)
    end = time.monotonic() + TWO_PAUSES
    while made.clients and time.monotonic() < end:
        with contextlib.suppress(ConnectionError):
            client.sock.recv(len(PIECE))
        time.sleep(STEP)
    assert bool(made.clients) is (is_served or made.front == "stock")
    if not made.clients:
        nothing_left(made, origin)


def test_by_http_2_a_client_may_not_keep_its_windows_shut(certificates, pressed):
    made, origin, client, cookie = pressed()
    client.sock.close()
    until(lambda: not made.clients)
    peer = Http2(certificates[0], made.port)
    peer.ask([(":method", "GET"), (":scheme", "https"), (":authority", f"wiki.localhost:{made.port}"),
              (":path", "/big"), ("cookie", cookie)])  # fmt: skip
    until(lambda: origin.paths)
    settled(lambda: len(made.clients), still=TWO_PAUSES)
    assert bool(made.clients) is (made.front == "stock")
    peer.close()
    nothing_left(made, origin)


def test_an_origin_that_is_not_read_is_not_late(pressed):
    """Its silence is the client's doing, who takes it all in the end."""
    made, origin, client, _ = pressed(answer_time=1.0, body_pause=30.0)
    client.say("/big")
    settled(lambda: origin.sent, still=2.5)
    got = client.http.getresponse()
    assert len(got.read()) == BIG
    client.sock.close()
    nothing_left(made, origin)
