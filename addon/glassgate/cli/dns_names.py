"""Where the names of a configuration lead: to this edge, past it to an origin, or elsewhere."""

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from ipaddress import ip_address

import dns.exception
import dns.resolver
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from glassgate.access.domain import Domain
from glassgate.cli import wire
from glassgate.config.settings import Endpoint, Settings
from glassgate.errors import StartError
from glassgate.gate.site import authority
from glassgate.mitm.tls import address_of
from glassgate.oidc.http import is_loopback_name
from glassgate.state.keyring import FILE, KeyRing

CERTS = "/cdn-cgi/access/certs"
MOST = 1 << 20  # bytes of an answer that are read


class Led(StrEnum):
    """Where a name's address leads."""

    EDGE = "reaches this edge"
    ORIGIN = "is an origin's: whoever goes there goes past the gate"
    ELSEWHERE = "is somebody else: neither this edge's certificate nor its keys"
    SILENT = "does not answer by TLS"
    NOWHERE = "has no address"


MENDS = {
    Led.ORIGIN: "Point the name at the edge, and close the origin to all others: `glassgate origin protect`.",
    Led.ELSEWHERE: "Point the name at this edge; a record of an earlier server may be left.",
    Led.SILENT: "Start the gate, and open its public port in every firewall before it.",
    Led.NOWHERE: "Add the records: `glassgate dns --address ADDRESS` writes them.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One address of a name, and where it leads; a name without one has an entry, too."""

    host: str
    address: str
    led: Led

    @property
    def good(self) -> bool:
        """Whether it leads here, and only here."""
        return self.led is Led.EDGE

    @property
    def said(self) -> str:
        """In a few words."""
        return f"{self.address} {self.led}" if self.address else str(self.led)

    @property
    def mend(self) -> str:
        """What to do."""
        return MENDS.get(self.led, "")

    def told(self) -> dict[str, object]:
        """For programs."""
        return {"host": self.host, "address": self.address or None, "good": self.good, "said": self.led}


@dataclass(frozen=True, slots=True)
class Look:
    """How to see: the addresses of a name, those of an origin's host, and whether an address is this edge (None: no
    answer). None of them raises."""

    resolve: Callable[[str], tuple[str, ...]]
    origin: Callable[[str], tuple[str, ...]]
    is_edge: Callable[[str, str], bool | None]


def examine(settings: Settings, look: Look) -> tuple[Found, ...]:
    """Look where every public host leads."""
    origins = {address for app in settings.apps for address in look.origin(address_of(app.origin)[0])}
    return tuple(found for host in settings.public_hosts for found in _leads(host, origins, look))


def _leads(pattern: str, origins: set[str], look: Look) -> Iterator[Found]:
    host = Domain(pattern).some_host
    addresses = look.resolve(host)
    if not addresses:
        yield Found(pattern, "", Led.NOWHERE)
    for address in addresses:
        # A name under .localhost is this machine in any case, and a loopback origin is reached from nowhere else.
        if address in origins and not is_loopback_name(host):
            yield Found(pattern, address, Led.ORIGIN)
            continue
        edge = look.is_edge(host, address)
        yield Found(pattern, address, Led.SILENT if edge is None else Led.EDGE if edge else Led.ELSEWHERE)


# --- the network ------------------------------------------------------------------------------------------


def look(settings: Settings, resolver: Endpoint | None, seconds: float) -> Look:
    """The real thing: DNS, and TLS to the public port. Raises StartError where nobody can be asked."""
    asked = _resolver(resolver, seconds)
    edge = _Edge(settings, seconds)
    return Look(partial(_addresses, asked), partial(_of_origin, seconds), edge.answers)


def _resolver(chosen: Endpoint | None, seconds: float) -> dns.resolver.Resolver:
    try:
        made = dns.resolver.Resolver(configure=chosen is None)
    except dns.resolver.NoResolverConfiguration as fault:
        raise StartError("this machine has no resolver", mend="name one: --resolver 9.9.9.9") from fault
    if chosen:
        made.nameservers, made.port = [chosen.host], chosen.port
    made.lifetime = seconds
    return made


def _addresses(resolver: dns.resolver.Resolver, host: str) -> tuple[str, ...]:
    if is_loopback_name(host):
        return (wire.LOOPBACK,)
    found: list[str] = []
    for kind in ("A", "AAAA"):
        with contextlib.suppress(dns.exception.DNSException):
            # From the root: a search list would make a missing name into another one.
            found += [str(ip_address(record.to_text())) for record in resolver.resolve(f"{host}.", kind)]
    return tuple(found)


def _of_origin(seconds: float, host: str) -> tuple[str, ...]:
    try:
        return wire.resolve(host, seconds)  # as the gate itself does
    except OSError:
        return ()


class _Edge:
    """Knows this edge by its certificates, or behind a load balancer by the keys that it publishes."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._port = settings.team.port
        self._seconds = seconds
        self._certificates = {_leaf(path.read_bytes()) for path in settings.certificates if path.is_file()}
        folder = settings.state / "keys"
        there = (folder / FILE).exists()
        self._kids = {key.kid for key in KeyRing.open(folder, 0).verifying} if there else set()

    def answers(self, host: str, address: str) -> bool | None:
        """Whether the address is this edge; None where it does not speak TLS."""
        try:
            return wire.within(self._seconds, lambda: self._ask(host, address))
        except (OSError, http.client.HTTPException):
            return None

    def _ask(self, host: str, address: str) -> bool:
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE  # whoever it is, it is looked at
        with contextlib.ExitStack() as stack:
            plain = stack.enter_context(socket.create_connection((address, self._port), self._seconds))
            secure = stack.enter_context(anybody.wrap_socket(plain, server_hostname=host))
            return secure.getpeercert(binary_form=True) in self._certificates or self._publishes(secure, host)

    def _publishes(self, secure: ssl.SSLSocket, host: str) -> bool:
        client = http.client.HTTPConnection(host)
        client.sock = secure
        headers = {"Host": authority(host, self._port), "Connection": "close", "User-Agent": "glassgate"}
        try:
            client.request("GET", CERTS, headers=headers)
            told = json.loads(client.getresponse().read(MOST))
            return any(key["kid"] in self._kids for key in told["keys"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, RecursionError):
            return False  # it speaks TLS, but is no gate


def _leaf(data: bytes) -> bytes:
    return x509.load_pem_x509_certificates(data)[0].public_bytes(Encoding.DER)
