"""Origins that end connections, stand still or come late: what is asked again, what goes on meanwhile, what is left."""

import contextlib
import socketserver
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from h2.settings import SettingCodes
from websockets.sync.client import connect
from websockets.sync.server import serve

from gate.site import STAFF, app
from glassgate.access.app import Origin, OriginTls
from mitm.driver.playing import BIG, PIECE, Client, nothing_left, settled, until
from mitm.harness import signed_in
from mitm.raw import Http2, tls

CLIENTS = 64
KERNEL = 8 << 20  # bytes that the sockets between a gate and its origin may hold


class Fickle(socketserver.ThreadingTCPServer):
    """An origin that answers the first request of a connection, and ends it at the next, as `end` says."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FickleHandler)
        self.end = b""
        self.sent = 0
        self.seen, self.answered = [], []
        self.go_on = threading.Event()

    @property
    def address(self):
        return ("127.0.0.1", self.server_address[1])


class FickleHandler(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            if self.answer():
                self.seen()
                self.wfile.write(self.server.end)

    def seen(self):
        line = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        if line:
            self.server.seen.append(line.split(b" ")[1].decode())
        return line

    def answer(self):
        line = self.seen()
        if line.startswith(b"POST /stuck"):
            self.server.go_on.wait(30)
        if line:
            path = line.split(b" ")[1]
            self.server.answered.append(path.decode())
            if path == b"/big":
                return self.big()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))
        return bool(line)

    def big(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        for _ in range(BIG // len(PIECE)):
            self.wfile.write(PIECE)
            self.server.sent += len(PIECE)


@pytest.fixture
def origin():
    with Fickle() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()


@pytest.fixture
def running(gate, certificates, tmp_path, origin):
    with gate(certificates, tmp_path, origin.address[1]) as made:
        yield made
        nothing_left(made, origin)


@pytest.fixture
def client(certificates, running):
    cookie = signed_in(running.site)
    return lambda: Client(certificates[0], running, cookie)


@pytest.fixture
def http2(certificates, running):
    one = Http2(certificates[0], running.port)
    yield one
    one.close()


def fields(gate, path, method="GET"):
    authority = f"wiki.localhost:{gate.port}"
    cookie = signed_in(gate.site)
    return [(":method", method), (":path", path), (":scheme", "https"), (":authority", authority), ("cookie", cookie)]


def test_an_origin_that_ends_kept_connections_loses_no_request_and_mixes_none(client, origin):
    def visit(n):
        with client() as one:
            return [one.ask(f"/{n}/{turn}") == (200, f"/{n}/{turn}") for turn in range(6)]

    with ThreadPoolExecutor(CLIENTS) as threads:
        answers = [one for each in threads.map(visit, range(CLIENTS)) for one in each]
    assert (len(answers), all(answers)) == (CLIENTS * 6, True)
    assert len(set(origin.answered)) == len(origin.answered) == CLIENTS * 6
    assert len(origin.seen) > CLIENTS * 6, "some were seen twice"
    assert max(origin.seen.count(path) for path in set(origin.seen)) == 2


def test_by_http2_it_is_the_same(http2, origin, running):
    for turn in range(3):
        streams = {n: http2.ask(fields(running, f"/{turn}/{n}")) for n in range(10)}
        for n, stream in streams.items():
            path = f"/{turn}/{n}"
            assert http2.answer(stream) == (200, path.encode())
    assert len(origin.answered) == 30


LOST = [
    ("a post", "POST", b"", 502),
    ("an answer that began", "GET", b"HTTP/1.1 200", 502),
]


@pytest.mark.parametrize(("method", "end", "status"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_what_may_have_been_done_is_not_done_again(client, origin, method, end, status):
    origin.end = end
    with client() as one:
        assert one.ask("/first") == (200, "/first")
        one.send("/second", "Content-Length: 0\r\n\r\n" if method == "POST" else "\r\n", method=method)
        assert status_of(one) == status
    assert origin.seen == ["/first", "/second"]


def status_of(one):
    got = b""
    while b"\r\n\r\n" not in got:
        got += one.sock.recv(65536)
    return int(got.split(b" ")[1])


def test_half_an_answer_is_not_asked_for_again(client, origin):
    origin.end = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"
    with client() as one:
        assert one.ask("/first")[0] == 200
        one.send("/second", "\r\n")
        assert one.rest().endswith(b"half")
    assert origin.seen == ["/first", "/second"]


# What stands still holds up itself alone


def post(one, gate, path):
    stream = one.h2.get_next_available_stream_id()
    one.h2.send_headers(stream, fields(gate, path, "POST"))
    one._flush()
    return stream


def send_all_that_fits(one, stream):
    """Send till there is no more window for a stream, whatever comes meanwhile."""
    sent = 0
    one.sock.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            room = min(one.h2.local_flow_control_window(stream), len(PIECE) // 4)
            if room:
                one.h2.send_data(stream, PIECE[:room])
                one._flush()
                sent += room
            else:
                one._read()
    one.sock.settimeout(15)
    return sent


def test_an_upload_that_its_origin_does_not_take_holds_up_no_other(http2, origin, running, front):
    stuck = post(http2, running, "/stuck")
    sent = send_all_that_fits(http2, stuck)
    limits = running.addon.limits
    assert limits.stream_window <= sent < limits.stream_window + KERNEL
    if front == "stock":  # mitmproxy's server reads no more of a client till its origin has taken what came
        origin.go_on.set()
    assert http2.h2.outbound_flow_control_window > limits.stream_window, "others have windows"
    other = post(http2, running, "/upload")
    http2.send(other, PIECE[:16384])
    http2.h2.end_stream(other)
    http2._flush()
    assert http2.answer(other) == (200, b"/upload")
    assert http2.answer(http2.ask(fields(running, "/other"))) == (200, b"/other")
    origin.go_on.set()
    assert http2.answer(stuck) == (200, b"/stuck")


def test_a_client_that_leaves_while_its_origin_takes_nothing_is_noticed(client, origin, running, front):
    with client() as one:
        one.send("/stuck", "Content-Length: 100000000\r\n\r\n", method="POST")
        one.sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                one.sock.sendall(PIECE)
    if front == "stock":  # mitmproxy's server hears of it when its origin goes on
        origin.go_on.set()
    until(lambda: not running.clients)


def test_an_answer_that_its_client_does_not_take_holds_up_no_other(http2, origin, running, front):
    """It has no window: another answer has its own."""
    http2.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    stuck = http2.ask(fields(running, "/big"))
    http2.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65535})
    http2.h2.increment_flow_control_window(1 << 20)
    http2._take = lambda event: None if getattr(event, "stream_id", 0) == stuck else Http2._take(http2, event)
    until(lambda: origin.sent)
    assert settled(lambda: origin.sent) < BIG or front == "stock", "mitmproxy's server keeps all of it"
    assert http2.answer(http2.ask(fields(running, "/other"))) == (200, b"/other")


# What is spoken


def echo(connection):
    for message in connection:
        connection.send(message)


def test_a_websocket_passes_to_an_origin_that_would_speak_http2(gate, certificates, tmp_path):
    ca, leaf = certificates
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with serve(echo, "127.0.0.1", 0, ssl=context) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        origin = Origin("https", "127.0.0.1", port, OriginTls(ca=ca, server_name="wiki.localhost"), http2=True)
        with gate(certificates, tmp_path, 0, apps=[app("wiki", "wiki.localhost", STAFF, origin=origin)]) as made:
            home = f"wiki.localhost:{made.port}"
            cookie = {"Cookie": signed_in(made.site)}
            sock = tls(ca, made.port, threads=True)
            with connect(f"ws://{home}/x", sock=sock, origin=f"https://{home}", additional_headers=cookie) as talk:
                talk.send("hello")
                assert talk.recv(10) == "hello"
        server.shutdown()
