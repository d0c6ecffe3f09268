"""The tenant's endpoints and pages, as a Flask application."""

import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from glassgate.access.seal import MAX_SEALED, SealError
from glassgate.lab.tenant import browser, faults
from glassgate.lab.tenant.authorize import Ask, Params, only, read_ask, read_client, required
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.faults import KINDS, TenantError
from glassgate.lab.tenant.steps import AskFactor, AskPassword, Step, next_step
from glassgate.lab.tenant.tenant import FLOW_LIFETIME, Sealed, Session, Tenant
from glassgate.lab.tenant.tokens import Grant, make_code, redeem

HERE = Path(__file__).parent
STYLE = (HERE / "templates" / "style.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# No form-action: Chromium holds it against every redirect after the POST, and those end at the app.
CSP = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'"
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
LONGEST_FORM = 32 * 1024  # bytes


def tenant_app(tenant: Tenant) -> Flask:
    """The WSGI application of `login.localhost`. Thread-safe; it keeps nothing between two requests."""
    app = Flask(__name__, static_folder=None, template_folder=str(HERE / "templates"))
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_FORM
    app.jinja_env.globals.update(style=STYLE, organisation=tenant.directory.name, domain=tenant.directory.domain)
    views = Views(tenant)
    routes = (
        ("/", "home", views.home, ["GET"]),
        ("/error", "explain", views.explain, ["GET"]),
        ("/<tenant>/v2.0/.well-known/openid-configuration", "discovery", views.discovery, ["GET"]),
        ("/<tenant>/discovery/v2.0/keys", "keys", views.keys, ["GET"]),
        ("/<tenant>/oauth2/v2.0/authorize", "authorize", views.authorize, ["GET", "POST"]),
        ("/<tenant>/login", "login", views.login, ["POST"]),
        ("/<tenant>/login/factor", "factor", views.factor, ["POST"]),
        ("/<tenant>/oauth2/v2.0/token", "token", views.token, ["POST"]),
        ("/<tenant>/oauth2/v2.0/logout", "logout", views.logout, ["GET", "POST"]),
    )
    for rule, name, view, methods in routes:
        app.add_url_rule(rule, name, view, methods=methods)
    app.url_value_preprocessor(views.check_tenant)
    app.register_error_handler(TenantError, views.refused)
    app.register_error_handler(HTTPException, views.http_error)
    app.after_request(_page_headers)
    return app


class Views:
    """The endpoints of one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._seal = tenant.seal

    def check_tenant(self, endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Take the tenant out of the path: its id or its domain."""
        name = str(values.pop("tenant", self._tenant.directory.tenant_id)).lower() if values else None
        if name and name not in (self._tenant.directory.tenant_id, self._tenant.directory.domain):
            raise TenantError(90002, value=name)

    def home(self) -> Response:
        """What this host is, for whoever looks."""
        return _page("home.html", tenant=self._tenant)

    def explain(self) -> Response:
        """What an AADSTS number means: where `error_uri` points to."""
        code = request.args.get("code", "")
        kind = KINDS.get(int(code)) if code.isascii() and code.isdigit() and len(code) < 9 else None
        return _page("explain.html", 200 if kind else 404, code=code[:12] if kind else "", kind=kind)

    def discovery(self) -> Response:
        """OpenID Connect Discovery 1.0, section 4."""
        return _json(self._tenant.discovery(), max_age=86400)

    def keys(self) -> Response:
        """The JWK Set that ID tokens are signed by."""
        return _json({"keys": [self._tenant.key.jwk(self._tenant.issuer)]}, max_age=86400)

    def authorize(self) -> Response:
        """The authorization endpoint (RFC 6749, 4.1.1; OpenID Connect Core 1.0, 3.1.2)."""
        params = _params(request.form if request.method == "POST" else request.args)
        client = read_client(params, self._tenant.registrations, self._tenant.directory.name)
        now = self._tenant.clock()
        try:
            ask = read_ask(params, client)
            step = next_step(self._tenant, ask, browser.session_of(self._tenant, request.cookies, now))
        except TenantError as no:
            state = params.get("state", [])
            return self._back(required(params, "redirect_uri"), state[0] if len(state) == 1 else None, no, now)
        return self._show(ask, step, now)

    def login(self) -> Response:
        """The sign-in form: `loginfmt` and `passwd`, and the sealed request in `ctx`."""
        now = self._tenant.clock()
        form = _params(request.form)
        flow = self._flow(form, "password", now)
        ask = Ask.from_json(flow["ask"])
        name, password = only(form, "loginfmt") or "", only(form, "passwd") or ""
        person = self._tenant.directory.prove(name, password)
        if person is None:
            wrong = faults.report(TenantError(50126), now) if password else None
            return self._show(ask, AskPassword(name), now, wrong=wrong, ended=flow["mark"])
        session = Session(secrets.token_hex(16), person.oid, int(now))
        return self._go_on(ask, session, flow["mark"], now)

    def factor(self) -> Response:
        """The second factor's form: `otc`, the code that the page itself tells, as there is no telephone here."""
        now = self._tenant.clock()
        form = _params(request.form)
        flow = self._flow(form, "factor", now)
        ask = Ask.from_json(flow["ask"])
        session = browser.session_of(self._tenant, request.cookies, now)
        person = self._tenant.person(flow["oid"])
        if session is None or person is None or session.oid != person.oid:
            # Signed out, or in as somebody else, in another tab.
            return self._show(ask, AskPassword(person.username if person else ""), now, ended=flow["mark"])
        otc = (only(form, "otc") or "").replace(" ", "")
        if not hmac.compare_digest(otc.encode(), str(flow["otc"]).encode()):
            return self._show(ask, AskFactor(person), now, wrong=True, ended=flow["mark"])
        proven = Session(session.sid, session.oid, session.at, mfa=True)
        return self._go_on(ask, proven, flow["mark"], now)

    def token(self) -> Response:
        """The token endpoint (RFC 6749, 4.1.3)."""
        sent = request.authorization
        basic = None
        if sent is not None and sent.type == "basic":
            basic = (sent.username or "", sent.password or "")
        now = self._tenant.clock()
        try:
            return _json(redeem(self._tenant, _params(request.form), basic, now))
        except TenantError as no:
            return self._error_json(no)

    def logout(self) -> Response:
        """RP-initiated logout: ends the session, and goes on to a registered address alone."""
        tenant, now = self._tenant, self._tenant.clock()
        params = _params(request.values)
        session = browser.session_of(tenant, request.cookies, now)
        hint = only(params, "logout_hint")
        person = tenant.person(session.oid) if session else None
        # A hint names whom to sign out: somebody else, who signed in meanwhile, stays.
        meant = session if not hint or tenant.directory.find(hint) == person else None
        response = self._after_logout(params, person if meant else None)
        if meant:
            browser.end_session(tenant, response, meant, now)
        return response

    def refused(self, no: TenantError) -> Response:
        """A refusal that nobody may be redirected with."""
        if request.endpoint in ("discovery", "keys", "token"):
            return self._error_json(no)
        return self._error_page(no)

    def http_error(self, fault: HTTPException) -> Response:
        """An address or a method that there is not, or a fault of ours."""
        status = fault.code or 500
        return _page("error.html", status, title=fault.name, text=fault.description, report=None)

    def _flow(self, form: Params, stage: str, now: float) -> dict[str, Any]:
        """Open a form's `ctx`, of this stage, made for this browser."""
        try:
            flow = self._seal.open(Sealed.FLOW, required(form, "ctx", MAX_SEALED), now, FLOW_LIFETIME)
        except SealError as fault:
            raise TenantError(50089 if fault.expired else 165000) from fault
        if flow["stage"] != stage:
            raise TenantError(165000)
        browser.check_flow(request.cookies, flow["mark"])
        return flow

    def _go_on(self, ask: Ask, session: Session, mark: str, now: float) -> Response:
        """Keep the session that was just proven, and take the next step."""
        try:
            response = self._show(ask, next_step(self._tenant, ask, session, asked_anew=True), now, ended=mark)
        except TenantError as no:
            response = self._back(ask.redirect_uri, ask.state, no, now)
            browser.end_flow(response, mark)
        browser.keep_session(self._tenant, response, session, now)
        return response

    def _show(self, ask: Ask, step: Step, now: float, *, wrong: Any = None, ended: str = "") -> Response:
        """The page, or the redirect, of a step. `wrong`: why the last attempt failed; `ended`: its page."""
        match step:
            case Grant():
                response = self._grant(step, now)
            case AskFactor(person):
                response = self._factor_page(ask, person, wrong, now)
            case AskPassword(name):
                response = self._sign_in_page(ask, name, wrong, now)
        if ended:
            browser.end_flow(response, ended)
        return response

    def _sign_in_page(self, ask: Ask, name: str, wrong: faults.Report | None, now: float) -> Response:
        response = Response()
        flow = {"stage": "password", "mark": browser.begin_flow(response, request.cookies), "ask": ask.to_json()}
        return _fill(
            response,
            "sign_in.html",
            action=f"/{self._tenant.directory.tenant_id}/login",
            ctx=self._seal.close(Sealed.FLOW, flow, now),
            client=self._tenant.registrations[ask.client_id],
            host=urlsplit(ask.redirect_uri).netloc,
            name=name,
            wrong=wrong,
        )

    def _factor_page(self, ask: Ask, person: Person, wrong: Any, now: float) -> Response:
        response = Response()
        otc = f"{secrets.randbelow(1_000_000):06}"
        mark = browser.begin_flow(response, request.cookies)
        flow = {"stage": "factor", "mark": mark, "ask": ask.to_json(), "oid": person.oid, "otc": otc}
        return _fill(
            response,
            "factor.html",
            action=f"/{self._tenant.directory.tenant_id}/login/factor",
            ctx=self._seal.close(Sealed.FLOW, flow, now),
            person=person,
            otc=otc,
            wrong=wrong,
        )

    def _grant(self, grant: Grant, now: float) -> Response:
        code = make_code(self._tenant, grant, now)
        answer = {"code": code, "state": grant.ask.state, "session_state": grant.session.sid}
        return _redirect(grant.ask.redirect_uri, answer)

    def _back(self, uri: str, state: str | None, no: TenantError, now: float) -> Response:
        described = faults.report(no, now).description
        return _redirect(uri, {"error": no.kind.error, "error_description": described, "state": state})

    def _after_logout(self, params: Params, person: Person | None) -> Response:
        uri = only(params, "post_logout_redirect_uri")
        registered = {
            known
            for client in self._tenant.registrations.values()
            for known in (*client.post_logout_uris, *client.redirect_uris)
        }
        if uri in registered and uri is not None:
            return _redirect(uri, {"state": only(params, "state")})
        return _page("signed_out.html", person=person)

    def _error_page(self, no: TenantError) -> Response:
        told = faults.report(no, self._tenant.clock())
        return _page("error.html", no.kind.status, title="Sorry, we could not sign you in", text="", report=told)

    def _error_json(self, no: TenantError) -> Response:
        told = faults.report(no, self._tenant.clock())
        return _json(told.to_json(f"{self._tenant.origin}/error"), no.kind.status)


def _params(values: Any) -> Params:
    return dict(values.lists())


def _page(template: str, status: int = 200, **values: Any) -> Response:
    return _fill(Response(status=status), template, **values)


def _fill(response: Response, template: str, **values: Any) -> Response:
    response.set_data(render_template(template, **values))
    response.mimetype = "text/html"
    return response


def _json(value: dict[str, Any], status: int = 200, max_age: int | None = None) -> Response:
    response = Response(json.dumps(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = f"max-age={max_age}, private" if max_age else "no-store"
    return response


def _redirect(uri: str, answer: dict[str, str | None]) -> Response:
    query = urlencode({name: value for name, value in answer.items() if value is not None})
    joint = "" if not query else "&" if "?" in uri else "?"
    return Response(status=302, headers={"Location": f"{uri}{joint}{query}"})


def _page_headers(response: Response) -> Response:
    for name, value in PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
