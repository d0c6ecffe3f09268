"""Saying no to a person: a policy that keeps them out, a sign-in that came to nothing."""

from glassgate.access import pages
from glassgate.access.app import App
from glassgate.access.policy import Verdict
from glassgate.access.session import Session
from glassgate.gate import answers
from glassgate.gate.exchange import Answer, Request
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import is_navigation
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.relying_party import RelyingParty
from glassgate.record.events import Action

OUT_OF_DATE = frozenset((Reason.STATE_UNKNOWN, Reason.STATE_OTHER_BROWSER, Reason.STATE_REPLAYED, Reason.STATE_EXPIRED))
BAD_CALLBACK = frozenset(
    (
        Reason.STATE_MISSING, Reason.IDP_MIXUP, Reason.CALLBACK_MALFORMED, Reason.PARAMETER_REPEATED,
        Reason.RESPONSE_TYPE, Reason.RESPONSE_AMBIGUOUS, Reason.RESPONSE_EMPTY,
    )
)  # fmt: skip


def denied(site: Site, request: Request, app: App, host: str, session: Session, verdict: Verdict) -> Answer:
    """403: signed in, and not allowed. Says which policy, never sends round in a circle."""
    identity = session.identity
    reason = verdict.policy.name if verdict.policy else "default_deny"
    event = answers.told(
        Action.DENIED, request, site, allowed=False, status=403, app=app.name, app_domain=host, app_aud=app.aud,
        user_id=identity.user_id, email=identity.email, provider=identity.provider,
        policy=verdict.policy.name if verdict.policy else None, reason=reason, details=verdict.reasons,
    )  # fmt: skip
    headers = answers.access_headers(app, host)
    if not is_navigation(request):
        said = {"error": "denied", "message": verdict.reason, "policy": reason, "id": request.ray}
        return answers.data(request, 403, said, headers, (event,))
    html = pages.denied(
        app=app.name, email=identity.email, name=identity.name, reason=verdict.reason, details=verdict.reasons,
        ray=request.ray, logout_url=site.url(site.team, TEAM_PREFIX + "logout"), home_url=site.url(site.team, "/"),
    )  # fmt: skip
    return answers.page(request, 403, html, headers, (event,))


def failed(site: Site, request: Request, fault: SignInError, party: RelyingParty | None, again: str) -> Answer:
    """A sign-in that came to nothing: what happened, whose move it is, and a way to start `again` (an address)."""
    provider = party.provider.id if party else None
    action = ("Start again", again)
    event = answers.told(
        Action.SIGN_IN_FAILED, request, site, allowed=False, provider=provider, reason=fault.reason,
        details=(fault.detail,),
    )  # fmt: skip
    facts: list[tuple[str, str]] = [("Reason", fault.reason), ("Detail", fault.detail)]
    if isinstance(fault, ProviderUnavailable):
        retry = [("Retry-After", str(fault.retry_after or 10))]
        return answers.standard(
            request, "provider_unavailable", headers=retry, event=event, facts=tuple(facts), action=action
        )
    if isinstance(fault, ProviderRefused):
        said = (("Code", fault.code), ("Trace id", fault.trace_id), ("Correlation id", fault.correlation_id))
        facts += [(name, value) for name, value in said if value]
    return answers.standard(request, _code(fault), event=event, facts=tuple(facts), action=action)


def _code(fault: SignInError) -> str:
    """Which standing message fits: the browser's own way back, the provider's words, or an answer that is no proof."""
    if isinstance(fault, ProviderRefused):
        return "sign_in_refused"
    if fault.reason in OUT_OF_DATE:
        return "sign_in_stale"
    return "sign_in_failed" if fault.reason in BAD_CALLBACK else "sign_in_untrusted"
