"""The hooks, as browsers and origins see them: answers of every kind, WebSockets, hosts in this process, no leaks."""

import contextlib
import json
import socketserver
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.sync.client import connect
from websockets.sync.server import serve

from gate.site import STAFF, app
from glassgate.access.app import Origin
from glassgate.mitm.addon import KEPT_MESSAGES
from glassgate.record.events import Action
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from journeys.visitor import NAVIGATION, Visitor
from mitm.harness import Gate, origin, signed_in
from mitm.raw import Http2, send, tls

PATIENCE = 5  # seconds for what happens a moment after an answer


class Listening(Recorder):
    """A recorder that remembers what it was told."""

    def __init__(self):
        super().__init__(None, Metrics("0"))
        self.events = []

    def tell(self, event):
        self.events.append(event)


LAB = "login.localhost"


def lab(environ, start_response):
    """A small application: says what it got, and sets cookies."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    got = {
        "method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"], "query": environ["QUERY_STRING"],
        "form": parse_qs(body.decode()), "size": len(body), "cookies": environ.get("HTTP_COOKIE", ""),
        "url": f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}",
    }  # fmt: skip
    start_response(
        "200 Fine", [("Content-Type", "application/json"), ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")]
    )
    return [json.dumps(got).encode()]


@dataclass
class Side:
    """One app of the gate, its origin, and somebody who is signed in there."""

    gate: Gate
    ca: Path
    host: str
    user: str
    origin: object
    events: list
    flows: list

    @property
    def port(self):
        return self.gate.port

    @property
    def cookie(self):
        return signed_in(self.gate.site, self.user, self.host)

    def url(self, target="/", host=None):
        return self.gate.url(host or self.host, target)

    def again(self):
        """As if nothing had been asked yet."""
        self.events.clear()
        self.flows.clear()
        return self


@pytest.fixture(scope="module")
def sides(gate, certificates, tmp_path_factory):
    """One gate (mitmproxy knows of one program in a process), and three origins behind it."""
    recorder, watching = Listening(), Watching()
    with origin() as plain, scripts() as scripted, clock() as ticking:
        rows = [("wiki", "alice", plain), ("payroll", "bob", scripted), ("graph", "carol", ticking)]
        apps = [
            app(name, f"{name}.localhost", STAFF, origin=Origin("http", "127.0.0.1", server.port))
            for name, _, server in rows
        ]
        more = {"apps": apps, "hosts": {LAB: lab}, "recorder": recorder, "earlier": [watching]}
        with gate(certificates, tmp_path_factory.mktemp("gate"), 0, **more) as made:
            yield [
                Side(made, certificates[0], f"{name}.localhost", user, server, recorder.events, watching.flows)
                for name, user, server in rows
            ]


@pytest.fixture
def running(sides):
    """An app whose origin answers "ok" and writes down what it gets."""
    sides[0].origin.log.clear()
    sides[0].origin.connections = 0
    yield sides[0].again()
    forgotten(sides[0])


@pytest.fixture
def scripted(sides):
    """An app whose origin plays what a test says."""
    yield sides[1].again()
    forgotten(sides[1])


@pytest.fixture
def ticking(sides):
    """An app whose origin speaks WebSocket."""
    yield sides[2].again()
    forgotten(sides[2])


def forgotten(running):
    """Wait till nothing is known any more of any request."""
    until = time.monotonic() + PATIENCE
    addon = running.gate.addon
    while left := running.gate.in_loop(lambda: len(addon._verdicts) + len(addon._layered)):
        assert time.monotonic() < until, f"{left} are still known"
        time.sleep(0.01)


def ended(side):
    """Wait till no request is under way any more, while connections may be open."""
    until = time.monotonic() + PATIENCE
    while side.gate.in_loop(lambda: len(side.gate.addon._verdicts)):
        assert time.monotonic() < until
        time.sleep(0.01)


def get(side, target="/", *, method="GET", more="", cookie=None):
    cookie = side.cookie if cookie is None else cookie
    return (f"{method} {target} HTTP/1.1\r\nHost: {side.host}:{side.port}\r\nCookie: {cookie}\r\n{more}\r\n").encode()


# Answers of origins


class Scripted(socketserver.ThreadingTCPServer):
    """An origin that answers every request with the same bytes, and keeps the connection or ends it."""

    daemon_threads = allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ScriptedHandler)
        self.play(b"")

    def play(self, answer, ends=False):
        self.answer, self.ends, self.heads, self.connections = answer, ends, [], 0

    @property
    def port(self):
        return self.server_address[1]


class ScriptedHandler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        with contextlib.suppress(OSError):
            while head := self.read_head():
                self.server.heads.append(head)
                self.wfile.write(self.server.answer)
                if self.server.ends:
                    return

    def read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return b""
            head += line
        return head


@contextlib.contextmanager
def scripts():
    with Scripted() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


OK = b"HTTP/1.1 200 OK\r\n"
BODIES = [
    ("a length", OK + b"Content-Length: 5\r\n\r\nhello", "GET", 200, b"hello"),
    ("chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "GET", 200, b"hello"),
    ("nothing", OK + b"Content-Length: 0\r\n\r\n", "GET", 200, b""),
    ("204", b"HTTP/1.1 204 No Content\r\n\r\n", "GET", 204, b""),
    ("304", b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', "GET", 304, b""),
    ("304 with a length", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 304, b""),
    ("HEAD", OK + b"Content-Length: 5\r\n\r\n", "HEAD", 200, b""),
    ("HEAD with chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n", "HEAD", 200, b""),
    ("a redirect", b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "GET", 302, b""),
    ("an error of its own", b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", "GET", 503, b"busy"),
]


@pytest.mark.parametrize(
    ("answer", "method", "status", "body"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES]
)
def test_an_answer_comes_whole_and_the_connection_is_used_again(scripted, answer, method, status, body):
    """Two requests in one go: the second would be lost or shifted by a byte too many."""
    scripted.origin.play(answer)
    with tls(scripted.ca, scripted.port) as connection, connection.makefile("rb") as reader:
        for target in ("/one", "/two"):
            connection.sendall(get(scripted, target, method=method))
            assert read_answer(reader, method) == (status, body)
    assert [head.split(b" ")[1] for head in scripted.origin.heads] == [b"/one", b"/two"]
    assert scripted.origin.connections <= 1  # none where one was left from an earlier client


def read_answer(reader, method):
    """(status, body) of one HTTP/1 answer, read to its very end and no further."""
    import http.client

    class Connected:
        def makefile(self, *_):
            return Unclosed(reader)

    answer = http.client.HTTPResponse(Connected(), method=method)
    answer.begin()
    return answer.status, answer.read()


class Unclosed:
    """A reader that stays open when an answer has ended."""

    def __init__(self, reader):
        self.reader = reader

    def __getattr__(self, name):
        return getattr(self.reader, name)

    def close(self):
        pass


def test_an_answer_that_ends_with_its_connection(scripted):
    scripted.origin.play(OK + b"\r\nhello", ends=True)
    answer = send(scripted.ca, scripted.port, get(scripted, more="Connection: close\r\n"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello")


FAILING = [
    ("nothing at all", b"", 502),
    ("garbage", b"garbage\r\n\r\n", 502),
    ("half a head", b"HTTP/1.1 200 OK\r\nContent-", 502),
    ("two lengths", OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 502),
    ("a length and chunks", OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502),
]


@pytest.mark.parametrize(("answer", "status"), [row[1:] for row in FAILING], ids=[row[0] for row in FAILING])
def test_an_origin_that_fails_is_told_of_by_our_own_page(scripted, answer, status):
    scripted.origin.play(answer, ends=True)
    page = Visitor(scripted.ca).ask(scripted.url(), headers={**NAVIGATION, "Cookie": scripted.cookie})
    assert page.status == status
    assert page.headers["Cf-Ray"] in page.text
    assert "mitmproxy" not in page.text + str(page.headers)
    assert [event.action for event in scripted.events] == [Action.ALLOWED, Action.ERROR]
    assert {event.ray for event in scripted.events} == {page.headers["Cf-Ray"]}


def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(scripted):
    scripted.origin.play(OK + b"Content-Length: 50\r\n\r\nhello", ends=True)
    answer = send(scripted.ca, scripted.port, get(scripted))
    assert answer == b"" or b"Content-Length: 50" in answer


# One id


PAGES = [
    ("a page of ours", "mallory", NAVIGATION, 403),
    ("a refusal for a program", "mallory", {"Accept": "*/*"}, 403),
    ("no session", None, {"Accept": "*/*"}, 401),
]


@pytest.mark.parametrize(("name", "headers", "status"), [row[1:] for row in PAGES], ids=[row[0] for row in PAGES])
def test_an_answers_id_is_the_same_in_page_header_and_event(running, name, headers, status):
    cookie = {"Cookie": signed_in(running.gate.site, name)} if name else {}
    page = Visitor(running.ca).ask(running.url(), headers={**headers, **cookie})
    [event] = running.events
    assert (page.status, event.status) == (status, status)
    assert page.headers["Cf-Ray"] == event.ray
    assert event.ray in page.text


def test_the_origins_id_is_the_events(running):
    Visitor(running.ca).ask(running.url(), headers={"Cookie": running.cookie, "Cf-Ray": "forged"})
    [event] = running.events
    assert (event.action, running.origin.log[0][2]["Cf-Ray"]) == (Action.ALLOWED, event.ray)


# No leaks


def test_nothing_is_known_any_more_of_two_hundred_requests(running):
    cookie = running.cookie
    requests = [
        get(running, "/ok", cookie=cookie),
        get(running, "/refused", cookie="a=b"),
        get(running, "/bad#", cookie=cookie),
        get(running, "/head", method="HEAD", cookie=cookie),
        get(running, "/post", method="POST", more="Content-Length: 0\r\n", cookie=cookie),
    ]
    for _ in range(10):
        with tls(running.ca, running.port) as connection, connection.makefile("rb") as reader:
            for n in range(20):
                request = requests[n % len(requests)]
                connection.sendall(request)
                assert read_answer(reader, request.split(b" ")[0].decode())[0] in (200, 401, 400)
    assert len(running.origin.log) == 120
    forgotten(running)


def test_nothing_is_known_any_more_of_requests_that_were_given_up(running):
    for n in range(20):
        with tls(running.ca, running.port) as connection:
            whole = get(running, "/up", method="POST", more="Content-Length: 100\r\n")
            connection.sendall(whole + b"x" * 50 if n % 2 else whole[:-20])
    forgotten(running)


def test_while_a_connection_lives_what_has_ended_on_it_is_forgotten(running):
    client = Http2(running.ca, running.port)
    cookie = running.cookie
    fields = [
        (":method", "GET"),
        (":path", "/"),
        (":scheme", "https"),
        (":authority", f"wiki.localhost:{running.port}"),
    ]
    for n in range(20):
        assert client.answer(client.ask([*fields, *([("cookie", cookie)] if n % 2 else [])]))[0] in (200, 401)
    ended(running)
    client.close()


def test_while_a_connection_lives_what_has_failed_on_it_is_forgotten(scripted):
    scripted.origin.play(b"garbage\r\n\r\n", ends=True)
    client = Http2(scripted.ca, scripted.port, scripted.host)
    authority = (":authority", f"{scripted.host}:{scripted.port}")
    fields = [(":method", "GET"), (":path", "/"), (":scheme", "https"), authority, ("cookie", scripted.cookie)]
    for _ in range(3):
        assert client.answer(client.ask(fields))[0] == 502
    ended(scripted)
    client.close()


# WebSockets


class Watching:
    """A foreign addon that looks on."""

    name = "watching"

    def __init__(self):
        self.flows = []

    def websocket_start(self, flow):
        self.flows.append(flow)


def echo(socket):
    socket.send(json.dumps(dict(socket.request.headers.raw_items())))
    for message in socket:
        if message == "end":
            socket.close(1001, "so long")
            return
        socket.send(message)


@contextlib.contextmanager
def clock():
    with serve(echo, "127.0.0.1", 0) as server:
        server.port = server.socket.getsockname()[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server


def websocket(side, **more):
    connection = tls(side.ca, side.port, side.host, threads=True)
    given = {"origin": side.url(""), "additional_headers": {"Cookie": side.cookie}, **more}
    return connect(f"ws://{side.host}:{side.port}/ticks", sock=connection, compression=None, **given)


def test_a_websocket_passes_both_ways_with_what_an_origin_is_told(ticking):
    with websocket(ticking) as socket:
        told = json.loads(socket.recv(PATIENCE))
        assert told["Cf-Access-Authenticated-User-Email"] == "carol@contoso.example"
        assert told["Cf-Access-Jwt-Assertion"].count(".") == 2
        assert "Cookie" not in told
        for message in ("text", b"bytes \xff", "x" * 100_000):
            socket.send(message)
            assert socket.recv(PATIENCE) == message


def test_a_websocket_ends_as_the_origin_ends_it(ticking):
    with websocket(ticking) as socket:
        socket.recv(PATIENCE)
        socket.send("end")
        with pytest.raises(WebSocketException):
            socket.recv(PATIENCE)
        assert (socket.protocol.close_code, socket.protocol.close_reason) == (1001, "so long")


def test_of_a_websockets_messages_only_the_last_are_kept(ticking):
    with websocket(ticking) as socket:
        socket.recv(PATIENCE)
        for n in range(2 * KEPT_MESSAGES):
            socket.send(str(n))
            assert socket.recv(PATIENCE) == str(n)
        [flow] = ticking.flows
        assert len(flow.websocket.messages) <= KEPT_MESSAGES + 1
        assert flow.websocket.messages[-1].text == str(2 * KEPT_MESSAGES - 1)


@pytest.mark.parametrize(
    ("change", "status"),
    [({"additional_headers": {}}, 401), ({"origin": "https://evil.example"}, 403), ({"origin": None}, 403)],
    ids=["no session", "another origin", "no origin"],
)
def test_a_websocket_that_may_not_be_is_refused_before_the_origin(running, change, status):
    with pytest.raises(InvalidHandshake) as refused:
        websocket(running, **change)
    assert refused.value.response.status_code == status
    assert running.origin.connections == 0


SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: %b\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nsecret"
)
ASKING = (
    "Upgrade: %s\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
UNASKED = [
    ("nobody asked", b"websocket", ""),
    ("nobody asked for that protocol", b"foo", ""),
    ("another protocol was asked for", b"foo", ASKING % "foo"),
    ("h2c was asked for", b"h2c", ASKING % "h2c" + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
]


@pytest.mark.parametrize(("protocol", "more"), [row[1:] for row in UNASKED], ids=[row[0] for row in UNASKED])
def test_an_upgrade_that_nobody_asked_for_is_stopped(scripted, protocol, more):
    """Else a tunnel would stand in which nothing is judged."""
    scripted.origin.play(SWITCHING % protocol)
    answer = send(scripted.ca, scripted.port, get(scripted, more=more) + get(scripted, "/two"))
    assert b" 101 " not in answer
    assert b"secret" not in answer
    assert scripted.origin.heads
    assert [head for head in scripted.origin.heads if b"upgrade" in head.lower()] == []


def test_a_websocket_that_the_origin_does_not_want_is_an_answer(scripted):
    scripted.origin.play(b"HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno")
    with pytest.raises(InvalidHandshake) as refused:
        websocket(scripted)
    assert (refused.value.response.status_code, refused.value.response.body) == (426, b"no")


# Hosts in this process


@pytest.fixture
def with_lab(running):
    yield running
    assert running.origin.connections == 0


def test_a_form_goes_to_a_host_here_and_its_cookies_come_back(with_lab):
    visitor = Visitor(with_lab.ca)
    visitor.ask(with_lab.url("/first", LAB))
    page = visitor.ask(with_lab.url("/sign%20in?x=1", LAB), method="POST", data={"loginfmt": "alice", "passwd": "ä&"})
    assert page.status == 200
    assert json.loads(page.body) == {
        "method": "POST", "path": "/sign in", "query": "x=1", "form": {"loginfmt": ["alice"], "passwd": ["ä&"]},
        "size": len("loginfmt=alice&passwd=%C3%A4%26"), "cookies": "a=1; b=2", "url": with_lab.url("", LAB),
    }  # fmt: skip


def test_a_head_to_a_host_here_has_the_length_and_no_body(with_lab):
    page = Visitor(with_lab.ca).ask(with_lab.url(host=LAB), method="HEAD")
    assert (page.status, page.body) == (200, b"")
    assert int(page.headers["Content-Length"]) > 10


def test_a_body_for_a_host_here_has_an_end(with_lab):
    visitor = Visitor(with_lab.ca)
    assert json.loads(visitor.ask(with_lab.url(host=LAB), method="POST", data=b"x" * 60_000).body)["size"] == 60_000
    with contextlib.suppress(OSError):  # hung up on while it was still sending
        assert visitor.ask(with_lab.url(host=LAB), method="POST", data=b"x" * 2_000_000).status == 413


def test_a_host_here_by_http2(with_lab):
    client = Http2(with_lab.ca, with_lab.port, LAB)
    fields = [(":method", "POST"), (":path", "/a"), (":scheme", "https"), (":authority", f"{LAB}:{with_lab.port}")]
    status, body = client.answer(client.ask([*fields, ("cookie", "a=1"), ("cookie", "b=2")], b"c=3"))
    assert (status, json.loads(body)["form"], json.loads(body)["cookies"]) == (200, {"c": ["3"]}, "a=1; b=2")
    client.close()


def test_two_apps_share_a_connection_and_not_an_origin(running, scripted):
    """A browser may send both hosts on one connection: each goes to its own origin, with its own session."""
    scripted.origin.play(OK + b"Content-Length: 5\r\n\r\nhello")
    client = Http2(running.ca, running.port)
    for side in (running, scripted, running):
        fields = [(":method", "GET"), (":path", f"/{side.user}"), (":scheme", "https")]
        answer = client.answer(
            client.ask([*fields, (":authority", f"{side.host}:{side.port}"), ("cookie", side.cookie)])
        )
        assert answer == (200, b"ok" if side is running else b"hello")
    client.close()
    assert [entry[1] for entry in running.origin.log] == ["/alice", "/alice"]
    assert [head.split(b" ")[1] for head in scripted.origin.heads] == [b"/bob"]
