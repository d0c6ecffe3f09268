"""The gate's own answers: what each of them carries, whoever gets it and whatever it says."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from glassgate.access import pages
from glassgate.access.app import App
from glassgate.access.messages import MESSAGES
from glassgate.gate.exchange import Answer, Request
from glassgate.gate.headers import UNKNOWN, country
from glassgate.gate.site import Site
from glassgate.gate.visitor import is_navigation
from glassgate.record.events import Action, Event

type Lines = Iterable[tuple[str, str]]


def base_headers(
    request: Request, status: int, csp: str = pages.CSP, referrer: str = "no-referrer"
) -> list[tuple[str, str]]:
    """What every answer of ours carries; HSTS for our own hosts over TLS, outside .localhost (RFC 6797 section 7.2)."""
    headers = [
        ("Cf-Ray", request.ray),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", csp),
        ("Referrer-Policy", referrer),
        ("X-Content-Type-Options", "nosniff"),
    ]
    host = _host(request)
    if request.secure and status != 421 and host and host != "localhost" and not host.endswith(".localhost"):
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    return headers


def page(
    request: Request, status: int, html: str, headers: Lines = (), events: tuple[Event, ...] = (),
    csp: str = pages.CSP, referrer: str = "no-referrer",
) -> Answer:  # fmt: skip
    """An HTML page."""
    lines = [
        *base_headers(request, status, csp, referrer),
        ("Content-Type", "text/html; charset=utf-8"),
        *headers,
    ]
    return Answer(status, tuple(lines), html.encode(), events)


def form_page(request: Request, html: str) -> Answer:
    """A page whose form is answered by a redirect: browsers would apply `form-action` to that, too. They say where
    a form comes from (`Origin`) only where the referrer policy lets them."""
    return page(request, 200, html, csp=pages.csp(form_action=None), referrer="same-origin")


def data(request: Request, status: int, value: Any, headers: Lines = (), events: tuple[Event, ...] = ()) -> Answer:
    """A JSON document."""
    lines = [
        *base_headers(request, status),
        ("Content-Type", "application/json"),
        *headers,
    ]
    return Answer(status, tuple(lines), json.dumps(value).encode(), events)


def redirect(
    request: Request, url: str, headers: Lines = (), events: tuple[Event, ...] = (), status: int = 302
) -> Answer:
    """A redirect to an address that we made (302, or 303 after a form: browsers must come by GET)."""
    lines = [*base_headers(request, status), ("Location", url), *headers]
    return Answer(status, tuple(lines), b"", events)


def standard(
    request: Request,
    code: str,
    *,
    headers: Lines = (),
    event: Event | None = None,
    facts: tuple[tuple[str, str], ...] = (),
    action: tuple[str, str] | None = None,
) -> Answer:
    """One of the standing messages by its code: a page for a person, JSON for a program."""
    message = MESSAGES[code]
    events = (event,) if event else ()
    if is_navigation(request):
        html = pages.message(code, ray=request.ray, facts=facts, action=action)
        return page(request, message.status, html, headers, events)
    said = {"error": code, "message": message.text, "id": request.ray}
    return data(request, message.status, said, headers, events)


def access_headers(app: App, host: str) -> list[tuple[str, str]]:
    """What clients know Access by, on redirects, 401 and 403."""
    return [
        ("WWW-Authenticate", "Cloudflare-Access"),
        ("Cf-Access-Aud", app.aud),
        ("Cf-Access-Domain", app.here.at(host)),
    ]


def told(action: Action, request: Request, site: Site, **more: Any) -> Event:
    """What is recorded of this exchange. Of the target only the path: a query may hold codes."""
    return Event(
        action=action,
        at=request.at,
        ray=request.ray,
        ip=str(site.client(request) or UNKNOWN),
        country=country(request, site.trusted_proxies),
        host=_host(request),
        method=request.method[:32],
        path=request.path[:512],
        user_agent=request.value(b"user-agent").decode("latin-1")[:256],
        **more,
    )


def refused(request: Request, site: Site, reason: str, code: str = "bad_request") -> Answer:
    """A request that is none: said plainly, told to the log, and nothing else."""
    status = MESSAGES[code].status
    return standard(
        request, code, event=told(Action.REFUSED, request, site, allowed=False, status=status, reason=reason)
    )


def not_found(request: Request) -> Answer:
    """One of our own paths that does not exist."""
    return standard(request, "not_found")


def wrong_method(request: Request, allowed: str) -> Answer:
    """One of our own paths, by a method that it does not take."""
    return standard(request, "wrong_method", headers=[("Allow", allowed)])


def _host(request: Request) -> str:
    return request.hosts[0].rpartition(":")[0] or request.hosts[0] if request.hosts else ""


def reason_phrase(status: int) -> str:
    """The status line's words."""
    return HTTPStatus(status).phrase
