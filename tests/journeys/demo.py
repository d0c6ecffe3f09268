"""The demo as a user starts it: `glassgate up`, or `mitmdump -s`, a process in a folder of its own, on free ports."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "glassgate"]
SCRIPT = ROOT / "addon" / "glassgate" / "mitm" / "script.py"
STOCK_READY = "gate.invalid:1 listening"  # what mitmproxy says once the gate has taken over its listener
STARTING = 60  # seconds that a start may take on a busy machine


# Below those that systems give to whoever connects, and each process of a run has its own: another's might be taken
# before a gate listens there.
WORKER, WORKERS = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
RANGE = range(10_000 + int(WORKER.removeprefix("gw")), 32_000, int(WORKERS))
PORTS = random.Random(os.urandom(8)).sample(RANGE, len(RANGE))


def free_ports(count):
    """Ports that nobody listens on, all different, and none of them given out before."""
    return [next(port for port in iter(PORTS.pop, None) if is_free(port)) for _ in range(count)]


def is_free(port):
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def stock(demo, program="mitmdump", *more, script=SCRIPT):
    """The command line of a program of mitmproxy's, as the docs give it, with a folder for its own files."""
    return [
        str(Path(sys.executable).parent / program), "-s", str(script),
        "--mode", f"reverse:http://127.0.0.1:{demo.wiki_port}@127.0.0.1:{demo.port}",
        "--set", "glassgate_config=config.yaml", "--set", "confdir=mitmproxy", *more,
    ]  # fmt: skip


def environment():
    """What a gate's process needs of ours."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "addon"), "PYTHONUNBUFFERED": "1"}


@dataclass
class Demo:
    """A folder with a configuration, and the process that runs it."""

    folder: Path
    port: int
    wiki_port: int
    payroll_port: int
    metrics_port: int
    process: subprocess.Popen | None = None
    command: list = field(default_factory=lambda: [*PROGRAM, "up"])
    ready: str = "glassgate is up."

    @property
    def config(self):
        return self.folder / "config.yaml"

    @property
    def ca(self):
        return self.folder / "certs" / "ca.pem"

    @property
    def output(self):
        return (self.folder / "output.txt").read_text("utf-8", "replace")

    def url(self, name, target="/"):
        return f"https://{name}.localhost:{self.port}{target}"

    def origin_log(self, kind):
        path = self.folder / "state" / "lab" / f"{kind}.log"
        return path.read_text().splitlines() if path.exists() else []

    def change(self, edit):
        """Rewrite the configuration as a program would."""
        given = yaml.safe_load(self.config.read_text())
        edit(given)
        self.config.write_text(yaml.safe_dump(given))

    def start(self):
        """Start the process, and wait till it answers."""
        with (self.folder / "output.txt").open("ab") as output:
            before = output.tell()
            self.process = subprocess.Popen(
                [*self.command], cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        until = time.monotonic() + STARTING
        while self.ready not in self.output[before:] or not self._listens():
            if self.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"it did not start ({self.process.poll()}): {self.output[before:]}")
            time.sleep(0.03)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        """Ctrl-C, and no mercy for what does not heed it."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def memory(self):
        """Resident memory now, in bytes."""
        return self._status("VmRSS")

    @property
    def peak(self):
        """The most resident memory so far, in bytes."""
        return self._status("VmHWM")

    def _status(self, name):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def prepare(folder, edit=lambda config: None, *, front="driver", **more):
    """A folder with the repository's config.yaml, moved to free ports.

    Tests take this from the fixture `prepare`, and `running` from `running_demo`: these say on which front end.
    """
    port, wiki, payroll, metrics = free_ports(4)
    folder.mkdir(parents=True, exist_ok=True)
    demo = Demo(folder, port, wiki, payroll, metrics, **more)
    if front == "stock":
        demo.command, demo.ready = stock(demo), STOCK_READY
    text = (ROOT / "config.yaml").read_text()
    for old, new in ((8443, port), (9000, wiki), (9001, payroll), (9464, metrics)):
        text = text.replace(f":{old}", f":{new}")
    demo.config.write_text(text)
    demo.change(edit)
    return demo


@contextlib.contextmanager
def running(folder, edit=lambda config: None, **more):
    """A demo that runs."""
    demo = prepare(folder, edit, **more)
    try:
        demo.start()
        yield demo
    finally:
        demo.stop()
