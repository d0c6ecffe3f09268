"""Puts the lab together: the tenant's hosts, the sample origins, and what they need to know of each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from wsgiref.types import WSGIApplication

from glassgate.access.seal import Seal
from glassgate.config.settings import LAB_HOSTS, Endpoint, LabOrigin, LabSettings
from glassgate.errors import GlassgateError
from glassgate.lab.origins.assertion import TeamKeys
from glassgate.lab.origins.server import Server, open_server
from glassgate.lab.origins.sites import SITES
from glassgate.lab.tenant.app import tenant_app
from glassgate.lab.tenant.authorize import Registration
from glassgate.lab.tenant.directory import make_directory
from glassgate.lab.tenant.graph import graph_app
from glassgate.lab.tenant.keys import open_secrets, open_signing_key
from glassgate.lab.tenant.tenant import Tenant
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
    tenant: str,
    registrations: Sequence[Registration],
    team: Team,
    state: Path,
    store: Store,
    clock: Callable[[], float],
) -> Lab:
    """Make the lab; nothing listens before its `start`.

    `public_origin` gives the address of a lab host as browsers know it; `tenant` is the GUID or the domain by
    which the gate is configured, or ""; `state` is the lab's own folder for keys and access logs; `store`
    remembers which codes were used. Raises GlassgateError.
    """
    for origin in settings.origins:
        _check_origin(origin)
    now = clock()
    folder = private_folder(state)
    secrets = open_secrets(folder)
    shared = Tenant(
        origin=public_origin(LOGIN),
        graph=public_origin(GRAPH),
        directory=make_directory(settings.users, tenant),
        registrations={one.client_id: one for one in registrations},
        key=open_signing_key(folder, now),
        seal=Seal(secrets),
        subject_secret=secrets("subject")[0],
        store=store,
        clock=clock,
    )
    keys = TeamKeys(team.fetch, team.certs)
    origins = open_server(settings.origins, keys=keys, issuer=team.issuer, auds=team.auds, logs=folder)
    return Lab({LOGIN: tenant_app(shared), GRAPH: graph_app(shared)}, origins)


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
