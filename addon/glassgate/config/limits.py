"""How much of everything clients and origins may take of the gate.

The value, with its defaults. Which of it can be set, and within what, is said in `config/bounds.py`.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
KEPT_FORM = 8 * MIB  # of a form that is kept over a sign-in, where an app says no other size


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are bytes, times are seconds. The first two parts are OF_OUR_DRIVER."""

    # Clients' connections
    connections: int = 8192  # of all clients
    of_one_address: int = 6000  # of one client's address
    head_time: float = 10.0  # from a connection, or the first byte of a head, until the head is whole
    idle_time: float = 75.0  # between two requests
    body_pause: float = 30.0  # in which nothing of a body comes that is waited for, or nothing of an answer is taken
    body_rate: int = 240  # bytes a second that come, or are taken, over such a pause; 0: any byte will do
    websocket_idle: float = 3600.0  # in which nothing passes over a WebSocket
    drain_time: float = 30.0  # for what is under way when the program ends

    # Connections to origins
    connect_time: float = 10.0  # till an origin takes a connection, TLS and all
    answer_time: float = 120.0  # till an origin begins to answer, or goes on with it
    to_origin: int = 512  # connections to one origin
    kept_idle: int = 64  # of them, those that nobody uses
    kept_time: float = 30.0  # for which one that nobody uses is kept

    # TLS
    hello: int = 32 * KIB  # of a client's first message
    hello_pieces: int = 256  # in which it may come

    # Heads, of requests and of origins' answers
    head: int = 64 * KIB  # of the first line and all headers; in HTTP/2 of the header list
    head_lines: int = 128  # header lines of one head
    empty_lines: int = 8  # before a request (RFC 9112 section 2.2 has one taken for none)
    interim_answers: int = 32  # answers of an origin with a 1xx before the one that counts

    # Bodies
    refused_body: int = 64 * KIB  # of a request that is answered here
    trailers: int = 8 * KIB  # of one body, and of what stands beside the size of a chunk
    lingering: int = 256 * KIB  # taken and dropped after the last answer, so that it arrives

    # What waits in memory. A driver stops reading at the first of each pair; mitmproxy's own server never does,
    # so that beyond the second the connection ends.
    unread: int = 256 * KIB  # from a client, behind what is being worked on
    most_unread: int = 64 * MIB
    unsent: int = 1 * MIB  # for a client that gives no HTTP/2 window
    most_unsent: int = 256 * MIB

    # HTTP/2
    streams: int = 100  # at once on one connection
    stream_window: int = 1 * MIB  # of one request's body that may come before it is worked on
    connection_window: int = 4 * MIB  # of all of them; not less than 64 KiB (RFC 9113 section 6.9.2)
    resets: int = 200  # streams that a client may take back within a `span`
    empty_frames: int = 1000  # frames without content (PING, SETTINGS, empty DATA…) within a `span`
    span: float = 10.0

    # WebSockets
    websocket_message: int = 16 * MIB  # decompressed
    websocket_frames: int = 16 * KIB  # frames of one message
    websocket_pings: int = 200  # PING and PONG of one side within a `span`
    kept_messages: int = 50  # for those who look at the flow
    kept_bytes: int = 1 * MIB  # of them


LIMITS = Limits()

# What mitmproxy's own server, of `mitmdump -s` and `mitmweb -s`, knows nothing of.
OF_OUR_DRIVER = (
    "connections", "of_one_address", "head_time", "idle_time", "body_pause", "body_rate", "websocket_idle",
    "drain_time", "connect_time", "answer_time", "to_origin", "kept_idle", "kept_time",
)  # fmt: skip
