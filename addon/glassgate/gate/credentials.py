"""Which session a request presents at an app, of all the tokens that it may bring."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from glassgate.access import cookies, token
from glassgate.access.app import App
from glassgate.access.binding import is_bound
from glassgate.access.session import Session
from glassgate.gate.exchange import Request, Steps
from glassgate.gate.recheck import ask_again, is_due
from glassgate.gate.sessions import Granted
from glassgate.gate.site import Site

MOST_VERIFIED = 20_000
BINDING = "binding"  # the purpose of its key


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presents. Without `granted` nothing of it counts; `conflict`: it spoke for two sessions."""

    granted: Granted | None = None
    assertion: str = ""  # the application token that counts, byte for byte
    reason: str = "no_token"  # why none counts
    conflict: bool = False
    checked: token.AppToken | None = None  # what that token says


def presented(site: Site, request: Request, app: App) -> Steps[Presented]:
    """The session of the tokens that are valid for this app: of one session, or none counts.

    A token in `Cf-Access-Token`, or a Bearer that is one of ours, counts before cookies.
    """
    found: Presented | None = None
    reason = "no_token"
    for text in candidates(request):
        try:
            checked = verify(site, app, text, request.at)
        except token.TokenError as fault:
            reason = str(fault.reason)
            continue
        granted = yield from behind(site, request, app, checked, request.at)
        if isinstance(granted, str):
            reason = granted
            continue
        if app.cookie.bound and not _is_bound(site, request, granted.session):
            reason = "binding_missing"
            continue
        if found and found.granted and found.granted.session.id != granted.session.id:
            return Presented(reason="token_conflict", conflict=True)
        found = found or Presented(granted, text, "", checked=checked)
    return found or Presented(reason=reason)


def _is_bound(site: Site, request: Request, session: Session) -> bool:
    """Whether the request brings what this session's tokens are bound to."""
    brought = cookies.values(request.values(b"cookie"), cookies.BINDING)
    return any(is_bound(value, session.id, site.keys.secrets(BINDING)) for value in brought)


def behind(
    site: Site, request: Request, app: App, checked: token.AppToken, now: float, *, is_use: bool = True
) -> Steps[Granted | str]:
    """What stands behind a token whose signature and times hold; else why it does not count now."""
    granted = yield from site.sessions.granted(checked.nonce, now, is_use=is_use)
    if granted is not None and is_due(granted.session, now):
        granted = yield from _asked_again(site, replace(request, at=now), checked.nonce, granted)
    if granted is None or granted.grant.audience != app.aud or granted.session.identity.user_id != checked.subject:
        return "session_ended"
    if granted.session.identity.provider not in app.providers:
        return "provider_not_allowed"
    return granted if granted.session.stands else "interaction_needed"


def global_session(site: Site, request: Request) -> Steps[Session | None]:
    """The live session that a global session cookie presents, on the team domain."""
    for value in cookies.values(request.values(b"cookie"), cookies.GLOBAL_SESSION):
        session = yield from site.sessions.presented(value, request.at)
        if session:
            return session
    return None


def was_revoked(site: Site, request: Request) -> Steps[bool]:
    """Whether the browser brings a session that was revoked: then its provider has to ask who is there."""
    for value in cookies.values(request.values(b"cookie"), cookies.GLOBAL_SESSION):
        if (yield from site.sessions.was_revoked(value, request.at)):
            return True
    return False


def confirmed_session(site: Site, request: Request) -> Steps[Session | None]:
    """The same, after its provider was asked again where that is due. It may wait for the person to act."""
    session = yield from global_session(site, request)
    return (yield from ask_again(site, request, session)) if session and is_due(session, request.at) else session


def _asked_again(site: Site, request: Request, nonce: str, granted: Granted) -> Steps[Granted | None]:
    session = yield from ask_again(site, request, granted.session)
    if session is None:
        return None
    current = replace(granted, session=session)
    site.sessions.refresh(nonce, current)
    return current


def known_session(site: Site, request: Request, host: str) -> Steps[Session | None]:
    """The session that a request presents at one of our hosts, whether or not it counts just now: to be ended."""
    if host == site.team:
        return (yield from global_session(site, request))
    for app, text in product(meant_for(request, site.apps.at(host)), candidates(request)):
        try:
            checked = verify(site, app, text, request.at)
        except token.TokenError:
            continue
        granted = yield from site.sessions.granted(checked.nonce, request.at)
        if granted and granted.grant.audience == app.aud and granted.session.identity.user_id == checked.subject:
            return granted.session
    return None


def session_at(site: Site, request: Request, host: str) -> Steps[Session | None]:
    """The live session that a request presents at one of our hosts: by its app's token, or by the team's cookie."""
    if host == site.team:
        session = yield from confirmed_session(site, request)
        return session if session and session.stands else None
    return (yield from session_of(site, request, site.apps.at(host)))


def session_of(site: Site, request: Request, apps: Iterable[App]) -> Steps[Session | None]:
    """The live session that a request presents by the token of one of these apps."""
    for app in meant_for(request, apps):
        found = yield from presented(site, request, app)
        if found.granted:
            return found.granted.session
    return None


def meant_for(request: Request, apps: Iterable[App]) -> list[App]:
    """Those of the apps, each once, that a token of the request claims to be for: there is no need to try others."""
    claimed = {audience for text in candidates(request) for audience in token.claimed_audiences(text)}
    return list({app.aud: app for app in apps if app.aud in claimed}.values())


def verify(site: Site, app: App, text: str, now: float) -> token.AppToken:
    """Check an application token, its signature once only: what is remembered is that it held, never that it was
    let in. Raises TokenError."""
    key = (hashlib.sha256(text.encode("latin-1", "replace")).digest(), app.aud)
    known = site.verified.get(key)
    if known is None:
        known = token.verify(text, site.keys.verifying, issuer=site.issuer, audience=app.aud, now=now)
        if len(site.verified) >= MOST_VERIFIED:
            site.verified.clear()
        site.verified[key] = known
    token.check_times(known, now)
    return known


def candidates(request: Request) -> list[str]:
    """Every token that a request brings, believed by nobody yet, in the order in which they count."""
    in_headers: list[str] = []
    header, authorization = request.values(b"cf-access-token"), request.values(b"authorization")
    if header or authorization:
        bearers = [value[7:].strip() for value in authorization if value[:7].lower() == b"bearer "]
        in_headers = [text.decode("latin-1") for text in (*header, *bearers) if text.count(b".") == 2]
    return [*in_headers, *cookies.values(request.values(b"cookie"), cookies.APP_TOKEN)][: cookies.MAX_TOKENS]
