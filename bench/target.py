"""A candidate as a client sees it: where it is, who is signed in there, and whether its answers are right."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.asked import BROWSER, Ask
from bench.process import pinned
from bench.signed_in import WIKI

PATIENCE = 20  # seconds for one call of a tool, however slow the candidate is


class WrongAnswer(Exception):  # noqa: N818 - what was found, not what went wrong here
    """A candidate did not answer as it must; it is told as failed, never as fast."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client sends to. `folder` is for the client's own files."""

    port: int
    cookie: str
    ca: Path
    folder: Path
    cores: tuple[int, ...]

    def url(self, path: str, scheme: str = "https", host: str = WIKI) -> str:
        """An address there."""
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def resolved(self) -> str:
        """The address, as curl's --resolve takes it."""
        return f"{WIKI}:{self.port}:127.0.0.1"

    def headers(self, ask: Ask) -> list[str]:
        """A browser's headers for this request, as "name: value"."""
        cookie = [("cookie", self.cookie)] if ask.signed_in else []
        return [f"{name}: {value}" for name, value in (*BROWSER, *cookie)]

    def body(self, ask: Ask) -> Path:
        """A file with the body that the request sends."""
        path = self.folder / f"body-{ask.sends}"
        if not path.exists():
            path.write_bytes(b"x" * ask.sends)
        return path

    def run(self, command: Sequence[str], given: str = "") -> str:
        """Run a tool on the load's cores; what it printed. Raises WrongAnswer where it fails or hangs."""
        try:
            done = subprocess.run(
                [*pinned(self.cores), *command], cwd=self.folder, input=given, text=True, capture_output=True,
                timeout=PATIENCE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as fault:
            raise WrongAnswer(f"{command[0]} was not done after {PATIENCE} s") from fault
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-1:] or [""]
            raise WrongAnswer(f"{command[0]} ended with {done.returncode}: {said[0]}")
        return done.stdout


def flags(headers: Sequence[str]) -> list[str]:
    """Headers as wrk, h2load and curl take them."""
    return [part for header in headers for part in ("-H", header)]
