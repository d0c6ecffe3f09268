"""Recorded traffic, from flow files or an audit log, with the facts that policies judged of each request."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jwt

from glassgate.access import recorded
from glassgate.access.facts import Facts
from glassgate.access.session import digest
from glassgate.config.replay import Seen
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError
from glassgate.gate.apps import Apps
from glassgate.gate.credentials import candidates
from glassgate.gate.exchange import Request
from glassgate.gate.headers import client_address, country
from glassgate.gate.site import TEAM_PREFIX
from glassgate.mitm import recorded_flows
from glassgate.record.events import GRANT
from glassgate.record.reading import Line, every, moment

NOBODY = "nobody was signed in: there was no session yet"
NOT_SAID = "the audit log does not say who it was (the line of its token is not there)"


def is_audit_log(path: Path) -> bool:
    """Whether a file is an audit log, and not a flow file. Raises GlassgateError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError as fault:
        raise GlassgateError(f"it cannot be read: {fault.strerror}", where=str(path)) from fault


def of_log(path: Path) -> Iterator[Seen]:
    """What an audit log tells: each request that was refused, and each token that was given out."""
    for line in every(path):
        if isinstance(line.get("Facts"), dict):
            yield _seen(line, recorded.read(line["Facts"]))


def _seen(line: Line, facts: Facts) -> Seen:
    host, path = str(line.get("AppDomain") or line.get("Host", "")), str(line.get("Path", ""))
    aud = str(line.get("AppUUID", "")) if path.startswith(TEAM_PREFIX) else ""
    return Seen(str(line.get("RayID", "")), moment(line), str(line.get("Method", "")), host, path, facts, aud=aud)


@dataclass(slots=True)
class Log:
    """The lines of an audit log that say who somebody is: by request, and by token."""

    by_ray: dict[str, Line] = field(default_factory=dict)
    by_grant: dict[str, Line] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> "Log":
        """The log; an empty one where there is none."""
        log = cls()
        for line in every(path) if path and path.exists() else ():
            if isinstance(line.get("Facts"), dict):
                log.by_ray[str(line.get("RayID"))] = line
                if line.get("Grant"):
                    log.by_grant[str(line["Grant"])] = line
        return log


def of_flows(path: Path, settings: Settings, log: Log, granted: Callable[[str], str]) -> Iterator[Seen]:
    """The requests of a flow file to an app. `granted`: of a request that was let in, by its id, its token's grant."""
    apps = Apps(settings.apps)
    for one in recorded_flows.read(path):
        request = one.request
        host = _host(one)
        line = log.by_ray.get(request.ray)
        if line and not line.get("Allowed"):
            yield _seen(line, recorded.read(line["Facts"]))  # said at the team's host, too, about an app
        elif apps.at(host) and not request.path.startswith(TEAM_PREFIX):
            yield _of_flow(one, host, settings, log, granted)


def _host(one: recorded_flows.RecordedFlow) -> str:
    said = one.request.value(b"x-forwarded-host").decode("latin-1") if one.forwarded else (*one.request.hosts, "")[0]
    return said.lower().partition(":")[0]


def _of_flow(
    one: recorded_flows.RecordedFlow, host: str, settings: Settings, log: Log, granted: Callable[[str], str]
) -> Seen:
    request = one.request
    seen = Seen(request.ray, request.at, request.method, host, request.path)
    grants = [grant for grant in (granted(request.ray), *_grants(request)) if grant]
    lines = [log.by_grant[grant] for grant in grants if grant in log.by_grant]
    if lines or (one.forwarded and not grants):
        told = dict(lines[0]["Facts"]) if lines else {}
        return _with(seen, recorded.read({**told, **_of_request(one, settings)}))
    return Seen(*_head(seen), gap=NOT_SAID if grants else NOBODY)


def _head(seen: Seen) -> tuple[str, float, str, str, str]:
    return seen.ray, seen.at, seen.method, seen.host, seen.path


def _with(seen: Seen, facts: Facts) -> Seen:
    return Seen(*_head(seen), facts)


def _of_request(one: recorded_flows.RecordedFlow, settings: Settings) -> dict[str, object]:
    """The facts that the request itself brings."""
    request = one.request
    if one.forwarded:
        client: object = request.value(b"x-forwarded-for").decode("latin-1")
    else:
        client = client_address(request, settings.trusted_proxies)
    from_where = country(request, settings.trusted_proxies) if settings.trusted_proxies else None
    return {"ip": str(client) if client else None, "now": request.at, "country": from_where}


def _grants(request: Request) -> Iterator[str]:
    """By what the record knows the tokens that a request brings. They are looked up, and not believed."""
    assertion = request.value(b"cf-access-jwt-assertion").decode("latin-1")
    for text in (assertion, *candidates(request)):
        try:
            claims = jwt.decode(text, options={"verify_signature": False})
        except jwt.PyJWTError:
            continue
        if isinstance(nonce := claims.get("identity_nonce"), str):
            yield digest(nonce)[:GRANT]
