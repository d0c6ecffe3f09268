"""The listener of the metrics."""

import json
import socket
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from glassgate.errors import StartError
from glassgate.record.events import Action, Event
from glassgate.record.metrics import Metrics
from glassgate.record.serve import MAX_REQUESTS, Monitor


def fails():
    raise RuntimeError("secret")


@contextmanager
def listening(ready=None, host="127.0.0.1", **more):
    metrics = Metrics("1", ["wiki"])
    monitor = Monitor(host, 0, metrics.registry, ready or {}, **more)
    monitor.start()
    try:
        yield monitor, metrics
    finally:
        monitor.close()


def ask(monitor, path, method="GET", host="127.0.0.1", headers=None):
    connection = HTTPConnection(host, monitor.port, timeout=10)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_metrics_are_served():
    with listening() as (monitor, metrics):
        metrics.count(Event(Action.ALLOWED, 1.0, "r", app="wiki"))
        status, headers, body = ask(monitor, "/metrics?x=1")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert b'glassgate_requests_total{app="wiki",outcome="allowed"} 1.0\n' in body


def test_metrics_are_served_as_prometheus_asks():
    with listening() as (monitor, _):
        accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
        _, headers, body = ask(monitor, "/metrics", headers=accept)
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        ("/healthz", "GET", 200, b'{"alive": true}\n'),
        ("/healthz", "HEAD", 200, b""),
        ("/metrics", "HEAD", 200, b""),
        ("/", "GET", 404, b"Not found.\n"),
        ("/metrics/", "GET", 404, b"Not found.\n"),
        ("/METRICS", "GET", 404, b"Not found.\n"),
        ("/healthz", "POST", 501, None),
        ("/healthz", "OPTIONS", 501, None),
        ("/healthz", "BREW", 501, None),
    ],
)
def test_what_is_answered(path, method, status, body):
    with listening({"store": fails}) as (monitor, _):
        answer = ask(monitor, path, method)
    assert answer[0] == status
    assert body is None or answer[2] == body


@pytest.mark.parametrize(
    ("ready", "status", "missing"),
    [
        ({}, 200, []),
        ({"store": lambda: True, "listener": lambda: True}, 200, []),
        ({"store": lambda: False, "listener": lambda: True}, 503, ["store"]),
        ({"store": fails, "listener": lambda: None}, 503, ["store", "listener"]),
        ({"store": lambda: "yes"}, 503, ["store"]),
    ],
    ids=["nothing asked", "all well", "one not", "none", "not quite true"],
)
def test_readiness_names_what_is_missing(ready, status, missing):
    with listening(ready) as (monitor, _):
        answer = ask(monitor, "/readyz")
    assert answer[0] == status
    assert json.loads(answer[2]) == {"ready": status == 200, "missing": missing}
    assert b"secret" not in answer[2]


def test_readiness_is_asked_anew_each_time():
    well = {"now": False}
    with listening({"store": lambda: well["now"]}) as (monitor, _):
        assert ask(monitor, "/readyz")[0] == 503
        well["now"] = True
        assert ask(monitor, "/readyz")[0] == 200


def test_answers_are_not_kept_and_say_little():
    with listening() as (monitor, _):
        _, headers, _ = ask(monitor, "/healthz")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"].strip() == "glassgate"


def test_ipv6():
    with listening(host="::1") as (monitor, _):
        assert ask(monitor, "/healthz", host="::1")[0] == 200


def test_a_port_that_is_taken_is_told_in_one_line():
    with listening() as (monitor, metrics):
        other = Monitor("127.0.0.1", monitor.port, metrics.registry, {})
        with pytest.raises(StartError, match=rf"127.0.0.1:{monitor.port}: .*in use \(end what listens") as told:
            other.start()
    assert "\n" not in str(told.value)
    other.close()


@pytest.mark.parametrize(("host", "port"), [("203.0.113.7", 9464), ("127.0.0.1", 70000)])
def test_an_address_that_cannot_be_had_is_told(host, port):
    with pytest.raises(StartError, match="the metrics cannot be served"):
        Monitor(host, port, Metrics("1").registry, {}).start()


def test_after_closing_nobody_listens_and_the_port_is_free():
    with listening() as (monitor, metrics):
        port = monitor.port
        ask(monitor, "/healthz")
    with pytest.raises(ConnectionRefusedError):
        ask(monitor, "/healthz")
    again = Monitor("127.0.0.1", port, metrics.registry, {})
    again.start()
    again.close()
    again.close()


def test_idle_clients_are_bounded_and_the_others_are_hung_up_on():
    with listening(time_out=60.0) as (monitor, _):
        idle = [socket.create_connection(("127.0.0.1", monitor.port)) for _ in range(MAX_REQUESTS)]
        one_more = socket.create_connection(("127.0.0.1", monitor.port), timeout=10)
        assert one_more.recv(10) == b""
        for connection in [*idle, one_more]:
            connection.close()


def test_a_client_that_was_served_makes_room():
    with listening() as (monitor, _):
        assert [ask(monitor, "/healthz")[0] for _ in range(2 * MAX_REQUESTS)] == [200] * 2 * MAX_REQUESTS


def test_a_slow_client_is_hung_up_on():
    with listening(time_out=0.05) as (monitor, _), socket.create_connection(("127.0.0.1", monitor.port), 10) as slow:
        slow.sendall(b"GET /hea")
        assert slow.recv(10) == b""


def test_rubbish_is_answered_and_ends_nothing():
    with listening() as (monitor, _):
        for rubbish in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n", b""):
            with socket.create_connection(("127.0.0.1", monitor.port), 10) as connection:
                connection.sendall(rubbish)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
        assert ask(monitor, "/healthz")[0] == 200
