"""A connection to an origin: what is sent on it, what is taken for an answer, and when it may be used again."""

import pytest

from glassgate.config.limits import Limits
from glassgate.mitm.layers.backs import back_of, reusable
from glassgate.mitm.layers.events import BUSY, TIMED_OUT
from mitm.layers.stage import Stage

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


# Whether it may be used again

USES = [
    ("a length", GET, OK, True),
    ("chunks", GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
    ("chunks and trailers", GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n\r\n", True),
    ("204", GET, b"HTTP/1.1 204 No Content\r\n\r\n", True),
    ("304 with a length", GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", True),
    ("HEAD", GET.replace(b"GET", b"HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", True),
    ("keep-alive, said", GET, OK.replace(b"OK", b"OK\r\nConnection: keep-alive", 1), True),
    ("a body that was sent", POST, OK, True),
    ("after an announcement", GET, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, True),
    ("a client that ends its own connection", GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK, True),
    ("half an answer", GET, OK[:-1], False),
    ("half a head", GET, OK[:20], False),
    ("no answer", GET, b"", False),
    ("half a chunk", GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\no", False),
    ("chunks without their end", GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
    ("an answer without a length", GET, b"HTTP/1.1 200 OK\r\n\r\nok", False),
    ("an origin that ends", GET, OK.replace(b"OK", b"OK\r\nConnection: close", 1), False),
    ("an origin that ends, in capitals", GET, OK.replace(b"OK", b"OK\r\nCONNECTION: x, Close", 1), False),
    ("HTTP/1.0", GET, OK.replace(b"1.1", b"1.0"), False),
    ("HTTP/1.0 and keep-alive", GET, OK.replace(b"1.1 200 OK", b"1.0 200 OK\r\nConnection: keep-alive"), False),
    ("a byte too many", GET, OK + b"x", False),
    ("another answer that nobody asked for", GET, OK + OK, False),
    ("an answer before the request has ended", POST[:-2], OK, False),
    ("chunks that cannot be read", GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", False),
    ("two lengths", GET, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", False),
    ("an upgrade that nobody asked for", GET, b"HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\n\r\n", False),
]


@pytest.mark.parametrize(("data", "answer", "is_clean"), [row[1:] for row in USES], ids=[row[0] for row in USES])
@pytest.mark.parametrize("step", [None, 1])
def test_whether_a_connection_may_be_used_by_somebody_else(data, answer, is_clean, step):
    stage = Stage().say(data, step).answer(answer, step=step)
    assert reusable(stage.layer, stage.origins[0]) is is_clean


@pytest.mark.parametrize(("data", "answer", "is_clean"), [row[1:] for row in USES], ids=[row[0] for row in USES])
def test_when_the_client_has_gone_it_is_the_same(data, answer, is_clean):
    """A driver asks when a client has gone. What was under way then was not clean before."""
    stage = Stage().say(data).answer(answer)
    stage.leave()
    assert reusable(stage.layer, stage.origins[0]) is is_clean


def test_a_connection_is_in_use_while_it_is_used_again():
    stage = Stage().say(GET).answer(OK)
    assert reusable(stage.layer, stage.origins[0])
    stage.say(GET)
    assert (len(stage.origins), reusable(stage.layer, stage.origins[0])) == (1, False)
    stage.answer(OK)
    assert reusable(stage.layer, stage.origins[0])


def test_a_connection_is_of_no_use_once_its_origin_spoke_or_left():
    for end in (lambda stage: stage.answer(b"HTTP/1.1 408 Bye\r\n\r\n"), Stage.break_off):
        stage = Stage().say(GET).answer(OK)
        end(stage)
        assert not reusable(stage.layer, stage.origins[0])
        assert stage.is_closed(stage.origins[0])
        stage.say(GET)
        assert len(stage.origins) == 2, "the next request gets another"


@pytest.mark.parametrize("step", [None, 1])
def test_what_an_origin_says_too_much_is_nobodys_answer(step):
    """The next request must not get it: it may be somebody else's."""
    stage = Stage().say(GET).answer(OK + OK.replace(b"ok", b"no"), step=step)
    assert stage.is_closed(stage.origins[0])
    stage.say(GET)
    assert len(stage.origins) == 2
    stage.answer(OK)
    assert stage.got == OK + OK


# Requests


def test_a_request_is_sent_as_it_was_judged():
    def judged(flow):
        flow.request.host, flow.request.port, flow.request.scheme = "127.0.0.1", 9000, "http"
        flow.request.authority = ""
        flow.request.headers.fields = ((b"Host", b"wiki"), (b"X-Odd", b"\xe4 b"))
        flow.request.stream = True

    stage = Stage(decide=judged).say(b"GET https://a/b?c HTTP/1.0\r\nHost: a\r\nCookie: x\r\n\r\n")
    assert stage.asked() == b"GET /b?c HTTP/1.1\r\nHost: wiki\r\nX-Odd: \xe4 b\r\n\r\n"


# Answers

INTERIM = [
    ("100", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ("102", b"HTTP/1.1 102 Processing\r\n\r\n"),
    ("103", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"),
    ("several", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" * 16),
]


@pytest.mark.parametrize("data", [row[1] for row in INTERIM], ids=[row[0] for row in INTERIM])
@pytest.mark.parametrize("step", [None, 1])
def test_an_announcement_is_not_the_answer(data, step):
    stage = Stage().say(GET).answer(data + OK, step=step)
    assert stage.got == OK
    assert [name for name in stage.told if name.startswith("response")] == ["responseheaders", "response"]
    assert stage.layer.idle


BROKEN = [
    ("nothing but announcements", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, "origin_broken"),
    ("a head without an end", b"HTTP/1.1 200 OK\r\n" + b"X: aaaaaaaaaaaa\r\n" * 5000, "origin_broken"),
    ("too many headers", b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 129 + b"\r\n", "origin_broken"),
    ("a first line without an end", b"HTTP/1.1 200 " + b"a" * 70_000, "origin_broken"),
    ("garbage", b"garbage\r\n\r\n", "origin_broken"),
    ("HTTP/2", b"HTTP/2.0 200 OK\r\n\r\n", "origin_broken"),
    ("empty lines", b"\r\n" * 100, "origin_broken"),
    ("a coding that nobody knows", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: magic\r\n\r\n", "origin_broken"),
    ("a length that is none", b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n", "origin_broken"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "origin_broken"),
    ("a space in a name", b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n", "origin_broken"),
    ("another protocol", b"HTTP/1.1 101 Fine\r\nUpgrade: h2c\r\n\r\n", "origin_broken"),
    ("a WebSocket that nobody asked for", b"HTTP/1.1 101 Fine\r\nUpgrade: websocket\r\n\r\n", "origin_broken"),
]


@pytest.mark.parametrize(("data", "code"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize("step", [None, 500])
def test_an_answer_that_cannot_be_read_is_a_502_of_ours(data, code, step):
    stage = Stage().say(GET).answer(data, step=step)
    assert (stage.status, stage.answers.codes) == (502, [code])
    assert stage.is_closed(stage.origins[0])
    assert (stage.told[-1], "responseheaders" in stage.told) == ("error", False)
    assert not any("garbage" in line or "X: " in line for line in stage.logged), "nor is it for logs"
    stage.say(GET).answer(OK)
    assert stage.got.endswith(OK), "the client's connection goes on"


ENDS = [
    ("before an answer", b"", None, "origin_unreachable"),
    ("in a head", OK[:20], None, "origin_unreachable"),
    ("too slow", b"", TIMED_OUT, "origin_timeout"),
    ("too slow in a head", OK[:20], TIMED_OUT, "origin_timeout"),
]


@pytest.mark.parametrize(("data", "error", "code"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_an_origin_that_ends_before_its_answer(data, error, code):
    stage = Stage().say(GET).answer(data)
    stage.break_off(error=error)
    assert stage.answers.codes == [code]
    stage.say(GET).answer(OK)
    assert (len(stage.origins), stage.got.endswith(OK)) == (2, True), "the next request is tried anew"


def test_an_origin_that_is_away_is_tried_again():
    stage = Stage(away="refused").say(GET)
    assert (stage.status, stage.answers.codes) == (502, ["origin_unreachable"])
    stage.away = None
    stage.say(GET).answer(OK)
    assert stage.got.endswith(OK)


@pytest.mark.parametrize(("error", "status", "code"), [(TIMED_OUT, 504, "origin_timeout"), (BUSY, 503, "origin_busy")])
def test_what_a_driver_says_of_a_connection(error, status, code):
    stage = Stage(away=error).say(GET)
    assert (stage.status, stage.answers.codes) == (status, [code])


MIDWAY = [
    ("a length", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"),
    ("chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
]


@pytest.mark.parametrize("data", [row[1] for row in MIDWAY], ids=[row[0] for row in MIDWAY])
@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(data, how):
    if how == "breaks" and b"chunked" not in data:
        data = data.replace(b"Content-Length: 50", b"Transfer-Encoding: chunked").replace(b"hello", b"5\r\nhello\r\n")
    stage = Stage().say(GET).answer(data)
    stage.break_off() if how == "ends" else stage.answer(b"garbage\r\n")
    assert stage.is_closed()
    assert b"hello" in stage.got
    assert b"0\r\n\r\n" not in stage.got[-5:]


@pytest.mark.parametrize("end", ["the request ends", "the origin ends", "the client ends"])
def test_an_answer_that_comes_before_its_request_has_ended(end):
    stage = Stage().say(POST[:-2]).answer(OK.replace(b"200 OK", b"413 No"))
    assert stage.status == 413
    if end == "the origin ends":
        stage.break_off()
    elif end == "the client ends":
        stage.leave()
    else:
        stage.say(POST[-2:])
    assert stage.ends is (end != "the request ends")
    assert reusable(stage.layer, stage.origins[0]) is (end == "the request ends")
    assert stage.is_closed(stage.origins[0]) is (end != "the request ends")
    assert not stage.layer.streams


EARLY = [
    ("a length", OK),
    ("chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ("nothing", b"HTTP/1.1 204 No Content\r\n\r\n"),
]


@pytest.mark.parametrize("answer", [row[1] for row in EARLY], ids=[row[0] for row in EARLY])
def test_an_early_answer_is_whole_before_its_request_is(answer):
    """A client may wait for its end with the rest of what it sends."""
    stage = Stage().say(POST[:-2]).answer(answer)
    assert stage.got == answer
    stage.say(POST[-2:])
    assert stage.asked().endswith(b"hello")
    assert (stage.got, stage.layer.idle) == (answer, True)


def test_after_an_early_answer_the_next_request_waits_for_the_end_of_this_one():
    """Else it would be sent amidst it."""
    stage = Stage(waits=["request"]).say(POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")[:-5])
    stage.say(b"5\r\nhello\r\n").answer(OK)
    stage.say(b"0\r\n\r\n" + GET)
    assert (len(stage.flows), stage.asked().count(b"0\r\n\r\n")) == (1, 0)
    stage.go_on()
    assert (len(stage.flows), stage.asked().count(b"0\r\n\r\n")) == (2, 1)


def test_an_early_answer_to_a_client_that_asked_for_the_end():
    stage = Stage().say(POST[:-2].replace(b"Host: a", b"Host: a\r\nConnection: close")).answer(OK)
    assert (stage.status, stage.ends, stage.is_closed(stage.origins[0])) == (200, True, True)
    assert not stage.layer.streams


def test_what_an_origin_says_beyond_an_early_answer_is_not_kept():
    stage = Stage(limits=Limits()).say(POST[:-2]).answer(OK)
    for _ in range(100):
        stage.answer(b"x" * 65536)
    back = back_of(stage.layer, stage.origins[0])
    assert len(back.buf) == 0
    stage.say(POST[-2:])
    assert not reusable(stage.layer, stage.origins[0])


def test_connections_that_have_ended_are_forgotten():
    stage = Stage()
    for _ in range(50):
        stage.say(GET).answer(OK.replace(b"OK", b"OK\r\nConnection: close", 1))
    assert len(stage.origins) == 50
    assert len(stage.layer.connections) <= 3
