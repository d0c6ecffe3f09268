"""Files that are looked at again and again: when have they changed, and come to rest?

An editor that saves may write a file in pieces, put another in its place, or have it away for a moment. So a change
counts once two looks have seen the same, and a file that is away is waited for.
"""

from collections.abc import Iterable
from pathlib import Path

type Stamp = tuple[int, int, int] | None  # inode, time of change, size; None: it is not there
type Stamps = dict[Path, Stamp]

PATIENCE = 6  # looks for which a file may be away


def stamps_of(paths: Iterable[Path]) -> Stamps:
    """How files look from outside. Nothing of them is read."""
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> Stamp:
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_ino, there.st_mtime_ns, there.st_size


class Watched:
    """Tells of each change of some files once. `taken` is how they looked when they were read."""

    def __init__(self, taken: Stamps) -> None:
        self._taken = taken
        self._last = taken
        self._away = 0

    def have_changed(self, now: Stamps) -> bool:
        """Whether there is a change that was not told of yet, and it has come to rest. `now`: how they look."""
        rest = now == self._last
        self._last = now
        if not rest or now == self._taken:
            self._away = 0
            return False
        if any(stamp is None and self._taken.get(path) is not None for path, stamp in now.items()):
            self._away += 1
            if self._away < PATIENCE:
                return False
        self._away = 0
        self._taken = now
        return True
