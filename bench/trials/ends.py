"""Trials of the gate's end: what is under way is answered, if that is soon."""

import ssl
import time
from collections.abc import Iterator
from functools import partial

from bench.trials import marks
from bench.trials.findings import Finding
from bench.trials.ground import WIKI, Ground
from bench.trials.raw import PATIENCE, answer, pour

DRAIN = 3  # seconds that the gate waits
LIMITS = {"drain_time": f"{DRAIN}s"}
WANTS = 100_000  # bytes


def ending(name: str, pause: float, wanted: str, ground: Ground) -> Iterator[Finding]:
    """Ask for something that takes so many seconds, and have the gate end meanwhile."""
    ground.told(name)
    begin, more = time.monotonic(), f"{marks.MARK}: last\r\n{marks.WANTS}: {WANTS}\r\n{marks.PAUSE}: {pause}\r\n"
    with ground.client.connect() as connection, ground.client.connect() as idle:
        connection.sendall(ground.client.head(more=more, cookie=ground.cookies[WIKI]))
        time.sleep(0.5)
        ground.serve.ask_to_end()
        goes_on = not pour(idle, [], PATIENCE).ended
        came = f"{_answer(connection)}; exit code {ground.serve.ended(PATIENCE)}"
    amiss = "" if came == wanted else f"{came!r} came, {wanted!r} was to come"
    if goes_on:
        amiss = "a connection without a request went on"
    sent = f"SIGTERM; the answer was {pause:g} s away, {DRAIN} are allowed"
    yield Finding(name, "a request under way at the end", sent, came, wanted, time.monotonic() - begin, amiss=amiss)


def _answer(connection: ssl.SSLSocket) -> str:
    try:
        came = answer(connection)
    except OSError:
        return "nothing"
    return f"{came.status}, {'whole' if came.body == marks.pattern('last', WANTS) else 'in part'}"


IN_TIME = partial(ending, "end", 2.0, "200, whole; exit code 0")
TOO_LATE = partial(ending, "end-late", 30.0, "nothing; exit code 0")
