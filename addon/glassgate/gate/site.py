"""Everything that the steps of a journey share: what is configured, and what is handed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol

from glassgate.access.block_page import BlockPage
from glassgate.access.facts import Address, ClientCertificate, Facts
from glassgate.access.logo import Logo
from glassgate.access.seal import Seal
from glassgate.access.session import Session
from glassgate.access.token import AppToken, SigningKey
from glassgate.gate.apps import Apps
from glassgate.gate.evaluations import Evaluations
from glassgate.gate.exchange import Request
from glassgate.gate.headers import client_address, country
from glassgate.gate.kept_forms import KeptForms
from glassgate.gate.pace import Pace
from glassgate.gate.service_tokens import ServiceTokens
from glassgate.gate.sessions import Sessions
from glassgate.oidc.relying_party import RelyingParty

TEAM_PREFIX = "/cdn-cgi/access/"


def authority(host: str, port: int) -> str:
    """Host and port as browsers write them in an https address: without 443."""
    return host if port == 443 else f"{host}:{port}"


class Keys(Protocol):
    """What the journey needs of the key ring."""

    @property
    def signing(self) -> SigningKey:
        """The key that signs application tokens now."""
        ...

    @property
    def verifying(self) -> tuple[SigningKey, ...]:
        """Every key whose application tokens still count, the current first."""
        ...

    def secrets(self, purpose: str) -> tuple[bytes, ...]:
        """The 32-byte keys of one purpose, the current first."""
        ...

    def public_document(self) -> dict[str, Any]:
        """What /cdn-cgi/access/certs shows."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """One team: its hosts, apps, providers, keys and sessions. `chance(n)` gives n random bytes as URL-safe text."""

    team: str  # host name of the team domain
    port: int  # public port of every host
    apps: Apps
    lab_hosts: frozenset[str]
    parties: Mapping[str, RelyingParty]  # by provider id, in the order of the file
    session_duration: int  # seconds
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    keys: Keys
    seal: Seal
    sessions: Sessions
    evaluations: Evaluations
    service_tokens: ServiceTokens
    forms: KeptForms
    pace: Pace
    verified: "dict[tuple[bytes, str], AppToken]"  # tokens whose signature held, by (SHA-256 of the token, AUD)
    chance: Callable[[int], str]
    logos: Mapping[str, Logo] = field(default_factory=dict)  # by AUD
    block_pages: Mapping[str, BlockPage] = field(default_factory=dict)  # by AUD

    def url(self, host: str, target: str = "") -> str:
        """A public address of one of our hosts, made from the configuration and never from a request."""
        return f"https://{self.authority(host)}{target}"

    def authority(self, host: str) -> str:
        """Host and public port as browsers write them."""
        return authority(host, self.port)

    def new_sign_in(self, at: float) -> str:
        """An id for one sign-in; ids sort by the time they were made."""
        return f"{int(at * 1000):012x}{self.chance(9)}"

    @property
    def issuer(self) -> str:
        """The `iss` of application tokens."""
        return self.url(self.team)

    def client(self, request: Request) -> Address | None:
        """Who asks, seen past trusted proxies; None where one of them said it unreadably."""
        return client_address(request, self.trusted_proxies)

    def facts(self, session: Session | None, request: Request, now: float | None = None) -> Facts:
        """What policies may ask about this visitor and request; `now` where that is later than the request."""
        return Facts(
            identity=session.identity if session else None,
            ip=self.client(request),
            now=request.at if now is None else now,
            country=country(request, self.trusted_proxies) if self.trusted_proxies else None,
            certificate=self._certificate(request, now or request.at) if request.certificate else None,
        )

    def _certificate(self, request: Request, now: float) -> ClientCertificate | None:
        """The client's certificate, while it lasts; of a connection for another host it is another app's to trust."""
        shown = request.certificate
        asked = {host.lower().partition(":")[0] for host in request.hosts}
        if shown is None or now >= shown.not_after or asked != {request.sni}:
            return None
        return ClientCertificate(shown.common_name, shown.fingerprint)
