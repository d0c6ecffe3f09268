"""All that runs during a run: the origin, the echo behind it, and every candidate, each on its core."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import origin
from bench.asked import SMALL
from bench.candidates import Candidate, Place
from bench.process import Process, StartError
from bench.target import Target, WrongAnswer
from bench.tools import curl

STARTING = 30.0  # seconds that a start may take


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores do what. The load and the origin share one where there are but two; () is any."""

    load: tuple[int, ...]
    origin: tuple[int, ...]
    candidate: tuple[int, ...]

    @classmethod
    def of(cls, there: Sequence[int]) -> "Cores":
        """Share out the cores that are there: one for the candidate, for itself alone, as soon as there are two."""
        if len(there) < 2:
            return cls((), (), ())
        return cls((there[0],), (there[1 if len(there) > 2 else 0],), (there[-1],))


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate that runs and answers."""

    candidate: Candidate
    process: Process
    target: Target


@contextlib.contextmanager
def stage(candidates: Sequence[Candidate], folder: Path, told: Callable[[str], object]) -> Iterator[list[Standing]]:
    """Start everything, and end it again. Raises StartError where something does not start."""
    cores = Cores.of(sorted(os.sched_getaffinity(0)))
    origin_port, echo_port, *ports = free_ports(2 + len(candidates))
    certificate = folder / "certs" / "edge.pem"
    with contextlib.ExitStack() as stack:

        def start(command: Sequence[str], place: Path, where: tuple[int, ...], env: object = None) -> Process:
            place.mkdir(parents=True, exist_ok=True)
            return stack.enter_context(Process(command, place, cores=where, env=dict(env or {})))  # type: ignore[call-overload]

        start((sys.executable, str(origin.ECHO), str(echo_port)), folder / "echo", cores.origin)
        behind = folder / "origin"
        start(origin.write_origin(behind, port=origin_port, echo=echo_port), behind, cores.origin)
        standing = []
        for number, (candidate, port) in enumerate(zip(candidates, ports, strict=True)):
            told(f"starting {candidate.name}")
            place = Place(folder / f"candidate-{number}", port, origin_port, echo_port, certificate)
            program = candidate.make(place)
            process = start(program.command, place.folder, cores.candidate, program.env)
            scratch = place.folder / "client"
            scratch.mkdir()
            target = Target(port, program.cookie, certificate.with_name("ca.pem"), scratch, cores.load)
            standing.append(Standing(candidate, process, target))
        for one in standing:
            wait_for(one)
        yield standing


def wait_for(one: Standing) -> None:
    """Wait till it answers as it must. Raises StartError."""
    until = time.monotonic() + STARTING
    while True:
        one.process.check()
        try:
            curl.check(one.target, SMALL)
        except WrongAnswer as fault:
            if time.monotonic() > until:
                raise StartError(f"{one.candidate.name} does not answer: {fault}") from fault
            time.sleep(0.1)
        else:
            return


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
