"""Bounds how often one visitor may make us look something up in vain, where anybody may ask."""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from glassgate.access.facts import Address
from glassgate.gate.headers import UNKNOWN

AT_ONCE = 20.0
A_SECOND = 1.0
MOST_KNOWN = 10_000  # visitors that are remembered


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


def of(address: Address | None, what: str) -> str:
    """The name that a visitor's look-ups of one kind are counted by: an IPv6 visitor has a whole network (/64)."""
    if isinstance(address, IPv6Address):
        address = ip_network((address, 64), strict=False).network_address
    return f"{what} {address or UNKNOWN}"


class Pace:
    """A token bucket for each visitor: AT_ONCE look-ups in vain, and A_SECOND more each second."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def allows(self, visitor: str, now: float) -> bool:
        """Whether this one may ask once more."""
        return self._bucket(visitor, now).left >= 1.0

    def count(self, visitor: str, now: float) -> None:
        """Count a look-up in vain."""
        bucket = self._bucket(visitor, now)
        bucket.left = max(0.0, bucket.left - 1.0)

    def _bucket(self, visitor: str, now: float) -> _Bucket:
        bucket = self._buckets.pop(visitor, None) or _Bucket(AT_ONCE, now)
        gained = max(0.0, now - bucket.at) * A_SECOND
        bucket.left, bucket.at = min(AT_ONCE, bucket.left + gained), now
        self._buckets[visitor] = bucket
        if len(self._buckets) > MOST_KNOWN:
            self._buckets.popitem(last=False)
        return bucket
