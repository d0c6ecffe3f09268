"""The journey of a request, from its first line to the origin or to an answer of ours.

Refusals come first; the only way to an origin is the end of `_app`, or a policy that needs no sign-in.
"""

import re
from dataclasses import replace
from functools import lru_cache, partial

from glassgate.access.app import App
from glassgate.access.outlook import foregone
from glassgate.access.policy import judge, missing_acrs
from glassgate.access.token import AppToken, TokenError, check_times
from glassgate.gate import (
    answers,
    callback,
    cors,
    denials,
    documents,
    hand_off,
    headers,
    keep_form,
    launcher,
    machine,
    program,
    provider_logout,
    send_form,
    sign_in,
    sign_out,
    target,
    without_sign_in,
)
from glassgate.gate.credentials import Presented, behind, presented
from glassgate.gate.exchange import Answer, Collect, Forward, Local, Outcome, Request, Steps
from glassgate.gate.keep_form import FORM_PATH
from glassgate.gate.known import known
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import READING, gets_redirect, is_navigation, is_websocket
from glassgate.record.events import Action

AUTHORITY = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([0-9]{1,5}))?")
LONGEST_AUTHORITY = 253 + len(":65535")  # RFC 1035 section 2.3.4
NOWHERE = ("", 0)
IDENTITY_PATH = TEAM_PREFIX + "get-identity"
CERTS_PATH = TEAM_PREFIX + "certs"
EVALUATION_KEYS_PATH = TEAM_PREFIX + "external-evaluation/certs"
CODES = {"host_unknown": "misdirected", "target_too_long": "target_too_long"}  # standing messages, by reason


def journey(site: Site, request: Request) -> Steps[Outcome]:
    """Decide one request. Whatever is not decided here is decided by whoever drives it: refused."""
    try:
        return (yield from _decide(site, request))
    except target.BadRequestError as fault:
        return answers.refused(request, site, fault.reason, CODES.get(fault.reason, "bad_request"))


def _decide(site: Site, request: Request) -> Steps[Outcome]:
    target.check(request.method, request.target)
    headers.check_values(request)
    headers.check_framing(request)
    host = _host(site, request)
    path = request.path
    reserved = target.check_reserved(path)
    if request.method in target.NOT_SERVED:
        return answers.wrong_method(request, "GET, HEAD, POST")
    if not _came_by_tls(site, request):
        return _in_the_clear(site, request, host)
    if host in site.lab_hosts:
        if not request.peer.is_loopback:
            return answers.refused(request, site, "lab_is_local", "misdirected")
        return Local(host)
    if host == site.team:
        return (yield from _team(site, request))
    if request.secure and request.sni != host and any(app.client_ca for app in site.apps.at(host)):
        # Its certificates are asked for by the host that TLS is begun for: another's would not have been.
        return answers.refused(request, site, "sni_differs", "misdirected")
    if reserved:
        return (yield from _own_path(site, request, host))
    app = site.apps.of(host, path)
    if app is None:
        return answers.standard(request, "no_app")
    if app.client_ca and not _asked_for(site, app, host):
        return answers.refused(request, site, "client_ca_differs", "misdirected")
    request = _without_anothers_certificate(request, app)
    if app.cors is None:
        return (yield from _app(site, request, app, host))
    asked_ahead = cors.preflight(site, request, app, host, app.cors)
    return asked_ahead or cors.readable(request, app.cors, (yield from _app(site, request, app, host)))


def _asked_for(site: Site, app: App, host: str) -> bool:
    """Whether TLS asks for certificates of the app's own authority there: it goes by names of hosts alone."""
    apps = site.apps.at(host)
    by = host if apps[0].here.host == host else "*." + host.partition(".")[2]
    return any(other.here.host == by and other.client_ca == app.client_ca for other in apps)


def _without_anothers_certificate(request: Request, app: App) -> Request:
    """The request as an app may know it that trusts no authority: another app's asked for a certificate there."""
    return replace(request, certificate=None) if request.certificate and not app.client_ca else request


