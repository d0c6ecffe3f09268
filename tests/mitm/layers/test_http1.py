"""A client's HTTP/1 connection: what is read of it, what is kept, and how it ends."""

import tracemalloc

import pytest
from mitmproxy.proxy import commands
from mitmproxy.proxy.layers.http import _events

from glassgate.config.limits import Limits
from glassgate.mitm.layers.events import Drain, TooSlow
from mitm.layers.stage import Stage, refuse

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = [
    ("a line feed alone", b"GET / HTTP/1.1\nHost: a\n\n", 400, "bare_line_feed"),
    ("a folded line", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, "folded_line"),
    ("a version that is none", b"GET / HTTP/3.0\r\n\r\n", 400, "request_line"),
    ("HTTP/2 without having agreed on it", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "request_line"),
    ("empty lines", b"\r\n" * 9 + GET, 400, "empty_lines"),
    ("a head without an end", b"GET / HTTP/1.1\r\n" + b"X: aaaaaaaaaaaaaa\r\n" * 5000, 431, "head_too_large"),
    ("too many headers", b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 129 + b"\r\n", 431, "header_lines"),
    ("a first line without an end", b"GET /" + b"a" * 70_000, 414, "request_line_too_long"),
    ("a space before a colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "malformed_headers"),
    ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400, "malformed_headers"),
    ("two lengths", POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "malformed_headers"),
    ("a length and chunks", CHUNKS[:-2] + b"Content-Length: 1\r\n\r\n0\r\n\r\n", 400, "malformed_headers"),
    ("a length that is none", POST + b"Content-Length: +1\r\n\r\na", 400, "malformed_headers"),
    ("a length of 5000 digits", POST + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\na", 400, "malformed_headers"),
    ("an unknown coding", POST + b"Transfer-Encoding: magic\r\n\r\na", 400, "malformed_headers"),
    ("chunks by HTTP/1.0", CHUNKS.replace(b"1.1", b"1.0") + b"0\r\n\r\n", 400, "malformed_headers"),
]


@pytest.mark.parametrize(("data", "status", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
@pytest.mark.parametrize("step", [None, 1000, 100])
def test_a_request_that_is_none_is_answered_once_and_ends_the_connection(data, status, reason, step):
    stage = Stage().say(data + GET, step)
    assert (stage.status, stage.answers.reasons) == (status, [reason])
    assert stage.got.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close\r\n" in stage.got
    assert b"mitmproxy" not in stage.got
    assert stage.ends
    assert stage.origins == []
    assert not stage.layer.streams


def test_forty_megabytes_of_header_lines_are_not_kept():
    stage = Stage().say(b"GET / HTTP/1.1\r\n")
    piece = b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1200
    tracemalloc.start()
    for _ in range(40 * 1024 * 1024 // len(piece)):
        stage.say(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stage.status == 431
    assert peak < 1024 * 1024
    assert stage.is_closed(), "it went on sending long after its answer"


@pytest.mark.parametrize("step", [None, 1, 7])
def test_requests_in_one_go_are_answered_one_after_the_other(step):
    stage = Stage().say(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(3)), step)
    for n in range(3):
        assert stage.asked().count(b"GET ") == n + 1
        assert b"GET /%d " % n in stage.asked()
        stage.answer(OK)
    assert (stage.got.count(b"200 OK"), len(stage.origins), stage.layer.idle) == (3, 1, True)


@pytest.mark.parametrize("lines", [b"\r\n", b"\r\n" * 8])
def test_empty_lines_between_requests_are_nothing(lines):
    stage = Stage().say(lines + GET).answer(OK).say(lines + GET).answer(OK)
    assert stage.got.count(b"200 OK") == 2
    assert stage.layer.idle


BODIES = [
    ("a length", POST + b"Content-Length: 5\r\n\r\nhello", b"\r\n\r\nhello"),
    ("chunks", CHUNKS + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    ("chunks and a trailer", CHUNKS + b"5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n", b"hello"),
]


@pytest.mark.parametrize(("data", "sent"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
@pytest.mark.parametrize("step", [None, 1])
def test_a_body_is_passed_on_whole_and_without_trailers(data, sent, step):
    stage = Stage().say(data + GET, step)
    body = stage.asked().partition(b"\r\n\r\n")[2] if b"chunked" in data else stage.asked()
    assert sent == _unchunked(body) if b"chunked" in data else body.endswith(sent)
    assert b"railer" not in stage.asked()
    stage.answer(OK).answer(OK)
    assert stage.got.count(b"200 OK") == 2
    assert stage.layer.idle


def test_chunks_that_came_together_go_on_together():
    """Else a client makes thousands of events of a few bytes each."""
    stage = Stage().say(CHUNKS + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n")
    assert stage.asked().partition(b"\r\n\r\n")[2] == b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n"


def _unchunked(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return body


BAD_CHUNKS = [b"x\r\nhello", b"5\nhello\r\n", b"2\r\nhello\r\n", b"5;" + b"a" * 10_000, b"0\r\nX: " + b"a" * 10_000]


@pytest.mark.parametrize("chunks", BAD_CHUNKS)
@pytest.mark.parametrize("decide", ["let in", "refused"])
def test_chunks_that_cannot_be_read_are_a_400(chunks, decide):
    stage = Stage(decide=refuse) if decide == "refused" else Stage()
    stage.say(CHUNKS + b"3\r\nabc\r\n" + chunks)
    assert (stage.status, stage.answers.codes) == (400, ["bad_request"])
    assert stage.ends
    assert [stage.is_closed(origin) for origin in stage.origins] == [True] * (decide == "let in")
    assert not stage.layer.streams


CLOSING = [
    ("close", b"1.1", b"Connection: close\r\n"),
    ("close, in other capitals", b"1.1", b"CONNECTION: x, Close\r\n"),
    ("HTTP/1.0", b"1.0", b""),
    ("HTTP/1.0 that would stay", b"1.0", b"Connection: keep-alive\r\n"),
]


@pytest.mark.parametrize(("version", "lines"), [row[1:] for row in CLOSING], ids=[row[0] for row in CLOSING])
def test_a_client_that_asks_for_the_end_gets_it(version, lines):
    stage = Stage().say(b"GET / HTTP/%b\r\nHost: a\r\n%b\r\n" % (version, lines)).answer(OK)
    assert stage.got == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    assert stage.is_closed()


def test_an_answer_without_a_length_ends_with_the_connection():
    stage = Stage().say(GET).answer(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert not stage.ends
    stage.break_off()
    assert stage.got == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
    assert stage.is_closed()
    assert stage.is_closed(stage.origins[0])


def test_a_client_of_http_1_0_gets_no_chunks():
    stage = Stage().say(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    stage.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert stage.got == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"


def test_an_answer_to_http_1_0_is_in_our_version():
    stage = Stage().say(GET).answer(b"HTTP/1.0 200 Fine\r\nContent-Length: 2\r\n\r\nok")
    assert stage.got == b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\n\r\nok"
    assert stage.layer.idle


def test_who_waits_for_100_continue_gets_it_and_then_the_answer():
    stage = Stage().say(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert stage.got == b"HTTP/1.1 100 Continue\r\n\r\n"
    stage.say(b"hi")
    assert b"xpect" not in stage.asked()
    stage.answer(OK)
    assert stage.got.endswith(OK)
    assert stage.layer.idle


# What waits


def test_a_body_waits_unread_until_its_request_was_decided():
    stage = Stage(waits=["requestheaders"]).say(POST + b"Content-Length: 100000\r\n\r\n" + b"x" * 60_000)
    assert (stage.layer.unread, stage.origins) == (60_000, [])
    stage.say(b"x" * 40_000 + GET)
    stage.go_on()
    assert stage.layer.unread == len(GET)
    assert stage.asked().endswith(b"x" * 100_000)
    stage.answer(OK)
    assert (stage.layer.unread, stage.layer.head_began, stage.layer.idle) == (0, False, False)


@pytest.mark.parametrize("waits", ["requestheaders", None], ids=["undecided", "at its origin"])
def test_what_waits_has_an_end(waits):
    stage = Stage(waits=[waits], limits=Limits(most_unread=1 << 20))
    stage.say(GET if not waits else POST + b"Content-Length: 10000000\r\n\r\n")
    for _ in range(40):
        assert stage.layer.unread <= 1 << 20
        stage.say(b"x" * 65536)
    assert stage.is_closed()
    assert stage.layer.unread == 0


def test_requests_that_wait_behind_another_have_a_nearer_end():
    """A stock program reads on, and takes what they are answered for taken."""
    stage = Stage().say(GET)
    for _ in range(16):
        stage.say((GET * 3000)[:65_536])
    assert not stage.is_closed()
    stage.say(GET)
    assert (stage.is_closed(), stage.layer.unread) == (True, 0)


def test_of_a_connection_that_is_cut_nothing_is_kept():
    stage = Stage(waits=["requestheaders"], decide=lambda flow: flow.kill()).say(GET + GET)
    assert stage.layer.unread == len(GET)
    stage.go_on()
    assert (stage.is_closed(), stage.layer.unread) == (True, 0)


def test_a_client_that_goes_while_its_body_waits_reaches_no_origin():
    stage = Stage(waits=["requestheaders"]).say(POST + b"Content-Length: 10\r\n\r\nhello")
    stage.leave()
    stage.go_on()
    assert (stage.origins, stage.is_closed(), dict(stage.layer.streams)) == ([], True, {})


@pytest.mark.parametrize("data", [b"", b"GET", GET, POST + b"Content-Length: 5\r\n\r\nhe"])
def test_a_client_that_goes_leaves_nothing(data):
    stage = Stage().say(data)
    stage.leave()
    assert (stage.is_closed(), dict(stage.layer.streams)) == (True, {})
    assert all(stage.is_closed(origin) for origin in stage.origins)
    assert not any("GET" in line for line in stage.logged), "what clients send is no business of logs"


# What a driver looks at

STATES = [
    ("nothing came", b"", (True, False)),
    ("an empty line", b"\r\n", (True, False)),
    ("a part of a head", b"GET / HTTP/1.1\r\n", (False, True)),
    ("a request", GET, (False, False)),
    ("a part of a body", POST + b"Content-Length: 5\r\n\r\nhe", (False, False)),
    ("a refusal", b"GET /\r\n\r\n", (False, False)),
]


@pytest.mark.parametrize(("data", "state"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_what_a_connection_is_doing(data, state):
    layer = Stage().say(data).layer
    assert (layer.has_begun, layer.upgraded, layer.unsent) == (True, False, 0)
    assert (layer.idle, layer.head_began) == state


def test_the_end_of_a_request_is_idle():
    assert Stage().say(GET).answer(OK).layer.idle
    assert Stage(decide=refuse).say(GET).layer.idle


# Time

SLOW = [
    ("a part of a head", b"GET / HTTP/1.1\r\n", 408, ["timeout"]),
    ("a part of a body", POST + b"Content-Length: 5\r\n\r\nhe", 408, ["timeout"]),
    ("nothing", b"", None, []),
    ("an answer that it does not take", GET, None, []),
]


@pytest.mark.parametrize(("data", "status", "codes"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
def test_a_client_that_takes_too_long(data, status, codes):
    stage = Stage().say(data)
    stage.happen(TooSlow())
    assert (stage.status, stage.answers.codes) == (status, codes)
    assert stage.ends
    assert all(stage.is_closed(origin) for origin in stage.origins)
    assert not stage.layer.streams


def test_a_client_that_lingers_is_cut_off():
    stage = Stage().say(b"GET /\r\n\r\n")
    assert stage.ends
    assert not stage.is_closed()
    stage.happen(TooSlow())
    assert stage.is_closed()


@pytest.mark.parametrize("after", [b"x" * 300_000, b"x"], ids=["too much", "a little"])
def test_what_comes_after_the_last_answer_is_dropped(after):
    stage = Stage().say(b"GET /\r\n\r\n").say(after, 1000)
    assert stage.is_closed() is (len(after) > 1)
    assert stage.layer.unread == 0
    if not stage.is_closed():
        stage.leave()
    assert stage.is_closed()


# Going down


def test_a_connection_that_is_idle_ends_at_once():
    stage = Stage().say(GET).answer(OK)
    stage.happen(Drain())
    assert stage.is_closed()


@pytest.mark.parametrize("when", ["before the answer", "amidst the answer", "amidst the head"])
def test_what_is_under_way_is_answered_and_then_the_connection_ends(when):
    stage = Stage().say(GET[:20] if when == "amidst the head" else GET)
    if when == "amidst the answer":
        stage.answer(OK[:-1])
    stage.happen(Drain())
    assert not stage.ends
    if when == "amidst the head":
        stage.say(GET[20:])
    stage.answer(OK[-1:] if when == "amidst the answer" else OK)
    assert stage.got.endswith(b"ok")
    assert (b"Connection: close" in stage.got) is (when != "amidst the answer")
    assert stage.is_closed()


def test_of_requests_in_one_go_only_the_first_is_answered_then():
    stage = Stage().say(GET + GET)
    stage.happen(Drain())
    stage.answer(OK)
    assert stage.got.count(b"200 OK") == 1
    assert stage.ends


# Answers without a body, and those that nobody here made


def test_a_head_request_gets_no_body():
    stage = Stage().say(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    stage.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").say(GET).answer(OK)
    assert stage.got.startswith(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK")
    assert stage.layer.idle


def test_after_the_last_answer_nothing_is_said():
    stage = Stage(decide=refuse).say(POST + b"Content-Length: 100000\r\n\r\n" + b"x" * 70_000)
    got = stage.got
    assert stage.ends
    assert list(stage.layer.front.handle_event(_events.ResponseData(1, b"more"))) == []
    assert stage.got == got


@pytest.mark.parametrize("code", _events.ErrorCode)
def test_no_error_of_mitmproxys_own_is_sent(code):
    """Whatever mitmproxy's layers come to say by themselves, our answer goes out in its place."""
    stage = Stage(waits=["requestheaders"]).say(GET)
    done = list(stage.layer.front.handle_event(_events.ResponseProtocolError(1, "by mitmproxy", code)))
    sent = b"".join(command.data for command in done if isinstance(command, commands.SendData))
    status = code.http_status_code()
    assert sent[9:12] == (b"" if status is None else b"%d" % status)
    assert b"mitmproxy" not in sent
    assert isinstance(done[-1], commands.CloseConnection)


def test_many_requests_at_once_do_not_pile_up():
    """Where no hook has to be waited for, each is answered within the one before."""
    stage = Stage(decide=refuse)

    def at_once(hook):
        stage.handlers.get(hook.name, id)(*hook.args())
        return True

    stage.layer.at_once = at_once
    stage.say(GET * 2000)
    assert (stage.got.count(b"HTTP/1.1 401 "), stage.layer.idle) == (2000, True)
