"""A provider says that a session of its own has ended: in a frame of the browser's, or from server to server."""

from functools import partial

from glassgate.access import pages
from glassgate.access.session import Session
from glassgate.gate import answers
from glassgate.gate.exchange import Answer, Collect, Lane, Outcome, Request, Steps, ask, tell
from glassgate.gate.forms import read_form
from glassgate.gate.headers import UNKNOWN
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError
from glassgate.oidc.metadata import web_origin
from glassgate.record.events import Action

FRONT_PATH = TEAM_PREFIX + "frontchannel-logout/"
BACK_PATH = TEAM_PREFIX + "backchannel-logout/"
LONGEST_TOKEN = 32 * 1024  # bytes of the form that brings a logout token
LONGEST_SID = 512


def front_channel(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/frontchannel-logout/<provider>` (OpenID Connect Front-Channel Logout 1.0).

    Entra sends `sid` alone, from a frame in which no cookie of ours comes along: so the session is looked up by it.
    The answer is the same whether there was one or not. It may be framed by the provider, and by nobody else.
    """
    party = site.parties.get(request.path.removeprefix(FRONT_PATH))
    if party is None:
        return answers.not_found(request)
    named = request.fields().get("sid", [])
    visitor = str(site.client(request) or UNKNOWN)
    if len(named) == 1 and len(named[0]) <= LONGEST_SID and site.pace.allows(visitor, request.at):
        yield from _end(site, request, party.provider.id, named[0])
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
    visitor = str(site.client(request) or UNKNOWN)
    if not site.pace.allows(visitor, request.at):
        return answers.data(request, 429, {"error": "slow_down"}, [("Retry-After", "1")])
    try:
        token = read_form(request, body).get("logout_token", "")
        read = partial(party.read_logout_token, token, request.at)
        said = yield from ask(Lane.RECHECK, read)
        fresh = yield from site.sessions.use_once(
            "logout", f"{provider} {said.id}", said.expires + party.provider.clock_skew, request.at
        )
        if not fresh:
            raise SignInError(Reason.LOGOUT_REPLAYED, "expected a logout token once, got it again")
    except ProviderUnavailable as fault:
        return answers.data(request, 503, {"error": fault.reason}, [("Retry-After", "10")])
    except SignInError as fault:
        event = answers.told(
            Action.REFUSED, request, site, allowed=False, status=400, provider=provider, reason=fault.reason,
            details=(fault.detail,),
        )  # fmt: skip
        return answers.data(request, 400, {"error": "invalid_request", "reason": fault.reason}, events=(event,))
    # Where both are named, the session is meant, and not all of the user's (section 2.4).
    yield from _end(site, request, provider, said.session or said.subject or "")
    return answers.data(request, 200, {})


def _end(site: Site, request: Request, provider: str, name: str) -> Steps[None]:
    sessions: list[Session] = yield from site.sessions.of_provider(provider, name, request.at)
    for session in sessions:
        yield from site.sessions.end(session)
        identity = session.identity
        yield from tell(
            answers.told(
                Action.SESSION_ENDED, request, site, user_id=identity.user_id, email=identity.email,
                provider=provider, reason="provider_sign_out",
            )
        )  # fmt: skip