def _host(site: Site, request: Request) -> str:
    """The host that was asked for: one of ours, on our port, said once. Raises BadRequestError."""
    hosts = {host.lower() for host in request.hosts}
    if len(request.values(b"host")) > 1 or len(hosts) > 1:
        raise target.BadRequestError("host_ambiguous", "the request names two hosts")
    if not hosts:
        raise target.BadRequestError("host_missing", "the request names no host")
    said = hosts.pop()
    host, port = _authority(said) if len(said) <= LONGEST_AUTHORITY else NOWHERE
    if port != site.port:
        raise target.BadRequestError("host_unknown", "no such host or port here")
    if not site.apps.at(host) and host != site.team and host not in site.lab_hosts:
        raise target.BadRequestError("host_unknown", "no such host here")
    return host


@lru_cache(1024)
def _authority(said: str) -> tuple[str, int]:
    parts = AUTHORITY.fullmatch(said)
    return (parts[1], int(parts[2] or 443)) if parts else NOWHERE


def _came_by_tls(site: Site, request: Request) -> bool:
    if not any(request.peer in network for network in site.trusted_proxies):
        return request.secure
    return request.value(b"x-forwarded-proto").lower() == b"https"


def _in_the_clear(site: Site, request: Request, host: str) -> Answer:
    """Plain http: a person is sent to https, anything else is refused. No cookie is set or read."""
    proxied = any(request.peer in network for network in site.trusted_proxies)
    if not proxied and request.method in READING and is_navigation(request):
        return answers.redirect(request, site.url(host, request.target))
    return answers.refused(request, site, "plain_http", "plain_http")


def _team(site: Site, request: Request) -> Steps[Outcome]:
    if request.path.startswith(provider_logout.BACK_PATH):
        if request.method != "POST":
            return answers.wrong_method(request, "POST")
        return provider_logout.back_channel(site, request)
    if request.path == callback.CALLBACK_PATH and request.method == "POST":
        return callback.posted_callback(site, request)
    if request.path == program.TOKEN_PATH:
        return program.redeem(site, request) if request.method == "POST" else answers.wrong_method(request, "POST")
    if request.path == program.PATH and request.method == "POST":
        return program.answered(site, request)
    if request.path == launcher.END_PATH:
        return launcher.end(site, request) if request.method == "POST" else answers.wrong_method(request, "POST")
    if request.method not in READING:
        return answers.wrong_method(request, "GET, HEAD")
    if request.path == program.PATH:
        return (yield from program.question(site, request))
    if request.path.startswith(launcher.LOGO_PATH):
        return (yield from launcher.logo(site, request))
    if request.path == "/":
        return (yield from sign_in.home(site, request))
    if request.path == launcher.REFRESH_PATH:
        return (yield from sign_in.refresh(site, request))
    if request.path.startswith(sign_in.LOGIN_PATH):
        return (yield from sign_in.login(site, request))
    if request.path == callback.CALLBACK_PATH:
        return (yield from callback.callback(site, request))
    if request.path.startswith(provider_logout.FRONT_PATH):
        return (yield from provider_logout.front_channel(site, request))
    return (yield from _both(site, request, site.team))


def _own_path(site: Site, request: Request, host: str) -> Steps[Outcome]:
    if request.path == FORM_PATH and request.method == "POST" and any(app.keep_forms for app in site.apps.at(host)):
        return (yield from send_form.leave(site, request, host))
    if request.method not in READING:
        return answers.wrong_method(request, "GET, HEAD")
    if request.path == hand_off.AUTHORIZED_PATH:
        return (yield from hand_off.authorized(site, request, host))
    return (yield from _both(site, request, host))


def _both(site: Site, request: Request, host: str) -> Steps[Outcome]:
    if request.path == CERTS_PATH:
        return documents.certs(site, request)
    if request.path == EVALUATION_KEYS_PATH and host == site.team:
        return answers.data(request, 200, site.evaluations.public_keys())
    if request.path == IDENTITY_PATH:
        return (yield from documents.get_identity(site, request, host))
    if request.path == sign_out.LOGOUT_PATH:
        return (yield from sign_out.logout(site, request, host))
    return answers.not_found(request)


