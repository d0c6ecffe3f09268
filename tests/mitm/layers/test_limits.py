"""Every limit of the protocol layers, tried from outside: what was sent, what came, and what it cost the gate."""

import contextlib
import gc
import os
import socket
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe import frame as frames
from mitmproxy.test import tflow
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve

from gate.site import STAFF, app
from glassgate.access.app import Origin
from glassgate.access.messages import MESSAGES
from glassgate.config.limits import Limits
from glassgate.mitm import flows
from glassgate.mitm.addon import ENDS, GateAddon
from glassgate.mitm.guard import Ours
from glassgate.mitm.layers.events import CloseWebsocket
from glassgate.record.events import Action
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from mitm.harness import origin, signed_in
from mitm.layers.test_http2 import headers_frame
from mitm.raw import Http2, send, tls

PATIENCE = 10
MIB = 1 << 20
SMALL = Limits(websocket_message=100_000, most_unsent=4 * MIB, most_unread=4 * MIB)


class Listening(Recorder):
    """A recorder that remembers what it was told."""

    def __init__(self):
        super().__init__(None, Metrics("0"))
        self.events = []

    def tell(self, event):
        self.events.append(event)


class Watching:
    """A foreign addon that looks on."""

    name = "watching"

    def __init__(self):
        self.flows, self.ended = [], []

    def websocket_start(self, flow):
        self.flows.append(flow)

    def websocket_end(self, flow):
        self.ended.append(flow)


@pytest.fixture(scope="module")
def world(gate, certificates, tmp_path_factory):
    """One gate, and three apps: one takes 100,000 bytes at once, one speaks WebSocket, one never comes to an end."""
    recorder, watching = Listening(), Watching()
    with origin() as server, echoes() as ticking, fountain() as spring:
        here = Origin("http", "127.0.0.1", server.port)
        apps = [
            app("wiki", "wiki.localhost", STAFF, origin=here, max_body=100_000),
            app("payroll", "payroll.localhost", STAFF, origin=Origin("http", "127.0.0.1", spring)),
            app("graph", "graph.localhost", STAFF, origin=Origin("http", "127.0.0.1", ticking)),
        ]
        parts = {"apps": apps, "recorder": recorder, "earlier": [watching], "addon": partial(GateAddon, limits=SMALL)}
        with gate(certificates, tmp_path_factory.mktemp("gate"), 0, **parts) as made:
            made.ca, made.origin, made.events, made.watching = certificates[0], server, recorder.events, watching
            users = zip(apps, ("alice", "bob", "carol"), strict=True)
            made.cookies = {one.name: signed_in(made.site, user, one.domains[0]) for one, user in users}
            yield made


