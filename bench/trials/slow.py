"""The trial of slow clients: thousands that have sent half a head, while alice works."""

import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median

from bench.process import pinned
from bench.trials import marks
from bench.trials.attempts import Watch
from bench.trials.findings import Finding
from bench.trials.ground import ROOT, WIKI, Ground
from bench.trials.raw import ask
from bench.trials.slow_clients import Report, Slow

ALONE = 5.0  # seconds for which alice works without them
BETWEEN = 0.02  # seconds between two requests of hers
BEARABLE = 1.0  # seconds: what her worst request may take
HEAD = 10.0  # seconds that the gate gives a head


@dataclass
class Alice:
    """A visitor who works: a request every 20 ms on a connection that stays, and now and then on a new one."""

    ground: Ground
    times: list[float] = field(default_factory=list)
    amiss: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        """Till she is stopped."""
        while not self.stopped.is_set():
            try:
                with self.ground.client.connect() as connection:
                    for _ in range(50):
                        self._ask(connection)
                        if self.stopped.wait(BETWEEN):
                            return
            except OSError as fault:
                self.amiss.append(f"{type(fault).__name__}: {fault}")

    def _ask(self, connection: ssl.SSLSocket) -> None:
        asked = marks.Ask(f"alice-{len(self.times)}", "alice", "POST", sends=200, wants=2000)
        begin = time.monotonic()
        answer = ask(connection, self.ground.client, asked, self.ground.cookies[WIKI])
        self.times.append(time.monotonic() - begin)
        said = marks.wrong(asked, answer) if answer.status == 200 else str(answer.status)
        if said:
            self.amiss.append(said)

    @property
    def said(self) -> str:
        """Her times, in words."""
        if not self.times:
            return "no answer"
        middle, worst = median(self.times) * 1000, max(self.times) * 1000
        return f"{len(self.times)} answers, median {middle:.1f} ms, worst {worst:.0f} ms"


@contextmanager
def working(ground: Ground) -> Iterator[Alice]:
    """Alice, who works meanwhile."""
    alice = Alice(ground)
    thread = threading.Thread(target=alice.work)
    thread.start()
    try:
        yield alice
    finally:
        alice.stopped.set()
        thread.join()


def trial(count: int, ground: Ground) -> Iterator[Finding]:
    """So many slow clients; alice's times without them, while they come, while they are there, and afterwards."""
    watch = Watch(ground.serve)
    yield _of_alice(ground, "alice, alone", lambda: time.sleep(ALONE))
    ground.told(f"slow: {count:,} slow clients connect")
    command = [*pinned(ground.load), sys.executable, "-m", "bench.trials.slow_clients"]
    asked = Slow(count, ground.client.port, f"{WIKI}.localhost", str(ground.client.ca))
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        try:
            talk = _Talk(clients)
            talk.say(json.dumps(asdict(asked)))
            yield _of_alice(ground, f"alice, while {count:,} connect", talk.hear)
            opened, resident = ground.serve.sockets(), ground.serve.resident()
            ground.told("slow: each sends half a head")
            begin = time.monotonic()
            yield _of_alice(ground, f"alice, while {count:,} have sent half a head", lambda: talk.go_on())
            report = Report(**json.loads(talk.said))
        finally:
            clients.kill()
    used = watch.used()
    yield _of_alice(ground, "alice, afterwards", lambda: time.sleep(ALONE))
    ends = ", ".join(f"{number:,} x {said}" for said, number in sorted(report.ends.items()))
    came = f"{ends}; after {report.first:.1f} to {report.last:.1f} s"
    per_client = (resident - used.before) / max(report.connected, 1) / 1000
    sent = f"half a head, {opened - used.open_before:,} sockets, {per_client:.0f} KB each"
    wanted = f"{count:,} x 408; after {HEAD:g} s"
    amiss = "" if dict(report.ends) == {"408": count} else f"{ends}, and {count:,} x 408 was to come"
    if used.open_after > used.open_before:
        amiss = f"{used.open_after - used.open_before} sockets are open that were not before"
    yield Finding("slow", f"{count:,} slow clients", sent, came, wanted, time.monotonic() - begin, used, amiss)


@dataclass
class _Talk:
    """What is said with the process of the slow clients."""

    process: subprocess.Popen[str]
    said: str = ""

    def say(self, line: str) -> None:
        """Tell it something."""
        if self.process.stdin:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def hear(self) -> None:
        """Wait for its next line."""
        self.said = self.process.stdout.readline() if self.process.stdout else ""

    def go_on(self) -> None:
        """Have it go on, and wait for its next line."""
        self.say("")
        self.hear()


def _of_alice(ground: Ground, what: str, meanwhile: Callable[[], object]) -> Finding:
    begin = time.monotonic()
    with working(ground) as alice:
        meanwhile()
    amiss = alice.amiss[0] if alice.amiss else ""
    if not amiss and max(alice.times, default=BEARABLE + 1) > BEARABLE:
        amiss = f"she waited for more than {BEARABLE:g} s"
    sent = "a POST every 20 ms"
    return Finding("slow", what, sent, alice.said, f"worst below {BEARABLE:g} s", time.monotonic() - begin, amiss=amiss)
