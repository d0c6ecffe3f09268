"""What of a running gate changes with its configuration: made whole, then taken in one go."""

from dataclasses import dataclass

from glassgate.config.limits import Limits
from glassgate.config.settings import Network
from glassgate.gate.site import Site
from glassgate.mitm.client_tls import ClientTls
from glassgate.mitm.tls import OriginTrust


@dataclass(frozen=True, slots=True)
class Core:
    """A configuration as the front ends use it."""

    site: Site
    trust: OriginTrust
    tls: ClientTls
    limits: Limits
    proxies: tuple[Network, ...]