@contextlib.contextmanager
def echoes():
    """An origin that says every message back."""

    def echo(connection):
        for message in connection:
            connection.send(message)

    with serve(echo, "127.0.0.1", 0, max_size=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.socket.getsockname()[1]


@contextlib.contextmanager
def fountain():
    """An origin that answers /endless without an end, and anything else never."""

    def pour_out(connection):
        with connection, contextlib.suppress(OSError):
            asked = connection.recv(65536)
            if b"/endless" in asked:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while True:
                    connection.sendall(b"x" * 65536)
            connection.recv(1)

    def take(listener):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=pour_out, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=take, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


@pytest.fixture
def running(world):
    world.events.clear()
    world.origin.log.clear()
    world.origin.connections = 0
    return world


def head(running, method="GET", more="", name="wiki", signed=True):
    cookie = f"Cookie: {running.cookies[name]}\r\n" if signed else ""
    return f"{method} /x HTTP/1.1\r\nHost: {name}.localhost:{running.port}\r\n{cookie}{more}\r\n".encode()


def fields(running, method="GET", name="wiki", signed=True, more=()):
    authority = f"{name}.localhost:{running.port}"
    asked = [(":method", method), (":path", "/x"), (":scheme", "https"), (":authority", authority)]
    return [*asked, *more, *([("cookie", running.cookies[name])] if signed else [])]


def memory():
    """Bytes of this process, in which the gate is."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@contextlib.contextmanager
def costs(most, *, ends=True):
    """What is done costs no more than so many bytes, and no descriptor once it is over (where it `ends` by itself)."""
    before, open_before = memory(), descriptors()
    yield
    assert memory() - before < most
    until = time.monotonic() + PATIENCE
    while ends and descriptors() > open_before:
        assert time.monotonic() < until, "a connection was left open"
        time.sleep(0.05)


def heard(connection):
    """All that comes till the end, which must come."""
    data = b""
    connection.settimeout(PATIENCE)
    try:
        while got := connection.recv(65536):
            data += got
    except TimeoutError:
        pytest.fail("the connection goes on")
    except OSError:
        pass  # what was unread when it ended resets it
    return data


def pour(running, first, piece, count):
    """Send as much as is taken, and hear what is said. (bytes sent, answer)"""
    sent = len(first)
    with tls(running.ca, running.port) as connection:
        connection.sendall(first)
        with contextlib.suppress(OSError):
            for _ in range(count):
                connection.sendall(piece)
                sent += len(piece)
        return sent, heard(connection)


def is_ours(answer, status):
    """An answer of the gate's, with all that each of them carries."""
    said = answer.partition(b"\r\n\r\n")[0].lower()
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:100]
    for line in (b"\r\ncf-ray: ", b"\r\ncache-control: no-store", b"\r\ncontent-security-policy: default-src 'none'"):
        assert line in said
    assert b"\r\nconnection: close" in said
    assert b"mitmproxy" not in answer
    return True


# Heads

HEADS = [
    ("a line feed alone", b"GET / HTTP/1.1\nHost: a\n\n", 400, "bare_line_feed"),
    ("a folded line", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, "folded_line"),
    ("a carriage return alone", b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, "bare_carriage_return"),
    ("a NUL", b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 400, "nul"),
    ("a space before a colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "malformed_headers"),
    ("a version that is none", b"GET / HTTP/4.2\r\n\r\n", 400, "request_line"),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, "malformed_headers"),
    ("nothing that is HTTP", b"\x00\x01\x02 hello\r\n\r\n", 400, "nul"),
    ("two lengths", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "malformed_headers"),
    ("empty lines", b"\r\n" * 20, 400, "empty_lines"),
    ("129 headers", b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 129 + b"\r\n", 431, "header_lines"),
    ("70 KB of headers", b"GET / HTTP/1.1\r\n" + b"X-Long: aaaaaaaaaaaaaaaa\r\n" * 2800, 431, "head_too_large"),
    ("a 70 KB address", b"GET /" + b"a" * 70_000, 414, "request_line_too_long"),
]


@pytest.mark.parametrize(("data", "status", "reason"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS])
def test_heads_that_are_refused(running, data, status, reason):
    assert is_ours(send(running.ca, running.port, data), status)
    [event] = running.events
    assert (event.action, event.status, event.reason, event.allowed) == (Action.REFUSED, status, reason, False)
    assert running.origin.connections == 0


def test_forty_megabytes_of_header_lines(running):
    with costs(8 * MIB):
        sent, answer = pour(running, b"GET / HTTP/1.1\r\n", b"X-Filler: " + b"a" * 1012 + b"\r\n", 40 * 1024)
    assert sent < 20 * MIB
    assert answer == b"" or is_ours(answer, 431)
    assert [event.reason for event in running.events] == ["head_too_large"]


def test_a_head_that_comes_byte_by_byte_is_a_head(running):
    data = head(running)
    with tls(running.ca, running.port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(data)):
            connection.sendall(data[place : place + 1])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


# Bodies


