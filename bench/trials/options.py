"""The command line of the trials, and the table of them. A new one is a row of `trials`."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.trials import bulk, counts, ends, floods, heads, mix, programs, slow, talks, times
from bench.trials.findings import Finding
from bench.trials.ground import Ground

type Run = Callable[[Ground], Iterator[Finding]]

MINUTES = 10.0
QUICK = {"minutes": 0.5, "clients": 500, "share": 0.1}


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial, on a gate of its own with these `limits` in its configuration."""

    name: str
    says: str
    run: Run
    limits: Mapping[str, object] = field(default_factory=dict)


def trials(*, minutes: float = MINUTES, clients: float = 5000, share: float = 1.0) -> list[Trial]:
    """All of them: so many minutes of mixed load, so many slow clients, this share of what is sent in bulk."""
    return [
        Trial("heads", "heads and addresses that are too long", heads.HEADS),
        Trial("bodies", "bodies that are too long, or not wanted", heads.BODIES),
        Trial("http2", "floods of frames, streams taken back, heads without an end", floods.FLOODS),
        Trial("websockets", "messages that are too big, in too many pieces", talks.TALKS),
        Trial("times", "clients and origins that take too long", times.TIMES, times.LIMITS),
        Trial("counts", "too many connections", counts.COUNTS, counts.LIMITS),
        Trial("end", "SIGTERM, and an answer that is under way", ends.IN_TIME, ends.LIMITS),
        Trial("end-late", "SIGTERM, and an answer that would take too long", ends.TOO_LATE, ends.LIMITS),
        Trial("bulk", "200 MB that nobody is signed in for, 40 MB of header lines", bulk.trial(share)),
        Trial("slow", "5,000 clients that have sent half a head", partial(slow.trial, int(clients))),
        Trial("mix", "all kinds of clients at once, and an origin that restarts", partial(mix.trial, minutes * 60)),
        Trial("programs", "curl, h2load, wrk, autocannon, h2spec", programs.trial),
    ]


def read(arguments: Sequence[str]) -> list[Trial]:
    """What the command line asks for. Ends the program with 2 where it is wrong, as argparse does."""
    names = [one.name for one in trials()]
    parser = argparse.ArgumentParser(
        prog="bench/strain", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Tries glassgate serve under strain, from outside.",
        epilog="\n".join(["trials:", *(f"  {one.name:12}{one.says}" for one in trials())]),
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="less of everything: about five minutes")
    parser.add_argument("--only", metavar="NAME", action="append", choices=names, help="one trial; may be repeated")
    parser.add_argument("--minutes", type=float, help=f"of mixed load; {MINUTES:g}, or a half with --quick")
    said = parser.parse_args(arguments)
    if said.minutes is not None and said.minutes <= 0:
        parser.error("--minutes is more than 0")
    much = {**(QUICK if said.quick else {}), **({"minutes": said.minutes} if said.minutes else {})}
    return [one for one in trials(**much) if not said.only or one.name in said.only]
