"""One request: how long its body may be, what it gets where that fails, and that every hook is told of its end once."""

import pytest
from mitmproxy import http
from mitmproxy.proxy.layers.http import _events

from glassgate.config.limits import Limits
from glassgate.gate.exchange import PIECE
from glassgate.mitm.layers.backs import reusable
from mitm.layers.stage import Stage, let_in, refuse

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def length(size):
    return POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size


def chunks(*sizes):
    return CHUNKS + b"".join(b"%x\r\n%s\r\n" % (size, b"x" * size) for size in sizes) + b"0\r\n\r\n"


LIMITED = [
    ("a length at the limit", length(1000), None, 1),
    ("a length over it", length(1001), 413, 0),
    ("a length far over it", POST + b"Content-Length: 9999999999\r\n\r\n", 413, 0),
    ("chunks at the limit", chunks(400, 600), None, 1),
    ("chunks over it", chunks(400, 601), 413, 1),
    ("one chunk over it", chunks(1001), 413, 1),
    ("nothing", GET, None, 1),
]


@pytest.mark.parametrize(("data", "status", "origins"), [row[1:] for row in LIMITED], ids=[row[0] for row in LIMITED])
@pytest.mark.parametrize("step", [None, 100])
def test_a_body_has_the_limit_of_its_app(data, status, origins, step):
    stage = Stage(max_body=1000).say(data, step)
    assert (stage.status, len(stage.origins)) == (status, origins)
    assert stage.answers.codes == (["body_too_large"] if status else [])
    assert stage.ends is (status is not None)
    if status and origins:
        assert stage.is_closed(stage.origins[0])
        assert stage.asked().count(b"x") <= 1000, "not a byte over the limit is sent on"
        assert b"0\r\n\r\n" not in stage.asked()[-5:], "nor an end, with which it would look whole"
    if not status:
        assert stage.answer(OK).got == OK