@pytest.mark.parametrize("size", [100_000, 100_001])
@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_a_body_has_the_limit_of_its_app(running, size, kind):
    if kind == "length":
        data = head(running, "POST", f"Content-Length: {size}\r\n") + b"x" * size
    else:
        data = head(running, "POST", "Transfer-Encoding: chunked\r\n")
        data += b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    answer = send(running.ca, running.port, data)
    if size == 100_000:
        assert answer.startswith(b"HTTP/1.1 200")
        assert len(running.origin.log[0][3]) == size
        return
    assert is_ours(answer, 413)
    assert (running.events[-1].reason, running.events[-1].app) == ("body_too_large", "wiki")
    assert running.origin.log == []
    assert running.origin.connections <= (kind == "chunks")


def test_a_length_that_is_too_much_is_refused_before_anything_is_sent(running):
    data = head(running, "POST", "Content-Length: 99999999999\r\nExpect: 100-continue\r\n")
    assert is_ours(send(running.ca, running.port, data), 413)


@pytest.mark.parametrize("with_length", [True, False])
def test_by_http_2_too(running, with_length):
    client = Http2(running.ca, running.port)
    more = [("content-length", "150000")] if with_length else []
    stream = client.ask_more(fields(running, "POST", more=more))
    for _ in range(10):
        client.send(stream, b"x" * 15_000)
    assert client.answer(stream)[0] == 413
    assert client.answer(client.ask(fields(running)))[0] == 200, "the connection goes on"
    client.close()


def test_a_body_without_a_session(running):
    """200 MB posted by nobody: a fraction of it is read, nothing is kept, the answer is there."""
    first = head(running, "POST", "Content-Length: 200000000\r\n", signed=False)
    with costs(8 * MIB):
        sent, answer = pour(running, first, b"x" * 65536, 3000)
    assert sent < 20 * MIB
    assert answer == b"" or is_ours(answer, 401)
    assert running.origin.connections == 0


def test_a_body_without_a_session_by_http_2(running):
    client = Http2(running.ca, running.port)
    with costs(8 * MIB):
        stream = client.ask_more(fields(running, "POST", signed=False))
        for _ in range(20):
            client.send(stream, b"x" * 16_000)
        assert client.answer(stream)[0] == 401
        assert client.answer(client.ask(fields(running)))[0] == 200
    client.close()


CHUNKS = [b"x\r\n", b"5\r\nhello!\r\n", b"5;" + b"a" * 20_000, b"0\r\nX: " + b"a" * 20_000, b"-5\r\n"]


@pytest.mark.parametrize("chunks", CHUNKS)
def test_chunks_that_cannot_be_read(running, chunks):
    data = head(running, "POST", "Transfer-Encoding: chunked\r\n") + b"2\r\nhi\r\n" + chunks
    assert is_ours(send(running.ca, running.port, data), 400)
    assert running.events[-1].reason == "body_malformed"
    assert running.origin.log == []


def test_trailers_are_left_out(running):
    """mitmproxy raises for them, and the client waits for ever."""
    chunks = b"5\r\nhello\r\n0\r\nX-Trailer: a\r\nCf-Access-Authenticated-User-Email: admin\r\n\r\n"
    data = head(running, "POST", "Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n") + chunks
    answer = send(running.ca, running.port, data + head(running))
    assert answer.count(b"HTTP/1.1 200") == 2
    assert [body for _, _, _, body in running.origin.log] == [b"hello", b""]
    assert "admin" not in str(running.origin.log)


def test_trailers_of_http_2_are_left_out(running):
    client = Http2(running.ca, running.port)
    stream = client.ask_more(fields(running, "POST"))
    client.send(stream, b"hello")
    client.h2.send_headers(stream, [("cf-access-authenticated-user-email", "admin")], end_stream=True)
    client._flush()
    assert client.answer(stream) == (200, b"ok")
    assert running.origin.log[0][3] == b"hello"
    assert "admin" not in str(running.origin.log)
    client.close()


# HTTP/2


def goodbye(client):
    """The code of the GOAWAY that a client gets before the end; 0 where it is lost."""
    view, code = memoryview(heard(client.sock)), 0
    while len(view) >= 9:
        frame, length = frames.Frame.parse_frame_header(view[:9])
        frame.parse_body(view[9 : 9 + length])
        view = view[9 + length :]
        code = frame.error_code if isinstance(frame, frames.GoAwayFrame) else code
    return code