def _app(site: Site, request: Request, app: App, host: str) -> Steps[Outcome]:
    websocket = is_websocket(request)
    if websocket and request.value(b"origin").decode("latin-1") not in (
        site.url(host),
        *app.websocket_origins,
    ):
        return answers.refused(request, site, "websocket_origin", "foreign_origin")
    if app.without_sign_in or machine.shows(request, app):
        passed = yield from without_sign_in.passed(site, request, app, host, websocket=websocket)
        if passed:
            return passed
    found = yield from presented(site, request, app)
    if found.conflict:
        # All of them: of two cookies of one name only the one with our own domain and path can be deleted by name.
        # That would be the visitor's, and leave them with the one that a sibling host planted.
        return answers.standard(request, "token_conflict", headers=[("Clear-Site-Data", '"cookies"')])
    if found.granted is None or found.checked is None:
        return (yield from _without_session(site, request, app, host, found))
    session = found.granted.session
    facts = (yield from known(site, request, app, session)) if app.asks_services else site.facts(session, request)
    verdict = judge(app.policies, facts)
    if not verdict.allowed or verdict.policy is None:
        if is_navigation(request) and missing_acrs(app.policies, facts):
            return hand_off.ask_to_sign_in(site, request, app, host)
        return denials.denied(site, request, app, host, found.granted.session, verdict, facts)
    identity = found.granted.session.identity
    told = partial(
        answers.told, Action.ALLOWED, request, site, allowed=True, app=app.name, app_domain=host, app_aud=app.aud,
        user_id=identity.user_id, email=identity.email, provider=identity.provider, policy=verdict.policy.name,
    )  # fmt: skip
    onward = headers.for_origin(
        request, host=site.authority(host), client=facts.ip, assertion=found.assertion,
        email=identity.email, forward_cookie=app.forward_cookie, websocket=websocket,
        issuer=site.issuer,
    )  # fmt: skip
    forward = Forward(app, onward, request.target, websocket, told, found.checked, verdict.policy.name, facts.ip)
    if app.keep_forms:
        return (yield from send_form.in_its_place(site, request, forward, host, identity.user_id))
    return forward


def still_allowed(
    site: Site, request: Request, app: App, checked: AppToken | None, now: float, *, is_use: bool = True
) -> Steps[str | None]:
    """Why a request would not be let in now by the token that let it in; None: it would be.

    Nothing is told of it, and nobody is redirected. Where the session's provider is due to be asked, it is asked.
    """
    request = _without_anothers_certificate(request, app)
    if checked is None:
        return (yield from without_sign_in.still_passes(site, request, app, now))
    try:
        check_times(checked, now)
    except TokenError as fault:
        return str(fault.reason)
    granted = yield from behind(site, request, app, checked, now, is_use=is_use)
    if isinstance(granted, str):
        return granted
    facts = yield from known(site, request, app, granted.session, now)
    return None if judge(app.policies, facts).allowed else "policy"


def _without_session(site: Site, request: Request, app: App, host: str, found: Presented) -> Steps[Answer | Collect]:
    facts = site.facts(None, request)
    refused = foregone(app.policies, facts)
    if refused and (is_navigation(request) or not app.without_sign_in):
        return denials.kept_out(site, request, app, host, refused, facts)
    if app.keep_forms and not refused:
        kept = yield from keep_form.keep(site, request, app, host)
        if found_form := kept or send_form.sign_in_first(site, request, app, host):
            return found_form
    if not refused and gets_redirect(request, app.unauthenticated):
        return hand_off.ask_to_sign_in(site, request, app, host)
    event = answers.told(
        Action.UNAUTHENTICATED, request, site, allowed=False, status=401, app=app.name, app_domain=host,
        app_aud=app.aud, reason=found.reason,
    )  # fmt: skip
    said = {
        "error": "unauthenticated",
        "reason": found.reason,
        "message": "There is no session here. Open the address in `sign_in` in a browser and sign in.",
        "sign_in": site.url(host, app.here.root),
        "id": request.ray,
    }
    return answers.data(request, 401, said, answers.access_headers(app, host), (event,))
