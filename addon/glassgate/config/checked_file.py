"""Reads a file that the configuration names, and holds it against its check."""

from collections.abc import Callable
from pathlib import Path

from glassgate.errors import GlassgateError, StartError


def read_checked[T](path: Path, largest: int, check: Callable[[bytes], T], what: str) -> T:
    """What `check` makes of the file, of which one byte more than `largest` is read. Raises StartError."""
    try:
        with path.open("rb") as file:
            return check(file.read(largest + 1))
    except OSError as fault:
        raise StartError(f"{what} cannot be read: {fault.strerror}", where=str(path)) from None
    except GlassgateError as fault:
        raise StartError(fault.what, where=str(path), mend=fault.mend) from None