def flood(client, data, count):
    client.sock.settimeout(PATIENCE)
    with contextlib.suppress(OSError):
        for _ in range(count):
            client.sock.sendall(data)


FLOODS = [
    ("PING", frames.PingFrame(0, b"12345678").serialize() * 100, ErrorCodes.ENHANCE_YOUR_CALM),
    ("SETTINGS", frames.SettingsFrame(0, {4: 65535}).serialize() * 100, ErrorCodes.ENHANCE_YOUR_CALM),
    ("empty DATA", frames.DataFrame(1).serialize() * 100, ErrorCodes.ENHANCE_YOUR_CALM),
    ("WINDOW_UPDATE", frames.WindowUpdateFrame(0, window_increment=1).serialize() * 100, ErrorCodes.ENHANCE_YOUR_CALM),
    ("WINDOW_UPDATE", frames.WindowUpdateFrame(1, window_increment=1).serialize() * 100, ErrorCodes.ENHANCE_YOUR_CALM),
]


@pytest.mark.parametrize(("data", "code"), [row[1:] for row in FLOODS], ids=[row[0] for row in FLOODS])
def test_a_flood_of_frames(running, data, code):
    with costs(8 * MIB):
        client = Http2(running.ca, running.port)
        client.ask_more(fields(running, "POST"))
        flood(client, data, 500)
        assert goodbye(client) in (code, 0)
        client.close()


def test_a_body_that_goes_on_after_its_answer(running):
    """Some of it is on its way when the answer comes, and is passed over; more of it ends the connection."""
    client = Http2(running.ca, running.port)
    stream = client.ask_more(fields(running, "POST", signed=False))
    for _ in range(5):
        client.send(stream, b"x" * 16_000)
    assert client.answer(stream)[0] == 401
    flood(client, frames.DataFrame(stream, b"x" * 16_000).serialize(), 20)
    assert client.answer(client.ask(fields(running)))[0] == 200
    flood(client, frames.DataFrame(stream, b"x").serialize() * 100, 500)
    assert goodbye(client) in (ErrorCodes.ENHANCE_YOUR_CALM, 0)
    client.close()


def test_streams_that_are_taken_back_at_once(running):
    with costs(16 * MIB):
        client = Http2(running.ca, running.port)
        with contextlib.suppress(OSError):
            for n in range(2000):
                opened = headers_frame(2 * n + 1, [(name.encode(), value.encode()) for name, value in fields(running)])
                client.sock.sendall(opened.serialize() + frames.RstStreamFrame(2 * n + 1, error_code=8).serialize())
        assert goodbye(client) in (ErrorCodes.ENHANCE_YOUR_CALM, 0)
        client.close()
    assert len(running.origin.log) < 300


def test_a_head_in_endless_parts(running):
    with costs(8 * MIB):
        client = Http2(running.ca, running.port)
        opened = headers_frame(1)
        opened.flags.discard("END_HEADERS")
        flood(client, opened.serialize(), 1)
        flood(client, frames.ContinuationFrame(1, b"\0" * 16_000).serialize(), 1000)
        assert goodbye(client) in (ErrorCodes.ENHANCE_YOUR_CALM, ErrorCodes.PROTOCOL_ERROR, 0)
        client.close()


def test_a_header_list_that_is_too_long(running):
    client = Http2(running.ca, running.port)
    client.ask([*fields(running), ("x", "a" * 70_000)])
    assert goodbye(client) in (ErrorCodes.ENHANCE_YOUR_CALM, 0)
    client.close()


def test_more_headers_than_are_taken(running):
    client = Http2(running.ca, running.port)
    assert client.answer(client.ask([*fields(running), *[(f"x-{n}", "a") for n in range(130)]]))[0] == 431
    assert client.answer(client.ask(fields(running)))[0] == 200, "the connection goes on"
    client.close()


# What waits