def test_who_waits_for_100_continue_with_too_much_is_not_asked_to_send():
    stage = Stage(max_body=1000).say(POST + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
    assert stage.got.startswith(b"HTTP/1.1 413")


def test_without_a_limit_there_is_none():
    stage = Stage().say(CHUNKS)
    for _ in range(100):
        stage.say(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    stage.say(b"0\r\n\r\n").answer(OK)
    assert (stage.got, stage.layer.idle) == (OK, True)


def test_where_an_answer_has_begun_the_connection_is_cut():
    stage = Stage(max_body=10).say(CHUNKS).answer(OK[:-1]).say(b"b\r\nhello world\r\n")
    assert stage.got == OK[:-1]
    assert stage.is_closed()
    assert stage.is_closed(stage.origins[0])


def test_where_an_answer_was_whole_it_stays_whole():
    stage = Stage(max_body=10).say(CHUNKS).answer(OK).say(b"b\r\nhello world\r\n")
    assert stage.got == OK
    assert (stage.ends, stage.told.count("error")) == (True, 0)
    assert stage.is_closed(stage.origins[0])


REFUSED = [
    ("a length", POST + b"Content-Length: 10000000\r\n\r\n", b"x" * 65536),
    ("chunks", CHUNKS, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    ("small chunks", CHUNKS, b"1\r\nx\r\n" * 10_000),
]


@pytest.mark.parametrize(("head", "piece"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_the_body_of_a_refused_request_is_cut_off(head, piece):
    stage = Stage(decide=refuse).say(head)
    assert stage.got == b""
    for _ in range(10):
        stage.say(piece)
    assert (stage.status, stage.ends, stage.origins) == (401, True, [])
    assert stage.told[-1] == "error"
    assert not stage.layer.streams


def test_the_body_of_a_refused_request_that_ends_in_time_is_taken():
    stage = Stage(decide=refuse).say(length(65536) + GET)
    assert stage.got.count(b"HTTP/1.1 401") == 2
    assert stage.layer.idle


def test_a_body_that_we_read_ourselves_has_a_limit_of_its_own():
    for data in (length(200), chunks(100, 100)):
        stage = Stage(decide=refuse, max_body=100).say(data)
        assert (stage.status, stage.ends) == (413, True)
        assert stage.flows[0].request.raw_content is None


def taking(stage, most=9):
    """What a gate takes of a body in pieces; after `most` of them it has its answer, and wants no more."""
    taken = []
    stage.answers.pieces, stage.answers.max_body = True, 10 * PIECE

    def piece(flow):
        taken.append(flow.request.raw_content)
        if len(taken) > most:
            stage.answers.pieces, stage.answers.max_body = False, None

    stage.handlers["body_piece"] = piece
    return taken


@pytest.mark.parametrize("data", [length(3 * PIECE), chunks(*[PIECE // 4] * 12)], ids=["a length", "chunks"])
def test_a_body_in_pieces_is_handed_over_as_it_comes(data):
    stage = Stage(decide=refuse)
    taken = taking(stage)
    stage.say(data, PIECE // 4)
    rest = stage.flows[0].request.raw_content
    assert b"".join(taken) + rest == b"x" * (3 * PIECE), "the rest is left for the end"
    assert all(PIECE <= len(piece) <= PIECE + PIECE // 4 for piece in taken), "no more than what came at once besides"
    assert stage.told == ["requestheaders", "body_piece", "body_piece", "request", "responseheaders", "response"]


def test_the_next_piece_is_read_once_the_last_is_written_away():
    stage = Stage(decide=refuse, waits=["body_piece"])
    taken = taking(stage)
    stage.say(length(4 * PIECE), PIECE // 2)
    assert len(taken) == 1
    assert stage.layer.front.held
    while stage._waiting:
        stage.go_on()
    assert (b"".join(taken), stage.status) == (b"x" * 4 * PIECE, 401)


def test_a_piece_that_cannot_be_written_away_ends_it():
    stage = Stage(decide=refuse)
    taken = taking(stage, most=0)
    stage.say(length(4 * PIECE), PIECE // 2)
    assert (len(taken), stage.status, stage.ends) == (1, 401, True)
    assert stage.told[-1] == "error"


# Hooks


ENDINGS = [
    ("whole", lambda stage: stage.answer(OK), ["request", "responseheaders", "response"]),
    ("the origin fails", lambda stage: stage.break_off(), ["request", "error"]),
    ("the origin breaks off", lambda stage: stage.answer(OK[:-1]).break_off(), ["request", "responseheaders", "error"]),
    ("the client leaves", lambda stage: stage.leave(), ["request", "error"]),
    ("a 101", lambda stage: stage.answer(b"HTTP/1.1 101 No\r\n\r\n"), ["request", "error"]),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "told"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS])
def test_the_end_of_a_request_is_told_once(ending, told):
    stage = Stage().say(GET)
    ending(stage)
    assert stage.told == ["requestheaders", *told]
    assert not stage.layer.streams
    assert not stage.flows[0].live


def kill(flow):
    flow.kill()


def test_a_flow_that_is_killed_gets_nothing():
    stage = Stage(decide=kill).say(GET)
    assert (stage.got, stage.is_closed(), stage.origins) == (b"", True, [])


@pytest.mark.parametrize(("answer", "is_clean"), [(OK, True), (OK[:-1], False)], ids=["whole", "half"])
def test_an_answer_that_is_killed_does_not_go_on(answer, is_clean):
    stage = Stage()
    stage.handlers["responseheaders"] = kill
    stage.say(GET).answer(answer)
    assert (stage.got, stage.is_closed()) == (b"", True)
    assert stage.is_closed(stage.origins[0]) is not is_clean
    assert reusable(stage.layer, stage.origins[0]) is is_clean


def test_a_gate_that_answers_and_streams_at_once_does_not_break():
    """mitmproxy raises for it, and the client would wait for ever."""

    def both(flow):
        let_in(flow)
        refuse(flow)

    stage = Stage(decide=both).say(length(10))
    assert (stage.status, stage.origins) == (401, [])


def test_an_answer_that_a_hook_wants_whole_is_passed_on_whole():
    stage = Stage()
    stage.handlers["responseheaders"] = lambda flow: None
    stage.say(GET).answer(OK[:-1])
    assert stage.got == b""
    assert stage.answer(OK[-1:]).got == OK


def test_a_malformed_request_is_shown_to_those_who_look():
    stage = Stage().say(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
    assert stage.told == ["requestheaders", "error"]
    [flow] = stage.flows
    assert (flow.request.path, flow.response.status_code, flow.error is None) == ("/", 400, False)


def test_trailers_of_either_side_go_nowhere():
    """Such as only an HTTP/2 client or origin can send."""
    stage = Stage().say(POST + b"Content-Length: 5\r\n\r\nhe")
    stream = stage.layer.streams[1]
    trailers = http.Headers([(b"cf-access-jwt-assertion", b"forged")])
    assert list(stream.handle_event(_events.RequestTrailers(1, trailers))) == []
    assert list(stage.layer.front.handle_event(_events.ResponseTrailers(1, trailers))) == []
    stage.say(b"llo").answer(OK)
    assert b"forged" not in stage.asked() + stage.got
    assert stage.flows[0].request.trailers is None
    assert stage.layer.idle


def test_a_limit_is_ours_and_no_option_of_mitmproxys():
    stage = Stage(limits=Limits(refused_body=10), decide=refuse).say(length(20))
    assert (stage.status, stage.ends) == (401, True)


@pytest.mark.parametrize(("max_body", "kept"), [(None, 0), (60_000, 50_000)], ids=["nobody", "whoever it is for"])
def test_a_body_is_kept_only_for_who_will_read_it(max_body, kept):
    """A hundred of one connection, each refused, each without an end, would be kept for as long as it lives."""
    post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
    stage = Stage(decide=refuse, max_body=max_body).say(post + b"x" * 50_000, 1000)
    [stream] = stage.layer.streams.values()
    assert len(stream.request_body_buf) == kept
