"""Saying no to a person: a policy that keeps them out, a sign-in that came to nothing."""

from datetime import UTC, datetime

from glassgate.access import block_page, pages, recorded
from glassgate.access.app import App
from glassgate.access.explain import fingerprint
from glassgate.access.facts import Facts
from glassgate.access.policy import Verdict
from glassgate.access.session import Session
from glassgate.gate import answers
from glassgate.gate.exchange import Answer, Request
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import is_navigation
from glassgate.oidc.aadsts import explain
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.explanation import Explanation, Move
from glassgate.oidc.relying_party import RelyingParty
from glassgate.record.events import Action, Event

OUT_OF_DATE = frozenset((Reason.STATE_UNKNOWN, Reason.STATE_OTHER_BROWSER, Reason.STATE_REPLAYED, Reason.STATE_EXPIRED))
BAD_CALLBACK = frozenset(
    (
        Reason.STATE_MISSING, Reason.IDP_MIXUP, Reason.CALLBACK_MALFORMED, Reason.PARAMETER_REPEATED,
        Reason.RESPONSE_TYPE, Reason.RESPONSE_AMBIGUOUS, Reason.RESPONSE_EMPTY, Reason.RESPONSE_MODE,
    )
)  # fmt: skip

# Who is to move: the status, and how a page says so.
MOVES = {
    Move.USER: (403, "Your move"),
    Move.ADMINISTRATOR: (403, "A move for your {provider} administrator"),
    Move.DEPLOYER: (502, "A move for whoever runs this gate"),
    Move.WAIT: (503, "Wait a moment"),
}
RETRY_AFTER = 10  # seconds, where the provider asked for none


def denied(
    site: Site, request: Request, app: App, host: str, session: Session, verdict: Verdict, facts: Facts,
    *, again: str = "",
) -> Answer:  # fmt: skip
    """403: signed in, and not allowed. Says which policy, never sends round in a circle.

    `again` is what was asked for at the app, where that is not this request's own target.
    """
    identity = session.identity
    reason = verdict.policy.name if verdict.policy else "default_deny"
    event = answers.told(
        Action.DENIED, request, site, allowed=False, status=403, app=app.name, app_domain=host, app_aud=app.aud,
        user_id=identity.user_id, email=identity.email, provider=identity.provider,
        policy=verdict.policy.name if verdict.policy else None, reason=reason, details=verdict.reasons,
        facts=recorded.told(facts, app.policies), rules=fingerprint(app.policies),
    )  # fmt: skip
    headers = answers.access_headers(app, host)
    if not is_navigation(request):
        said = {"error": "denied", "message": verdict.reason, "policy": reason, "id": request.ray}
        return answers.data(request, 403, said, headers, (event,))
    if app.deny_url:
        return answers.redirect(request, app.deny_url, headers, (event,))
    urls = {
        "again_url": site.url(host, again or request.target),
        "logout_url": site.url(site.team, TEAM_PREFIX + "logout"),
        "refresh_url": site.url(site.team, TEAM_PREFIX + "refresh-identity"),
        "home_url": site.url(site.team, "/"),
    }
    own = site.block_pages.get(app.aud)
    if own:
        html = own.shown(
            app=app.name, reason=verdict.reason, message=app.deny_message, name=identity.name,
            email=identity.email or "", id=request.ray, **urls,
        )  # fmt: skip
        return answers.page(request, 403, html, headers, (event,), csp=block_page.CSP)
    html = pages.denied(
        app=app.name, email=identity.email, name=identity.name, reason=verdict.reason, details=verdict.reasons,
        text=app.deny_message, ray=request.ray, **urls,
    )  # fmt: skip
    return answers.page(request, 403, html, headers, (event,))


def kept_out(site: Site, request: Request, app: App, host: str, verdict: Verdict, facts: Facts) -> Answer:
    """403 before any sign-in, where none would help. A stranger is not told the rules, the audit log is."""
    name = verdict.policy.name if verdict.policy else None
    event = answers.told(
        Action.DENIED, request, site, allowed=False, status=403, app=app.name, app_domain=host, app_aud=app.aud,
        policy=name, reason=name or "default_deny", details=verdict.reasons,
        facts=recorded.told(facts, app.policies), rules=fingerprint(app.policies),
    )  # fmt: skip
    headers = answers.access_headers(app, host)
    if app.machine_deny_url and is_navigation(request):
        return answers.redirect(request, app.machine_deny_url, headers, (event,))
    return answers.standard(request, "not_from_here", headers=headers, event=event)


