"""Bytes on the wire: what is judged is what is sent, bodies are framed, refused ones are cut off."""

import socket
import ssl
import time

import pytest
from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import events
from mitmproxy.proxy.context import Context
from mitmproxy.test import tflow

from glassgate.config.limits import Limits
from glassgate.mitm.layers.events import Drain, TooSlow
from glassgate.mitm.layers.first import GateLayer, first_layer
from mitm.harness import origin, signed_in
from mitm.layers.stage import PROGRAM, Said, Stage
from mitm.raw import Http2, send, tls


@pytest.fixture
def running(gate, certificates, tmp_path):
    with origin() as server, gate(certificates, tmp_path, server.port) as made:
        made.origin, made.ca = server, certificates[0]
        yield made


def pseudo(running, method="GET", path="/", authority=None):
    authority = f"wiki.localhost:{running.port}" if authority is None else authority
    return [(":method", method), (":path", path), (":scheme", "https"), (":authority", authority)]


def test_an_http2_body_without_a_length_cannot_smuggle_a_request(running):
    client = Http2(running.ca, running.port)
    body = b"GET /smuggled HTTP/1.1\r\nHost: wiki.localhost\r\nCf-Access-Authenticated-User-Email: admin\r\n\r\n"
    stream = client.ask([*pseudo(running, "POST", "/buf"), ("cookie", signed_in(running.site))], body)
    assert client.answer(stream) == (200, b"ok")
    assert [(method, path, sent) for method, path, _, sent in running.origin.log] == [("POST", "/buf", body)]


def test_an_http2_body_on_a_get_is_framed_too(running):
    client = Http2(running.ca, running.port)
    body = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    client.answer(client.ask([*pseudo(running), ("cookie", signed_in(running.site))], body))
    assert [path for _, path, _, _ in running.origin.log] == ["/"]


BAD = [
    ("a space in the method", {"method": "GET /evil"}),
    ("a space in the path", {"path": "/a HTTP/1.1"}),
    ("no slash", {"path": "a"}),
    ("absolute", {"path": "http://127.0.0.1/"}),
    ("a fragment", {"path": "/a#b"}),
    ("not ASCII", {"path": "/\xe4"}),
    ("another host", {"authority": "evil.example"}),
]


