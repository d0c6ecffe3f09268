"""What every store promises: small values under (space, key), each with an end, and one atomic first-come."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_FOUND = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """One entry to write, over any older one; without a value it is forgotten."""

    space: str
    key: str
    value: bytes | None = None
    expires: float = 0.0


class Store(Protocol):
    """A key-value store with expiry. All calls block, may come from any thread, and raise StoreError alone.

    `space` is a short name ("session", "grant", "once"); `key` is text; `expires` is Unix time in seconds.
    An entry whose `expires` is at or before `now` is not there, whether or not it was swept away yet.
    What `put`, `add` or `delete` returned from has been written: a kill -9 right after loses nothing.
    """

    def get(self, space: str, key: str, now: float) -> bytes | None:
        """Return the live value, or None."""
        ...

    def get_all(self, space: str, keys: Collection[str], now: float) -> dict[str, bytes]:
        """The live values of all these keys that have one, in one go."""
        ...

    def put(self, space: str, key: str, value: bytes, expires: float) -> None:
        """Write the value, over any older one."""
        ...

    def add(self, space: str, key: str, value: bytes, expires: float, now: float) -> bool:
        """Write the value only where no live one is. True for exactly one of any number of callers."""
        ...

    def swap(self, space: str, key: str, old: bytes, new: bytes, expires: float, now: float) -> bool:
        """Write `new` only where the live value still is `old`. False where it changed, or is not there any more."""
        ...

    def find(self, space: str, prefix: str, now: float, after: str = "") -> list[str]:
        """The keys of live entries that begin so and follow `after`, at most MOST_FOUND of them, in their order."""
        ...

    def delete(self, space: str, key: str) -> None:
        """Forget the entry; nothing happens where there is none."""
        ...

    def change(self, changes: Sequence[Change]) -> None:
        """Make all of these changes, one after the other, or none of them."""
        ...

    def sweep(self, now: float) -> int:
        """Remove entries that have ended; return how many. Cheap enough to call every minute."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
