"""What a trial is done on: a gate that runs, its origin, and visitors who are signed in there."""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.process import Process, StartError
from bench.signed_in import CONFIG, ENVIRONMENT, Gate, prepare, sign_in
from bench.stage import Cores, free_ports
from bench.trials import marks
from bench.trials.raw import SHORT, Client, ask

ROOT = Path(__file__).resolve().parents[2]
STARTING = 30.0  # seconds that a start may take
MAX_BODY = 100_000  # bytes, of the app `small`

# In the order of the configuration; the first is bench's own.
WIKI, SMALL, SILENT, FULL, GONE = APPS = ("wiki", "small", "silent", "full", "gone")
APP = """\
  - name: {name}
    domain: {name}.localhost
    origin: http://127.0.0.1:{port}{more}
    policies:
      - {{name: staff, decision: allow, include: [{{group: staff}}]}}
"""
LESS = f"\n    max_body: {MAX_BODY}"


@dataclass(frozen=True, slots=True)
class Ground:
    """`serve` is the gate's program. Cookies are Cookie headers: of alice, by app; of others at the wiki, by name."""

    folder: Path
    serve: Process
    origin: "Origin"
    gate: Gate
    client: Client
    cookies: Mapping[str, str]
    load: tuple[int, ...]  # cores for clients
    told: Callable[[str], object]

    def cookie_of(self, user: str) -> str:
        """Sign somebody else in at the wiki."""
        return sign_in(self.gate, user)

    def works(self) -> str:
        """Whether alice gets her page, by a connection of her own: "" where she does, or what she gets."""
        asked = marks.Ask("alice-looks", "alice")
        try:
            with self.client.connect() as connection:
                answer = ask(connection, self.client, asked, self.cookies[WIKI])
        except OSError as fault:
            return f"no answer: {type(fault).__name__}"
        return marks.wrong(asked, answer) if answer.status == 200 else f"{answer.status}"


@dataclass
class Origin:
    """The origin that answers with marks, at a port of its own, however often it is started."""

    port: int
    folder: Path
    cores: tuple[int, ...]
    process: Process | None = None

    def start(self) -> None:
        """Start it, and wait till it takes connections. Raises StartError."""
        command = (sys.executable, "-m", "bench.trials.origin", str(self.port))
        self.process = Process(command, self.folder, cores=self.cores, env={"PYTHONPATH": str(ROOT)})
        wait(lambda: _takes(self.port), self.process)

    def stop(self) -> None:
        """End it in the midst of whatever it does."""
        if self.process:
            self.process.end()


@contextlib.contextmanager
def ground(limits: Mapping[str, object], folder: Path, told: Callable[[str], object]) -> Iterator[Ground]:
    """Start a gate with these limits, and what belongs to it; end all of it. Raises StartError."""
    cores = Cores.of(sorted(os.sched_getaffinity(0)))
    port, origin_port, gone = free_ports(3)
    certificate = folder / "certs" / "edge.pem"
    with contextlib.ExitStack() as stack:
        silent, full = stack.enter_context(_silent()), stack.enter_context(_full())
        apps = {SMALL: (origin_port, LESS), SILENT: (silent, ""), FULL: (full, ""), GONE: (gone, "")}
        config = _config(apps, limits)
        gate = prepare(folder, port=port, origin=origin_port, certificate=certificate, config=config)
        cookies = {app: sign_in(gate, app=number) for number, app in enumerate(APPS)}
        (folder / "origin").mkdir()
        origin = Origin(origin_port, folder / "origin", cores.origin)
        stack.callback(origin.stop)
        origin.start()
        command = (sys.executable, "-O", "-P", "-m", "glassgate", "serve", "-c", "config.yaml")
        serve = stack.enter_context(Process(command, folder, cores=cores.candidate, env=ENVIRONMENT))
        client = Client(port, certificate.with_name("ca.pem"))
        made = Ground(folder, serve, origin, gate, client, cookies, cores.load, told)
        wait(lambda: not made.works(), serve)
        yield made


def _config(apps: Mapping[str, tuple[int, str]], limits: Mapping[str, object]) -> str:
    more = "".join(APP.format(name=name, port=port, more=more) for name, (port, more) in apps.items())
    text = CONFIG.replace("audit:", f"{more}audit:")
    # JSON is YAML. What nobody uses goes soon, so that what stays open is a leak.
    return text + f"limits: {json.dumps({'kept_time': '1s', **limits})}\n"


@contextlib.contextmanager
def _silent() -> Iterator[int]:
    """An origin that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def _full() -> Iterator[int]:
    """An origin that takes no connections any more: its queue is full, and nobody looks at it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def wait(condition: Callable[[], bool], process: Process) -> None:
    """Wait till something is so. Raises StartError where it is not in time, or the program has ended."""
    until = time.monotonic() + STARTING
    while not condition():
        process.check()
        if time.monotonic() > until:
            raise StartError("it does not answer")
        time.sleep(0.02)


def _takes(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), SHORT).close()
    except OSError:
        return False
    return True
