"""What is known of a visitor and a request when a policy is judged."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from glassgate.access.identity import Identity

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a rule may ask. None says: not known, which counts against the visitor in every rule."""

    identity: Identity | None = None
    ip: Address | None = None
