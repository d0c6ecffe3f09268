"""A provider says that a session of its own has ended: in a frame of the browser's, or from server to server."""

from functools import partial

from glassgate.access import pages
from glassgate.access.session import Session
from glassgate.gate import answers, pace
from glassgate.gate.exchange import Answer, Collect, Lane, Outcome, Request, Steps, ask, tell
from glassgate.gate.forms import read_form
from glassgate.gate.sessions import Named
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError
from glassgate.oidc.metadata import web_origin
from glassgate.record.events import Action, Event

FRONT_PATH = TEAM_PREFIX + "frontchannel-logout/"
BACK_PATH = TEAM_PREFIX + "backchannel-logout/"
LONGEST_TOKEN = 32 * 1024  # bytes of the form that brings a logout token
LONGEST_SID = 512
MOST_ROUNDS = 1000  # of sessions to end, each of as many as the store finds at a time


def front_channel(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/frontchannel-logout/<provider>` (OpenID Connect Front-Channel Logout 1.0).

    Entra sends `sid` alone, from a frame in which no cookie of ours comes along: so the session is looked up by it.
    The answer is the same whether there was one or not. It may be framed by the provider, and by nobody else.
    """
    party = site.parties.get(request.path.removeprefix(FRONT_PATH))
    if party is None:
        return answers.not_found(request)
    named = request.fields().get("sid", [])
    visitor = pace.of(site.client(request), "front-channel")
    if len(named) == 1 and len(named[0]) <= LONGEST_SID and site.pace.allows(visitor, request.at):
        ended = yield from _end(site, request, party.provider.id, Named("sid", named[0]))
        if not ended:
            site.pace.count(visitor, request.at)
    html = pages.signed_out(ray=request.ray, again_url=None)
    return answers.page(request, 200, html, csp=pages.csp(frame_ancestors=web_origin(party.home)))


def back_channel(site: Site, request: Request) -> Outcome:
    """`POST /cdn-cgi/access/backchannel-logout/<provider>` (OpenID Connect Back-Channel Logout 1.0)."""
    if request.path.removeprefix(BACK_PATH) not in site.parties:
        return answers.not_found(request)
    return Collect(LONGEST_TOKEN, partial(_take_logout_token, site, request))


def _take_logout_token(site: Site, request: Request, body: bytes) -> Steps[Answer]:
    party = site.parties[request.path.removeprefix(BACK_PATH)]
    provider = party.provider.id
    visitor = pace.of(site.client(request), "back-channel")
    if not site.pace.allows(visitor, request.at):
        return answers.data(request, 429, {"error": "slow_down"}, [("Retry-After", "1")])
    try:
        token = read_form(request, body).get("logout_token", "")
        read = partial(party.read_logout_token, token, request.at)
        said = yield from ask(Lane.RECHECK, read)
        once = f"{provider} {said.id}"
        if (yield from site.sessions.was_used("logout", once, request.at)):
            raise SignInError(Reason.LOGOUT_REPLAYED, "expected a logout token once, got it again")
    except ProviderUnavailable as fault:
        return answers.data(request, 503, {"error": fault.reason}, [("Retry-After", "10")])
    except SignInError as fault:
        site.pace.count(visitor, request.at)
        event = answers.told(
            Action.REFUSED, request, site, allowed=False, status=400, provider=provider, reason=fault.reason,
            details=(fault.detail,),
        )  # fmt: skip
        return answers.data(request, 400, {"error": "invalid_request", "reason": fault.reason}, events=(event,))
    # Where both are named, the session is meant, and not all of the user's (section 2.4).
    named = Named("sid", said.session) if said.session else Named("sub", said.subject or "")
    yield from _end(site, request, provider, named)
    # Marked last: where the store fails before, the provider may say it again.
    yield from site.sessions.use_once("logout", once, said.expires + party.provider.clock_skew, request.at)
    return answers.data(request, 200, {})


def _end(site: Site, request: Request, provider: str, named: Named) -> Steps[bool]:
    """End every session of that name; whether there was one."""
    ended = False
    for _ in range(MOST_ROUNDS):
        sessions = yield from site.sessions.of_provider(provider, named, request.at)
        if sessions is None:
            break
        for session in sessions:
            yield from site.sessions.end(session)
            yield from tell(_told(site, request, session))
            ended = True
    return ended


def _told(site: Site, request: Request, session: Session) -> Event:
    identity = session.identity
    return answers.told(
        Action.SESSION_ENDED, request, site, user_id=identity.user_id, email=identity.email,
        provider=identity.provider, reason="provider_sign_out",
    )  # fmt: skip
