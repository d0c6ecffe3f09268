"""The team domain's own page: the apps that its visitor may open, and their sessions, which they can end there."""

from enum import Enum
from functools import partial
from urllib.parse import parse_qs

from glassgate.access import launcher
from glassgate.access.app import App
from glassgate.access.launcher import OwnSession, Tile
from glassgate.access.logo import Logo
from glassgate.access.outlook import foregone
from glassgate.access.pages import LAUNCHER_CSP
from glassgate.access.policy import judge, missing_acrs
from glassgate.access.session import Session
from glassgate.gate import answers
from glassgate.gate.credentials import confirmed_session
from glassgate.gate.exchange import Answer, Collect, Outcome, Request, Steps, tell
from glassgate.gate.forms import form_text
from glassgate.gate.known import known
from glassgate.gate.sessions import Own
from glassgate.gate.sign_out import LOGOUT_PATH
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.oidc.errors import SignInError
from glassgate.record.events import Action

END_PATH = TEAM_PREFIX + "end-session"
REFRESH_PATH = TEAM_PREFIX + "refresh-identity"
LOGO_PATH = TEAM_PREFIX + "logo/"
MOST_SHOWN = 50  # sessions
LONGEST_FORM = 512  # bytes
REFRESHED = "refreshed"
DONE = {
    "ended": "That browser is signed out.",
    REFRESHED: "Checked again: this is what is open to you now.",
}
# A form of a page without referrers comes with `Origin: null` (Fetch, section 3.2). Others are told nothing either way.
REFERRER = "same-origin"


class Opens(Enum):
    """How an app opens to somebody."""

    AT_ONCE = "at once"
    BY_PROOF = "by proof"  # after the provider asked for more proof of who they are


def show(site: Site, request: Request, session: Session) -> Steps[Answer]:
    """The page for whoever is signed in."""
    identity = session.identity
    tiles = yield from _tiles(site, request, session)
    own = yield from site.sessions.of_user(identity, request.at)
    # A session from before there was a list of them is one of them all the same.
    listed = own if any(one.session.id == session.id for one in own) else (Own(session, frozenset(), request.at), *own)
    ordered = sorted(listed, key=lambda one: (one.session.id != session.id, -one.seen))
    query = request.fields()
    party = site.parties.get(identity.provider)
    shown = launcher.Launcher(
        name=identity.name, email=identity.email or identity.unverified_email,
        provider=(party.provider.name if party else "") or identity.provider,
        tiles=tiles, sessions=tuple(_own(site, one, session) for one in ordered[:MOST_SHOWN]),
        more_sessions=len(ordered[MOST_SHOWN:]), expires=session.expires, now=request.at,
        search=query.get("q", [""])[0].strip()[: launcher.LONGEST_SEARCH],
        done=DONE.get(query.get("done", [""])[0], ""),
    )  # fmt: skip
    html = launcher.page(
        shown, end_url=END_PATH, logout_url=site.url(site.team, LOGOUT_PATH),
        refresh_url=REFRESH_PATH if party else "", ray=request.ray,
    )  # fmt: skip
    return answers.page(request, 200, html, csp=LAUNCHER_CSP, referrer=REFERRER)


