"""What it was measured on: the machine, the versions, and how quiet it was."""

import os
import platform
import re
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Self

from bench.stage import Cores

# How each tool says its version, and where in what it says.
TOOLS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "nginx": (("nginx", "-v"), r"nginx/(\S+)"),
    "wrk": (("wrk", "-v"), r"wrk \D*(\d[\d.]*)"),
    "h2load": (("h2load", "--version"), r"nghttp2/(\S+)"),
    "curl": (("curl", "--version"), r"curl (\S+)"),
}


def head(root: Path) -> dict[str, str]:
    """The machine and the versions, a line each."""
    there = sorted(os.sched_getaffinity(0))
    cores = Cores.of(there)
    return {
        "machine": f"{_cpu()}, {len(there)} cores, {_memory()} GiB; Linux {platform.release()}",
        "cores": ", ".join(f"{name} on {','.join(map(str, which)) or 'any'}" for name, which in asdict(cores).items()),
        "python": f"{platform.python_version()}, mitmproxy {version('mitmproxy')}, {ssl.OPENSSL_VERSION}",
        "glassgate": _commit(root),
        "tools": ", ".join(f"{name} {_version(name)}" for name in TOOLS),
    }


@dataclass(frozen=True, slots=True)
class Busy:
    """Seconds of CPU since the machine started: all that was used, and what its host took from it (steal)."""

    used: float
    stolen: float

    @classmethod
    def now(cls) -> Self:
        """Read /proc/stat: user nice system idle iowait irq softirq steal."""
        said = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        user, nice, system, _, _, irq, softirq, steal = (int(one) / os.sysconf("SC_CLK_TCK") for one in said)
        return cls(user + nice + system + irq + softirq, steal)


def quiet(before: Busy, after: Busy, ours: float, seconds: float) -> str:
    """How much of the machine others took meanwhile: `ours` is the CPU that this run used itself."""
    whole = seconds * (os.cpu_count() or 1)
    others = max(0.0, after.used - before.used - ours) / whole
    return f"other processes took {others:.0%} of the machine, its host {(after.stolen - before.stolen) / whole:.0%}"


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _version(tool: str) -> str:
    command, pattern = TOOLS[tool]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "?"


def _commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    changed = ", with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return f"{git('rev-parse', '--short', 'HEAD') or 'no commit'}{changed}"
