"""`bench/profile`: in whose code a signed-in request spends its calls. For whoever wants it to cost less."""

import argparse
import asyncio
import cProfile
import os
import pstats
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mitmproxy

import glassgate
from bench import origin, publish
from bench.asked import SMALL
from bench.process import Process, StartError
from bench.report import table
from bench.signed_in import ENVIRONMENT, prepare, sign_in
from bench.stage import free_ports
from bench.target import Target, WrongAnswer
from bench.tools import h2load
from glassgate.cli.compose import compose
from glassgate.mitm import masters

REQUESTS = 4000
CONNECTIONS = 16
OURS, THEIRS = str(Path(glassgate.__file__).parent) + "/", str(Path(mitmproxy.__file__).parent) + "/"
# Where a file belongs: the first beginning that fits. What Python's own functions take counts to who called them.
ROOMS = (
    (OURS + "mitm/driver/", "the driver"),
    (OURS + "mitm/layers/", "our layers"),
    (OURS + "mitm/", "the addon"),
    (OURS, "the gate's core"),
    (THEIRS, "mitmproxy"),
)
ELSEWHERE, SOCKETS = "libraries and Python", "sockets"
WAITING = ("<method 'poll' of 'select.epoll' objects>", "<method 'get' of '_queue.SimpleQueue' objects>")
THREADS = ("/concurrent/futures/thread.py", "/threading.py")  # which wait for work, or for h2load

type Function = tuple[str, int, str]  # file, line, name


class Profiled:
    """The gate in this process, and h2load in another that asks it so often. `answers` is there after `run`.

    What a start costs is shared by as many requests on a slow machine as on a fast one: none asks for so many seconds.
    """

    def __init__(self, folder: Path, requests: int = REQUESTS) -> None:
        origin_port, port = free_ports(2)
        self._gate = prepare(folder, port=port, origin=origin_port, certificate=folder / "certs" / "edge.pem")
        self._origin = folder / "origin"
        self._command = origin.write_origin(self._origin, port=origin_port, echo=origin_port)
        self._target = Target(port, sign_in(self._gate), self._gate.settings.ca, folder, ())
        self._profile = cProfile.Profile()
        self._requests = requests
        self._fault: Exception | None = None
        self.answers = 0

    def run(self) -> pstats.Stats:
        """Run it till h2load is done. Raises WrongAnswer, StartError."""
        with Process(self._command, self._origin, cores=(), env={}):
            asyncio.run(masters.run_lean(compose(self._gate.settings), self._ready))
        self._profile.disable()
        if self._fault:
            raise self._fault
        return pstats.Stats(self._profile)

    def _ready(self) -> None:
        threading.Thread(target=self._ask, daemon=True).start()
        self._profile.enable()

    def _ask(self) -> None:
        try:
            done = h2load.kept(
                self._target, SMALL, len(SMALL.body or b""), connections=CONNECTIONS, requests=self._requests
            )
            self.answers = done.answers
        except Exception as fault:  # noqa: BLE001 - told in the thread that waits
            self._fault = fault
        os.kill(os.getpid(), signal.SIGTERM)


def room(file: str) -> str:
    """Whose code a file is."""
    return next((name for beginning, name in ROOMS if file.startswith(beginning)), ELSEWHERE)


def _placed(stats: dict[Function, Any]) -> Iterator[tuple[str, int, float]]:
    for (file, _, name), (_, count, own, _, callers) in stats.items():
        if file.endswith(THREADS):
            continue
        if file != "~":
            yield room(file), count, own
        elif "_socket.socket" in name:
            yield SOCKETS, count, own
        elif name not in WAITING:
            for (caller, _, _), (_, called, took, _) in callers.items():
                if not caller.endswith(THREADS):
                    yield room(caller), called, took


def rooms(stats: dict[Function, Any], answers: int) -> list[list[str]]:
    """A line for each room: calls for an answer, and how much of the time between them."""
    calls, seconds = Counter[str](), Counter[str]()
    for place, count, own in _placed(stats):
        calls[place] += count
        seconds[place] += own
    whole = seconds.total()
    lines = [[name, f"{calls[name] / answers:,.0f}", f"{share / whole:.0%}"] for name, share in seconds.most_common()]
    return [["in", "calls", "time"], *lines, ["all", f"{calls.total() / answers:,.0f}", ""]]


def main() -> int:
    """Exit codes: 0 profiled, 1 an answer was wrong or something did not start, 2 the call is wrong."""
    parser = argparse.ArgumentParser(
        prog="bench/profile", description="Profiles `glassgate serve` under h2load with 16 connections that stay."
    )
    parser.add_argument("--top", type=int, metavar="N", help="show the N functions that take most by themselves, too")
    parser.add_argument("--publish", action="store_true", help="write the table into docs/performance.md")
    asked = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    with tempfile.TemporaryDirectory(prefix="glassgate-profile-") as folder:
        try:
            profiled = Profiled(Path(folder))
            stats = profiled.run()
        except (StartError, WrongAnswer, OSError) as fault:
            print(f"bench: {fault}", file=sys.stderr)
            return 1
    found = table(rooms(stats.stats, profiled.answers))  # type: ignore[attr-defined]
    print(found)
    if asked.top:
        stats.sort_stats("tottime").print_stats(asked.top)
    if asked.publish:
        publish.write_part("profile", found + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
