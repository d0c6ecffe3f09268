"""Puts the lab together: the tenant's hosts, the sample origins, and what they need to know of each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from wsgiref.types import WSGIApplication

from glassgate.access.seal import Seal
from glassgate.config.settings import LAB_HOSTS, Endpoint, LabOrigin, LabSettings
from glassgate.errors import GlassgateError
from glassgate.lab.access_log import access_log
from glassgate.lab.origins.assertion import TeamKeys
from glassgate.lab.origins.server import Server, open_server
from glassgate.lab.origins.sites import SITES
from glassgate.lab.tenant.app import tenant_app
from glassgate.lab.tenant.cloud import Cloud
from glassgate.lab.tenant.graph import graph_app
from glassgate.lab.tenant.keys import SigningKeys, open_secrets
from glassgate.lab.tenant.registration import Registration
from glassgate.lab.tenant.switches import Switchboard
from glassgate.lab.tenant.tenants import Tenants, make_tenants
from glassgate.oidc.http import Fetch
from glassgate.state.files import private_folder
from glassgate.state.store import Store

LOGIN, GRAPH = LAB_HOSTS


@dataclass(frozen=True, slots=True)
class Team:
    """What the origins know of the gate in front of them, as an administrator would have told them."""

    issuer: str  # "https://team.localhost:8443": who signs the assertions
    auds: Mapping[Endpoint, tuple[str, ...]]  # the AUD tags that an origin takes, by the address it listens on
    fetch: Fetch  # trusts the team's certificate

    @property
    def certs(self) -> str:
        """Where the team publishes its keys."""
        return f"{self.issuer}/cdn-cgi/access/certs"


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab. `hosts` are served by the gate itself, to loopback peers alone; the origins by their own ports."""

    hosts: Mapping[str, WSGIApplication]  # by public host name; plain WSGI, thread-safe
    origins: Server
    switchboard: Switchboard
    tenants: Tenants

    def start(self) -> None:
        """Let the origins answer. Raises StartError where a port is taken; nothing listens then."""
        self.origins.start()

    def close(self) -> None:
        """Close the origins' ports and connections, and end their thread."""
        self.origins.close()

    @property
    def addresses(self) -> Mapping[str, tuple[Endpoint, ...]]:
        """Where the origins of each kind listen, once started; a port 0 was replaced by the real one."""
        return self.origins.addresses


def open_lab(
    settings: LabSettings,
    *,
    public_origin: Callable[[str], str],
    registrations: Sequence[Registration],
    team: Team,
    state: Path,
    store: Store,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Lab:
    """Make the lab; nothing listens before its `start`.

    `public_origin` gives the address of a lab host as browsers know it; `state` is the lab's own folder for keys and
    access logs; `store` remembers what cannot be sealed: used codes, ended sessions, consents, and what is switched
    while it runs. The first tenant that an application names, and the configuration does not list, is the main one's
    id or domain. Raises GlassgateError.
    """
    for origin in settings.origins:
        _check_origin(origin)
    now = clock()
    folder = private_folder(state)
    secrets = open_secrets(folder)
    cloud = Cloud(
        origin=public_origin(LOGIN),
        graph=public_origin(GRAPH),
        tenants=make_tenants(settings, [one.tenant for one in registrations]),
        registrations={one.client_id: one for one in registrations},
        keys=SigningKeys.open(folder, now),
        seal=Seal(secrets),
        subject_secret=secrets("subject")[0],
        store=store,
        switchboard=Switchboard(store, settings.faults),
        clock=clock,
        sleep=sleep,
        groups_claim=settings.groups_claim,
        asks_consent=settings.consent,
    )
    known = TeamKeys(team.fetch, team.certs)
    origins = open_server(settings.origins, keys=known, issuer=team.issuer, auds=team.auds, logs=folder)
    hosts = {LOGIN: tenant_app(cloud), GRAPH: graph_app(cloud, access_log(folder / "graph.log"))}
    return Lab(hosts, origins, cloud.switchboard, cloud.tenants)


def _check_origin(origin: LabOrigin) -> None:
    if origin.kind not in SITES:
        raise GlassgateError(
            f"the lab has no origin '{origin.kind}'", where="lab.origins", mend=f"one of: {', '.join(SITES)}"
        )
    try:
        loopback = ip_address(origin.listen.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise GlassgateError(
            f"the lab's {origin.kind} would listen on {origin.listen}, where others reach it without the gate",
            where="lab.origins",
            mend="127.0.0.1 or ::1",
        )
