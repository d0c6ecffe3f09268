"""Pages of other origins: what their preflights are answered, and which of them may read the gate's own answers.

A preflight brings no cookie, so it can never be of a session; whatever else comes along reaches no origin.
"""

import re
from dataclasses import replace
from functools import partial

from glassgate.access.app import App, Cors
from glassgate.gate import answers, headers
from glassgate.gate.exchange import Answer, Forward, Outcome, Request
from glassgate.gate.site import Site
from glassgate.gate.visitor import is_websocket
from glassgate.record.events import Action

# What a script needs to know of a 401 or 403 of ours.
EXPOSED = "Cf-Ray, Cf-Access-Aud, Cf-Access-Domain, WWW-Authenticate"
# What a preflight says to an origin, and what we say of it. A browser sends no more, and nobody else shall.
SAID = re.compile(
    rb"origin|access-control-request-.*|accept(?:-.*)?|user-agent|sec-fetch-.*|host|x-forwarded-.*|cf-ray"
)


def is_preflight(request: Request) -> bool:
    """Whether it is what browsers send ahead (Fetch section 4.8), and nothing that only looks so: it has no body."""
    body = request.values(b"transfer-encoding") or request.values(b"content-length") not in ([], [b"0"])
    once = len(request.values(b"origin")) == len(request.values(b"access-control-request-method")) == 1
    return request.method == "OPTIONS" and once and not body and not is_websocket(request)


def preflight(site: Site, request: Request, app: App, host: str, cors: Cors) -> Outcome | None:
    """What becomes of a preflight, as the app wishes: the gate answers it, or its origin; None: it is none."""
    if not is_preflight(request):
        return None
    if cors.passes:
        return _passed(site, request, app, host)
    allowed = _allowed(request, cors)
    if not allowed:
        return answers.refused(request, site, "cors_origin", "foreign_origin")
    lines = [
        *allowed,
        ("Access-Control-Allow-Methods", ", ".join(cors.methods)),
        *((("Access-Control-Allow-Headers", ", ".join(cors.headers)),) if cors.headers else ()),
        ("Access-Control-Max-Age", str(cors.max_age)),
    ]
    return Answer(204, (*answers.base_headers(request, 204), *lines))


def readable(request: Request, cors: Cors, outcome: Outcome) -> Outcome:
    """An answer of the gate's own, so that scripts of allowed pages can read it; an origin says that of its own."""
    allowed = _allowed(request, cors) if isinstance(outcome, Answer) and not cors.passes else []
    if not allowed or not isinstance(outcome, Answer):
        return outcome
    return replace(outcome, headers=(*outcome.headers, *allowed, ("Access-Control-Expose-Headers", EXPOSED)))


def _allowed(request: Request, cors: Cors) -> list[tuple[str, str]]:
    """What lets the page that asks read on (Fetch section 3.3.3); nothing where it may not."""
    asking = request.value(b"origin").decode("latin-1")
    if cors.any_origin:
        return [("Access-Control-Allow-Origin", "*")]  # never with credentials: `Cors` has no such value
    if asking not in cors.origins:
        return []
    lines = [("Access-Control-Allow-Origin", asking), ("Vary", "Origin")]
    return [*lines, ("Access-Control-Allow-Credentials", "true")] if cors.credentials else lines


def _passed(site: Site, request: Request, app: App, host: str) -> Forward:
    told = partial(
        answers.told, Action.ALLOWED, request, site, allowed=True, app=app.name, app_domain=host, app_aud=app.aud,
        reason="preflight",
    )  # fmt: skip
    onward = headers.for_origin(
        request, host=site.authority(host), client=site.client(request), assertion=None, email=None,
        forward_cookie=False, websocket=False, issuer=site.issuer,
    )  # fmt: skip
    said = tuple(field for field in onward if SAID.fullmatch(field[0].lower()))
    return Forward(replace(app, max_body=0), said, request.target, False, told, None)
