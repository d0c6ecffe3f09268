"""The composition root: a configuration becomes a gate with keys, store, providers, and the lab where wanted."""

import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.types import WSGIApplication

from glassgate import __version__
from glassgate.access.seal import Seal
from glassgate.cli import changes, hearing
from glassgate.cli.changes import Changes
from glassgate.cli.hearing import Hearing
from glassgate.cli.materials import materials
from glassgate.config.block_pages import read_block_pages
from glassgate.config.load import load
from glassgate.config.logos import read_logos
from glassgate.config.settings import LAB_HOSTS, Endpoint, LabSettings, Settings
from glassgate.errors import ConfigError
from glassgate.gate.apps import Apps
from glassgate.gate.callback import CALLBACK_PATH
from glassgate.gate.evaluations import Evaluations
from glassgate.gate.kept_forms import KeptForms
from glassgate.gate.pace import Pace
from glassgate.gate.provider_logout import FRONT_PATH
from glassgate.gate.service_tokens import ServiceTokens
from glassgate.gate.sessions import Sessions
from glassgate.gate.sign_out import LOGOUT_PATH
from glassgate.gate.site import Site
from glassgate.mitm.addon import GateAddon
from glassgate.mitm.client_tls import ClientTls, client_cas
from glassgate.mitm.core import Core
from glassgate.mitm.lanes import Lanes
from glassgate.mitm.tls import OriginTrust
from glassgate.oidc.client_auth import ClientCertificate, ClientSecret
from glassgate.oidc.http import open_http
from glassgate.oidc.provider import ORGANIZATIONS, Provider
from glassgate.oidc.relying_party import Outside, RelyingParty
from glassgate.record.audit import AuditLog
from glassgate.record.lately import Lately
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder
from glassgate.record.serve import Monitor
from glassgate.state.keyring import KeyRing
from glassgate.state.open import open_store
from glassgate.state.repeating import Repeating
from glassgate.state.store import Store
from glassgate.state.sweeper import sweeper

if TYPE_CHECKING:
    from glassgate.lab.open import Lab


logger = logging.getLogger("glassgate")

# A sign-in makes up to four calls to its provider, and gives up as a whole after 20 seconds.
PROVIDER_TIMEOUT = 5.0  # seconds for one
EVALUATION_TIMEOUT = 3.0  # seconds for a call to a service that a policy asks, or for its keys
USES_WRITTEN = 60.0  # seconds from one time that the last uses of service tokens are written to the next


@dataclass(slots=True)
class Composed:
    """A gate with all that it needs. `start`, `follow` and `close` are for what runs beside the proxy."""

    settings: Settings
    addon: GateAddon
    starts: list[Callable[[], None]]
    closes: list[Callable[[], None]]
    lab: "Lab | None" = None
    changes: Changes | None = None

    def start(self) -> None:
        """Start metrics and the lab's origins. Raises StartError."""
        for step in self.starts:
            step()

    def follow(self, take: Callable[[Core], None]) -> None:
        """Watch the configuration. `take` gets what became of a change, in a thread of the watcher's own."""
        if self.changes:
            watching = Repeating("configuration", changes.EVERY, partial(self.changes.look, take))
            self.closes.append(watching.close)
            watching.start()

    def close(self) -> None:
        """End everything, the last begun first."""
        for step in reversed(self.closes):
            step()


def for_program(path: Path) -> Composed:
    """A gate from a configuration file, with the lab where the file enables it. Raises ConfigError, StartError."""
    return compose(load(path, os.environ))


def compose(settings: Settings) -> Composed:
    """Put the rooms together. Raises ConfigError where something that the file names cannot be used, and StartError
    where a key, the store or a port cannot be had."""
    now = time.time()
    found = materials(settings, now)
    if found.problems:
        raise ConfigError(found.problems)
    for warning in found.warnings:
        logger.warning("%s", warning)
    keys = KeyRing.open(settings.state / "keys", now)
    store = open_store(settings.store)
    metrics = Metrics(
        __version__, [app.name for app in settings.apps], [provider.id for provider in settings.providers]
    )
    audit = AuditLog(settings.audit, metrics.audit_lost) if settings.audit else None
    lanes = Lanes()
    lately = Lately(settings.lately) if settings.audit else None
    recorder = Recorder(audit, metrics, lately)
    service_tokens = ServiceTokens(store)
    site = _site(settings, keys, store, Sessions(store, settings.idle_timeout, now), service_tokens, metrics)
    heard = Hearing(store, keys, lambda: addon.site.sessions.hear(), site.verified.clear)
    beside = (
        sweeper(store, time.time),
        Repeating("hearing", hearing.EVERY, lambda: heard.look(time.time())),
        Repeating("uses", USES_WRITTEN, service_tokens.write_used),
    )
    starts: list[Callable[[], None]] = [one.start for one in beside]
    closes: list[Callable[[], None]] = [store.close, *(one.close for one in (audit, lately) if one), lanes.close]
    closes += [service_tokens.write_used, *(one.close for one in beside)]
    if settings.metrics_at:
        # A probe that reads what is never there: it asks the store, and changes nothing.
        ready = {"store": lambda: store.get("probe", "probe", time.time()) is None}
        monitor = Monitor(settings.metrics_at.host, settings.metrics_at.port, metrics.registry, ready)
        starts.append(monitor.start)
        closes.append(monitor.close)
    hosts: dict[str, WSGIApplication] = {}
    auds = _auds(settings)
    lab = _lab(settings, settings.lab, store, auds) if settings.lab else None
    if lab:
        hosts = dict(lab.hosts)
        starts.append(lab.start)
        closes.append(lab.close)
    addon = GateAddon(site, recorder, OriginTrust(settings.apps), lanes, hosts, settings.limits)

    def renewed(fresh: Settings) -> Core:
        sessions = Sessions(store, fresh.idle_timeout, time.time())
        core = Core(
            site=_site(fresh, keys, store, sessions, service_tokens, metrics, addon.site),
            trust=OriginTrust(fresh.apps),
            tls=ClientTls(fresh.certificates, client_cas(fresh.apps)),
            limits=fresh.limits,
            proxies=fresh.trusted_proxies,
        )
        core.trust.keep(addon.trust)
        auds.update(_auds(fresh))
        return core

    return Composed(settings, addon, starts, closes, lab, Changes(settings, os.environ, renewed, recorder))


