"""The end of a session: of every app's and the global one, then the provider's."""

from functools import partial

from glassgate.access import cookies, pages
from glassgate.access.session import Session
from glassgate.gate import answers
from glassgate.gate.credentials import known_session
from glassgate.gate.exchange import Answer, Lane, Request, Steps, ask
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import is_top_level
from glassgate.oidc.errors import SignInError
from glassgate.record.events import Action

LOGOUT_PATH = TEAM_PREFIX + "logout"
MOST_CLEARED = 64  # cookies; we set far fewer


def logout(site: Site, request: Request, host: str) -> Steps[Answer]:
    """`/cdn-cgi/access/logout`, on the team domain and on every app. Takes no return address.

    A GET ends a session only where a person goes there: no image, frame or script of another site may do it.
    """
    if not is_top_level(request):
        return answers.standard(request, "logout_by_page")
    session = yield from known_session(site, request, host)
    lines = [("Set-Cookie", cookies.clear(name)) for name in _ours(request)]
    lines += [("Set-Cookie", cookies.clear(cookies.APP_TOKEN, path)) for path in _parts(site, host)]
    if session is None:
        if host != site.team:
            return answers.redirect(request, site.url(site.team, LOGOUT_PATH), lines)
        return answers.page(request, 200, pages.signed_out(ray=request.ray, again_url=site.url(site.team, "/")), lines)
    yield from site.sessions.end(session)
    identity = session.identity
    event = answers.told(
        Action.LOGOUT, request, site, allowed=True, user_id=identity.user_id, email=identity.email,
        provider=identity.provider,
    )  # fmt: skip
    onward = (yield from _provider_logout(site, request, session)) or site.url(site.team, LOGOUT_PATH)
    return answers.redirect(request, onward, lines, (event,))


def _provider_logout(site: Site, request: Request, session: Session) -> Steps[str | None]:
    """The provider's end_session, coming back to our own page. A provider that is away holds up nobody."""
    party = site.parties.get(session.identity.provider)
    if party is None:
        return None
    back = site.url(site.team, LOGOUT_PATH)
    call = partial(party.end_session_url, login_hint=session.identity.login_hint, return_to=back, now=request.at)
    try:
        return (yield from ask(Lane.PROVIDER, call))
    except SignInError:
        return None


def _parts(site: Site, host: str) -> list[str]:
    """The parts of a host with a token of their own, which does not come along to our path."""
    return sorted({app.cookie_path for app in site.apps.at(host)} - {"/"})[:MOST_CLEARED]


def _ours(request: Request) -> list[str]:
    return sorted({name for name, _ in cookies.read(request.values(b"cookie")) if cookies.is_reserved(name)})[
        :MOST_CLEARED
    ]
