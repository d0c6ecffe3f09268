"""What passes without a sign-in: a bypass, of which the origin is told nobody."""

from functools import partial

from glassgate.access import token
from glassgate.access.app import App
from glassgate.access.facts import Facts
from glassgate.access.policy import Decision, Verdict, judge
from glassgate.gate import answers, headers
from glassgate.gate.exchange import Forward, Request, Steps
from glassgate.gate.known import evaluated
from glassgate.gate.site import Site
from glassgate.record.events import Action


def passed(site: Site, request: Request, app: App, host: str, *, websocket: bool) -> Steps[Forward | None]:
    """The way to the origin, where a policy that needs no sign-in lets this request in; None: people are judged."""
    facts = yield from _known(site, request, app, request.at)
    verdict = judge(app.without_sign_in, facts)
    if verdict.decision is Decision.BYPASS:
        return _bypassed(site, request, app, host, verdict, websocket=websocket)
    return None


def still_passes(site: Site, request: Request, app: App, now: float) -> Steps[str | None]:
    """Why a request that passed would not pass now; None: it would."""
    verdict = judge(app.without_sign_in, (yield from _known(site, request, app, now)))
    return None if verdict.decision is Decision.BYPASS else "policy"


def _known(site: Site, request: Request, app: App, now: float) -> Steps[Facts]:
    """What the request itself brings, and what other services say of that."""
    facts = site.facts(None, request, now)
    if not app.asks_services:
        return facts
    return (yield from evaluated(site, app.without_sign_in, facts, None))


def _bypassed(site: Site, request: Request, app: App, host: str, verdict: Verdict, *, websocket: bool) -> Forward:
    told = partial(
        answers.told, Action.ALLOWED, request, site, allowed=True, app=app.name, app_domain=host, app_aud=app.aud,
        policy=verdict.policy.name if verdict.policy else None, reason="bypass",
    )  # fmt: skip
    onward = headers.for_origin(
        request, host=site.authority(host), client=site.client(request), assertion=None,
        email=None, forward_cookie=False, websocket=websocket, bearer=_bearer_of_ours(site, request, app),
    )  # fmt: skip
    return Forward(app, onward, request.target, websocket, told, None)


def _bearer_of_ours(site: Site, request: Request, app: App) -> str | None:
    """The token of this app that came as a Bearer: it would say to the origin who somebody is, or was."""
    for value in request.values(b"authorization"):
        text = headers.bearer_of(value).decode("latin-1")
        try:
            token.verify(
                text, site.keys.verifying, issuer=site.issuer, audience=app.aud, now=request.at, ended_too=True
            )
        except token.TokenError:
            continue
        return text
    return None
