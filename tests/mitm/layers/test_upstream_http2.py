"""An HTTP/2 connection to an origin: whose answer is whose, what is bounded, and what is lost when it ends: nothing."""

from dataclasses import replace

import h2.config
import h2.connection
import h2.events
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe import frame as frames

from glassgate.config.limits import Limits
from glassgate.mitm.layers.backs import back_of, reusable
from glassgate.mitm.layers.events import TIMED_OUT, CaughtUp, GiveUp
from mitm.layers.stage import Stage, let_in
from mitm.layers.test_http2 import HEAD, POST, Peer

GET = b"GET /x HTTP/1.1\r\nHost: wiki\r\nCookie: a=b\r\n\r\n"
SMALL = replace(Limits(), empty_frames=50, interim_answers=3, head_lines=20, trailers=200, unsent=10_000)


class Origin:
    """An origin that speaks HTTP/2, on the newest connection to it, or on that of a place."""

    def __init__(self, stage, place=-1, settings=None):
        self.stage, self.place = stage, place if place >= 0 else len(stage.origins) - 1
        config = h2.config.H2Configuration(
            client_side=False,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        self.read, self.events = 0, []
        self.hear()

    def hear(self):
        got = self.stage.asked(self.place)
        new, self.read = got[self.read :], len(got)
        if new:
            self.events += self.h2.receive_data(new)
        return self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.stage.answer(data, self.place)
            self.hear()
        return self

    def raw(self, *made):
        self.stage.answer(b"".join(frame.serialize() for frame in made), self.place)
        return self.hear()

    @property
    def requests(self):
        """The streams of all requests, in order."""
        self.hear()
        return [event.stream_id for event in self.events if isinstance(event, h2.events.RequestReceived)]

    def fields(self, stream):
        self.hear()
        [asked] = [e for e in self.events if isinstance(e, h2.events.RequestReceived) and e.stream_id == stream]
        return list(asked.headers)

    def body(self, stream):
        self.hear()
        data = [e for e in self.events if isinstance(e, h2.events.DataReceived) and e.stream_id == stream]
        return b"".join(event.data for event in data)

    def of(self, kind):
        self.hear()
        return [event for event in self.events if isinstance(event, kind)]

    def head(self, stream, *fields, status="200", end=False):
        self.h2.send_headers(stream, [(":status", status), *fields], end_stream=end)
        return self.flush()

    def data(self, stream, data, end=False):
        self.h2.send_data(stream, data, end_stream=end)
        return self.flush()

    def ok(self, stream, data=b"ok"):
        return self.head(stream).data(stream, data, end=True)


def by_http1(**more):
    stage = Stage(**more)
    stage.origin_alpn = b"h2"
    return stage


def by_http2(**more):
    peer = Peer(**more)
    peer.stage.origin_alpn = b"h2"
    return peer


# Requests and answers


def test_a_request_of_http1_is_one_of_http2():
    stage = by_http1().say(GET.replace(b"\r\n\r\n", b"\r\nConnection: x\r\nTE: gzip\r\nX-Odd: A\r\n\r\n"))
    origin = Origin(stage)
    [stream] = origin.requests
    assert sorted(origin.fields(stream)) == [
        (":authority", "127.0.0.1:9000"), (":method", "GET"), (":path", "/x"), (":scheme", "https"), ("cookie", "a=b"),
        ("x-odd", "A"),
    ]  # fmt: skip
    origin.head(stream, ("x-own", "1")).data(stream, b"hello", end=True)
    assert stage.got == (b"HTTP/1.1 200 OK\r\nx-own: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert stage.layer.idle


LENGTHS = [
    ("a length", [("content-length", "2")], b"ok", b"content-length: 2\r\n\r\nok"),
    ("no body", [], None, b"200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("no body with a length", [("content-length", "0")], None, b"content-length: 0\r\n\r\n"),
]


@pytest.mark.parametrize(("fields", "body", "end"), [row[1:] for row in LENGTHS], ids=[row[0] for row in LENGTHS])
def test_where_an_answer_ends_by_http1(fields, body, end):
    stage = by_http1().say(GET)
    origin = Origin(stage)
    origin.head(1, *fields, end=body is None)
    if body is not None:
        origin.data(1, body, end=True)
    assert stage.got.endswith(end)
    stage.say(GET)
    assert origin.requests == [1, 3], "both connections go on"
    assert len(stage.origins) == 1


def test_a_body_goes_to_the_origin_as_it_comes():
    stage = by_http1().say(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    origin = Origin(stage)
    assert (origin.body(1), origin.of(h2.events.StreamEnded)) == (b"hello", [])
    stage.say(b"1\r\n!\r\n0\r\n\r\n")
    assert (origin.body(1), len(origin.of(h2.events.StreamEnded))) == (b"hello!", 1)


def test_requests_of_one_http2_client_share_a_connection_and_no_answer_is_mixed():
    peer = by_http2()
    asked = [peer.ask([*HEAD[:1], (":path", f"/{n}"), *HEAD[2:]]) for n in range(5)]
    origin = Origin(peer.stage)
    for stream in reversed(origin.requests):
        origin.ok(stream, dict(origin.fields(stream))[":path"].encode())
    assert [peer.body(stream) for stream in asked] == [b"/%d" % n for n in range(5)]
    assert len(peer.stage.origins) == 1
    assert peer.stage.layer.idle


def test_trailers_reach_a_client_that_speaks_http2_and_no_other():
    trailers = [("grpc-status", "0"), ("set-cookie", "CF_Authorization=x"), ("cf-access-x", "y"), ("alt-svc", "h3")]
    peer = by_http2()
    stream = peer.ask(POST, b"hi")
    origin = Origin(peer.stage)
    assert ("te", "trailers") in origin.fields(1), "gRPC asks for that"
    origin.head(1, ("content-type", "application/grpc")).data(1, b"answer")
    origin.h2.send_headers(1, trailers, end_stream=True)
    origin.flush()
    [got] = peer.of(stream, h2.events.TrailersReceived)
    assert (peer.body(stream), got.headers) == (b"answer", [("grpc-status", "0")])
    stage = by_http1().say(GET)
    origin = Origin(stage).head(1).data(1, b"answer")
    origin.h2.send_headers(1, trailers, end_stream=True)
    origin.flush()
    assert stage.got.endswith(b"answer\r\n0\r\n\r\n")


def test_trailers_that_wait_for_a_client_are_forgotten_with_it():
    peer = by_http2(window=0)
    stream = peer.ask()
    origin = Origin(peer.stage).head(1).data(1, b"answer")
    origin.h2.send_headers(1, [("x", "y")], end_stream=True)
    origin.flush()
    front = peer.stage.layer.front.h2_conn
    assert (list(front.stream_trailers), front.unsent) == ([stream], 6)
    peer.h2.reset_stream(stream)
    peer.flush()
    assert (list(front.stream_trailers), front.unsent) == ([], 0)


def test_an_answer_that_is_a_head_alone():
    """gRPC's errors."""
    peer = by_http2()
    stream = peer.ask(POST, b"hi")
    Origin(peer.stage).head(1, ("grpc-status", "12"), end=True)
    [got] = peer.of(stream, h2.events.ResponseReceived)
    assert ("grpc-status", "12") in got.headers
    assert peer.of(stream, h2.events.StreamEnded)


def test_an_answer_may_begin_and_end_before_its_request_has():
    peer = by_http2()
    stream = peer.ask(POST, b"one", more=True)
    origin = Origin(peer.stage).head(1).data(1, b"first")
    peer.send(stream, b"two", more=True)
    assert (peer.body(stream), origin.body(1)) == (b"first", b"onetwo")
    origin.data(1, b"last", end=True)
    origin.h2.reset_stream(1, ErrorCodes.NO_ERROR)
    origin.flush()
    assert (peer.body(stream), peer.status(stream)) == (b"firstlast", 200)
    assert peer.of(stream, h2.events.StreamEnded)
    peer.send(stream, b"three")
    assert not peer.stage.layer.streams


def test_a_client_that_takes_a_request_back():
    peer = by_http2()
    stream, other = peer.ask(), peer.ask()
    origin = Origin(peer.stage)
    peer.h2.reset_stream(stream, ErrorCodes.CANCEL)
    peer.flush()
    assert [event.stream_id for event in origin.of(h2.events.StreamReset)] == [1]
    origin.ok(3)
    assert peer.body(other) == b"ok"


# Connections


def test_it_is_never_another_clients():
    stage = by_http1().say(GET)
    origin = Origin(stage).ok(1)
    back = back_of(stage.layer, stage.origins[0])
    assert (reusable(stage.layer, stage.origins[0]), back.is_idle, back.has_room) == (False, True, True)
    assert origin.requests == [1]


def test_as_many_at_once_as_the_origin_takes_then_another_connection():
    peer = by_http2()
    peer.ask()
    origin = Origin(peer.stage, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    for _ in range(4):
        peer.ask()
    assert (len(peer.stage.origins), origin.requests, Origin(peer.stage).requests) == (2, [1, 3], [1, 3, 5])
    origin.ok(1)
    peer.ask()
    assert (len(peer.stage.origins), origin.requests) == (2, [1, 3, 5])


def test_a_websocket_has_a_connection_by_http1():
    stage = by_http1().say(GET)
    Origin(stage).ok(1)
    stage.origin_alpn = None
    stage.say(GET[:-2] + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n")
    assert stage.origins[1].alpn_offers == (b"http/1.1",)
    assert stage.origins[0].alpn_offers == ()
    assert stage.asked(1).startswith(b"GET /x HTTP/1.1\r\n")


def test_an_origin_that_leaves_answers_what_it_has_begun():
    """h2 itself would lose it."""
    peer = by_http2()
    streams = [peer.ask() for _ in range(2)]
    origin = Origin(peer.stage)
    origin.requests  # noqa: B018 - they were heard
    origin.raw(frames.GoAwayFrame(0, last_stream_id=1))
    assert len(peer.stage.origins) == 2, "what it has not looked at is asked elsewhere"
    other = Origin(peer.stage)
    other.ok(1, b"elsewhere")
    assert peer.stage.is_closed(peer.stage.origins[0]) is False
    peer.ask()
    assert (origin.requests, other.requests) == ([1, 3], [1, 3]), "nothing more is asked there"
    origin.ok(1, b"here")
    assert [peer.body(stream) for stream in streams] == [b"here", b"elsewhere"]
    assert peer.stage.is_closed(peer.stage.origins[0])
    peer.ask()
    assert (len(peer.stage.origins), other.requests) == (2, [1, 3, 5])


def test_a_request_that_was_refused_unseen_is_sent_once_more():
    peer = by_http2()
    stream = peer.ask()
    origin = Origin(peer.stage)
    origin.h2.reset_stream(1, ErrorCodes.REFUSED_STREAM)
    origin.flush()
    Origin(peer.stage).ok(1)
    assert (peer.status(stream), len(peer.stage.origins)) == (200, 2)


def test_a_kept_connection_that_had_ended():
    stage = by_http1().say(GET)
    Origin(stage).ok(1)
    stage.say(GET)
    stage.break_off()
    Origin(stage).ok(1, b"again")
    assert b"again" in stage.got
    assert stage.answers.codes == []


FAILS = [
    ("the origin resets it", lambda o: o.h2.reset_stream(1, ErrorCodes.INTERNAL_ERROR), "origin_unreachable"),
    ("the origin goes", lambda o: o.stage.break_off(0), "origin_unreachable"),
    ("a status that is none", lambda o: o.h2.send_headers(1, [(":status", "42")]), "origin_broken"),
    ("a status that is a word", lambda o: o.h2.send_headers(1, [(":status", "ok")]), "origin_broken"),
    ("too many lines", lambda o: o.h2.send_headers(1, [(":status", "200")] + [("x", "y")] * 21), "origin_broken"),
    ("announcements without end", lambda o: [o.h2.send_headers(1, [(":status", "103")]) for _ in range(4)],
     "origin_broken"),
]  # fmt: skip


@pytest.mark.parametrize(("fail", "code"), [row[1:] for row in FAILS], ids=[row[0] for row in FAILS])
def test_what_fails_is_told_by_our_own_answer(fail, code):
    stage = by_http1(limits=SMALL).say(GET)
    origin = Origin(stage)
    fail(origin)
    origin.flush()
    assert (stage.status, stage.answers.codes, stage.layer.streams) == (502, [code], {})
    stage.say(GET)
    assert stage.layer.streams, "the next one is tried"


def test_one_that_fails_leaves_the_others():
    peer = by_http2()
    one, other = peer.ask(), peer.ask()
    origin = Origin(peer.stage).head(1)
    origin.h2.reset_stream(1, ErrorCodes.INTERNAL_ERROR)
    origin.flush().ok(3)
    assert (peer.reset(one), peer.body(other)) == (ErrorCodes.INTERNAL_ERROR, b"ok")


FLOODS = [
    ("pings", [frames.PingFrame(0, b"12345678")] * 60),
    ("settings", [frames.SettingsFrame(0)] * 60),
    ("empty data", [frames.DataFrame(1, b"")] * 60),
    ("a head without an end", [frames.HeadersFrame(1, b"")] + [frames.ContinuationFrame(1, b"a" * 16000)] * 6),
    ("a pushed request", [frames.PushPromiseFrame(1, 2, b"", flags=["END_HEADERS"])]),
    ("a frame that is too big", [frames.DataFrame(1, b"x" * 20000)]),
]


@pytest.mark.parametrize("made", [row[1] for row in FLOODS], ids=[row[0] for row in FLOODS])
def test_a_flood_ends_the_connection(made):
    stage = by_http1(limits=SMALL).say(GET)
    origin = Origin(stage)
    if isinstance(made[0], frames.DataFrame) and not made[0].data:
        origin.head(1)
    stage.answer(b"".join(frame.serialize() for frame in made), 0)
    assert stage.is_closed(stage.origins[0])
    assert stage.layer.streams == {}


def test_what_an_origin_is_told_of_us():
    stage = by_http1(limits=SMALL).say(GET)
    told = Origin(stage).h2.remote_settings
    assert (told.enable_push, told.max_header_list_size) == (0, SMALL.head)
    assert told.initial_window_size == SMALL.stream_window


def test_a_header_list_has_a_limit():
    stage = by_http1().say(GET)
    Origin(stage).head(1, *[("x", "a" * 8000)] * 10)
    assert (stage.status, stage.answers.codes) == (502, ["origin_broken"])


def test_trailers_have_a_limit():
    peer = by_http2(limits=SMALL)
    stream = peer.ask()
    origin = Origin(peer.stage).head(1).data(1, b"ok")
    origin.h2.send_headers(1, [("x", "a" * 300)], end_stream=True)
    origin.flush()
    assert peer.reset(stream) is not None


# What waits


def test_an_upload_waits_for_the_origins_window_and_its_client_for_that():
    peer = by_http2()
    stream = peer.ask(POST, b"", more=True)
    origin = Origin(peer.stage)
    peer.send(stream, b"x" * 200_000, more=True)
    assert len(origin.body(1)) == 65535
    before = peer.stage.layer.unread
    assert 200_000 - 65535 <= before < 200_000
    window = peer.h2.local_flow_control_window(stream)
    peer.send(stream, b"x" * 50_000, more=True)
    assert peer.h2.local_flow_control_window(stream) == window - 50_000, "no more of it may come"
    assert peer.stage.layer.unread == before + 50_000
    origin.h2.acknowledge_received_data(65535, 1)
    origin.h2.increment_flow_control_window(1 << 20)
    origin.h2.increment_flow_control_window(1 << 20, 1)
    origin.flush()
    assert (len(origin.body(1)), peer.stage.layer.unread) == (250_000, 0)


def test_an_upload_by_http1_waits_too():
    stage = by_http1().say(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 70_000)
    origin = Origin(stage)
    stage.say(b"x" * 30_000)
    assert (len(origin.body(1)), stage.layer.unread) == (65535, 30_000)
    origin.h2.increment_flow_control_window(1 << 20)
    origin.h2.increment_flow_control_window(1 << 20, 1)
    origin.flush()
    assert (len(origin.body(1)), stage.layer.unread) == (100_000, 0)


def test_an_answer_waits_for_its_client_and_no_other_for_it():
    peer = by_http2(window=0, limits=replace(SMALL, stream_window=40_000))
    stuck = peer.ask()
    other = peer.ask()
    origin = Origin(peer.stage).head(1)
    for _ in range(4):
        origin.data(1, b"x" * 10_000)
    assert origin.h2.local_flow_control_window(1) <= 10_000, "the origin may send no more of it for ever"
    assert 10_000 < peer.stage.layer.unsent <= 40_000
    peer.h2.increment_flow_control_window(100, other)
    peer.flush()
    origin.ok(3)
    assert peer.body(other) == b"ok"
    back = back_of(peer.stage.layer, peer.stage.origins[0])
    assert (back.owes, back.is_late(100.0)) == (False, False), "it is the client that is waited for"
    peer.h2.increment_flow_control_window(60_000, stuck)
    peer.flush()
    assert len(peer.body(stuck)) == 40_000
    assert origin.hear().h2.local_flow_control_window(1) > 20_000
    assert (back.owes, back.is_late(100.0)) == (True, True)


def test_an_origin_behind_takes_no_more_requests():
    peer = by_http2()
    peer.ask()
    peer.stage.origins[0].is_behind = True
    peer.ask()
    assert len(peer.stage.origins) == 2
    peer.stage.origins[0].is_behind = False
    peer.stage.happen(CaughtUp())
    peer.ask()
    assert len(peer.stage.origins) == 2


def test_what_its_origin_does_not_go_on_with_is_given_up_alone():
    peer = by_http2()
    stage = peer.stage
    late = peer.ask()
    stage.answers.now = 100.0
    other = peer.ask()
    back = back_of(stage.layer, stage.origins[0])
    assert (back.owes, back.is_late(50.0), back.is_late(0.0)) == (True, True, False)
    stage.happen(GiveUp(stage.origins[0], 50.0))
    assert (peer.status(late), stage.answers.codes) == (504, ["origin_timeout"])
    origin = Origin(stage)
    assert [event.stream_id for event in origin.of(h2.events.StreamReset)] == [1]
    origin.ok(3)
    assert (peer.body(other), back.owes) == (b"ok", False)


def test_a_connection_that_is_given_up():
    stage = by_http1().say(GET)
    stage.break_off(error=TIMED_OUT)
    assert (stage.status, stage.answers.codes) == (504, ["origin_timeout"])


def test_a_body_that_the_gate_sends_itself_goes_by_the_origins_windows():
    body = bytes(range(256)) * 8000  # 2 MB

    def decide(flow):
        let_in(flow)
        flow.request.stream = False
        flow.request.headers["content-length"] = str(len(body))

    def put_in(flow):
        flow.request.data.content = body

    stage = Stage(decide=decide)
    stage.origin_alpn, stage.handlers["request"] = b"h2", put_in
    stage.say(b"POST /save HTTP/1.1\r\nHost: wiki\r\nContent-Length: 0\r\n\r\n")
    origin = Origin(stage)
    [stream] = origin.requests
    while len(origin.body(stream)) < len(body):
        origin.h2.increment_flow_control_window(65_535)
        origin.h2.increment_flow_control_window(65_535, stream)
        origin.flush()
    assert origin.body(stream) == body
    assert ("content-length", str(len(body))) in origin.fields(stream)
    origin.ok(stream)
    assert stage.status == 200
