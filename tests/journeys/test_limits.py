"""The limits of config.yaml, from outside: what is set there holds, on our driver and on mitmproxy's own programs.

What mitmproxy's own server cannot bound, times and counts of connections, it does not bound: each test says so.
"""

import contextlib
import socket
import time

import h2.settings
import pytest

from journeys.visitor import Visitor
from mitm.raw import Http2, send, tls

LIMITS = {
    "head": "8 KiB", "head_lines": 32, "refused_body": "4 KiB", "streams": 7, "head_time": "1s", "idle_time": "1s",
    "body_pause": "1s", "body_rate": "1 KiB",
}  # fmt: skip
MAX_BODY = 2000


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    def edit(config):
        config["limits"] = LIMITS
        config["apps"][0]["max_body"] = MAX_BODY

    with running_demo(tmp_path_factory.mktemp("limits"), edit) as made:
        visitor = Visitor(made.ca)
        visitor.sign_in(made.url("wiki"), "alice")
        made.cookie = visitor.jars["wiki.localhost"]["CF_Authorization"]
        yield made


def head(demo, method="GET", more="", signed=True, target="/api/whoami"):
    cookie = f"Cookie: CF_Authorization={demo.cookie}\r\n" if signed else ""
    return f"{method} {target} HTTP/1.1\r\nHost: wiki.localhost:{demo.port}\r\n{cookie}{more}\r\n".encode()


def status(answer):
    return int(answer.split(b" ")[1])


CHUNK = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
SENT = [
    ("a head", "GET", f"X: {'x' * 6000}\r\n", b"", 200),
    ("a head that is too long", "GET", f"X: {'x' * 8192}\r\n", b"", 431),
    ("some headers", "GET", "X: x\r\n" * 30, b"", 200),
    ("too many headers", "GET", "X: x\r\n" * 31, b"", 431),
    ("a body that is longer than its app takes", "POST", f"Content-Length: {MAX_BODY + 1}\r\n", b"", 413),
    ("chunks of more", "POST", "Transfer-Encoding: chunked\r\n", CHUNK * 3, 413),
]


@pytest.mark.parametrize(("method", "more", "body", "told"), [row[1:] for row in SENT], ids=[row[0] for row in SENT])
def test_what_is_sent_has_the_limits_of_the_file(demo, method, more, body, told):
    assert status(send(demo.ca, demo.port, head(demo, method, more) + body)) == told


BODIES = [
    ("as long as it may be", f"Content-Length: {MAX_BODY}\r\n", b"x" * MAX_BODY),
    ("in chunks", "Transfer-Encoding: chunked\r\n", CHUNK * 2 + b"0\r\n\r\n"),
]


@pytest.mark.parametrize(("more", "body"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_body_within_its_limit_arrives(demo, more, body):
    target = f"/arrives-{len(body)}"
    assert status(send(demo.ca, demo.port, head(demo, "POST", more, target=target) + body)) != 413
    assert len([line for line in demo.origin_log("wiki") if target in line]) == 1


@pytest.mark.parametrize(("size", "answers"), [(4096, 2), (4097, 1)], ids=["within", "beyond"])
def test_a_body_that_nobody_wants(demo, size, answers):
    """Within its limit it is read to its end, and the connection goes on."""
    request = head(demo, "POST", "Transfer-Encoding: chunked\r\n", signed=False)
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    answer = send(demo.ca, demo.port, request + body + head(demo, signed=False))
    assert status(answer) == 401
    assert answer.count(b"HTTP/1.1 401 ") == answers


def test_requests_at_once(demo):
    peer = Http2(demo.ca, demo.port)
    peer._read()
    with contextlib.closing(peer):
        assert peer.h2.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] == LIMITS["streams"]


WAITS = [
    ("half a head", b"GET / HTTP/1.1\r\nHost: wiki", 408),
    ("half a body", b"POST / HTTP/1.1\r\nHost: wiki.localhost:%d\r\nContent-Length: 9\r\n\r\nx", 408),
    ("nothing", b"", None),
]


@pytest.mark.parametrize(("data", "told"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_who_keeps_us_waiting(demo, front, data, told):
    with tls(demo.ca, demo.port, timeout=5) as client:
        client.sendall(data.replace(b"%d", str(demo.port).encode()))
        began = time.monotonic()
        if front == "stock":
            client.settimeout(3)
            with pytest.raises(TimeoutError):
                client.recv(1)
            return
        answer = client.recv(65536)
        assert 0.9 < time.monotonic() - began < 4
        assert (status(answer) if answer else None) == told


def test_who_sends_a_body_too_slowly(demo, front):
    """Twice as much as would do by default, without a pause."""
    with tls(demo.ca, demo.port, timeout=0.2) as client:
        client.sendall(head(demo, "POST", "Content-Length: 10000\r\n", signed=False))
        end, answer = time.monotonic() + 4, b""
        while time.monotonic() < end and not answer:
            client.sendall(b"x" * 100)
            with contextlib.suppress(TimeoutError):
                answer = client.recv(65536)
        assert (status(answer) if answer else None) == (408 if front == "driver" else None)


def test_what_does_not_hold_is_said_at_the_start(demo, front):
    said = "config.yaml:"  # with its line
    lines = [line for line in demo.output.splitlines() if "`limits`" in line]
    assert len(lines) == (front == "stock")
    assert all(said in line and "`head_time`, `idle_time`, `body_pause`, `body_rate`" in line for line in lines)


OF_ONE = 6


def test_who_is_told_of_too_many_connections_can_sign_in_afterwards(running_demo, front, tmp_path):
    """mitmproxy's own server does not count connections: there nobody is told so."""

    def edit(config):
        config["limits"] = {"of_one_address": OF_ONE, "head_time": "1m"}

    with running_demo(tmp_path, edit) as demo:
        address, visitor = ("127.0.0.1", demo.port), Visitor(demo.ca)
        assert visitor.ask(demo.url("wiki")).status == 302  # and whoever asked whether the gate is up has left
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(OF_ONE)]
            refused = [visitor.ask(demo.url("wiki")) for _ in range(30)]
            assert {page.status for page in refused} == {429 if front == "driver" else 302}
            assert {"Too many connections" in page.text for page in refused} == {front == "driver"}
            assert len(held) == OF_ONE
        page = visitor.sign_in(demo.url("wiki"), "alice")
        assert (page.status, page.url) == (200, demo.url("wiki", "/"))
