"""One program under measurement: started by us, pinned, asked what it used, and ended by its own handle."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

TICK = 1 / os.sysconf("SC_CLK_TCK")
PATIENCE = 10.0  # seconds for an end, and for getting quiet
PEAK_RESET = "5"  # what resets VmHWM, proc(5)


class StartError(Exception):
    """A program did not start, or ended by itself; the text has its last lines."""


class Process:
    """A program in a session of its own, so that its children are found and counted with it."""

    def __init__(self, command: Sequence[str], folder: Path, *, cores: Sequence[int], env: Mapping[str, str]) -> None:
        self._log = folder / "output.txt"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [*pinned(cores), *command], cwd=folder, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def check(self) -> None:
        """Raises StartError where it has ended."""
        if self._process.poll() is not None:
            said = self._log.read_text("utf-8", "replace").splitlines()[-8:]
            raise StartError(f"it ended with {self._process.returncode}: " + " | ".join(said))

    def cpu(self) -> float:
        """Seconds of CPU so far, of it and its children, in steps of a tick (10 ms)."""
        # User and system time, and the same of children that have ended: fields 14 to 17 of proc(5).
        return sum(sum(map(int, fields[11:15])) for _, fields in self._members()) * TICK

    def forget_peak(self) -> None:
        """Let `peak` count from now."""
        for pid, _ in self._members():
            Path(f"/proc/{pid}/clear_refs").write_text(PEAK_RESET)

    def peak(self) -> int:
        """The most resident memory, in bytes; of several processes the sum of theirs."""
        return sum(_memory(pid, "VmHWM") for pid, _ in self._members())

    def resident(self) -> int:
        """Resident memory now, in bytes; of several processes the sum of theirs."""
        return sum(_memory(pid, "VmRSS") for pid, _ in self._members())

    def descriptors(self) -> int:
        """How many descriptors are open."""
        return sum(1 for pid, _ in self._members() for _ in _open(pid))

    def sockets(self) -> int:
        """How many of them are sockets."""
        return sum(one.startswith("socket:") for pid, _ in self._members() for one in _open(pid))

    def settle(self) -> None:
        """Wait till it does nothing any more, so that it does not work on while the next one is measured."""
        until = time.monotonic() + PATIENCE
        before, now = -1.0, self.cpu()
        while now - before > TICK / 2 and time.monotonic() < until:
            time.sleep(0.05)
            before, now = now, self.cpu()

    def ask_to_end(self) -> None:
        """Send SIGTERM, and do not wait."""
        self._process.terminate()

    def ended(self, patience: float) -> int | None:
        """Wait for an end that was asked for; its exit code, None where it goes on."""
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Ask it to end, wait, and insist."""
        if self._process.poll() is None:
            self.ask_to_end()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pid, _ in self._members():  # children of a parent that left them
            os.kill(pid, signal.SIGKILL)

    def _members(self) -> Iterator[tuple[int, list[str]]]:
        """The processes of its session, each with its fields of proc(5) from the third on."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            if int(fields[3]) == self._process.pid and fields[0] != "Z":
                yield int(folder.name), fields


def _memory(pid: int, kind: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(kind)), 0)


def _open(pid: int) -> Iterator[str]:
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            yield str(one.readlink())


def pinned(cores: Sequence[int]) -> list[str]:
    """What goes before a command so that it runs on these cores alone; nothing where none are named."""
    return ["taskset", "-c", ",".join(map(str, cores))] if cores else []
