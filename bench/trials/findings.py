"""What the trials found, as values, as JSON and as tables."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from bench.figures import short

FORMAT = 1
MIB = 1024 * 1024
WIDEST = 46  # characters of a column


@dataclass(frozen=True, slots=True)
class Used:
    """What the gate used: resident bytes before, at most, and after; open sockets before and after; seconds of CPU.

    Other descriptors say little: its store opens files as it needs them, and keeps them.
    """

    before: int
    peak: int
    after: int
    open_before: int
    open_after: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: what was sent, what came and what was to come, and what it cost the gate."""

    trial: str
    what: str
    sent: str
    came: str
    wanted: str
    seconds: float
    used: Used | None = None
    amiss: str = ""  # why it is not as it is to be; "" where it is
    tried: bool = True  # False: what it needs is not here


@dataclass(frozen=True, slots=True)
class Findings:
    """All of a run. `at` is its time in UTC, `head` what it was done on."""

    at: str
    head: dict[str, str]
    findings: list[Finding]

    @property
    def amiss(self) -> list[Finding]:
        """Those that are not as they are to be."""
        return [one for one in self.findings if one.amiss]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")


def text(findings: Findings) -> str:
    """Everything, for a terminal: a table for each trial, then what is amiss."""
    parts = ["\n".join(f"- {name}: {value}" for name, value in {"tried": findings.at, **findings.head}.items())]
    for trial, of_trial in groupby(findings.findings, lambda one: one.trial):
        parts.append(f"{trial}\n\n{table(list(of_trial))}")
    parts.append(verdict(findings))
    return "\n\n".join(parts) + "\n"


def verdict(findings: Findings) -> str:
    """The last words: how many were as they are to be, each that was not, and what was not tried."""
    amiss = [f"- {one.trial}, {one.what}: {one.amiss}" for one in findings.amiss]
    left = [f"- not tried: {one.what}: {one.came}" for one in findings.findings if not one.tried]
    count = len(findings.findings) - len(left)
    return "\n".join([f"{count - len(amiss)} of {count} as they are to be.", *amiss, *left])


HEAD = ("", "sent", "came", "to come", "seconds", "CPU", "memory, MiB", "sockets")


def table(findings: Sequence[Finding]) -> str:
    """A line a finding; those that are amiss begin with a cross. What is long goes on below."""
    rows = [_cells(HEAD), *(_cells(_row(one)) for one in findings)]
    widths = [max(len(line) for row in rows for line in row[column]) for column in range(len(HEAD))]
    lines = [line for row in rows for line in _lines(row, widths)]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _row(one: Finding) -> Sequence[str]:
    mark = "✗" if one.amiss else "✓" if one.tried else "–"
    used = one.used
    memory = f"{_mib(used.before)} → {_mib(used.after)}, peak {_mib(used.peak)}" if used else ""
    opened = f"{used.open_before} → {used.open_after}" if used else ""
    cpu = f"{used.cpu:.2f}" if used else ""
    return (f"{mark} {one.what}", one.sent, one.came, one.wanted, short(one.seconds), cpu, memory, opened)


def _cells(row: Iterable[str]) -> list[list[str]]:
    return [textwrap.wrap(cell, WIDEST) or [""] for cell in row]


def _lines(row: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterable[str]:
    for number in range(max(map(len, row))):
        cells = (cell[number] if number < len(cell) else "" for cell in row)
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _mib(size: int) -> str:
    return f"{size / MIB:.0f}"


def size(count: int) -> str:
    """So many bytes, as one says them."""
    if count < 10_000:
        return f"{count:,} B"
    return f"{short(count / 1e6)} MB" if count >= 1_000_000 else f"{count / 1000:.0f} KB"
