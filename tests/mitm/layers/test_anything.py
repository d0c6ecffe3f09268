"""Whatever comes from either side, in whatever pieces: no fault in a layer, nothing sent where nothing may be sent,
nothing left when all have gone."""

from hyperframe import frame as frames
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgate.config.limits import Limits
from glassgate.mitm.layers.backs import reusable
from glassgate.mitm.layers.events import CloseWebsocket, Drain, TooSlow
from mitm.layers.stage import Stage, let_in, refuse
from mitm.layers.test_http2 import PREFACE, headers_frame
from mitm.layers.test_websocket import ASK, DEFLATE, SWITCH

SMALL = Limits(
    head=2000, head_lines=20, refused_body=500, trailers=200, lingering=3000, unread=5000, most_unread=20_000,
    most_unsent=100_000, stream_window=4000, connection_window=65535, websocket_message=2000, websocket_frames=10,
    empty_frames=50,
)  # fmt: skip
CALM = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

REQUESTS = [
    b"GET / HTTP/1.1\r\n", b"POST /a HTTP/1.1\r\n", b"HEAD / HTTP/1.0\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"Host: a\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 700\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n",
    b"Expect: 100-continue\r\n", b"X: a\r\n b\r\n", b"\r\n", b"\r", b"\n", b"hello", b"5\r\nhello\r\n", b"0\r\n", b"\0",
    b"X-Long: " + b"a" * 1500 + b"\r\n", b"x" * 400, b"ffff\r\n", ASK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
]  # fmt: skip
ANSWERS = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 103 Hints\r\n\r\n", b"HTTP/1.1 204 No\r\n", b"X: a\n",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"\r\n", b"\n", b"hello",
    b"5\r\nhello\r\n", b"0\r\n\r\n", b"\0\r", b"x" * 3000, SWITCH % b"", SWITCH % (DEFLATE % b""),
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"\x81\x05hello", b"\x82\x7e\x08\x01", b"\x88\x02\x03\xe8",
]  # fmt: skip
FRAMES = [
    headers_frame(1).serialize(), headers_frame(3, end=False).serialize(), headers_frame(5).serialize()[:20],
    frames.DataFrame(3, b"x" * 300).serialize(), frames.DataFrame(3, b"", flags=["END_STREAM"]).serialize(),
    frames.RstStreamFrame(1, error_code=8).serialize(), frames.RstStreamFrame(3, error_code=0).serialize(),
    frames.PingFrame(0, b"12345678").serialize(), frames.SettingsFrame(0, {4: 0}).serialize(),
    frames.SettingsFrame(0, {4: 1 << 20}).serialize(), frames.WindowUpdateFrame(0, window_increment=9999).serialize(),
    frames.WindowUpdateFrame(1, window_increment=9999).serialize(), frames.GoAwayFrame(0).serialize(),
    headers_frame(7, [(b"x", b"y")]).serialize(), frames.ContinuationFrame(5, b"\0").serialize(), b"\0\0\0",
    b"\xff" * 9,    headers_frame(3, [(b"trailer", b"y")]).serialize(),
]  # fmt: skip
SOCKET = [
    b"\x81\x85\0\0\0\0hello", b"\x01\x81\0\0\0\0a", b"\x80\x81\0\0\0\0b", b"\x89\x80\0\0\0\0", b"\x88\x80\0\0\0\0",
    b"\xc1\x85\0\0\0\0",
]  # fmt: skip

client = st.tuples(st.just("client"), st.one_of(st.sampled_from(REQUESTS + SOCKET), st.binary(max_size=40)))
framed = st.tuples(st.just("client"), st.one_of(st.sampled_from(FRAMES), st.binary(max_size=20)))
answer = st.tuples(st.just("origin"), st.one_of(st.sampled_from(ANSWERS), st.binary(max_size=40)))
other = st.sampled_from(
    [("go on", b""), ("origin ends", b""), ("client ends", b""), ("drain", b""), ("slow", b""), ("close", b"")]
)
waits = st.sampled_from([(), ("requestheaders",), ("request", "error"), ("responseheaders",), ("websocket_message",)])


def play(stage, steps, step):
    """Do all of that, then have everybody go. What must hold at every moment, holds."""
    for what, data in steps:
        match what:
            case "client":
                stage.say(data, step)
            case "origin" if stage.origins:
                stage.answer(data, step=step)
            case "origin ends" if stage.origins:
                stage.break_off()
            case "client ends":
                stage.leave()
            case "go on" if stage._waiting:
                stage.go_on()
            case "drain":
                stage.happen(Drain())
            case "slow":
                stage.happen(TooSlow())
            case "close" if stage.flows:
                stage.happen(CloseWebsocket(stage.flows[-1], 1008, "over"))
        check(stage)
    stage.leave()
    while stage._waiting:
        stage.go_on()
    for origin in stage.origins:
        if not stage.is_closed(origin) and not reusable(stage.layer, origin):
            stage._gone(origin)
    check(stage)
    assert stage.is_closed()
    assert not stage.layer.streams
    assert stage.layer.unread == 0


def check(stage):
    layer = stage.layer
    assert layer.unread <= 80_000
    assert layer.unsent <= 110_000
    assert not (layer.idle and layer.head_began)
    assert b"mitmproxy" not in stage.got


decisions = st.sampled_from([let_in, refuse, lambda flow: flow.kill()])


@CALM
@given(st.lists(st.one_of(client, client, answer, other), max_size=30), st.sampled_from([None, 1, 3]), waits, decisions)
def test_http_1(steps, step, waiting, decide):
    play(Stage(limits=SMALL, waits=waiting, max_body=600, decide=decide), steps, step)


@CALM
@given(st.lists(st.one_of(framed, framed, answer, other), max_size=30), st.sampled_from([None, 1, 7]), waits, decisions)
def test_http_2(steps, step, waiting, decide):
    stage = Stage(alpn=b"h2", limits=SMALL, waits=waiting, max_body=600, decide=decide)
    play(stage.say(PREFACE + frames.SettingsFrame(0).serialize()), steps, step)


words = st.one_of(st.sampled_from(SOCKET + ANSWERS[-3:]), st.binary(max_size=40))
said = st.tuples(st.sampled_from(["client", "origin"]), words)
deflates = st.sampled_from([b"", DEFLATE % b""])


@CALM
@given(st.lists(st.one_of(said, said, other), max_size=30), st.sampled_from([None, 1]), deflates, waits)
def test_a_websocket(steps, step, deflate, waiting):
    stage = Stage(limits=SMALL, waits=set(waiting) & {"websocket_message"}).say(ASK).answer(SWITCH % deflate)
    assert stage.layer.upgraded
    play(stage, steps, step)
