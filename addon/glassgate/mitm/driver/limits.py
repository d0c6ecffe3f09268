"""How much of everything a client or an origin may take of us, where mitmproxy's layers do not bound it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Counts and times of connections. Times are seconds."""

    connections: int = 8192  # of all clients
    of_one_address: int = 6000  # of one client's address
    head_time: float = 10.0  # from a connection, or the first byte of a head, until the head is whole
    idle_time: float = 75.0  # between two requests
    body_pause: float = 30.0  # in which nothing of a body comes that is waited for
    connect_time: float = 10.0  # till an origin takes a connection, TLS and all
    answer_time: float = 120.0  # till an origin begins to answer, or goes on with it
    websocket_idle: float = 3600.0  # in which nothing passes over a WebSocket
    drain_time: float = 30.0  # for what is under way when the program ends
    to_origin: int = 512  # connections to one origin
    kept_idle: int = 64  # of them, those that nobody uses
    kept_time: float = 30.0  # for which one that nobody uses is kept


LIMITS = Limits()