@pytest.mark.parametrize("change", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_http2_lines_that_an_http1_origin_would_read_otherwise(running, change):
    client = Http2(running.ca, running.port)
    status, _ = client.answer(client.ask([*pseudo(running, **change), ("cookie", signed_in(running.site))]))
    assert status in (400, 421, None)
    assert running.origin.log == []


def test_http2_streams_of_two_users_do_not_mix(running):
    client = Http2(running.ca, running.port)
    cookies = {name: signed_in(running.site, name) for name in ("alice", "bob")}
    streams = [
        client.ask([*pseudo(running, path=f"/{name}/{n}"), ("cookie", cookie)])
        for n in range(5)
        for name, cookie in cookies.items()
    ]
    assert {client.answer(stream)[0] for stream in streams} == {200}
    for _, path, headers, _ in running.origin.log:
        assert headers["Cf-Access-Authenticated-User-Email"] == f"{path.split('/')[1]}@contoso.example"
    assert len(running.origin.log) == 10


OURS = b"Host: wiki.localhost:%d\r\n%b"
POST = b"POST / HTTP/1.1\r\n" + OURS
LINES = [
    ("two hosts", b"GET / HTTP/1.1\r\nHost: wiki.localhost:%d\r\nHost: evil\r\n%b\r\n", (400,)),
    ("no host", b"GET / HTTP/1.1\r\n%b\r\n", (400,)),
    ("HTTP/1.0 without a host", b"GET / HTTP/1.0\r\n%b\r\n", (400,)),
    ("absolute, another host", b"GET https://evil.example/ HTTP/1.1\r\n" + OURS + b"\r\n", (400,)),
    ("a gzip coding", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (400,)),
    ("length and coding", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", (400,)),
    ("two lengths", POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", (400,)),
    ("a fragment", b"GET /a#b HTTP/1.1\r\n" + OURS + b"\r\n", (400,)),
    ("a star", b"OPTIONS * HTTP/1.1\r\n" + OURS + b"\r\n", (400,)),
    ("CONNECT", b"CONNECT wiki.localhost:80 HTTP/1.1\r\n" + OURS + b"\r\n", (400, 405, 502, 0)),
    ("TRACE", b"TRACE / HTTP/1.1\r\n" + OURS + b"\r\n", (405,)),
    ("nothing that is HTTP", b"\x00\x01\x02 hello\r\n\r\n%b", (400, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "statuses"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_http1_lines_that_two_parties_could_read_differently(running, lines, statuses):
    cookie = f"Cookie: {signed_in(running.site)}\r\n".encode()
    values = (running.port, cookie) if b"%d" in lines else (cookie,)
    answer = send(running.ca, running.port, lines % values)
    assert (int(answer.split(b" ")[1]) if answer else 0) in statuses
    assert running.origin.log == []


def test_absolute_form_for_our_own_host_goes_on_in_origin_form(running):
    authority = f"wiki.localhost:{running.port}"
    lines = f"GET https://{authority}/a?b HTTP/1.1\r\nHost: {authority}\r\nCookie: {signed_in(running.site)}\r\n\r\n"
    assert send(running.ca, running.port, lines.encode()).startswith(b"HTTP/1.1 200")
    assert [path for _, path, _, _ in running.origin.log] == ["/a?b"]


BROKEN = [("a bare carriage return", b"b\r"), ("a folded line", b"b\r\n ")]


@pytest.mark.parametrize("start", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_header_cannot_hide_in_anothers_value(running, start):
    """The origin is Python's own http.server, to which a bare carriage return ends a line."""
    cookie = signed_in(running.site).encode()
    lines = b"X-A: " + start + b"Cf-Access-Authenticated-User-Email: admin@contoso.example\r\n"
    head = b"GET / HTTP/1.1\r\nHost: wiki.localhost:%d\r\nCookie: %b\r\n" % (running.port, cookie)
    assert send(running.ca, running.port, head + lines + b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert running.origin.log == []


@pytest.mark.parametrize("first", [1, 2, 3])
def test_first_bytes_that_come_alone(running, first):
    with socket.create_connection(("127.0.0.1", running.port), 10) as bare:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=str(running.ca))
        client = context.wrap_bio(incoming, outgoing, server_hostname="wiki.localhost")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = outgoing.read()
        bare.sendall(hello[:first])
        time.sleep(0.2)
        bare.sendall(hello[first:])
        assert bare.recv(1) == b"\x16"
    with socket.create_connection(("127.0.0.1", running.port), 10) as bare:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain = b"GET / HTTP/1.1\r\nHost: wiki.localhost:%d\r\n\r\n" % running.port
        bare.sendall(plain[:first])
        time.sleep(0.2)
        bare.sendall(plain[first:])
        assert bare.recv(12) == b"HTTP/1.1 400"


def test_pipelined_requests_are_each_judged(running):
    host = f"Host: wiki.localhost:{running.port}\r\n"
    first = f"GET /one HTTP/1.1\r\n{host}Cookie: {signed_in(running.site)}\r\n\r\n"
    second = f"GET /two HTTP/1.1\r\n{host}\r\n"
    answer = send(running.ca, running.port, (first + second).encode())
    assert (answer.count(b"HTTP/1.1 200"), answer.count(b"HTTP/1.1 401")) == (1, 1)
    assert [path for _, path, _, _ in running.origin.log] == ["/one"]


def test_a_refused_body_is_cut_off(running):
    """The answer comes before the body has ended, and the connection with it."""
    head = f"POST /up HTTP/1.1\r\nHost: wiki.localhost:{running.port}\r\nContent-Length: 200000000\r\n\r\n".encode()
    sent = 0
    with tls(running.ca, running.port) as connection:
        connection.sendall(head)
        try:
            for _ in range(400):
                connection.sendall(b"x" * 65536)
                sent += 65536
        except OSError:
            pass
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except OSError:
            pass
    assert sent < 20_000_000
    assert answer == b"" or answer.startswith(b"HTTP/1.1 401")
    assert running.origin.connections == 0


def test_a_refused_body_that_is_just_too_long_gets_its_answer(running):
    body = b"x" * 70_000
    head = f"POST /up HTTP/1.1\r\nHost: wiki.localhost:{running.port}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answer = send(running.ca, running.port, head + body)
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"onnection: close" in answer
    assert running.origin.connections == 0


def test_who_waits_for_100_continue_is_refused_before_sending(running):
    head = (
        f"POST /up HTTP/1.1\r\nHost: wiki.localhost:{running.port}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    )
    answer = send(running.ca, running.port, head.encode() + b"hello")
    assert b"100 Continue" not in answer
    assert answer.startswith(b"HTTP/1.1 401")


def test_a_head_request_gets_no_body(running):
    head = f"HEAD / HTTP/1.1\r\nHost: wiki.localhost:{running.port}\r\nAccept: application/json\r\n\r\n"
    again = f"GET /x HTTP/1.1\r\nHost: wiki.localhost:{running.port}\r\n\r\n"
    answer = send(running.ca, running.port, (head + again).encode())
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert b"401" in first
    assert rest.startswith(b"HTTP/1.1 401")


def test_what_an_origin_may_not_set_does_not_pass(running):
    head = f"GET / HTTP/1.1\r\nHost: wiki.localhost:{running.port}\r\nCookie: {signed_in(running.site)}\r\n\r\n"
    answer = send(running.ca, running.port, head.encode())
    assert b"planted" not in answer
    assert b"own=1" in answer
    assert b"private, max-age=60" in answer


def test_plain_http_reaches_no_origin(running):
    lines = f"GET / HTTP/1.1\r\nHost: wiki.localhost:{running.port}\r\nCookie: {signed_in(running.site)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.port), 10) as plain:
        plain.sendall(lines.encode())
        assert plain.recv(65536).startswith(b"HTTP/1.1 400")
    assert running.origin.connections == 0


# The layer by itself


def test_before_tls_is_set_up_there_is_nothing_to_look_at():
    layer = GateLayer(Context(tflow.tclient_conn(), PROGRAM.options), Said(Limits()))
    assert (layer.has_begun, layer.idle, layer.head_began, layer.upgraded) == (False, False, False, False)
    assert (layer.unread, layer.unsent) == (0, 0)
    assert list(layer.handle_event(Drain())) == list(layer.handle_event(TooSlow())) == []


def test_what_nobody_asked_for_is_closed():
    stage, stranger = Stage(), Server(address=("127.0.0.1", 1))
    stranger.state = ConnectionState.OPEN
    stage.happen(events.ConnectionClosed(stranger))
    stage.happen(events.DataReceived(stranger, b"hello"))
    assert stage.is_closed(stranger)
    assert not stage.is_closed()


FIRST = [(b"", None), (b"\x16", "GateTls"), (b"G", "GateLayer"), (b"\x00", "GateLayer"), (b"\x80", "GateLayer")]


@pytest.mark.parametrize(("data", "kind"), FIRST)
def test_one_byte_decides(data, kind):
    context = Context(tflow.tclient_conn(), PROGRAM.options)
    context.layers.append(None)
    made = first_layer(context, data, Said(Limits()))
    assert (type(made).__name__ if made else None) == kind
