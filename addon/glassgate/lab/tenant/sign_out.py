"""The sign-out: RP-initiated logout, and what it tells the applications of the session (front-channel logout)."""

from flask import Response, request

from glassgate.lab.tenant import browser, pages
from glassgate.lab.tenant.authorize import Params, only
from glassgate.lab.tenant.cloud import Call, Session
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.registration import Registration
from glassgate.lab.tenant.sign_in import params_of


def logout(call: Call) -> Response:
    """End the session, let its applications know, and go on to a registered address alone."""
    params = params_of(request.values)
    session = browser.session_of(call, request.cookies)
    hint = only(params, "logout_hint")
    account = call.cloud.tenants.person(session.tid, session.oid) if session else None
    # A hint names whom to sign out: somebody else, who signed in meanwhile, stays.
    meant = session if not hint or call.account(hint) == account else None
    response = _signed_out(call, params, meant, account if meant else None)
    if meant:
        browser.end_session(call, response, meant)
    return response


def _signed_out(call: Call, params: Params, session: Session | None, account: Person | None) -> Response:
    uri = only(params, "post_logout_redirect_uri")
    askers = _registered_with(call, uri)
    following = pages.with_query(uri, {"state": only(params, "state")}) if uri and askers else None
    told = [app for app in browser.opened_apps(call, session) if app.logout_uri] if session else []
    if following and all(app in askers for app in told):
        return pages.redirect(following, {})  # it knows already: it asked
    # OpenID Connect Front-Channel Logout 1.0, section 2; Entra sends `sid` alone, without `iss`.
    frames = [pages.with_query(str(app.logout_uri), {"sid": session.sid}) for app in told] if session else []
    page = pages.page("signed_out.html", person=account, frames=frames, following=following)
    return pages.framing(page, frames) if frames else page


def _registered_with(call: Call, uri: str | None) -> list[Registration]:
    """The applications that an address is registered with."""
    every = call.cloud.registrations.values()
    return [app for app in every if uri in (*app.post_logout_uris, *app.redirect_uris)]
