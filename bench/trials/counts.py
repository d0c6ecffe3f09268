"""Trials of numbers: connections in all, of one address, to one origin."""

import contextlib
import time
from collections import Counter
from functools import partial

from bench.trials import marks
from bench.trials.attempts import Attempt, Came, Table
from bench.trials.ground import SILENT, WIKI, Ground
from bench.trials.raw import answer, ask

# Few, so that a trial is short.
ALL, OF_ONE, TO_ORIGIN, ANSWER = 60, 40, 4, 2
LIMITS = {"connections": ALL, "of_one_address": OF_ONE, "to_origin": TO_ORIGIN, "answer_time": f"{ANSWER}s"}
HUNG_UP = "hung up"


def crowd(addresses: int, each: int, ground: Ground) -> Came:
    """So many connections from each of so many addresses, none of them let go; what came of a request on each."""
    said: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        for number in range(addresses * each):
            said[_one_more(ground, f"127.0.1.{number // each + 1}", stack)] += 1
        inside = ground.works() if addresses * each < ALL else ""
    more = f", alice: {inside}" if inside else ""
    words = ", ".join(f"{count} x {one}" for one, count in sorted(said.items()))
    return Came(f"{each} from each of {addresses} addresses", words + more)


def _one_more(ground: Ground, source: str, stack: contextlib.ExitStack) -> str:
    asked = marks.Ask(f"crowd-{source}", "alice")
    try:
        connection = stack.enter_context(ground.client.connect(source=source))
        return str(ask(connection, ground.client, asked, ground.cookies[WIKI]).status)
    except OSError:
        return HUNG_UP


def busy(ground: Ground) -> Came:
    """More requests at once than there may be connections to their origin, and wait for one."""
    request = ground.client.head(app=SILENT, cookie=ground.cookies[SILENT])
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(ground.client.connect(SILENT)) for _ in range(2 * TO_ORIGIN + 2)]
        for connection in connections:
            connection.sendall(request)
            time.sleep(0.05)
        said = Counter(str(answer(connection).status) for connection in connections)
    return Came(f"{len(connections)} requests", ", ".join(f"{count} x {one}" for one, count in sorted(said.items())))


COUNTS = Table.of(
    "counts",
    Attempt("connections of one address", f"{OF_ONE} x 200, 10 x 429", partial(crowd, 1, OF_ONE + 10)),
    Attempt("connections in all", f"{ALL} x 200, 20 x 503", partial(crowd, 4, 20)),
    Attempt("connections to one origin", f"2 x 503, {2 * TO_ORIGIN} x 504", busy),
)  # fmt: skip
