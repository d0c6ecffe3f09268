"""The tenant as a Flask application: which address is answered by what, and what goes before every answer."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from glassgate.lab.tenant import browser, discovery, pages, sign_in, sign_out
from glassgate.lab.tenant.aadsts import KINDS
from glassgate.lab.tenant.authorize import only, required
from glassgate.lab.tenant.cloud import Authority, Call, Cloud, authority
from glassgate.lab.tenant.errors import TenantError, report
from glassgate.lab.tenant.token_endpoint import answer_token_request

LONGEST_FORM = 32 * 1024  # bytes
DAY = 86_400  # seconds for which documents may be kept
FOR_PROGRAMS = ("discovery", "keys", "instance", "token", "device")

type View = Callable[[Call], Response]


def tenant_app(cloud: Cloud) -> Flask:
    """The WSGI application of `login.localhost`. Thread-safe; it keeps nothing between two requests."""
    app = Flask(__name__, static_folder=None, template_folder=str(pages.TEMPLATES))
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_FORM
    app.jinja_env.globals.update(style=pages.STYLE)
    before = Before(cloud)
    routes: tuple[tuple[str, str, View, list[str]], ...] = (
        ("/", "home", home, ["GET"]),
        ("/error", "explain", explain, ["GET"]),
        ("/<tenant>/v2.0/.well-known/openid-configuration", "discovery", openid_configuration, ["GET"]),
        ("/<tenant>/discovery/v2.0/keys", "keys", keys, ["GET"]),
        ("/<tenant>/discovery/instance", "instance", instance, ["GET"]),
        ("/<tenant>/oauth2/v2.0/authorize", "authorize", sign_in.authorize, ["GET", "POST"]),
        ("/<tenant>/oauth2/v2.0/token", "token", token, ["POST"]),
        ("/<tenant>/oauth2/v2.0/devicecode", "device", device, ["POST"]),
        ("/<tenant>/oauth2/v2.0/logout", "logout", sign_out.logout, ["GET", "POST"]),
        *((f"/<tenant>/{path}", path, view, ["POST"]) for path, view in sign_in.FORMS.items()),
    )
    for rule, name, view, methods in routes:
        app.add_url_rule(rule, name, _with_call(view), methods=methods)
    app.url_value_preprocessor(before.take_tenant)
    app.before_request(before.begin)
    app.context_processor(before.shown)
    app.register_error_handler(TenantError, before.refused)
    app.register_error_handler(HTTPException, http_error)
    app.after_request(pages.with_page_headers)
    return app


def _with_call(view: View) -> Callable[[], Response]:
    return lambda: view(g.call)


class Before:
    """What goes before every answer: whose address it is, what is switched, and the faults of all addresses."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._main = Authority(cloud.tenants.main.tenant_id, cloud.tenants.main)

    def take_tenant(self, endpoint: str | None, values: dict[str, Any] | None) -> None:
        """Take the tenant out of the path: its id, its domain, or `organizations` or `common`."""
        g.tenant = values.pop("tenant", None) if values else None

    def begin(self) -> Response | None:
        """Read the switches, once; and let the faults happen that are every address's."""
        cloud, now = self._cloud, self._cloud.clock()
        call = g.call = Call(cloud, self._main, cloud.switchboard.read(now), now)
        slow = call.fault("slow")
        if slow:
            cloud.sleep(slow.pause)
        if call.fault("down"):
            text = "The fault “down” was switched on in this lab."
            return pages.page(
                "error.html", 503, title="Our services aren't available right now", text=text, report=None
            )
        if request.endpoint in FOR_PROGRAMS and call.fault("error500"):
            text = "The page cannot be displayed because an internal server error has occurred."
            return Response(text, 500, mimetype="text/html")
        if g.tenant is not None:
            g.call = Call(cloud, authority(cloud.tenants, str(g.tenant)), call.switches, now)
        return None

    def shown(self) -> dict[str, Any]:
        """What every page shows: whose it is, and the domain of an example."""
        at: Authority = g.call.authority if "call" in g else self._main
        return {"organisation": at.title, "domain": (at.directory or self._cloud.tenants.main).domain}

    def refused(self, no: TenantError) -> Response:
        """A refusal that nobody may be redirected with."""
        told = report(no, self._cloud.clock())
        if request.endpoint in FOR_PROGRAMS:
            return pages.as_json(told.at_token(f"{self._cloud.origin}/error"), no.kind.status)
        return pages.page("error.html", no.kind.status, title="Sorry, we could not sign you in", text="", report=told)


def home(call: Call) -> Response:
    """What this host is, for whoever looks; and who is signed in."""
    session = browser.session_of(call, request.cookies)
    account = call.cloud.tenants.person(session.tid, session.oid) if session else None
    ring = zip(("signs now", "signs next", "signed before"), call.cloud.keys.published, strict=False)
    return pages.page("home.html", cloud=call.cloud, account=account, ring=list(ring))


def explain(call: Call) -> Response:
    """What an AADSTS number means: where `error_uri` points to."""
    code = request.args.get("code", "")
    kind = KINDS.get(int(code)) if code.isascii() and code.isdigit() and len(code) < 9 else None
    return pages.page("explain.html", 200 if kind else 404, code=code[:12] if kind else "", kind=kind)


def openid_configuration(call: Call) -> Response:
    """OpenID Connect Discovery 1.0, section 4."""
    return pages.as_json(discovery.document(call), max_age=DAY)


def keys(call: Call) -> Response:
    """The JWK Set that ID tokens are signed by."""
    return pages.as_json(discovery.keys(call), max_age=DAY)


def instance(call: Call) -> Response:
    """Instance discovery."""
    params = sign_in.params_of(request.args)
    version = only(params, "api-version") or "1.0"
    return pages.as_json(discovery.instance(call, required(params, "authorization_endpoint"), version), max_age=DAY)


def token(call: Call) -> Response:
    """The token endpoint."""
    sent = request.authorization
    basic = (sent.username or "", sent.password or "") if sent is not None and sent.type == "basic" else None
    return pages.as_json(answer_token_request(call, sign_in.params_of(request.form), basic))


def device(call: Call) -> Response:
    """The device authorization endpoint, which is not for applications of the web."""
    raise TenantError(70002)


def http_error(fault: HTTPException) -> Response:
    """An address or a method that there is not, or a fault of ours."""
    return pages.page("error.html", fault.code or 500, title=fault.name, text=fault.description, report=None)
