"""Reads an audit log back: its lines as they were written, and those that a question is about."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

RAY = re.compile(r"[0-9a-f]{16}")
ROTATED = (".1", "")  # what logrotate and the like moved aside last, then what is written now

type Line = Mapping[str, Any]


def every(path: Path) -> Iterator[Line]:
    """Every line of the log, the oldest first; half a line, which a crash leaves, is passed over.

    Raises OSError where the log is there and cannot be read.
    """
    return _lines(path, b"")


def about(path: Path, ray: str) -> tuple[Line, ...]:
    """What was told of one request, by its id. Raises OSError as `every` does."""
    return tuple(line for line in _lines(path, ray.encode()) if line.get("RayID") == ray)


def issued(path: Path, grant: str) -> Line | None:
    """The line of the token that is known by this beginning of a digest. Raises OSError as `every` does."""
    found = [line for line in _lines(path, grant.encode()) if line.get("Grant") == grant]
    return found[-1] if found else None


def moment(line: Line) -> float:
    """When it happened, in Unix seconds; 0.0 where that cannot be read."""
    try:
        return datetime.fromisoformat(str(line.get("CreatedAt"))).timestamp()
    except ValueError:
        return 0.0


def _lines(path: Path, holding: bytes) -> Iterator[Line]:
    for ending in ROTATED:
        part = path.with_name(path.name + ending)
        if not part.exists() and (ending or path.with_name(path.name + ROTATED[0]).exists()):
            continue
        with part.open("rb") as file:
            yield from (line for raw in file if holding in raw for line in _line(raw))


def _line(raw: bytes) -> Iterator[Line]:
    try:
        line = json.loads(raw)
    except ValueError:
        return
    if isinstance(line, dict):
        yield line