def failed(site: Site, request: Request, fault: SignInError, party: RelyingParty | None, again: str) -> Answer:
    """A sign-in that came to nothing: what happened, whose move it is, and a way to start `again` (an address)."""
    said = _said(fault)
    code = (said.code,) if said and said.code else ()
    event = answers.told(
        Action.SIGN_IN_FAILED, request, site, allowed=False, provider=party.provider.id if party else None,
        reason=fault.reason, details=(*code, fault.detail),
    )  # fmt: skip
    if said:
        return _refused(request, fault, said, party, again, event)
    unavailable = isinstance(fault, ProviderUnavailable)
    return answers.standard(
        request,
        "provider_unavailable" if unavailable else _code(fault),
        headers=_retry_after(fault) if unavailable else (),
        event=event,
        facts=(("Reason", fault.reason), ("Detail", fault.detail)),
        action=("Start again", again),
    )


def _said(fault: SignInError) -> ProviderRefused | None:
    """The provider's own words, where it gave any."""
    if isinstance(fault, ProviderUnavailable):
        return fault.said
    return fault if isinstance(fault, ProviderRefused) else None


def _refused(
    request: Request, fault: SignInError, said: ProviderRefused, party: RelyingParty | None, again: str, event: Event
) -> Answer:
    """The provider's no, in words that somebody can act on."""
    told = explain(said.code, said.error, said.suberror)
    # What the provider calls passing is, whatever its number says.
    status, _ = MOVES[Move.WAIT if isinstance(fault, ProviderUnavailable) else told.move]
    headers = _retry_after(fault) if status == 503 else ()
    if not is_navigation(request):
        return answers.data(request, status, _as_data(request, status, said, told), headers, (event,))
    provider = "Entra" if party and party.provider.type == "entra" else "provider's"
    hand_on = told.move in (Move.ADMINISTRATOR, Move.DEPLOYER)
    html = pages.refused(
        status=status, title=told.title, what=told.what, whose_move=MOVES[told.move][1].format(provider=provider),
        mend=told.mend, hand_on=hand_on, facts=_facts(request, said, party), words=said.description,
        action=("Try again afterwards" if hand_on else "Start again", again), ray=request.ray,
    )  # fmt: skip
    return answers.page(request, status, html, headers, (event,))


def _as_data(request: Request, status: int, said: ProviderRefused, told: Explanation) -> dict[str, str]:
    known = {
        "error": "provider_unavailable" if status == 503 else "sign_in_refused",
        "code": said.code,
        "provider_error": said.error,
        "message": told.what,
        "move": told.move,
        "mend": told.mend,
        "trace_id": said.trace_id,
        "correlation_id": said.correlation_id,
        "id": request.ray,
    }
    return {name: value for name, value in known.items() if value}


def _facts(request: Request, said: ProviderRefused, party: RelyingParty | None) -> tuple[tuple[str, str], ...]:
    """What support asks for, the provider's or ours."""
    now = datetime.fromtimestamp(request.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    known = (
        ("Code", said.code), ("Error", said.error), ("Suberror", said.suberror), ("Trace id", said.trace_id),
        ("Correlation id", said.correlation_id), ("Time", said.timestamp or now),
        ("Application id", party.provider.client_id if party else None), ("Request id", request.ray),
    )  # fmt: skip
    return tuple((name, value) for name, value in known if value)


def _retry_after(fault: SignInError) -> list[tuple[str, str]]:
    asked = fault.retry_after if isinstance(fault, ProviderUnavailable) else None
    return [("Retry-After", str(asked or RETRY_AFTER))]


def _code(fault: SignInError) -> str:
    """Which standing message fits: the browser's own way back, or an answer that is no proof."""
    if fault.reason in OUT_OF_DATE:
        return "sign_in_stale"
    return "sign_in_failed" if fault.reason in BAD_CALLBACK else "sign_in_untrusted"