def logo(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/logo/<name>`: the logo of an app, for those who may open that app."""
    wanted = request.path.removeprefix(LOGO_PATH)
    session = yield from confirmed_session(site, request)
    if session is None or not session.stands:
        return answers.not_found(request)
    for app in _apps(site):
        found = site.logos.get(app.aud)
        if found and found.name == wanted and (yield from _opens(site, request, app, session)):
            return _picture(request, found)
    return answers.not_found(request)


def end(site: Site, request: Request) -> Outcome:
    """`POST /cdn-cgi/access/end-session`: end another of one's sessions, or all of them. From our own page alone."""
    if request.value(b"origin") != site.url(site.team).encode():
        return answers.refused(request, site, "foreign_origin", "foreign_form")
    return Collect(LONGEST_FORM, partial(_end, site, request))


def _end(site: Site, request: Request, body: bytes) -> Steps[Answer]:
    home = site.url(site.team, "/")
    try:
        form = parse_qs(form_text(request, body), max_num_fields=2)
    except (SignInError, ValueError):
        return answers.refused(request, site, "form_malformed")
    session = yield from confirmed_session(site, request)
    if session is None or not session.stands:
        return answers.redirect(request, home, status=303)
    own = yield from site.sessions.of_user(session.identity, request.at)
    others = [one.session for one in own if one.session.id != session.id]
    if "everywhere" in form:
        yield from _end_all(site, request, others)
        url = site.url(site.team, LOGOUT_PATH)
        html = launcher.signed_out_elsewhere(count=len(others), logout_url=url, ray=request.ray)
        # Not a redirect: the sign-out goes on to the provider, where no form of ours may lead.
        return answers.page(request, 200, html, [("Refresh", f"1; url={url}")])
    yield from _end_all(site, request, [one for one in others if one.id in form.get("session", [])])
    return answers.redirect(request, f"{home}?done=ended", status=303)


def _end_all(site: Site, request: Request, sessions: list[Session]) -> Steps[None]:
    for session in sessions:
        # Whoever holds a lost laptop may still be signed in at the provider: that does not bring them back.
        yield from site.sessions.revoke(session)
        identity = session.identity
        yield from tell(
            answers.told(
                Action.LOGOUT, request, site, allowed=True, user_id=identity.user_id, email=identity.email,
                provider=identity.provider, reason="from_another_browser", details=(f"session {session.id}",),
            )
        )  # fmt: skip


def _apps(site: Site) -> list[App]:
    return list(site.apps.each())


def _tiles(site: Site, request: Request, session: Session) -> Steps[tuple[Tile, ...]]:
    """The apps that open to somebody. Of others nothing is told."""
    tiles: list[Tile] = []
    for app in _apps(site):
        has_address = app.launcher.visible and not app.here.is_pattern
        opens = has_address and (yield from _opens(site, request, app, session))
        if opens:
            picture = site.logos.get(app.aud)
            logo_url = LOGO_PATH + picture.name if picture else None
            url = site.url(app.here.host, app.here.root)
            tiles.append(Tile(app.name, url, app.launcher.tags, logo_url, needs_proof=opens is Opens.BY_PROOF))
    return tuple(tiles)


def _opens(site: Site, request: Request, app: App, session: Session) -> Steps[Opens | None]:
    """Whether an app opens to somebody as things are now, or with what they can show on the way; None: not."""
    facts = yield from known(site, request, app, session)
    verdict = judge(app.policies, facts)
    if verdict.needs_no_sign_in:
        return Opens.AT_ONCE
    if session.identity.provider not in app.providers:
        return None
    if verdict.allowed:
        return Opens.AT_ONCE
    if missing_acrs(app.policies, facts):
        return Opens.BY_PROOF
    # A certificate is shown to the app's own host alone. Where groups are unknown, too, it is not all that is missing.
    by_certificate = app.asks_certificates and session.identity.groups is not None
    return Opens.AT_ONCE if by_certificate and foregone(app.policies, facts) is None else None


def _own(site: Site, one: Own, this: Session) -> OwnSession:
    names = {app.aud: app.name for app in site.apps.each()}
    opened = tuple(sorted(names[aud] for aud in one.audiences if aud in names))
    session = one.session
    return OwnSession(session.id, session.browser, session.created, one.seen, opened, session.id == this.id)


def _picture(request: Request, found: Logo) -> Answer:
    # An SVG that somebody opens by itself is a document: it may do nothing, and it is sandboxed besides.
    csp = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    lines = [*answers.base_headers(request, 200, csp), ("Content-Type", found.kind)]
    return Answer(200, tuple(lines), found.content)
