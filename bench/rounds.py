"""The rounds: every load, and under each every candidate in turn, so that what slows the machine slows all of them."""

import time
from collections.abc import Callable, Iterator, Sequence

from bench.candidates import BASE
from bench.loads import Load
from bench.options import Plan
from bench.process import StartError
from bench.results import Row, Sample
from bench.stage import Standing
from bench.target import WrongAnswer
from bench.tools import curl

type Told = Callable[[str], object]


def measure_all(plan: Plan, standing: Sequence[Standing], told: Told, began: float) -> list[Row]:
    """Measure as planned, and no longer than planned since `began` (monotonic); a row for each load and candidate."""
    rows = {
        (load.name, one.candidate.name): Row(load.name, one.candidate.name) for load in plan.loads for one in standing
    }
    took: dict[str, float] = {}
    for number in range(max(plan.rounds, plan.core_rounds)):
        for load in plan.in_round(number):
            start = time.monotonic()
            if start + took.get(load.name, 0.0) > began + plan.seconds:
                told(f"round {number + 1}: no time for {load.name}")
                continue
            told(f"round {number + 1}: {load.name}")
            measure_load(load, turned(standing, number), rows)
            took[load.name] = time.monotonic() - start
    return list(rows.values())


def turned(standing: Sequence[Standing], number: int) -> list[Standing]:
    """The candidates in another order each round, so that none is always the one after the same."""
    order = list(standing) if number % 2 == 0 else list(reversed(standing))
    by = (number // 2) % len(order)
    return order[by:] + order[:by]


def measure_load(load: Load, standing: Sequence[Standing], rows: dict[tuple[str, str], Row]) -> None:
    """Measure every candidate under one load once. Who failed before is not asked again."""
    found = {one.candidate.name: sample for one, sample in _samples(load, standing, rows)}
    base = found.get(BASE)
    for name, sample in found.items():
        row = rows[load.name, name]
        row.samples.append(sample)
        if base:
            row.base.append(base.rate)


def _samples(
    load: Load, standing: Sequence[Standing], rows: dict[tuple[str, str], Row]
) -> Iterator[tuple[Standing, Sample]]:
    for one in standing:
        row = rows[load.name, one.candidate.name]
        if row.failed:
            continue
        try:
            yield one, measure(load, one)
        except (WrongAnswer, StartError) as fault:
            row.failed = str(fault)


def measure(load: Load, one: Standing) -> Sample:
    """Look at one answer to its last byte, then load. Raises WrongAnswer, and StartError where the program is gone."""
    one.process.check()
    length = curl.check(one.target, load.ask)
    one.process.settle()
    one.process.forget_peak()
    before = one.process.cpu()
    count = load.run(one.target, load.ask, length)
    sample = Sample(count.rate, count.answers, one.process.cpu() - before, one.process.peak())
    one.process.settle()
    return sample
