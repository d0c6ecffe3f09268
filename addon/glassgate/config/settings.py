"""What a configuration file says, as frozen values for the rooms. Knows neither YAML nor pydantic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from glassgate.access.app import App
from glassgate.access.domain import Domain
from glassgate.config.limits import LIMITS, Limits
from glassgate.gate.site import authority
from glassgate.oidc.client_auth import ClientCertificate
from glassgate.oidc.provider import Provider

Network = IPv4Network | IPv6Network

LAB_HOSTS = ("login.localhost", "graph.localhost")
LAB_SITES = ("wiki", "payroll")
LAB_DOMAIN = "contoso.example"  # of the main tenant's users


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port: a listener, or a team's public address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class LabUser:
    """A user of the lab tenant. Signs in as `<name>@<domain>` or the bare name."""

    name: str
    display_name: str
    password: str = field(repr=False)
    domain: str = LAB_DOMAIN
    email: str | None = None  # default: name@domain; a guest's is foreign
    groups: tuple[str, ...] = ()  # object ids
    roles: tuple[str, ...] = ()
    mfa: bool = False  # has a second factor, so can prove an authentication context
    guest_of: str | None = None  # home tenant's domain: then a guest here
    groups_count: int = 0  # so many made-up groups besides
    edov: bool = False  # their e-mail's domain is verified (xms_edov)


@dataclass(frozen=True, slots=True)
class LabTenant:
    """A further tenant of the lab. Its users sign in as `<name>@<domain>`."""

    domain: str
    id: str | None = None  # GUID; default: made from the domain
    users: tuple[LabUser, ...] = ()


@dataclass(frozen=True, slots=True)
class LabOrigin:
    """A sample origin that the lab starts: `kind` is one of the lab's sites ("wiki", "payroll")."""

    kind: str
    listen: Endpoint


@dataclass(frozen=True, slots=True)
class LabSettings:
    """The `lab` section. Present only when it is enabled."""

    users: tuple[LabUser, ...]  # of the main tenant
    origins: tuple[LabOrigin, ...]
    tenants: tuple[LabTenant, ...] = ()
    groups_claim: bool = True  # whether ID tokens tell groups
    consent: bool = False  # whether users are asked what an app may do
    faults: tuple[str, ...] = ()  # names, as `lab_values` reads them


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration, checked."""

    path: Path
    team: Endpoint  # public host and port
    listen: Endpoint
    certificates: tuple[Path, ...]  # PEM: key, leaf, chain; absolute
    ca: Path  # certs/ca.pem beside the first certificate: the local CA that signs ours
    state: Path
    store: str  # "memory:" | "sqlite:<absolute path>"
    session_duration: int  # seconds, the global session's
    providers: tuple[Provider, ...]
    apps: tuple[App, ...]
    trusted_proxies: tuple[Network, ...] = ()
    audit: Path | None = None
    metrics: Endpoint | None = None
    limits: Limits = LIMITS
    idle_timeout: int | None = None  # seconds
    lab: LabSettings | None = None
    literal_secrets: tuple[str, ...] = ()  # ids of the providers whose secret stands in the file itself
    # ("apps", "wiki", "policies", "staff") -> "config.yaml:41", for what is said of it later
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict, repr=False, compare=False)
    read: tuple[Path, ...] = ()  # files whose content stands in these values: secrets and lists
    worker: int = 0  # which of `serve --workers` this is: each has a port of its own for its metrics

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the gate goes by: the configuration, and those that it names and are read at its start."""
        named: list[Path | None] = [self.path, *self.certificates, *self.read]
        for provider in self.providers:
            named.append(provider.ca)
            for one in provider.credentials:
                named += [one.key, one.certificate] if isinstance(one, ClientCertificate) else []
        for app in self.apps:
            named += [app.origin.tls.ca, app.origin.tls.client_certificate, app.client_ca]
            named += [app.launcher.logo, app.deny_page]
        return tuple(dict.fromkeys(path for path in named if path))

    @property
    def metrics_at(self) -> Endpoint | None:
        """Where this process tells its metrics."""
        return self.metrics and Endpoint(self.metrics.host, self.metrics.port + self.worker)

    @property
    def public_hosts(self) -> tuple[str, ...]:
        """Every host name that the edge's certificate must bear: of team, apps, and the lab."""
        names = [Domain.read(domain).certificate_name for app in self.apps for domain in app.domains]
        hosts = [self.team.host, *names, *(LAB_HOSTS if self.lab else ())]
        return tuple(dict.fromkeys(host for host in hosts if host))

    def address_of(self, domain: str) -> str:
        """The public address of a domain of an app; of a pattern, the pattern of addresses."""
        read = Domain.read(domain)
        return self.origin_of(read.host) + read.path

    @property
    def lately(self) -> Path:
        """The folder in which each process notes what it let in lately, where there is an audit log."""
        return self.state / "lately"

    def origin_of(self, host: str) -> str:
        """The public origin of one of our hosts (RFC 6454)."""
        return f"https://{authority(host, self.team.port)}"
