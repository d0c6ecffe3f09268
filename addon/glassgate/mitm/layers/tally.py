"""How often something may happen within a span of time."""

from collections.abc import Callable


class Tally:
    """Counts what happens; a span begins with the first thing that happens after the last one ended."""

    __slots__ = ("_clock", "_count", "_most", "_since", "_span")

    def __init__(self, most: int, span: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._span = span  # seconds
        self._clock = clock
        self._since = clock()
        self._count = 0

    def is_over(self) -> bool:
        """Count one more; whether that is too many."""
        self._count += 1
        if self._count <= self._most:
            return False
        # Only now is the time asked for: what stays below its bound costs a number.
        now = self._clock()
        is_over = now - self._since < self._span
        self._since, self._count = now, 1
        return is_over
