"""`bench/gate_cost`: what the gate itself costs for a signed-in request, part by part, with few and many sessions."""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from mitmproxy.connection import Client, Server
from mitmproxy.http import Headers, HTTPFlow
from mitmproxy.http import Request as MitmRequest

from bench import publish
from bench.asked import BROWSER
from bench.figures import Figure, short
from bench.report import table
from bench.sessions import fill, site_of
from bench.signed_in import WIKI, prepare
from glassgate import __version__
from glassgate.gate import headers
from glassgate.gate.exchange import Forward, Outcome, Request, run
from glassgate.gate.journey import journey
from glassgate.gate.sessions import REMEMBERED, Sessions
from glassgate.gate.site import Site
from glassgate.mitm import flows
from glassgate.mitm.tls import address_of
from glassgate.record.lately import Lately
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from glassgate.state.open import open_store

COUNTS, MOST = (1, 1_000, 100_000), 1_000_000
ROUNDS, BATCH, ASKED = 9, 500, 100
PORT, ORIGIN = 8443, 9000
RESULT = publish.FOLDER / "gate_cost.json"
SAYS = {
    "read": "a mitmproxy flow becomes a request",
    "journey": "host, target, token, session, policy, headers for the origin; the session was read a moment ago",
    "apply": "the flow is pointed at its origin",
    "answer": "the headers of the origin's answer are cleaned",
    "record": "noted by its id, and counted in the metrics",
}
WHOLE, FROM_STORE = "whole", "journey, from the store"
ANSWER = (
    (b"Server", b"nginx"), (b"Date", b"Mon, 03 Aug 2026 12:00:00 GMT"), (b"Content-Type", b"text/html"),
    (b"Content-Length", b"200"), (b"Cache-Control", b"public, max-age=60"), (b"Set-Cookie", b"theme=dark"),
)  # fmt: skip


class Refused(Exception):  # noqa: N818 - what was found, not what went wrong here
    """A signed-in request was not let in: whatever was measured, it was not that."""


