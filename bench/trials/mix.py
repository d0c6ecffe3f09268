"""The trial of mixed load: many kinds of clients at once for minutes, and an origin that is restarted now and then."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.process import pinned
from bench.trials.attempts import SETTLING, Watch
from bench.trials.findings import MIB, Finding, Used
from bench.trials.ground import ROOT, WIKI, Ground
from bench.trials.marks import BROKEN
from bench.trials.mix_clients import KINDS, UPGRADE, Failure, Mix

USERS = ("alice", "bob", "carol", "dan", "erin", "frank", "grace")
RESTARTS = 20.0  # seconds between two restarts of the origin
DOWN = 0.5  # seconds that it is away, at least
SLACK = 1.0  # seconds after a restart, for what was under way
SLACK_OF = {"slow-readers": 6.0}  # who first read, at their pace, all that the systems between had taken before it
SAMPLES = 1.0  # seconds
GROWTH = 0.05  # of the resident memory: what the last third may have more than the middle one
ENOUGH = 120.0  # seconds after which memory is judged: caches and the allocator's own have filled
SEED = 1
NOT_THERE = "502"
ONCE = frozenset(("POST", "PUT", UPGRADE))  # what is not sent again on another connection

type Window = tuple[float, float]  # from when to when (monotonic) the origin was away
type Sample = tuple[int, int]  # resident bytes, descriptors


@dataclass(frozen=True, slots=True)
class Sorted:
    """What did not get its answer, of one kind of client: what may be so, and what may not."""

    restarting: int  # while the origin was restarted: an answer of the gate's that says so, or a cut
    unsafe: int  # with a body, on a connection that the origin had just ended: it is not sent twice
    lost: list[Failure]


def trial(seconds: float, ground: Ground) -> Iterator[Finding]:
    """All kinds at once for so long; then a finding for each kind, and for memory and descriptors."""
    cookies = {user: ground.cookie_of(user) for user in USERS}
    asked = Mix(ground.client.port, f"{WIKI}.localhost", str(ground.client.ca), cookies, seconds, SEED)
    watch, begin = Watch(ground.serve), time.monotonic()
    report, windows, samples = _run(asked, ground)
    used, took = watch.used(SETTLING), time.monotonic() - begin
    failures = [Failure(**one) for one in report["lost"]]
    for kind in [*KINDS, ""]:
        of_kind = [one for one in failures if one.kind == kind]
        if kind or of_kind:
            yield _of_kind(kind, report, sort(of_kind, windows), seconds)
    yield Finding(
        "mix", "answers for somebody else", f"{len(USERS)} visitors", f"{len(report['mixed'])}", "0", seconds,
        amiss="; ".join(report["mixed"][:3]),
    )  # fmt: skip
    yield _of_gate(samples, used, took, len(windows))


def _run(asked: Mix, ground: Ground) -> tuple[dict[str, Any], list[Window], list[Sample]]:
    """Run the clients to their end; look at the gate and restart the origin meanwhile."""
    windows: list[Window] = []
    samples: list[Sample] = []
    command = [*pinned(ground.load), sys.executable, "-m", "bench.trials.mix_clients"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        try:
            if clients.stdin:
                clients.stdin.write(json.dumps(asdict(asked)))
                clients.stdin.close()
            begin = time.monotonic()
            while (passed := time.monotonic() - begin) < asked.seconds:
                samples.append((ground.serve.resident(), ground.serve.descriptors()))
                ground.serve.check()
                if passed > (len(windows) + 0.5) * min(RESTARTS, asked.seconds / 2):
                    windows.append(_restart(ground))
                    ground.told(f"mix: {passed:.0f} of {asked.seconds:.0f} s")
                time.sleep(SAMPLES)
            said = clients.stdout.read() if clients.stdout else ""
        finally:
            clients.kill()
    return json.loads(said), windows, samples


def _restart(ground: Ground) -> Window:
    begin = time.monotonic()
    ground.origin.stop()
    time.sleep(DOWN)
    ground.origin.start()
    return begin, time.monotonic()


def sort(failures: Sequence[Failure], windows: Sequence[Window]) -> Sorted:
    """What HTTP promises nobody, and what is a fault."""
    restarting = [one for one in failures if during(one, windows) and not _is_strange(one)]
    others = [one for one in failures if one not in restarting]
    unsafe = [one for one in others if one.said == NOT_THERE and one.method in ONCE]
    return Sorted(len(restarting), len(unsafe), [one for one in others if one not in unsafe])


def _is_strange(failure: Failure) -> bool:
    """Whether the gate said something that has nothing to do with an origin that is away."""
    return failure.said.isdecimal() and int(failure.said) not in BROKEN


def during(failure: Failure, windows: Sequence[Window]) -> bool:
    """Whether something was under way while the origin was restarted, and ended by it: not a minute later."""
    slack = SLACK_OF.get(failure.kind, SLACK)
    return any(failure.begin <= end + SLACK and begin <= failure.end <= end + slack for begin, end in windows)


def grown(samples: Sequence[int]) -> float:
    """How much the last third has more than the middle one: 0.1 is a tenth."""
    third = len(samples) // 3
    middle, last = median(samples[third : 2 * third]), median(samples[2 * third :])
    return last / middle - 1


def _of_kind(kind: str, report: dict[str, Any], failures: Sorted, seconds: float) -> Finding:
    right, left = report["right"].get(kind, 0), report["left"].get(kind, 0)
    count = KINDS[kind][1] if kind else 0
    came = [f"{right:,} right"]
    for number, said in [
        (left, "given up by the client"), (failures.restarting, "while the origin restarted"),
        (failures.unsafe, "not sent twice"), (len(failures.lost), "LOST"),
    ]:  # fmt: skip
        if number:
            came.append(f"{number:,} {said}")
    amiss = "; ".join(f"{one.method} {one.said}" for one in failures.lost[:3])
    if kind and not right and not left:
        amiss = amiss or "no answer at all"
    return Finding("mix", kind or "connections", f"{count} clients", ", ".join(came), "none lost", seconds, amiss=amiss)


def _of_gate(samples: Sequence[Sample], used: Used, took: float, restarts: int) -> Finding:
    """Whether memory and descriptors stay where they are."""
    resident, opened = zip(*samples, strict=True)
    came, amiss = f"up to {max(opened)} descriptors", ""
    if took > ENOUGH:
        memory, descriptors = grown(resident), grown(opened)
        tenths = [resident[len(resident) * tenth // 10] / MIB for tenth in range(10)]
        came += f"; memory {memory:+.1%}, descriptors {descriptors:+.1%} from the middle third to the last"
        came += "; MiB at each tenth: " + ", ".join(f"{one:.0f}" for one in tenths)
        if memory > GROWTH:
            amiss = f"memory grows: {memory:+.1%}"
    if used.open_after > used.open_before:
        amiss = f"{used.open_after - used.open_before} sockets are open that were not before"
    if max(resident) > 1024 * MIB:
        amiss = f"{max(resident) / MIB:.0f} MiB"
    sent = f"{restarts} restarts of the origin"
    return Finding("mix", "the gate", sent, came, "flat", took, used, amiss)
