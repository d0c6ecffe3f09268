"""What passes without a sign-in: a bypass, of which the origin is told nobody, and programs."""

from dataclasses import replace
from functools import partial

from glassgate.access.app import App
from glassgate.access.facts import Facts
from glassgate.access.policy import Decision, Verdict, judge
from glassgate.gate import answers, headers, machine
from glassgate.gate.exchange import Answer, Forward, Request, Steps
from glassgate.gate.known import evaluated
from glassgate.gate.linked import NOTHING, Linked, linked
from glassgate.gate.linked import assertion as told_of
from glassgate.gate.machine import Program
from glassgate.gate.site import Site
from glassgate.record.events import Action


def passed(site: Site, request: Request, app: App, host: str, *, websocket: bool) -> Steps[Forward | Answer | None]:
    """The way to the origin, where a policy that needs no sign-in lets this request in; None: people are judged.

    Who shows a service token is a program, and judged as nothing else (Cloudflare Access's strict mode).
    """
    program = yield from machine.recognised(site, request, app, request.at)
    link = (yield from linked(site, request, app, request.at)) if app.linked else NOTHING
    facts = yield from _known(site, request, app, program, link, request.at)
    verdict = judge(app.without_sign_in, facts)
    if verdict.decision is Decision.BYPASS:
        return _bypassed(site, request, app, host, verdict, program, websocket=websocket)
    if program and isinstance(program.token, machine.MachineError):
        return machine.refused(site, request, app, host, program.token)
    if verdict.decision is Decision.SERVICE_AUTH and _proves(facts):
        return _served(site, request, app, host, verdict, facts, program, link, websocket=websocket)
    return machine.denied(site, request, app, host, facts, verdict) if facts.service_token else None


def still_passes(site: Site, request: Request, app: App, now: float) -> Steps[str | None]:
    """Why a request that passed would not pass now; None: it would."""
    program = yield from machine.recognised(site, request, app, now)
    link = (yield from linked(site, request, app, now)) if app.linked else NOTHING
    facts = yield from _known(site, request, app, program, link, now)
    verdict = judge(app.without_sign_in, facts)
    if verdict.decision is Decision.BYPASS:
        return None
    refused = program and not program.fact
    return None if verdict.decision is Decision.SERVICE_AUTH and _proves(facts) and not refused else "policy"


def _proves(facts: Facts) -> bool:
    """Whether a program showed anything of itself: a policy for programs is no bypass, whatever it asks."""
    return bool(facts.service_token or facts.certificate or facts.linked_apps)


def _known(site: Site, request: Request, app: App, program: Program | None, link: Linked, now: float) -> Steps[Facts]:
    """What the request itself brings, and what other services say of that: of a stranger they are not asked, for whom
    their answer would change nothing."""
    facts = site.facts(None, request, now)
    facts = replace(facts, service_token=program.fact if program else None, linked_apps=link.apps)
    if not app.asks_services or not _proves(facts):
        return facts
    return (yield from evaluated(site, app.without_sign_in, facts, None))


def _served(
    site: Site, request: Request, app: App, host: str, verdict: Verdict, facts: Facts, program: Program | None,
    link: Linked, *, websocket: bool,
) -> Forward:  # fmt: skip
    """A program's request: the origin is told its name, its token's or its certificate's, where it has one; or for
    whom it comes, where it brought another app's token."""
    name = facts.service_token.client_id if facts.service_token else None
    person = link.session if name is None else None
    if name is None and person is None and facts.certificate:
        name = facts.certificate.common_name
    email = person.identity.email if person else None
    policy = verdict.policy.name if verdict.policy else ""
    told = partial(
        answers.told, Action.ALLOWED, request, site, allowed=True, app=app.name, app_domain=host, app_aud=app.aud,
        policy=policy, reason="service_auth",
        details=(f"common name {name}",) if name else (), email=email,
        user_id=person.identity.user_id if person else None,
    )  # fmt: skip
    assertion = told_of(site, app, person, request.at) if person else None
    if name:
        assertion = site.service_tokens.assertion(
            site.keys.signing, issuer=site.issuer, audience=app.aud, name=name, now=request.at
        )
    onward = headers.for_origin(
        request, host=site.authority(host), client=site.client(request), assertion=assertion, email=email,
        forward_cookie=False, websocket=websocket, issuer=site.issuer,
        without=program.header if program else b"",
    )  # fmt: skip
    return Forward(app, onward, request.target, websocket, told, None, policy, facts.ip)


def _bypassed(
    site: Site, request: Request, app: App, host: str, verdict: Verdict, program: Program | None, *, websocket: bool
) -> Forward:
    policy = verdict.policy.name if verdict.policy else ""
    told = partial(
        answers.told, Action.ALLOWED, request, site, allowed=True, app=app.name, app_domain=host, app_aud=app.aud,
        policy=policy, reason="bypass",
    )  # fmt: skip
    onward = headers.for_origin(
        request, host=site.authority(host), client=site.client(request), assertion=None,
        email=None, forward_cookie=False, websocket=websocket, issuer=site.issuer,
        without=program.header if program else b"",
    )  # fmt: skip
    return Forward(app, onward, request.target, websocket, told, None, policy, site.client(request))
