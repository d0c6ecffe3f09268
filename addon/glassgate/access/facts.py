"""What is known of a visitor and a request when a policy is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from glassgate.access.identity import Identity

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A service token whose secret was shown with the request, and held."""

    client_id: str  # what `CF-Access-Client-Id` says
    name: str


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that the client showed on this connection, trusted by the app that is asked for."""

    common_name: str | None
    fingerprint: str  # SHA-256 of it, 64 hex digits


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Another service that is asked about a visitor: its address, and that of the keys which it signs with."""

    url: str
    keys_url: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a rule may ask. None says: not known, which counts against the visitor in every rule.

    So does a credential that was not shown: whoever leaves it out must gain nothing by it.
    """

    identity: Identity | None = None
    ip: Address | None = None
    now: float | None = None  # Unix seconds
    country: str | None = None  # ISO 3166-1, two capital letters; Cloudflare's T1 is Tor
    service_token: ServiceToken | None = None
    certificate: ClientCertificate | None = None
    linked_apps: frozenset[str] = frozenset()  # AUD tags of other apps whose live tokens came with the request
    evaluations: Mapping[Evaluation, bool | None] = MappingProxyType({})  # who was asked, and what they said
