"""The bench's command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.candidates import BASE, CANDIDATES, Candidate
from bench.loads import LOADS, Load

EPILOG = "Reads and says more: bench/README.md."


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: a load is in the first `rounds` rounds, a core or unsteady one in the first `core_rounds`;
    what would not be over in `seconds` is left out."""

    candidates: tuple[Candidate, ...]
    loads: tuple[Load, ...]
    rounds: int
    core_rounds: int
    seconds: float
    whole: bool  # every load and candidate, in all rounds: what may be published

    def in_round(self, number: int) -> list[Load]:
        """The loads of a round; the first is number 0."""
        often = number < self.core_rounds
        return [load for load in self.loads if number < self.rounds or (often and (load.core or load.unsteady))]


@dataclass(frozen=True, slots=True)
class Options:
    """`given`: results to read instead of measuring. `publish`: write them into the documents."""

    plan: Plan
    given: Path | None
    publish: bool


def read(arguments: Sequence[str]) -> Options:
    """Read the command line. Ends the program with 2 where it is wrong, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="bench/run", epilog=EPILOG, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Measures glassgate and what one would run instead, all in one run.",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="core loads alone, two rounds: under 90 seconds")
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help=f"{_names()}; may be repeated")
    parser.add_argument("--from", dest="given", type=Path, metavar="FILE", help="show these results, measure nothing")
    parser.add_argument(
        "--publish", action="store_true", help="write the results into docs/performance.md and its chart"
    )
    said = parser.parse_args(arguments)
    unknown = set(said.only) - {one.name for one in (*CANDIDATES, *LOADS)}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are the {_names()}")
    if said.publish and not said.given and (said.quick or said.only):
        parser.error("a part of the bench is not published; leave out --quick and --only")
    return Options(plan(said.only, quick=said.quick), said.given, said.publish)


def plan(only: Sequence[str], *, quick: bool) -> Plan:
    """The loads and candidates that are named; of a kind of which none is named, all. What is compared with stays."""
    named = {one.name for one in CANDIDATES} & set(only)
    candidates = tuple(one for one in CANDIDATES if not named or one.name in {*named, BASE})
    loads = tuple(one for one in LOADS if one.name in only) or tuple(one for one in LOADS if one.core or not quick)
    if quick:
        return Plan(candidates, loads, rounds=2, core_rounds=2, seconds=80, whole=False)
    return Plan(candidates, loads, rounds=3, core_rounds=5, seconds=570, whole=not only)


def _names() -> str:
    loads, candidates = ", ".join(one.name for one in LOADS), ", ".join(one.name for one in CANDIDATES)
    return f"loads {loads}, and the candidates {candidates}"
