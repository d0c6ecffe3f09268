"""Questions about a request, asked anew at each: where it comes from, when, by which machine, and what others say.

None, as in every question: it cannot be known. So is a credential that was not shown.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from ipaddress import IPv6Address, collapse_addresses

from glassgate.access.facts import Address, Evaluation, Facts
from glassgate.access.questions import Answer, Network, fold


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks that were merged and sorted: a list of 100,000 is looked up in about 17 steps."""

    listed: tuple[Network, ...]  # of both families, none within another
    _starts: dict[int, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _ends: dict[int, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    @classmethod
    def of(cls, networks: Iterable[Network]) -> "Networks":
        """Merge them."""
        given = set(networks)
        ours = [[one for one in given if one.version == version] for version in (4, 6)]
        return cls(tuple(merged for family in ours for merged in collapse_addresses(family)))  # type: ignore[type-var]

    def __post_init__(self) -> None:
        ordered = sorted(self.listed, key=lambda one: (one.version, int(one.network_address)))
        families = {version: [one for one in ordered if one.version == version] for version in (4, 6)}
        starts = {version: tuple(int(one.network_address) for one in found) for version, found in families.items()}
        ends = {version: tuple(int(one.broadcast_address) for one in found) for version, found in families.items()}
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_ends", ends)

    def __contains__(self, address: Address) -> bool:
        place = bisect_right(self._starts[address.version], int(address)) - 1
        return place >= 0 and int(address) <= self._ends[address.version][place]


@dataclass(frozen=True, slots=True)
class IpList:
    """The visitor's address lies in one of the networks of a list."""

    networks: Networks

    def __call__(self, facts: Facts) -> Answer:
        """Look the address up, an IPv4-mapped one as IPv4."""
        ip = facts.ip
        if isinstance(ip, IPv6Address):
            ip = ip.ipv4_mapped or ip
        return None if ip is None else ip in self.networks


@dataclass(frozen=True, slots=True)
class Country:
    """The country that a trusted proxy names, by its two letters."""

    code: str

    def __call__(self, facts: Facts) -> Answer:
        """Compare the code."""
        return None if facts.country is None else facts.country == self.code


@dataclass(frozen=True, slots=True)
class ByServiceToken:
    """One service token, by its name or its client id."""

    name: str

    def __call__(self, facts: Facts) -> Answer:
        """Compare with the token whose secret was shown."""
        shown = facts.service_token
        return None if shown is None else self.name in (shown.name, shown.client_id)


@dataclass(frozen=True, slots=True)
class AnyServiceToken:
    """Whichever service token."""

    def __call__(self, facts: Facts) -> Answer:
        """Whether one was shown."""
        return True if facts.service_token else None


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whichever client certificate that the app trusts."""

    def __call__(self, facts: Facts) -> Answer:
        """Whether one was shown."""
        return True if facts.certificate else None


@dataclass(frozen=True, slots=True)
class CommonName:
    """A client certificate that the app trusts, by its common name, in any case of its ASCII letters."""

    name: str  # folded

    def __call__(self, facts: Facts) -> Answer:
        """Compare with the certificate that was shown."""
        shown = facts.certificate
        return None if shown is None or shown.common_name is None else fold(shown.common_name) == self.name


@dataclass(frozen=True, slots=True)
class LinkedApp:
    """Another app's live token, brought in `Cf-Access-Token`; by the app's AUD tag."""

    audience: str

    def __call__(self, facts: Facts) -> Answer:
        """Whether it was brought."""
        return True if self.audience in facts.linked_apps else None


@dataclass(frozen=True, slots=True)
class ByEvaluation:
    """Another service's yes or no. Where it gave none, it is not known."""

    evaluation: Evaluation

    def __call__(self, facts: Facts) -> Answer:
        """Look up what it answered."""
        return facts.evaluations.get(self.evaluation)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time of the week: on these days, from `begins` till just before `ends`, in seconds of a day on the wall.

    Where `ends` is not after `begins` it lasts into the next day, and the day is the one on which it began.
    """

    days: frozenset[int]  # Monday is 0
    begins: int
    ends: int
    zone: tzinfo = UTC

    def __call__(self, facts: Facts) -> Answer:
        """Read the wall clock of the zone."""
        if facts.now is None:
            return None
        here = datetime.fromtimestamp(facts.now, self.zone)
        clock = here.hour * 3600 + here.minute * 60 + here.second
        if self.begins < self.ends:
            return here.weekday() in self.days and self.begins <= clock < self.ends
        yesterday = (here.replace(tzinfo=None) - timedelta(days=1)).weekday()
        return (clock >= self.begins and here.weekday() in self.days) or (clock < self.ends and yesterday in self.days)
