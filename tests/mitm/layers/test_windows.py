"""The windows of HTTP/2: what a client is offered, and what waits for its own."""

import struct

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived
from h2.exceptions import DenialOfServiceError
from h2.settings import SettingCodes
from hyperframe import frame as frames

from glassgate.config.limits import Limits
from glassgate.mitm.layers.windows import PIECE, Bounded

HEAD = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "a")]
FIELDS = [(b":status", b"200")]


def pair(window=65535, **limits):
    """A connection of ours, and the client at its other end, which has asked for something in stream 1."""
    ours, theirs = Bounded(H2Configuration(client_side=False), Limits(**limits)), H2Connection(H2Configuration())
    ours.initiate_connection()
    theirs.initiate_connection()
    theirs.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
    theirs.receive_data(ours.data_to_send())
    theirs.send_headers(1, HEAD, end_stream=True)
    ours.receive_data(theirs.data_to_send())
    ours.send_headers(1, FIELDS)
    return ours, theirs


def test_what_a_client_is_offered():
    _, theirs = pair(streams=7, head=5000, stream_window=100_000, connection_window=200_000)
    offered = theirs.remote_settings
    assert offered.max_concurrent_streams == 7
    assert offered.max_header_list_size == 5000
    assert offered.max_frame_size == PIECE
    assert offered.initial_window_size == 100_000
    assert offered.enable_connect_protocol == 0, "a WebSocket over HTTP/2 (RFC 8441) would be judged by nobody"
    assert theirs.outbound_flow_control_window == 200_000


def test_what_a_client_sets_costs_no_memory():
    """Settings that nobody knows are ignored (RFC 9113 section 6.5.2), and a table of any size is used in part."""
    ours, theirs = pair()
    unknown = b"".join(struct.pack(">HL", code, 1) for code in range(0x100, 0x200))
    ours.receive_data(struct.pack(">LxL", len(unknown) << 8 | 4, 0) + unknown)
    assert not [code for code in ours.remote_settings if code >= 0x100]
    theirs.update_settings({SettingCodes.HEADER_TABLE_SIZE: 1 << 30})
    ours.receive_data(theirs.data_to_send())
    theirs.receive_data(ours.data_to_send())
    for stream in range(3, 203, 2):
        theirs.send_headers(stream, HEAD, end_stream=True)
        ours.receive_data(theirs.data_to_send())
        said = [(b":status", b"200"), (b"x", b"%d" % stream * 100)]
        ours.send_headers(stream, said, end_stream=True)
        answered = next(one for one in theirs.receive_data(ours.data_to_send()) if isinstance(one, ResponseReceived))
        assert answered.headers == said
    assert sum(len(name) + len(value) for name, value in ours.encoder.header_table.dynamic_entries) < 4096


@pytest.mark.parametrize(("window", "unsent"), [(0, 50_000), (20_000, 30_000), (50_000, 0), (65_535, 0)])
def test_what_waits_is_counted(window, unsent):
    ours, theirs = pair(window)
    ours.send_data(1, b"x" * 30_000)
    ours.send_data(1, b"x" * 20_000, end_stream=True)
    assert ours.unsent == unsent
    theirs.receive_data(ours.data_to_send())
    theirs.increment_flow_control_window(10_000, 1)
    ours.receive_data(theirs.data_to_send())
    assert ours.unsent == max(0, unsent - 10_000)


def test_what_is_taken_back_does_not_wait():
    ours, theirs = pair(0)
    ours.send_data(1, b"x" * 30_000)
    theirs.reset_stream(1)
    ours.receive_data(theirs.data_to_send())
    assert ours.unsent == 0


def test_a_header_list_has_a_limit():
    ours, theirs = pair(head=1000)
    theirs.send_headers(3, [*HEAD, ("x", "a" * 1000)])
    with pytest.raises(DenialOfServiceError):
        ours.receive_data(theirs.data_to_send())


HALVES = [
    ("nothing", b"", False, 0),
    ("a whole frame", frames.PingFrame(0, b"12345678").serialize(), False, 0),
    ("half a frame", frames.PingFrame(0, b"12345678").serialize()[:-1], True, 0),
    ("half a head", frames.HeadersFrame(3, b"abc").serialize(), True, 3),
    (
        "more of it",
        frames.HeadersFrame(3, b"abc").serialize() + frames.ContinuationFrame(3, b"de").serialize(),
        True,
        5,
    ),
]


@pytest.mark.parametrize(("data", "half", "size"), [row[1:] for row in HALVES], ids=[row[0] for row in HALVES])
def test_what_is_half_read_is_known(data, half, size):
    ours, _ = pair()
    ours.receive_data(data)
    assert (ours.half_read, ours.head_so_far) == (half, size)
