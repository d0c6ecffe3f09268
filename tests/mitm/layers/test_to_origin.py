"""A request whose connection had ended before it came is sent once more, where that can change nothing."""

import pytest

from glassgate.mitm.layers.events import TIMED_OUT
from glassgate.mitm.layers.to_origin import ToOrigin, takes
from mitm.layers.stage import Stage
from mitm.layers.test_http2 import HEAD, Peer

GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
UPGRADE = GET[:-2] + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"


def method(name, more=b"\r\n"):
    return GET.replace(b"GET", name)[:-2] + more


def kept(decide=None):
    """A client to whose origin there is a connection that was used before."""
    return Stage(**{"decide": decide} if decide else {}).say(GET).answer(OK)


AGAIN = [("GET", GET), ("HEAD", method(b"HEAD")), ("OPTIONS", method(b"OPTIONS")), ("TRACE", method(b"TRACE")),
         ("no body, said", method(b"GET", b"Content-Length: 0\r\n\r\n"))]  # fmt: skip


@pytest.mark.parametrize("asked", [row[1] for row in AGAIN], ids=[row[0] for row in AGAIN])
def test_a_request_on_a_kept_connection_that_had_ended_is_sent_once_more(asked):
    stage = kept().say(asked)
    stage.break_off()
    assert [stage.asked(0).count(b" /x "), stage.asked(1).count(b" /x ")] == [2, 1]
    assert stage.origins[1].must_be_new, "another kept one may have ended, too"
    stage.answer(OK[:-2] if asked.startswith(b"HEAD") else OK)
    assert (stage.answers.codes, stage.status, stage.layer.idle) == ([], 200, True)
    assert stage.told.count("error") == 0


NOT_AGAIN = [
    ("POST", method(b"POST", b"Content-Length: 0\r\n\r\n"), b"", None),
    ("PUT", method(b"PUT", b"Content-Length: 0\r\n\r\n"), b"", None),
    ("DELETE", method(b"DELETE"), b"", None),
    ("PATCH", method(b"PATCH"), b"", None),
    ("a body", method(b"GET", b"Content-Length: 2\r\n\r\nhi"), b"", None),
    ("a body that began", method(b"GET", b"Content-Length: 2\r\n\r\nh"), b"", None),
    ("an empty body in chunks", method(b"GET", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), b"", None),
    ("a WebSocket", UPGRADE, b"", None),
    ("a byte of an answer", GET, b"H", None),
    ("an empty line", GET, b"\r\n", None),
    ("half a head", GET, OK[:20], None),
    ("an announcement", GET, b"HTTP/1.1 103 Early Hints\r\n\r\n", None),
    ("half an answer", GET, OK[:-1], None),
    ("an origin that was waited for too long", GET, b"", TIMED_OUT),
]


def websocket(flow):
    flow.request.host, flow.request.port, flow.request.scheme = "127.0.0.1", 9000, "http"
    flow.request.authority, flow.request.stream = "", True


@pytest.mark.parametrize(
    ("asked", "answer", "error"), [row[1:] for row in NOT_AGAIN], ids=[row[0] for row in NOT_AGAIN]
)
def test_what_is_never_sent_twice(asked, answer, error):
    stage = kept(websocket).say(asked)
    if answer:
        stage.answer(answer)
    stage.break_off(error=error)
    assert len(stage.origins) == 1
    assert stage.asked().count(b" /x ") == 2
    assert stage.answers.codes or stage.is_closed(), "the visitor is told, or sees an answer that broke off"


def test_on_a_new_connection_nothing_is_sent_again():
    stage = Stage().say(GET)
    stage.break_off()
    assert (len(stage.origins), stage.status, stage.answers.codes) == (1, 502, ["origin_unreachable"])


def test_nothing_is_sent_a_third_time():
    stage = kept().say(GET)
    stage.kept = True
    stage.break_off()
    stage.break_off()
    assert (len(stage.origins), stage.got.count(b"HTTP/1.1 502 ")) == (2, 1)
    stage.say(GET).answer(OK)
    assert stage.got.endswith(OK), "the next request is another"


def test_an_origin_that_is_away_by_then_is_told_of():
    stage = kept().say(GET)
    stage.away = "refused"
    stage.break_off()
    assert (stage.got.count(b"HTTP/1.1 502 "), stage.layer.streams) == (1, {})
    assert stage.answers.codes == ["origin_unreachable"]


def test_a_client_that_leaves_meanwhile_leaves_nothing():
    stage = kept().say(GET)
    stage.break_off()
    stage.leave()
    assert stage.layer.streams == {}
    assert stage.is_closed(stage.origins[1])


def test_a_request_by_http2_is_sent_once_more_too():
    peer = Peer()
    peer.stage.kept = True
    one, other = peer.ask(), peer.ask(HEAD)
    peer.stage.break_off(0)
    peer.stage.answer(OK, 2).answer(OK.replace(b"ok", b"no"), 1)
    assert [(peer.status(stream), peer.body(stream)) for stream in (one, other)] == [(200, b"ok"), (200, b"no")]


@pytest.mark.parametrize("place", ["the end of the connection", "a byte"])
def test_a_kept_one_of_which_a_driver_knows(place):
    stage = Stage()
    stage.kept = True
    stage.say(GET)
    if place == "a byte":
        stage.answer(b"H")
    stage.break_off()
    assert len(stage.origins) == (1 if place == "a byte" else 2)


@pytest.mark.parametrize(("is_behind", "full", "taken"), [(False, (), True), (True, (), False), (False, (1,), False)])
def test_whether_more_of_a_body_can_be_worked_on(is_behind, full, taken):
    server = ToOrigin(address=("127.0.0.1", 1))
    server.is_behind, server.full = is_behind, full
    assert (takes(server, 1), takes(server, 3)) == (taken, not is_behind)
    assert takes(Stage().client, 1)
