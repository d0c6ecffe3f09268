"""Trials of patience: clients and origins that take too long."""

import time
from collections.abc import Callable
from functools import partial

from bench.trials import frames, marks
from bench.trials.attempts import Attempt, Came, Table
from bench.trials.findings import MIB, size
from bench.trials.ground import FULL, GONE, SILENT, WIKI, Ground
from bench.trials.heads import Make, came
from bench.trials.raw import PATIENCE, pour
from bench.trials.talks import opening

# Seconds; short, so that a trial is.
HEAD, IDLE, PAUSE, CONNECT, ANSWER, TALK = 2, 3, 2, 2, 3, 4
LIMITS = {
    "head_time": f"{HEAD}s", "idle_time": f"{IDLE}s", "body_pause": f"{PAUSE}s", "connect_time": f"{CONNECT}s",
    "answer_time": f"{ANSWER}s", "websocket_idle": f"{TALK}s",
}  # fmt: skip
EARLY, LATE = 0.1, 2.0  # seconds: the gate looks every half second, and the machine may be busy
TRICKLE = 0.4  # seconds


def about(seconds: float, then: float = 0.0) -> tuple[float, float]:
    """From when to when something is to come that has so many seconds, and may last so many more."""
    return seconds - EARLY, seconds + then + LATE


def silent(make: Make, app: str, ground: Ground) -> Came:
    """Send this and nothing more, and hear what comes."""
    data = make(ground)
    with ground.client.connect(app) as connection:
        return came(pour(connection, [data]), len(data))


def trickled(ground: Ground) -> Came:
    """A head that goes on, a byte at a time."""
    begin = ground.client.head(cookie=ground.cookies[WIKI])[:-2]
    with ground.client.connect() as connection:
        poured = pour(connection, [begin], TRICKLE)
        until = time.monotonic() + PATIENCE
        while not poured.heard and time.monotonic() < until:
            poured = pour(connection, [b"a"], TRICKLE)
        heard = poured.heard + pour(connection, [], PATIENCE).heard
    return Came("a byte every 0.4 s", came(poured, 0).said.split(",")[0] if heard else "nothing")


def no_handshake(ground: Ground) -> Came:
    """TLS that does not get further than its first bytes."""
    with ground.client.plain() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")
        connection.settimeout(PATIENCE)
        return Came("6 bytes of TLS", "the end" if connection.recv(1024) == b"" else "something")


def silent_http2(make: Make, ground: Ground) -> Came:
    """Send this by HTTP/2 and nothing more."""
    data = frames.PREFACE + make(ground)
    with ground.client.connect(alpn="h2") as connection:
        poured = pour(connection, [data])
        return Came(size(len(data)), frames.said(poured.heard) + (", the end" if poured.ended else ""))


def not_taken(ground: Ground) -> Came:
    """Ask for much, and take none of it. (What the gate has sent, its kernel still holds: the client hears nothing.)"""
    asked = marks.Ask("not-taken", "alice", wants=200 * MIB)
    lines = "".join(f"{name}: {value}\r\n" for name, value in asked.fields)
    before, until = ground.serve.sockets(), time.monotonic() + PATIENCE
    with ground.client.connect(small=True) as connection:
        connection.sendall(ground.client.head(more=lines, cookie=ground.cookies[WIKI]))
        time.sleep(PAUSE / 2)
        while ground.serve.sockets() > before:
            if time.monotonic() > until:
                return Came("200 MB asked for, none taken", "it goes on")
            time.sleep(0.05)
    return Came("200 MB asked for, none taken", "the end")


def slow_body(ground: Ground) -> bytes:
    """A body of which a part comes."""
    return ground.client.head("POST", more="Content-Length: 1000\r\n", cookie=ground.cookies[WIKI]) + b"x" * 10


def slow_body_http2(ground: Ground) -> bytes:
    """The same by HTTP/2."""
    asked = frames.fields(ground.client, "POST", cookie=ground.cookies[WIKI])
    return frames.request(1, asked, end=False) + next(frames.body(1, 10))


def page(app: str) -> Make:
    """A request for an app's page."""
    return lambda ground: ground.client.head(app=app, cookie=ground.cookies[app])


def halves(ground: Ground) -> bytes:
    """Half of a head."""
    return ground.client.head(cookie=ground.cookies[WIKI])[:-20]


def half_frame(_: Ground) -> bytes:
    """The first bytes of a frame that is to have 4 KB."""
    return b"\x00\x10\x00\x01\x05\x00\x00\x00\x01\x82"


def nothing(_: Ground) -> bytes:
    """Nothing."""
    return b""


GOODBYE = "GOAWAY NO_ERROR, the end"

Row = tuple[str, str, Callable[[Ground], Came], tuple[float, float]]

ROWS: tuple[Row, ...] = (
    ("TLS that does not go on", "the end", no_handshake, about(HEAD)),
    ("half a head", "408, the end", partial(silent, halves, WIKI), about(HEAD)),
    ("half a head that trickles on", "408", trickled, about(HEAD)),
    ("no request", "nothing, the end", partial(silent, nothing, WIKI), about(IDLE)),
    ("no second request", "200, the end", partial(silent, page(WIKI), WIKI), about(IDLE)),
    ("a body that does not go on", "408, the end", partial(silent, slow_body, WIKI), about(PAUSE)),
    ("an answer that is not taken", "the end", not_taken, about(PAUSE, 1.0)),
    ("HTTP/2: half a frame", GOODBYE, partial(silent_http2, half_frame), about(HEAD)),
    ("HTTP/2: no request", GOODBYE, partial(silent_http2, nothing), about(IDLE)),
    (
        "HTTP/2: a body that does not go on",
        f"408, {GOODBYE}",
        partial(silent_http2, slow_body_http2),
        about(PAUSE, IDLE),
    ),
    ("a WebSocket that is silent", "101, the end", partial(silent, opening, WIKI), about(TALK)),
    ("an origin that takes no connection", "504, the end", partial(silent, page(FULL), FULL), about(CONNECT, IDLE)),
    ("an origin that says nothing", "504, the end", partial(silent, page(SILENT), SILENT), about(ANSWER, IDLE)),
    ("an origin that is not there", "502, the end", partial(silent, page(GONE), GONE), about(0, IDLE)),
)
TIMES = Table("times", [Attempt(*row) for row in ROWS])
