"""One attempt at the gate: what it is, what is to come of it, and what it may cost."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from bench.process import Process
from bench.trials.findings import MIB, Finding, Used
from bench.trials.ground import Ground

SETTLING = 10.0  # seconds until every connection has gone that is to go: those to origins are kept for one


@dataclass(frozen=True, slots=True)
class Came:
    """What an attempt sent, in words, and what came of it; of a stream of bytes, how many the gate took."""

    sent: str
    said: str
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that is tried. `wanted` is a pattern that all of what came must match; `seconds` is from when to when
    it must come, `memory` how many bytes and `cpu` how many seconds the gate may need meanwhile, `takes` how many bytes
    it may take from the client."""

    what: str
    wanted: str
    run: Callable[[Ground], Came]
    seconds: tuple[float, float] = (0.0, 30.0)
    memory: int = 32 * MIB
    takes: int = 64 * MIB
    cpu: float = 1.0


class Watch:
    """Sees what the gate uses from now on."""

    def __init__(self, serve: Process) -> None:
        self._serve = serve
        serve.forget_peak()
        self.before, self.open_before, self._cpu = serve.resident(), serve.sockets(), serve.cpu()

    def used(self, patience: float = SETTLING) -> Used:
        """What was used so far; waits till no more is open than before, if need be for `patience` seconds."""
        peak, cpu, until = self._serve.peak(), self._serve.cpu() - self._cpu, time.monotonic() + patience
        while (opened := self._serve.sockets()) > self.open_before and time.monotonic() < until:
            time.sleep(0.05)
        return Used(self.before, peak, self._serve.resident(), self.open_before, opened, cpu)


@dataclass(frozen=True, slots=True)
class Table:
    """A trial that is a table of attempts, one after the other."""

    name: str
    attempts: Sequence[Attempt]

    def __call__(self, ground: Ground) -> Iterator[Finding]:
        """Try each of them."""
        for attempt in self.attempts:
            yield tried(self.name, attempt, ground)

    @classmethod
    def of(cls, name: str, *attempts: Attempt) -> Self:
        """Such a trial."""
        return cls(name, attempts)


def tried(trial: str, attempt: Attempt, ground: Ground) -> Finding:
    """Try it, and judge. Raises StartError where the gate has ended."""
    ground.told(f"{trial}: {attempt.what}")
    watch, begin = Watch(ground.serve), time.monotonic()
    try:
        came = attempt.run(ground)
    except OSError as fault:
        came = Came("", f"{type(fault).__name__}: {fault}")
    seconds = time.monotonic() - begin
    used = watch.used()
    ground.serve.check()
    amiss = judged(attempt, came, seconds, used) or _afterwards(ground)
    return Finding(trial, attempt.what, came.sent, came.said, attempt.wanted, seconds, used, amiss)


def _afterwards(ground: Ground) -> str:
    said = ground.works()
    return f"alice, afterwards: {said}" if said else ""


def judged(attempt: Attempt, came: Came, seconds: float, used: Used) -> str:
    """What is not as it is to be; "" where all is."""
    least, most = attempt.seconds
    if not re.fullmatch(attempt.wanted, came.said):
        return f"{came.said!r} came, {attempt.wanted!r} was to come"
    if not least <= seconds <= most:
        return f"it took {seconds:.1f} s, and was to take from {least:g} to {most:g}"
    if came.taken > attempt.takes:
        return f"it took {came.taken / MIB:.1f} MiB from the client, {attempt.takes / MIB:.0f} are the most"
    if used.peak - used.before > attempt.memory:
        return f"it needed {(used.peak - used.before) / MIB:.0f} MiB of memory, {attempt.memory / MIB:.0f} are the most"
    if used.cpu > attempt.cpu:
        return f"it needed {used.cpu:.2f} s of CPU, {attempt.cpu:g} are the most"
    if used.open_after > used.open_before:
        return f"{used.open_after - used.open_before} sockets are open that were not before"
    return ""