def _site(
    settings: Settings, keys: KeyRing, store: Store, sessions: Sessions, service_tokens: ServiceTokens,
    metrics: Metrics, earlier: Site | None = None,
) -> Site:  # fmt: skip
    """The site of a configuration. Of an `earlier` one stays what the configuration does not say."""
    callback = settings.origin_of(settings.team.host) + CALLBACK_PATH
    known = earlier.parties if earlier else {}
    parties = {}
    for provider in settings.providers:
        party = known.get(provider.id)
        if party is None or party.provider != provider:
            party = RelyingParty(provider, callback, outside(provider))
        parties[provider.id] = party
        metrics.watch_keys(provider.id, lambda party=party: party.keys_age(time.time()))  # type: ignore[misc]
    return Site(
        team=settings.team.host,
        port=settings.team.port,
        apps=Apps(settings.apps),
        lab_hosts=frozenset(LAB_HOSTS) if settings.lab else frozenset(),
        parties=parties,
        session_duration=settings.session_duration,
        trusted_proxies=settings.trusted_proxies,
        keys=keys,
        seal=Seal(keys.secrets),
        sessions=sessions,
        forms=KeptForms(store),
        evaluations=Evaluations(
            settings.origin_of(settings.team.host),
            keys.secrets,
            open_http(None, timeout=EVALUATION_TIMEOUT),
            secrets.token_urlsafe,
        ),
        service_tokens=service_tokens,
        pace=earlier.pace if earlier else Pace(),
        verified=earlier.verified if earlier else {},
        chance=secrets.token_urlsafe,
        logos=read_logos(settings.apps),
        block_pages=read_block_pages(settings.apps),
    )


def _auds(settings: Settings) -> dict[Endpoint, tuple[str, ...]]:
    """The AUD tags that the lab's origins take, as an administrator would have told them."""
    return {
        origin.listen: tuple(app.aud for app in settings.apps if app.origin.port == origin.listen.port)
        for origin in (settings.lab.origins if settings.lab else ())
    }


def outside(provider: Provider) -> Outside:
    """What the relying party of a provider has of the world."""
    fetch = open_http(provider.ca, timeout=PROVIDER_TIMEOUT)
    return Outside(fetch, Path.read_bytes, secrets.token_urlsafe, time.sleep)


def _lab(settings: Settings, lab: LabSettings, store: Store, auds: Mapping[Endpoint, tuple[str, ...]]) -> "Lab":
    # Only where it is enabled: production never loads a line of it.
    from glassgate.lab.open import LOGIN, Team, open_lab
    from glassgate.lab.tenant.registration import Audience, Registration

    team = settings.origin_of(settings.team.host)
    entra = [one for one in settings.providers if one.authority == settings.origin_of(LOGIN)]
    return open_lab(
        lab,
        public_origin=settings.origin_of,
        registrations=[
            Registration(
                one.client_id,
                secrets=tuple(each.value for each in one.credentials if isinstance(each, ClientSecret)),
                certificates=tuple(
                    each.certificate.read_bytes()
                    for each in one.credentials
                    if isinstance(each, ClientCertificate) and each.certificate.is_file()
                ),
                redirect_uris=(team + CALLBACK_PATH, team + LOGOUT_PATH),  # at Entra both are of one kind
                post_logout_uris=(team + LOGOUT_PATH,),
                mfa_contexts=(one.mfa_context,) if one.mfa_context else (),
                tenant=(*one.allowed_tenants, one.tenant or "")[0],  # its home
                audience=Audience.MULTIPLE if one.tenant == ORGANIZATIONS else Audience.SINGLE,
                logout_uri=f"{team}{FRONT_PATH}{one.id}",
            )
            for one in entra
        ],
        team=Team(
            issuer=team,
            auds=auds,
            fetch=open_http(settings.ca),
        ),
        state=settings.state / "lab",
        store=store,
        clock=time.time,
        sleep=time.sleep,
    )
