"""A WebSocket: whole messages pass, what is too much ends it on both sides, and it can be ended from outside."""

import gc
import os
import tracemalloc
import zlib

import pytest
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason

from glassgate.config.limits import Limits
from glassgate.mitm.layers.events import CloseWebsocket, Drain, TooSlow
from mitm.layers.stage import Stage

ASK = (
    b"GET /ticks HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n%b\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate%b\r\n"


class Talk:
    """A WebSocket that is open: `client` and `origin` are its two ends, with good manners."""

    def __init__(self, deflate=None, **stage):
        self.stage = Stage(**stage).say(ASK)
        self.stage.answer(SWITCH % (DEFLATE % deflate if deflate is not None else b""))
        self.read = {}
        self.ends = {
            self.stage.client: self._end(ConnectionType.CLIENT, deflate),
            self.stage.origins[0]: self._end(ConnectionType.SERVER, deflate),
        }
        self.heard = {connection: [] for connection in self.ends}
        for connection in self.ends:
            sent = bytes(self.stage.sent[connection])
            self.read[connection] = sent.index(b"\r\n\r\n") + 4

    def _end(self, kind, deflate):
        extensions = []
        if deflate is not None:
            extensions = [PerMessageDeflate()]
            extensions[0].finalize("permessage-deflate" + deflate.decode())
        return Connection(kind, extensions)

    @property
    def client(self):
        return self.stage.client

    @property
    def origin(self):
        return self.stage.origins[0]

    def send(self, connection, *events, step=None):
        """One end says something."""
        for event in events:
            self.raw(connection, self.ends[connection].send(event), step)
        return self

    def raw(self, connection, data, step=None):
        self.stage._said(connection, data, step)

    def hears(self, connection):
        """All that one end has heard."""
        new = bytes(self.stage.sent[connection])[self.read[connection] :]
        self.read[connection] += len(new)
        if new:
            self.ends[connection].receive_data(new)
            self.heard[connection] += list(self.ends[connection].events())
        return self.heard[connection]

    def messages(self, connection):
        """The messages that one end has got, whole."""
        found, part = [], None
        for event in self.hears(connection):
            if isinstance(event, TextMessage | BytesMessage):
                part = event.data if part is None else part + event.data
                if event.message_finished:
                    found.append(part)
                    part = None
        return found

    def closed(self, connection):
        """(code, reason) of the Close frame that one end has got."""
        for event in self.hears(connection):
            if isinstance(event, CloseConnection):
                return int(event.code), event.reason or ""
        return None

    def assert_ended(self, told="websocket_end"):
        assert self.stage.told.count(told) == 1
        assert self.stage.ends
        assert self.stage.is_closed(self.origin)
        assert not self.stage.layer.streams
        assert not self.stage.layer.upgraded
        assert not self.stage.flows[0].live


both = pytest.mark.parametrize("deflate", [None, b"", b"; client_no_context_takeover; server_no_context_takeover"])


def other(talk, connection):
    return talk.origin if connection is talk.client else talk.client


@both
@pytest.mark.parametrize("side", ["client", "origin"])
@pytest.mark.parametrize("step", [None, 1, 1000])
def test_messages_pass_whole(deflate, side, step):
    talk = Talk(deflate)
    assert talk.stage.layer.upgraded
    assert not talk.stage.layer.idle
    source = getattr(talk, side)
    given = ["text", "zwölf Boxkämpfer \U0001f94a", b"bytes \xff", "", b"", "x" * 5000, os.urandom(3000)]
    for message in given:
        kind = TextMessage if isinstance(message, str) else BytesMessage
        talk.send(source, kind(data=message), step=step)
    assert talk.messages(other(talk, source)) == given
    assert talk.stage.told.count("websocket_message") == len(given)


@both
def test_a_message_in_frames_keeps_them_and_a_ping_may_come_amidst(deflate):
    talk = Talk(deflate)
    for n in range(5):
        talk.send(talk.client, TextMessage(data=f"ä{n}", message_finished=n == 4), Ping(payload=b"p%d" % n))
    heard = talk.hears(talk.origin)
    assert talk.messages(talk.origin) == ["ä0ä1ä2ä3ä4"]
    assert [event.payload for event in heard if isinstance(event, Ping)] == [b"p%d" % n for n in range(5)]
    if deflate is None:
        assert [event.data for event in heard if isinstance(event, TextMessage)] == [f"ä{n}" for n in range(5)]
    talk.send(talk.origin, Pong(payload=b"p0"))
    assert [event.payload for event in talk.hears(talk.client)] == [b"p0"]
    assert not any("p0" in line for line in talk.stage.logged)


def test_a_ping_between_messages_changes_nothing_for_the_next():
    talk = Talk(b"", limits=Limits(websocket_message=10_000))
    for n in range(5):
        talk.send(talk.client, Ping(payload=b"p"), BytesMessage(data=bytes(9000) + b"%d" % n))
    assert [message[9000:] for message in talk.messages(talk.origin)] == [b"0", b"1", b"2", b"3", b"4"]


# Too much

LIMITS = Limits(websocket_message=10_000, websocket_frames=10, websocket_pings=20)
TOO_BIG = (1009, "The message is too big.")


def frames(count, size, kind=BytesMessage):
    data = b"x" * size if kind is BytesMessage else "x" * size
    return [kind(data=data, message_finished=n == count - 1) for n in range(count)]


TOO_MUCH = [
    ("a message", [BytesMessage(data=b"x" * 10_001)], TOO_BIG),
    ("a text of wide letters", [TextMessage(data="ä" * 5001)], TOO_BIG),
    ("a message in frames", frames(9, 1200), TOO_BIG),
    ("frames of a message", frames(12, 1), TOO_BIG),
    ("frames of nothing", frames(12, 0), TOO_BIG),
    ("a message at the limit", [BytesMessage(data=b"x" * 10_000)], None),
    ("frames at the limit", frames(10, 1000), None),
    ("pings", [Ping(payload=b"")] * 21, (1008, "Too many control frames.")),
    ("pongs", [Pong(payload=b"")] * 21, (1008, "Too many control frames.")),
]


@pytest.mark.parametrize(("events", "closed"), [row[1:] for row in TOO_MUCH], ids=[row[0] for row in TOO_MUCH])
@pytest.mark.parametrize("deflate", [None, b""])
@pytest.mark.parametrize("side", ["client", "origin"])
def test_too_much_ends_both_sides(events, closed, deflate, side):
    talk = Talk(deflate, limits=LIMITS)
    source = getattr(talk, side)
    for event in events:
        if talk.stage.ends:
            break
        talk.send(source, event)
    assert (talk.closed(talk.client), talk.closed(talk.origin)) == (closed, closed)
    assert talk.messages(other(talk, source)) == ([] if closed else [b"x" * 10_000])
    if closed:
        talk.assert_ended()


def test_a_message_that_never_ends_is_cut_off_where_it_is_too_big():
    """One frame that says it has a terabyte: its bytes come and come."""
    talk = Talk(limits=Limits(websocket_message=1 << 20))
    talk.raw(talk.client, b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0")
    tracemalloc.start()
    for _ in range(100):
        talk.raw(talk.client, b"x" * 65536)
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert talk.closed(talk.client) == TOO_BIG
    assert peak < 4 << 20
    assert left < 1 << 17, "what was said so far is forgotten at the end, not when the collector comes"


@pytest.mark.parametrize("side", ["client", "origin"])
@pytest.mark.parametrize("parts", [1, 3])
def test_a_bomb_is_not_unpacked(side, parts):
    """A gigabyte in a megabyte."""
    talk = Talk(b"", limits=Limits(websocket_message=1 << 20))
    press = zlib.compressobj(wbits=-15)
    zeros = bytes(1 << 20)
    packed = b"".join(press.compress(zeros) for _ in range(256)) + press.flush(zlib.Z_SYNC_FLUSH)[:-4]
    masked = side == "client"
    tracemalloc.start()
    for start in range(0, len(packed), len(packed) // parts + 1):
        piece = packed[start : start + len(packed) // parts + 1]
        opcode = (0xC2 if parts == 1 else 0x42) if start == 0 else 0x00
        length = bytes([127 | (0x80 if masked else 0)]) + len(piece).to_bytes(8, "big")
        talk.raw(getattr(talk, side), bytes([opcode]) + length + (b"\0\0\0\0" if masked else b"") + piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (talk.closed(talk.client), talk.closed(talk.origin)) == (TOO_BIG, TOO_BIG)
    assert peak < 8 << 20
    talk.assert_ended()


def test_what_follows_the_end_of_a_compressed_stream_is_not_kept():
    """zlib would keep all of it, at no size that anybody counts."""
    talk = Talk(b"")
    press = zlib.compressobj(wbits=-15)
    ended = press.compress(b"hello") + press.flush(zlib.Z_FINISH)
    talk.raw(talk.client, bytes([0x42, 0x80 | len(ended)]) + b"\0\0\0\0" + ended)
    talk.raw(talk.client, bytes([0x00, 0xFE]) + (60_000).to_bytes(2, "big") + b"\0\0\0\0" + b"x" * 60_000)
    assert talk.closed(talk.client)[0] == 1007
    talk.assert_ended()


def test_a_compressed_stream_may_end_with_its_message():
    """RFC 7692 section 7.2.3.4; the next message begins another."""
    talk = Talk(b"")
    for _ in range(3):
        press = zlib.compressobj(wbits=-15)
        ended = press.compress(b"hello") + press.flush(zlib.Z_FINISH)
        talk.raw(talk.client, bytes([0xC2, 0x80 | len(ended)]) + b"\0\0\0\0" + ended)
    assert talk.messages(talk.origin) == [b"hello"] * 3


def test_small_pieces_cost_no_more_than_their_number():
    import time

    talk = Talk(limits=Limits(websocket_message=1 << 24))
    talk.raw(talk.origin, b"\x82\x7f" + (1 << 22).to_bytes(8, "big"))
    began = time.process_time()
    talk.raw(talk.origin, bytes(1 << 22), step=200)
    assert time.process_time() - began < 10
    assert [len(message) for message in talk.messages(talk.client)] == [1 << 22]


@pytest.mark.parametrize("end", ["client", "origin"])
def test_what_compression_took_is_free_with_the_end(end):
    """Not when a collector comes by: that may be hundreds of WebSockets later."""
    gc.disable()
    tracemalloc.start()
    try:
        talk = Talk(b"")
        for connection in talk.ends:
            talk.send(connection, TextMessage(data="hello"))
        before = tracemalloc.get_traced_memory()[0]
        talk.send(getattr(talk, end), CloseConnection(1000))
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    talk.assert_ended()
    assert before - after > 500_000, "a compressor and a decompressor for each end"


def test_only_the_last_messages_are_kept_and_little_of_them():
    talk = Talk(limits=Limits(kept_messages=10, kept_bytes=1000))
    for n in range(50):
        talk.send(talk.client, TextMessage(data=str(n)))
    kept = talk.stage.flows[0].websocket.messages
    assert [message.text for message in kept] == [str(n) for n in range(40, 50)]
    talk.send(talk.client, BytesMessage(data=b"x" * 600), BytesMessage(data=b"y" * 500))
    assert [message.content[:1] for message in kept] == [b"y"]
    talk.send(talk.client, BytesMessage(data=b"z" * 2000))
    assert kept == []
    assert len(talk.messages(talk.origin)) == 53


# What nobody may say

WRONG = [
    ("no mask", b"\x81\x01a"),
    ("an opcode that is none", b"\x83\x80\0\0\0\0"),
    ("a reserved bit", b"\xa1\x80\0\0\0\0"),
    ("compression that was not agreed on", b"\xc1\x80\0\0\0\0"),
    ("a long ping", b"\x89\xfe\x00\x80\0\0\0\0"),
    ("a ping in parts", b"\x09\x80\0\0\0\0"),
    ("a continuation of nothing", b"\x80\x80\0\0\0\0"),
    ("a text that is none", b"\x81\x82\0\0\0\0\xff\xff"),
    ("a message within a message", b"\x01\x80\0\0\0\0\x81\x80\0\0\0\0"),
    ("a code that is none", b"\x88\x82\0\0\0\0\x03\xe7"),
]


@pytest.mark.parametrize("data", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_nobody_may_say_ends_both_sides(data):
    talk = Talk()
    talk.raw(talk.client, data)
    code, reason = talk.closed(talk.origin)
    assert (code in (1002, 1007), reason) == (True, "")
    assert talk.closed(talk.client) == (code, "")
    talk.assert_ended()


UNREADABLE = [b"; client_max_window_bits", b"; server_max_window_bits=99", b"; server_max_window_bits=x"]


@pytest.mark.parametrize("said", UNREADABLE)
def test_compression_that_cannot_be_read_ends_both_sides(said):
    stage = Stage().say(ASK).answer(SWITCH % (DEFLATE % said))
    assert b" 101 " in stage.got
    assert (stage.told.count("websocket_end"), stage.ends, stage.is_closed(stage.origins[0])) == (1, True, True)


# Ends


@pytest.mark.parametrize("side", ["client", "origin"])
@pytest.mark.parametrize(
    ("code", "reason"), [(1000, ""), (1001, "so long"), (4321, "mine"), (CloseReason.NO_STATUS_RCVD, "")]
)
def test_an_end_is_passed_on(side, code, reason):
    talk = Talk()
    source = getattr(talk, side)
    talk.send(source, CloseConnection(code=code, reason=reason or None))
    assert talk.closed(other(talk, source)) == (code, reason)
    assert talk.closed(source) == (code, reason), "and answered"
    assert talk.stage.flows[0].websocket.closed_by_client is (side == "client")
    talk.assert_ended()


@pytest.mark.parametrize(("side", "code"), [("client", 1001), ("origin", 1011)])
def test_who_goes_without_a_word_is_told_of(side, code):
    talk = Talk()
    source = getattr(talk, side)
    talk.stage._gone(source)
    assert talk.closed(other(talk, source))[0] == code
    talk.assert_ended()


@both
def test_a_driver_ends_it(deflate):
    talk = Talk(deflate)
    talk.send(talk.client, TextMessage(data="half", message_finished=False))
    talk.send(talk.origin, TextMessage(data="half", message_finished=False))
    talk.stage.happen(CloseWebsocket(talk.stage.flows[0], 1008, "Your session was revoked."))
    assert talk.closed(talk.client) == (1008, "Your session was revoked.")
    assert talk.closed(talk.origin) == (1001, ""), "why is no business of the origin's"
    assert talk.stage.flows[0].websocket.close_code == 1008
    talk.assert_ended()
    assert not talk.stage.is_closed(), "the last frame is to arrive"
    talk.stage.happen(CloseWebsocket(talk.stage.flows[0], 1008, "again"))
    talk.raw(talk.client, b"\x88\x82\0\0\0\0\x03\xf0")
    talk.stage.leave()
    assert talk.stage.is_closed()
    talk.assert_ended()


def test_a_driver_ends_it_while_a_message_is_looked_at():
    talk = Talk(waits=["websocket_message"])
    talk.send(talk.client, TextMessage(data="last"))
    talk.stage.happen(CloseWebsocket(talk.stage.flows[0], 1008, "revoked"))
    assert talk.closed(talk.client) is None
    talk.stage.go_on()
    assert talk.messages(talk.origin) == ["last"]
    assert talk.closed(talk.client) == (1008, "revoked")
    talk.assert_ended()


def test_a_long_reason_is_cut_to_what_a_frame_takes():
    talk = Talk()
    talk.stage.happen(CloseWebsocket(talk.stage.flows[0], 1008, "ä" * 200))
    assert talk.closed(talk.client) == (1008, "ä" * 61)


def test_another_flows_end_is_nothing():
    talk, foreign = Talk(), Talk()
    talk.stage.happen(CloseWebsocket(foreign.stage.flows[0], 1008, "revoked"))
    assert talk.send(talk.client, TextMessage(data="on")).messages(talk.origin) == ["on"]


def test_going_down_says_so():
    talk = Talk()
    talk.stage.happen(Drain())
    assert talk.closed(talk.client)[0] == 1001
    assert talk.closed(talk.origin)[0] == 1001
    talk.assert_ended()


def test_a_silent_one_is_told():
    talk = Talk()
    talk.stage.happen(TooSlow())
    assert talk.closed(talk.client) == (1001, "It was silent for too long.")
    talk.assert_ended()
    talk.stage.happen(TooSlow())
    assert talk.stage.is_closed(), "it did not answer"


def test_a_message_that_a_hook_drops_does_not_pass():
    talk = Talk()
    talk.stage.handlers["websocket_message"] = lambda flow: flow.websocket.messages[-1].drop()
    talk.send(talk.client, TextMessage(data="no"))
    assert talk.messages(talk.origin) == []
