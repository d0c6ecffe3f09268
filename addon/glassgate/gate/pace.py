"""Bounds how often one visitor may make us look something up, where anybody may ask."""

from collections import OrderedDict
from dataclasses import dataclass

AT_ONCE = 20.0
A_SECOND = 1.0
MOST_KNOWN = 10_000  # visitors that are remembered


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Pace:
    """A token bucket for each visitor: AT_ONCE look-ups, and A_SECOND more each second."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def allows(self, visitor: str, now: float) -> bool:
        """Whether this one may ask once more, and count it."""
        bucket = self._buckets.pop(visitor, None) or _Bucket(AT_ONCE, now)
        gained = max(0.0, now - bucket.at) * A_SECOND
        bucket.left, bucket.at = min(AT_ONCE, bucket.left + gained), now
        self._buckets[visitor] = bucket
        if len(self._buckets) > MOST_KNOWN:
            self._buckets.popitem(last=False)
        if bucket.left < 1.0:
            return False
        bucket.left -= 1.0
        return True
