"""The store that forgets: a dictionary, for the lab and for tests."""

import heapq
import threading
from collections.abc import Collection, Sequence

from glassgate.errors import StoreError
from glassgate.state.store import MOST_FOUND, Change

LIMIT = 100_000  # entries


class MemoryStore:
    """Keeps everything in this process and loses it with it. Holds at most `limit` entries, then raises StoreError.

    Nothing that lives is ever dropped to make room: a mark of a used code that went would let it be used again.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], tuple[float, bytes]] = {}
        self._ends: list[tuple[float, tuple[str, str]]] = []  # a heap; may name entries that changed since
        self._now = 0.0  # the last time that anybody told
        self._closed = False

    def get(self, space: str, key: str, now: float) -> bytes | None:
        """Return the live value, or None."""
        with self._lock:
            self._check_open()
            return self._live((space, key), now)

    def get_all(self, space: str, keys: Collection[str], now: float) -> dict[str, bytes]:
        """The live values of all these keys that have one."""
        return {key: value for key in keys if (value := self.get(space, key, now)) is not None}

    def put(self, space: str, key: str, value: bytes, expires: float) -> None:
        """Write the value, over any older one."""
        with self._lock:
            self._check_open()
            self._write((space, key), value, expires)

    def add(self, space: str, key: str, value: bytes, expires: float, now: float) -> bool:
        """Write the value only where no live one is. True for exactly one of any number of callers."""
        with self._lock:
            self._check_open()
            if self._live((space, key), now) is not None:
                return False
            self._write((space, key), value, expires)
            return True

    def swap(self, space: str, key: str, old: bytes, new: bytes, expires: float, now: float) -> bool:
        """Write `new` only where the live value still is `old`."""
        with self._lock:
            self._check_open()
            if self._live((space, key), now) != old:
                return False
            self._write((space, key), new, expires)
            return True

    def find(self, space: str, prefix: str, now: float, after: str = "") -> list[str]:
        """The keys of live entries that begin so and follow `after`, at most MOST_FOUND of them, in their order."""
        with self._lock:
            self._check_open()
            found = (
                key
                for (where, key), (expires, _) in self._entries.items()
                if where == space and key.startswith(prefix) and (key > after or not after) and expires > now
            )
            return heapq.nsmallest(MOST_FOUND, found)

    def delete(self, space: str, key: str) -> None:
        """Forget the entry; nothing happens where there is none."""
        with self._lock:
            self._check_open()
            self._entries.pop((space, key), None)

    def change(self, changes: Sequence[Change]) -> None:
        """Make all of these changes, or none of them."""
        with self._lock:
            self._check_open()
            fresh = {(one.space, one.key) for one in changes if one.value is not None} - self._entries.keys()
            if len(self._entries) + len(fresh) > self._limit:
                self._sweep()
            if len(self._entries) + len(fresh) > self._limit:
                raise self._full()
            for one in changes:
                if one.value is None:
                    self._entries.pop((one.space, one.key), None)
                else:
                    self._write((one.space, one.key), one.value, one.expires)

    def sweep(self, now: float) -> int:
        """Remove entries that have ended; return how many."""
        with self._lock:
            self._check_open()
            self._now = now
            return self._sweep()

    def close(self) -> None:
        """Forget everything. Any later call raises StoreError."""
        with self._lock:
            self._closed = True
            self._entries.clear()
            self._ends.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _live(self, name: tuple[str, str], now: float) -> bytes | None:
        self._now = now
        entry = self._entries.get(name)
        return entry[1] if entry and entry[0] > now else None

    def _write(self, name: tuple[str, str], value: bytes, expires: float) -> None:
        if name not in self._entries and len(self._entries) >= self._limit and not self._sweep():
            raise self._full()
        self._entries[name] = (expires, bytes(value))
        heapq.heappush(self._ends, (expires, name))
        if len(self._ends) > 2 * len(self._entries) + 64:
            self._ends = [(end, name) for name, (end, _) in self._entries.items()]
            heapq.heapify(self._ends)

    def _full(self) -> StoreError:
        return StoreError(f"the store in memory is full ({self._limit} entries)", mend="use sqlite: instead of memory:")

    def _sweep(self) -> int:
        removed = 0
        while self._ends and self._ends[0][0] <= self._now:
            _, name = heapq.heappop(self._ends)
            entry = self._entries.get(name)
            if entry and entry[0] <= self._now:
                del self._entries[name]
                removed += 1
        return removed