def test_requests_in_one_go_wait_in_a_bounded_place(running):
    """The first never gets its answer; behind it comes as much as is taken."""
    with costs(16 * MIB, ends=False), tls(running.ca, running.port, "payroll.localhost") as connection:
        connection.sendall(head(running, name="payroll"))
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            for _ in range(640):
                connection.sendall(head(running, "POST", "Content-Length: 65536\r\n", "payroll") + b"x" * 65536)
            pytest.fail("forty megabytes were taken")


def test_an_answer_that_a_client_does_not_take_waits_in_a_bounded_place(running):
    with costs(24 * MIB, ends=False):
        client = Http2(running.ca, running.port, "payroll.localhost")
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        asked = [field for field in fields(running, name="payroll") if field[0] != ":path"]
        client.ask([(":path", "/endless"), *asked])
        client.sock.settimeout(2)
        with contextlib.suppress(TimeoutError):
            while client._read():
                pass
        client.close()


# WebSockets


def websocket(running, **more):
    connection = tls(running.ca, running.port, "graph.localhost", threads=True)
    given = {
        "origin": f"https://graph.localhost:{running.port}", "max_size": None,
        "additional_headers": {"Cookie": running.cookies["graph"]},
    }  # fmt: skip
    return connect(f"ws://graph.localhost:{running.port}/", sock=connection, **given, **more)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_message_has_a_limit(running, compression):
    with websocket(running, compression=compression) as talk:
        talk.send(os.urandom(100_000))
        assert len(talk.recv(PATIENCE)) == 100_000
        talk.send(bytes(100_001))
        with pytest.raises(ConnectionClosed):
            talk.recv(PATIENCE)
        assert (talk.protocol.close_code, talk.protocol.close_reason) == (1009, "The message is too big.")


def test_a_message_that_unpacks_to_a_gigabyte(running):
    with websocket(running, compression="deflate") as talk, costs(32 * MIB):
        with contextlib.suppress(ConnectionClosed):
            for _ in range(256):
                talk.send(bytes(4 * MIB))
            talk.recv(PATIENCE)
        assert talk.protocol.close_code == 1009


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_websocket_is_ended_from_outside_through_tls(running, compression):
    running.watching.flows.clear()
    running.watching.ended.clear()
    with websocket(running, compression=compression) as talk:
        talk.send("hello")
        assert talk.recv(PATIENCE) == "hello"
        [flow] = running.watching.flows
        running.happens(flow.client_conn.id, CloseWebsocket(flow, 1008, "Your session was revoked."))
        with pytest.raises(ConnectionClosed):
            talk.recv(PATIENCE)
        assert (talk.protocol.close_code, talk.protocol.close_reason) == (1008, "Your session was revoked.")
    assert running.watching.ended == [flow]
    assert not flow.live


# Answers that only a driver asks for


@pytest.mark.parametrize("code", ENDS)
def test_a_request_that_cannot_be_finished_gets_the_standing_message(running, code):
    flow = tflow.tflow()
    request = flows.read(flow, time.time())
    running.addon._verdicts.set(flow, Ours(request))
    response = running.addon.for_origin(flow, code)
    running.addon.error(flow)
    assert response.status_code == MESSAGES[code].status
    assert (response.headers["Cf-Ray"], response.headers["Cache-Control"]) == (request.ray, "no-store")
    assert ("Retry-After" in response.headers) is (response.status_code == 503)
    [event] = running.events
    assert (event.ray, event.status, event.reason is None) == (request.ray, response.status_code, False)


def test_a_request_that_nobody_judged_gets_a_status_and_no_more(running):
    response = running.addon.for_origin(tflow.tflow(), "origin_unreachable")
    assert (response.status_code, response.raw_content, running.events) == (502, b"", [])


def test_a_recorder_that_fails_takes_no_answer_away(running):
    class Failing:
        def tell(self, event):
            raise RuntimeError("a fault that a test made")

    addon = GateAddon(running.site, Failing(), None, None, {})
    response = addon.for_head(tflow.tclient_conn(), "bad_request", None, "nul")
    addon.done()
    assert (response.status_code, response.headers["Cache-Control"]) == (400, "no-store")