@dataclass
class Clock:
    """Microseconds of this process's CPU a call; a value each time that a part was measured."""

    taken: dict[str, list[float]] = field(default_factory=dict)

    def time[T](self, part: str, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Call each of them; what they returned."""
        before = time.process_time_ns()
        returned = [call() for call in calls]
        spent = time.process_time_ns() - before
        self.taken.setdefault(part, []).append(spent / 1000 / len(calls))
        return returned

    def figures(self) -> dict[str, Figure]:
        """Each part, and the whole of a request whose session was read a moment ago."""
        whole = [sum(of_round) for of_round in zip(*(self.taken[part] for part in SAYS), strict=True)]
        return {part: Figure.of(values) for part, values in {**self.taken, WHOLE: whole}.items()}


def measure(sessions: int, folder: Path, *, rounds: int = ROUNDS) -> dict[str, Figure]:
    """Fill a store with so many sessions and measure a request, by part. Raises Refused."""
    gate = prepare(folder, port=PORT, origin=ORIGIN, certificate=folder / "certs" / "edge.pem")
    cookies, clock, now = fill(gate, sessions, time.time()), Clock(), time.time()
    recorder = Recorder(None, Metrics(__version__, ["wiki"], ["entra"]), Lately(folder / "lately"))
    store = open_store(gate.settings.store)
    try:
        site = site_of(gate, Sessions(store))
        _round(site, cookies, Clock(), recorder, now)  # warms up
        for number in range(1, rounds + 1):
            _round(site, cookies, clock, recorder, now + number * ASKED * 2 * REMEMBERED)
    finally:
        store.close()
    return clock.figures()


def _round(site: Site, cookies: Sequence[str], clock: Clock, recorder: Recorder, now: float) -> None:
    """Each part once for a batch of requests, the visitors in turn."""
    taken = [flow_of(cookie) for cookie in islice(cycle(cookies), BATCH)]
    gc.collect()
    requests = clock.time("read", [partial(flows.read, one, now) for one in taken])
    for request in requests[: len(cookies)]:
        decide(site, request)
    forwards = clock.time("journey", [partial(decide, site, one) for one in requests])
    clock.time("apply", [partial(apply, flow, forward) for flow, forward in zip(taken, forwards, strict=True)])
    clock.time("answer", [partial(headers.for_visitor, ANSWER, websocket=False)] * BATCH)
    pairs = zip(requests, forwards, strict=True)
    clock.time("record", [partial(record, recorder, request, forward) for request, forward in pairs])
    # Each so much later that nothing read before is believed any more.
    later = [replace(one, at=now + number * 2 * REMEMBERED) for number, one in enumerate(requests[:ASKED], 1)]
    clock.time(FROM_STORE, [partial(decide, site, one) for one in later])


def apply(flow: HTTPFlow, forward: Forward) -> None:
    """Point a flow at its origin."""
    flows.send_to_origin(flow, forward, address_of(forward.app.origin))


def record(recorder: Recorder, request: Request, forward: Forward) -> None:
    """Note and count a request that is let in."""
    by = forward.token.nonce if forward.token else ""
    recorder.note(request.ray, request.at, by, forward.client, forward.app.name, forward.policy)
    recorder.let_in(forward.app.name)


def decide(site: Site, request: Request) -> Forward:
    """The journey of one request. Raises Refused."""
    outcome: Outcome = run(journey(site, request))
    if not isinstance(outcome, Forward):
        raise Refused(f"a signed-in request came to {outcome}")
    return outcome


def flow_of(cookie: str) -> HTTPFlow:
    """A browser's request by HTTP/1.1 and TLS, as mitmproxy hands it over."""
    client = Client(peername=("127.0.0.1", 50_000), sockname=("127.0.0.1", PORT), timestamp_start=0.0)
    client.timestamp_tls_setup = 0.0
    sent = (("Host", f"{WIKI}:{PORT}"), *BROWSER, ("Cookie", cookie))
    fields = Headers([(name.encode(), value.encode()) for name, value in sent])
    flow = HTTPFlow(client, Server(address=None))
    flow.request = MitmRequest("", 0, b"GET", b"https", b"", b"/small", b"HTTP/1.1", fields, None, None, 0.0, 0.0)
    return flow


def markdown(costs: dict[int, dict[str, Figure]]) -> str:
    """The table: a line a number of sessions, a column a part."""
    parts = (*SAYS, WHOLE, FROM_STORE)
    lines = [["sessions in the store", *parts]]
    for sessions, figures in costs.items():
        told = {part: short(figure.median) for part, figure in figures.items()}
        whole = figures[WHOLE]
        told[WHOLE] += f" ({short(whole.low)}–{short(whole.high)})"
        lines.append([f"{sessions:,}", *(told[part] for part in parts)])
    return table(lines)


def main() -> int:
    """Exit codes: 0 measured, 1 a request was refused, 2 the call is wrong."""
    parser = argparse.ArgumentParser(
        prog="bench/gate_cost", description="Microseconds of CPU that the gate takes for one signed-in request."
    )
    parser.add_argument(
        "--full", action="store_true", help=f"with {MOST:,} sessions, too: minutes, and gigabytes of disk"
    )
    parser.add_argument("--publish", action="store_true", help="write the table into docs/performance.md")
    asked = parser.parse_args()
    costs: dict[int, dict[str, Figure]] = {}
    for sessions in (*COUNTS, MOST) if asked.full else COUNTS:
        print(f"bench: {sessions:,} sessions", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="glassgate-cost-") as folder:
            try:
                costs[sessions] = measure(sessions, Path(folder))
            except Refused as fault:
                print(f"bench: {fault}", file=sys.stderr)
                return 1
    print(markdown(costs))
    if asked.publish:
        told = {sessions: {part: asdict(one) for part, one in figures.items()} for sessions, figures in costs.items()}
        RESULT.write_text(json.dumps(told, indent=1) + "\n")
        publish.write_part("gate_cost", markdown(costs) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
