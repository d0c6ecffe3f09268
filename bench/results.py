"""What a run found, as values and as JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one candidate under one load."""

    rate: float  # in the load's unit
    answers: int  # all of them
    cpu: float  # seconds, of the candidate's processes, for all answers
    peak: int  # bytes of resident memory


@dataclass(slots=True)
class Row:
    """A candidate under a load: a sample for each round, with the base's rate in the same round. `failed` says why it
    has none that count."""

    load: str
    candidate: str
    samples: list[Sample] = field(default_factory=list)
    base: list[float] = field(default_factory=list)
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A load or a candidate, as the tables name it; `unit` is the load's."""

    name: str
    says: str
    unit: str = ""


@dataclass(slots=True)
class Results:
    """A whole run. `head` is the machine, the versions and how it was run, each a line."""

    at: str  # ISO 8601, UTC
    head: dict[str, str]
    loads: list[Named]
    candidates: list[Named]
    rows: list[Row]
    whole: bool  # every load and candidate, in all rounds

    def row(self, load: str, candidate: str) -> Row | None:
        """The row of a load and a candidate; None where it was not measured."""
        return next((row for row in self.rows if (row.load, row.candidate) == (load, candidate)), None)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote. Raises ValueError where it is of another format."""
        said: dict[str, Any] = json.loads(path.read_text())
        if said.pop("format", None) != FORMAT:
            raise ValueError(f"{path} is no file of results that this bench reads")
        loads, candidates = ([Named(**one) for one in said.pop(kind)] for kind in ("loads", "candidates"))
        rows = [Row(**{**row, "samples": [Sample(**one) for one in row["samples"]]}) for row in said.pop("rows")]
        return cls(**said, loads=loads, candidates=candidates, rows=rows)
