"""A client's HTTP/2 connection: what waits is bounded by windows, floods end it, and going down loses nothing."""

import gc
import sys
import time

import h2.config
import h2.connection
import h2.events
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hpack import Encoder
from hyperframe import frame as frames

from glassgate.config.limits import Limits
from glassgate.mitm.layers.backs import reusable
from glassgate.mitm.layers.events import Drain, TooSlow
from mitm.layers.stage import Stage, refuse

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "a")]
POST = [(":method", "POST"), *HEAD[1:]]


class Peer:
    """A client of a stage that speaks HTTP/2."""

    def __init__(self, window=None, **stage):
        self.stage = Stage(alpn=b"h2", **stage)
        config = h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding="utf-8"
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.read = 0
        self.events = []
        self.flush()

    def flush(self):
        """Send what there is to send, and hear what comes of it."""
        self.stage.say(self.h2.data_to_send())
        self.hear()

    def hear(self):
        got, self.read = self.stage.got[self.read :], len(self.stage.got)
        if got:
            self.events += self.h2.receive_data(got)
        return self

    def ask(self, headers=HEAD, body=None, more=False):
        """Send a request; its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=body is None and not more)
        if body is not None:
            self.send(stream, body, more)
        self.flush()
        return stream

    def send(self, stream, body, more=False):
        for start in range(0, len(body), 16384):
            last = start + 16384 >= len(body)
            self.h2.send_data(stream, body[start : start + 16384], end_stream=last and not more)
        self.flush()

    def raw(self, *made):
        """Send frames as they are."""
        self.stage.say(b"".join(frame.serialize() for frame in made))
        return self.hear()

    def of(self, stream, kind):
        self.hear()
        return [event for event in self.events if isinstance(event, kind) and event.stream_id == stream]

    def status(self, stream):
        """The status of an answer; None where there is none."""
        [event] = self.of(stream, h2.events.ResponseReceived) or [None]
        return event and int(dict(event.headers)[":status"])

    def body(self, stream):
        return b"".join(event.data for event in self.of(stream, h2.events.DataReceived))

    def reset(self, stream):
        """The code that a stream was reset with; None where it was not."""
        found = self.of(stream, h2.events.StreamReset)
        return found[0].error_code if found else None

    @property
    def goodbyes(self):
        """The codes of all GOAWAY frames, in order."""
        return [frame.error_code for frame in sent(self.stage) if isinstance(frame, frames.GoAwayFrame)]


def sent(stage):
    """The frames that a client got."""
    data = memoryview(stage.got)
    while data:
        frame, length = frames.Frame.parse_frame_header(data[:9])
        frame.parse_body(data[9 : 9 + length])
        data = data[9 + length :]
        yield frame


def headers_frame(stream, fields=HEAD, end=True):
    frame = frames.HeadersFrame(stream, Encoder().encode(fields))
    frame.flags.add("END_HEADERS")
    if end:
        frame.flags.add("END_STREAM")
    return frame


# Requests


def test_a_request_gets_its_answer():
    peer = Peer()
    stream = peer.ask()
    peer.stage.answer(OK)
    assert (peer.status(stream), peer.body(stream), peer.stage.layer.idle) == (200, b"ok", True)


def test_answers_of_streams_do_not_mix():
    peer = Peer()
    streams = [peer.ask() for _ in range(20)]
    for place in reversed(range(20)):
        peer.stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%02d" % place, place)
    assert [peer.body(stream) for stream in streams] == [b"%02d" % place for place in range(20)]
    assert len(peer.stage.origins) == 20


def test_a_connection_to_an_origin_is_clean_when_it_is_let_go():
    """mitmproxy asks for another one for each request; whoever drives the layers may keep it."""
    peer, seen = Peer(), []
    close = peer.stage._close
    peer.stage._close = lambda connection: (seen.append(reusable(peer.stage.layer, connection)), close(connection))
    peer.ask()
    peer.stage.answer(OK)
    peer.ask()
    peer.stage.answer(OK + b"surplus")
    assert seen == [True, False]


def test_a_body_without_a_length_is_framed():
    peer = Peer()
    stream = peer.ask(POST, b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    head, _, body = peer.stage.asked().partition(b"\r\n\r\n")
    assert head.endswith(b"Transfer-Encoding: chunked")
    assert body == b"23\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n"
    peer.stage.answer(OK)
    assert peer.status(stream) == 200


def test_a_body_with_a_length_keeps_it():
    peer = Peer()
    peer.ask([*POST, ("content-length", "5")], b"hello")
    assert peer.stage.asked().endswith(b"\r\n\r\nhello")
    assert b"chunked" not in peer.stage.asked()


@pytest.mark.parametrize("body", [b"hello", None])
def test_trailers_are_left_out_and_the_request_is_whole(body):
    peer = Peer()
    stream = peer.ask(POST, body, more=True)
    peer.h2.send_headers(stream, [("cf-access-jwt-assertion", "forged")], end_stream=True)
    peer.flush()
    assert peer.stage.asked().endswith(b"0\r\n\r\n")
    assert b"forged" not in peer.stage.asked()
    peer.stage.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Trailer: a\r\n\r\n")
    assert (peer.status(stream), peer.body(stream)) == (200, b"ok")
    assert not peer.of(stream, h2.events.TrailersReceived)
    assert not peer.stage.layer.streams


BAD = [
    ("no authority that is one", [*HEAD[:3], (":authority", "a b")], 400, "malformed_head"),
    ("an authority of more", [*HEAD[:3], (":authority", "a@b:x")], 400, "malformed_head"),
    ("too many headers", [*HEAD, *[(f"x-{n}", "a") for n in range(130)]], 431, "header_lines"),
    ("a WebSocket (RFC 8441)", [(":method", "CONNECT"), (":protocol", "websocket"), *HEAD[1:]], 400, "malformed_head"),
    ("two lengths", [*HEAD, ("content-length", "0"), ("content-length", "0")], 400, "malformed_headers"),
]


@pytest.mark.parametrize(("head", "status", "reason"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
@pytest.mark.parametrize("more", [False, True])
def test_a_request_that_is_none_is_answered_and_others_go_on(head, status, reason, more):
    peer = Peer()
    other = peer.ask()
    stream = peer.ask(head, more=more)
    assert (peer.status(stream), peer.stage.answers.reasons) == (status, [reason])
    assert peer.reset(stream) == (ErrorCodes.NO_ERROR if more else None)
    peer.stage.answer(OK)
    assert (peer.status(other), peer.goodbyes) == (200, [])


def test_many_cookies_are_one_header():
    peer = Peer()
    stream = peer.ask([*HEAD, *[("cookie", f"c{n}=1") for n in range(200)]])
    peer.stage.answer(OK)
    assert peer.status(stream) == 200


ENDING = [
    ("CONNECT", [(":method", "CONNECT"), (":authority", "a:80")]),
    ("a pseudo header twice", [*HEAD, (":path", "/b")]),
    ("a name in capitals", [*HEAD, ("X-Big", "a")]),
    ("a hop-by-hop header", [*HEAD, ("transfer-encoding", "chunked")]),
    ("no path", HEAD[:1] + HEAD[2:]),
    ("a header list without an end", [*HEAD, ("x", "a" * 70_000)]),
]


@pytest.mark.parametrize("head", [row[1] for row in ENDING], ids=[row[0] for row in ENDING])
def test_a_request_that_no_http_2_is_ends_the_connection(head):
    peer = Peer()
    peer.ask(head)
    assert peer.stage.is_closed()
    assert len(peer.goodbyes) == 1
    assert peer.stage.origins == []
    assert b"mitmproxy" not in peer.stage.got
    assert b"rror" not in peer.stage.got, "nobody's words are in a GOAWAY"


def test_a_peer_that_speaks_something_else_is_sent_away():
    stage = Stage(alpn=b"h2").say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert stage.is_closed()
    assert [frame.error_code for frame in sent(stage) if isinstance(frame, frames.GoAwayFrame)] == [1]


# Bodies


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413), (50_000, 413)])
@pytest.mark.parametrize("with_length", [True, False])
def test_a_body_has_the_limit_of_its_app(size, status, with_length):
    peer = Peer(max_body=1000)
    other = peer.ask()
    more = [("content-length", str(size))] if with_length else []
    stream = peer.ask([*POST, *more], more=True)
    for start in range(0, size, 500):
        if peer.reset(stream) is None:
            peer.send(stream, b"x" * min(500, size - start), more=start + 500 < size)
    if status == 200:
        peer.stage.answer(OK, 1)
    assert peer.status(stream) == status
    assert peer.reset(stream) in (None, ErrorCodes.NO_ERROR)
    assert all(peer.stage.is_closed(origin) for origin in peer.stage.origins[1:])
    peer.stage.answer(OK, 0)
    assert (peer.status(other), peer.stage.layer.idle) == (200, True)


def test_the_body_of_a_refused_request_is_cut_off_and_the_connection_stays():
    peer = Peer(decide=refuse)
    stream = peer.ask(POST, more=True)
    while peer.reset(stream) is None:
        assert peer.status(stream) is None
        peer.send(stream, b"x" * 16384, more=True)
    assert (peer.status(stream), peer.reset(stream)) == (401, ErrorCodes.NO_ERROR)
    assert (peer.status(peer.ask()), peer.stage.layer.idle) == (401, True)


def test_a_body_that_waits_fills_its_window_and_no_more():
    peer = Peer(waits=["requestheaders"], limits=Limits(stream_window=1 << 16, connection_window=1 << 17))
    streams = [peer.ask(POST, more=True) for _ in range(3)]
    for stream in streams:
        while room := peer.h2.local_flow_control_window(stream):
            peer.send(stream, b"x" * min(room, 16384), more=True)
    assert peer.stage.layer.unread == 1 << 17
    assert peer.h2.outbound_flow_control_window == 0
    for _ in streams:
        peer.stage.go_on()
    peer.hear()
    assert peer.stage.layer.unread == 0
    assert peer.h2.local_flow_control_window(streams[0]) > 0
    for place, stream in enumerate(streams):
        peer.send(stream, b"end")
        assert peer.stage.asked(place).endswith(b"3\r\nend\r\n0\r\n\r\n")


def test_a_client_that_sends_beyond_its_window_is_sent_away():
    peer = Peer(waits=["requestheaders"], limits=Limits(stream_window=1 << 16, connection_window=1 << 17))
    stream = peer.ask(POST, more=True)
    peer.raw(*[frames.DataFrame(stream, b"x" * 16384) for _ in range(10)])
    assert (peer.stage.is_closed(), peer.goodbyes) == (True, [ErrorCodes.FLOW_CONTROL_ERROR])


def test_a_body_of_any_size_passes():
    peer = Peer(limits=Limits(stream_window=1 << 16, connection_window=1 << 17))
    stream = peer.ask(POST, more=True)
    for n in range(200):
        peer.send(stream, b"x" * 16384, more=n < 199)
    assert peer.stage.asked().count(b"x") == 200 * 16384
    peer.stage.answer(OK)
    assert peer.status(stream) == 200


def test_an_early_answer_is_whole_before_its_request_is():
    peer = Peer()
    stream = peer.ask(POST, b"half", more=True)
    peer.stage.answer(OK)
    assert (peer.status(stream), len(peer.of(stream, h2.events.StreamEnded)), peer.reset(stream)) == (200, 1, None)
    peer.send(stream, b"rest")
    assert peer.stage.asked().endswith(b"4\r\nrest\r\n0\r\n\r\n")
    assert (peer.stage.layer.idle, peer.stage.layer.front.streams) == (True, {})


# Answers that wait


def test_an_answer_waits_for_its_window_and_says_how_much():
    peer = Peer(window=1000)
    stream = peer.ask()
    peer.stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
    assert (len(peer.body(stream)), peer.stage.layer.unsent, peer.stage.layer.idle) == (1000, 99_000, False)
    peer.h2.increment_flow_control_window(50_000, stream)
    peer.flush()
    assert (len(peer.body(stream)), peer.stage.layer.unsent) == (51_000, 49_000)
    peer.h2.increment_flow_control_window(50_000, stream)
    peer.h2.increment_flow_control_window(50_000)
    peer.flush()
    assert (len(peer.body(stream)), peer.stage.layer.unsent, peer.stage.layer.idle) == (100_000, 0, True)


def test_an_answer_that_had_to_wait_leaves_nothing():
    peer = Peer(window=1000)
    for _ in range(3):
        stream = peer.ask()
        peer.stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, -1)
        peer.h2.increment_flow_control_window(5000, stream)
        peer.flush()
        assert len(peer.body(stream)) == 5000
    assert (peer.stage.layer.front.streams, peer.stage.layer.idle) == ({}, True)


def test_an_early_answer_that_had_to_wait_ends_once():
    peer = Peer(window=1000)
    stream, other = peer.ask(POST, b"half", more=True), peer.ask()
    peer.stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, 0)
    peer.send(stream, b"rest")
    peer.h2.increment_flow_control_window(50_000, stream)
    peer.flush()
    assert (len(peer.body(stream)), len(peer.of(stream, h2.events.StreamEnded)), peer.goodbyes) == (5000, 1, [])
    peer.stage.answer(OK, 1)
    assert (peer.status(other), peer.stage.layer.idle, peer.stage.layer.front.streams) == (200, True, {})


@pytest.mark.parametrize("by_connection", [False, True])
def test_an_end_needs_no_window(by_connection):
    """Who gives room for what Content-Length says, and not a byte more, gets the end, too."""
    peer = Peer(window=1 << 20 if by_connection else 1000)
    size = 65_535 + 4000 if by_connection else 5000
    stream = peer.ask()
    peer.stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    assert not peer.of(stream, h2.events.StreamEnded)
    peer.h2.increment_flow_control_window(4000, None if by_connection else stream)
    peer.flush()
    assert (len(peer.body(stream)), len(peer.of(stream, h2.events.StreamEnded))) == (size, 1)
    assert (peer.stage.layer.idle, peer.stage.layer.front.streams) == (True, {})


@pytest.mark.parametrize("room", [2, 50_000])
def test_a_refusal_that_had_to_wait_still_wants_no_more_of_the_body(room):
    peer = Peer(window=0, decide=refuse)
    stream = peer.ask(POST, more=True)
    while not peer.stage.layer.unsent:
        peer.send(stream, b"x" * 16384, more=True)
    assert (peer.status(stream), peer.reset(stream)) == (401, None)
    peer.h2.increment_flow_control_window(room, stream)
    peer.flush()
    assert (peer.body(stream), peer.reset(stream)) == (b"no", ErrorCodes.NO_ERROR)
    assert peer.stage.layer.front.streams == {}


def test_an_answer_that_is_not_wanted_any_more_does_not_wait():
    peer = Peer(window=0)
    stream = peer.ask()
    peer.stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 90_000)
    assert peer.stage.layer.unsent == 90_000
    peer.h2.reset_stream(stream)
    peer.flush()
    assert (peer.stage.layer.unsent, peer.stage.layer.idle) == (0, True)
    assert peer.stage.is_closed(peer.stage.origins[0])


def test_a_client_that_takes_nothing_is_sent_away():
    peer = Peer(window=0, limits=Limits(most_unsent=1 << 20))
    for _ in range(4):
        peer.ask()
        peer.stage.answer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 400_000)
    assert (peer.stage.is_closed(), peer.goodbyes) == (True, [ErrorCodes.ENHANCE_YOUR_CALM])
    assert all(peer.stage.is_closed(origin) for origin in peer.stage.origins)


# Floods


def flood(peer, kind, count):
    made = {
        "PING": lambda: frames.PingFrame(0, b"12345678"),
        "SETTINGS": lambda: frames.SettingsFrame(0, {SettingCodes.INITIAL_WINDOW_SIZE: 65535}),
        "PRIORITY": lambda: frames.PriorityFrame(1, depends_on=0, stream_weight=1),
        "empty DATA": lambda: frames.DataFrame(1, b""),
        "padded DATA": lambda: frames.DataFrame(1, b"", pad_length=20, flags=["PADDED"]),
        "nothing known": lambda: frames.ExtensionFrame(0xBB, 0),
    }[kind]
    for _ in range(count // 100):
        if not peer.stage.is_closed():
            peer.stage.say(b"".join(made().serialize() for _ in range(100)))


FLOODS = ["PING", "SETTINGS", "PRIORITY", "empty DATA", "padded DATA", "nothing known"]


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_without_content_ends_the_connection(kind):
    peer = Peer()
    peer.ask(POST, more=True)
    flood(peer, kind, 2000)
    assert (peer.stage.is_closed(), peer.goodbyes) == (True, [ErrorCodes.ENHANCE_YOUR_CALM])
    assert peer.stage.is_closed(peer.stage.origins[0])
    assert not peer.stage.layer.streams


@pytest.mark.parametrize("kind", FLOODS)
def test_the_same_frames_over_a_long_time_do_not(kind):
    peer = Peer()
    peer.ask(POST, more=True)
    for _ in range(10):
        flood(peer, kind, 500)
        peer.stage.answers.now += 11
    assert not peer.stage.is_closed()


@pytest.mark.parametrize(("pause", "calm"), [(0, True), (0.2, False)])
def test_streams_that_are_taken_back_at_once(pause, calm):
    """Rapid reset (CVE-2023-44487): each costs an origin a request."""
    peer = Peer()
    for _ in range(300):
        if peer.stage.is_closed():
            break
        stream = peer.h2.get_next_available_stream_id()
        peer.h2.send_headers(stream, HEAD, end_stream=True)
        peer.h2.reset_stream(stream)
        peer.flush()
        peer.stage.answers.now += pause
    assert peer.stage.is_closed() is calm
    assert peer.goodbyes == ([ErrorCodes.ENHANCE_YOUR_CALM] if calm else [])
    assert len(peer.stage.origins) <= (201 if calm else 300)
    assert all(peer.stage.is_closed(origin) for origin in peer.stage.origins)
    assert not peer.stage.layer.streams


@pytest.mark.parametrize(("size", "most"), [(0, 65), (1, 65), (16_000, 5)])
def test_a_head_without_an_end(size, most):
    stage = Stage(alpn=b"h2").say(PREFACE + frames.SettingsFrame(0).serialize())
    head = headers_frame(1)
    head.flags.discard("END_HEADERS")
    stage.say(head.serialize())
    assert stage.layer.head_began
    taken = 0
    while not stage.is_closed():
        taken += 1
        stage.say(frames.ContinuationFrame(1, b"\0" * size).serialize())
    assert taken <= most
    assert [frame for frame in sent(stage) if isinstance(frame, frames.GoAwayFrame)]


def test_more_streams_than_were_offered():
    peer = Peer(limits=Limits(streams=10))
    made = [headers_frame(2 * n + 1, end=False) for n in range(11)]
    peer.raw(*made)
    assert peer.stage.is_closed()
    assert len(peer.stage.origins) <= 10


def test_many_small_frames_in_one_go_cost_no_more_than_their_number():
    """h2 copies what it has not read at each frame: of a megabyte in one go, many gigabytes."""

    peer = Peer(limits=Limits(empty_frames=1 << 30))
    data = frames.PingFrame(0, b"12345678").serialize() * 60_000
    began = time.process_time()
    peer.stage.say(data)
    assert time.process_time() - began < 15
    assert not peer.stage.is_closed()


def test_a_connection_that_lives_long_keeps_nothing_of_what_has_ended():
    peer = Peer(decide=refuse)
    for _ in range(300):
        assert peer.status(peer.ask()) == 401
    assert not peer.stage.layer.streams
    assert not peer.stage.layer.front.streams


def test_a_connection_that_lives_long_grows_no_further():
    """h2 remembers how streams ended, tens of thousands of them."""
    peer, blocks = Peer(decide=refuse), []
    for _ in range(2):
        for _ in range(1500):
            peer.ask()
            for told in (peer.events, peer.stage.flows, peer.stage.told):
                told.clear()
        peer.h2._closed_streams.clear()  # the client's own
        gc.collect()
        blocks.append(sys.getallocatedblocks())
    assert blocks[1] - blocks[0] < 1000


# Time and ends


def test_a_client_that_goes_leaves_nothing():
    peer = Peer(waits=["requestheaders"])
    peer.ask(POST, b"x" * 1000, more=True)
    assert peer.stage.layer.unread == 1000
    peer.stage.leave()
    peer.stage.go_on()
    assert (peer.stage.is_closed(), dict(peer.stage.layer.streams), peer.stage.origins) == (True, {}, [])
    assert peer.stage.layer.unread == 0


def test_a_client_that_takes_too_long_with_a_body():
    peer = Peer()
    slow, fast = peer.ask(POST, b"x", more=True), peer.ask()
    peer.stage.happen(TooSlow())
    assert (peer.status(slow), peer.reset(slow)) == (408, ErrorCodes.NO_ERROR)
    peer.stage.answer(OK, 1)
    assert (peer.status(fast), peer.stage.is_closed()) == (200, False)


@pytest.mark.parametrize("half", [b"", b"\0\0"])
def test_a_client_that_takes_too_long_with_anything_else(half):
    peer = Peer()
    peer.stage.say(half)
    assert peer.stage.layer.head_began is bool(half)
    peer.stage.happen(TooSlow())
    assert (peer.stage.is_closed(), peer.goodbyes) == (True, [ErrorCodes.NO_ERROR])


def test_going_down_ends_an_idle_connection_at_once():
    peer = Peer(decide=refuse)
    peer.ask()
    peer.stage.happen(Drain())
    assert (peer.stage.is_closed(), peer.goodbyes) == (True, [ErrorCodes.NO_ERROR])


def test_going_down_answers_what_is_under_way():
    peer = Peer(window=1000)
    streams = [peer.ask() for _ in range(2)]
    peer.stage.happen(Drain())
    peer.stage.happen(Drain())
    assert (peer.stage.is_closed(), peer.goodbyes) == (False, [ErrorCodes.NO_ERROR])
    # On its way when we said so; a client may not send it later, and would not know what became of it.
    peer.stage.say(headers_frame(5).serialize())
    for place in range(3):
        assert not peer.stage.is_closed()
        peer.stage.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1500\r\n\r\n" + b"x" * 1500, place)
    assert not peer.stage.is_closed()
    for stream in (*streams, 5):
        peer.stage.say(frames.WindowUpdateFrame(stream, window_increment=1000).serialize())
    got = [frame for frame in sent(peer.stage) if isinstance(frame, frames.DataFrame)]
    assert sum(len(frame.data) for frame in got) == 4500
    assert (peer.stage.is_closed(), peer.goodbyes) == (True, [ErrorCodes.NO_ERROR] * 2)


def test_a_stream_that_is_killed_is_forgotten():
    peer = Peer(decide=lambda flow: flow.kill())
    stream = peer.ask()
    assert peer.reset(stream) is not None
    assert (dict(peer.stage.layer.streams), peer.stage.layer.front.streams) == ({}, {})
