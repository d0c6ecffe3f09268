"""A token for a program that a person runs: they say so on a page of the team domain, and the program fetches it.

The program (`glassgate login`) listens on loopback, and opens the page with the digest of a secret of its own (as RFC
7636 has it). The page says which app is asked for, by which port and with which code. What comes back by the browser
opens nothing without the secret, and names who gave it (RFC 9207): a program that asked elsewhere does not take it.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from glassgate.access import pages, recorded
from glassgate.access.app import App
from glassgate.access.explain import fingerprint
from glassgate.access.facts import Facts
from glassgate.access.outlook import foregone
from glassgate.access.policy import Verdict, judge, missing_acrs
from glassgate.access.seal import Purpose, SealError
from glassgate.access.session import Session
from glassgate.gate import answers, denials, hand_off, pace, sign_in
from glassgate.gate.credentials import confirmed_session
from glassgate.gate.exchange import Answer, Collect, Outcome, Request, Steps
from glassgate.gate.forms import read_form
from glassgate.gate.known import known
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import is_navigation
from glassgate.oidc.errors import SignInError
from glassgate.oidc.relying_party import code_challenge
from glassgate.record.events import Action

PATH = TEAM_PREFIX + "cli"
TOKEN_PATH = PATH + "/token"
ASKED_LIFETIME = 600  # seconds that the question stands, with a sign-in before it
CODE_LIFETIME = 60  # seconds that the program has to fetch its token
LONGEST_FORM = 8 * 1024  # bytes
PORTS = range(1024, 65536)
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # base64url of a SHA-256
STATE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program asks for, and where it listens. There is no way to name an address other than loopback's."""

    host: str  # the app's, with the path at which it begins
    port: int
    challenge: str  # digest of the program's secret
    state: str  # the program's own mark, given back to it
    id: str = ""  # of this question: one answer to each
    proves: bool = False  # more proof was asked for already

    @property
    def words(self) -> str:
        """What the person compares: the same on the page and in the terminal."""
        return compare(self.challenge)

    def to_json(self) -> dict[str, Any]:
        """The question as an address carries it, sealed."""
        return {
            "h": self.host, "p": self.port, "c": self.challenge, "s": self.state, "i": self.id, "a": self.proves
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Asked":
        """Read what `to_json` wrote."""
        return cls(value["h"], value["p"], value["c"], value["s"], value["i"], value["a"])

    def way_back(self, **said: str) -> str:
        """The address at which the program listens, with an answer."""
        return f"http://127.0.0.1:{self.port}/?{urlencode({**said, 'state': self.state})}"


def compare(challenge: str) -> str:
    """Eight characters that stand for a program's secret, as both sides show them."""
    text = base64.b32encode(hashlib.sha256(challenge.encode()).digest()).decode()
    return f"{text[:4]}-{text[4:8]}"


def question(site: Site, request: Request) -> Steps[Answer]:
    """`GET /cdn-cgi/access/cli`: ask whoever is signed in, or have them sign in first."""
    query = request.fields()
    if not is_navigation(request):
        return answers.standard(request, "unauthenticated")
    if "meta" not in query:
        asked = _read(site, query)
        return answers.redirect(request, _here(site, request, asked)) if asked else _nowhere(request)
    asked = _opened(site, request, query["meta"][0])
    app = _app_at(site, asked.host) if asked else None
    if asked is None or app is None:
        return _nowhere(request)
    session = yield from confirmed_session(site, request)
    if session is None or not session.stands or session.identity.provider not in app.providers:
        return (yield from sign_in.first(site, request, app, session, request.target))
    facts = yield from known(site, request, app, session)
    verdict = judge(app.policies, facts)
    missing = missing_acrs(app.policies, facts)
    if missing and not verdict.allowed and not asked.proves:
        again = _here(site, request, _with_proof(asked))
        return (yield from sign_in.first(site, request, app, session, again.removeprefix(site.issuer), missing))
    if not _may(app, facts, verdict):
        host = _place(asked.host)[0]
        return denials.denied(site, request, app, host, session, verdict, facts, again=app.here.root)
    return _page(site, request, app, asked, session)


def answered(site: Site, request: Request) -> Outcome:
    """`POST /cdn-cgi/access/cli`: what the person said, on our own page alone."""
    if request.value(b"origin") != site.issuer.encode():
        return answers.refused(request, site, "foreign_origin", "foreign_origin")
    return Collect(LONGEST_FORM, partial(_answered, site, request))


def redeem(site: Site, request: Request) -> Outcome:
    """`POST /cdn-cgi/access/cli/token`: the program's secret, and what the browser brought it, for a token."""
    return Collect(LONGEST_FORM, partial(_redeem, site, request))


def _read(site: Site, query: dict[str, list[str]]) -> Asked | None:
    """What a program asks for; None where that cannot be."""
    said = {name: values[0] for name, values in query.items() if len(values) == 1}
    host, port = said.get("app", ""), said.get("port", "")
    challenge, state = said.get("challenge", ""), said.get("state", "")
    if _app_at(site, host) is None or not re.fullmatch("[0-9]{4,5}", port, re.ASCII) or int(port) not in PORTS:
        return None
    if not CHALLENGE.fullmatch(challenge) or not STATE.fullmatch(state):
        return None
    return Asked(host, int(port), challenge, state, site.chance(12))


def _place(said: str) -> tuple[str, str]:
    """Host and path of where an app is, of which the path may be empty."""
    host, slash, path = said.partition("/")
    return host, slash + path


def _app_at(site: Site, said: str) -> App | None:
    host, path = _place(said)
    return site.apps.of(host, path or "/")


def _may(app: App, facts: Facts, verdict: Verdict) -> bool:
    """Whether a token is given out. A certificate is shown to the app's own host, which judges each request anew."""
    return verdict.allowed or (app.asks_certificates and foregone(app.policies, facts) is None)


def _with_proof(asked: Asked) -> Asked:
    return Asked(asked.host, asked.port, asked.challenge, asked.state, asked.id, proves=True)


def _here(site: Site, request: Request, asked: Asked) -> str:
    sealed = site.seal.close(Purpose.PROGRAM, asked.to_json(), request.at)
    return site.url(site.team, f"{PATH}?{urlencode({'meta': sealed})}")


def _opened(site: Site, request: Request, sealed: str) -> Asked | None:
    try:
        return Asked.from_json(site.seal.open(Purpose.PROGRAM, sealed, request.at, ASKED_LIFETIME))
    except SealError:
        return None


def _nowhere(request: Request) -> Answer:
    return answers.standard(request, "program_unknown")


def _page(site: Site, request: Request, app: App, asked: Asked, session: Session) -> Answer:
    identity = session.identity
    html = pages.program(
        app=app.name, address=site.url(*_place(asked.host)),
        who=identity.email or identity.unverified_email or identity.name,
        words=asked.words, port=asked.port, meta=request.fields()["meta"][0], action=PATH, ray=request.ray,
    )  # fmt: skip
    return answers.form_page(request, html)


def _answered(site: Site, request: Request, body: bytes) -> Steps[Answer]:
    try:
        form = read_form(request, body)
    except SignInError:
        return answers.refused(request, site, "form_malformed")
    asked = _opened(site, request, form.get("meta", ""))
    session = yield from confirmed_session(site, request)
    if asked is None or session is None or not session.stands:
        return _nowhere(request)
    if not (yield from site.sessions.use_once("program", asked.id, request.at + ASKED_LIFETIME, request.at)):
        return _nowhere(request)
    if form.get("answer") != "yes":
        return answers.redirect(request, asked.way_back(error="access_denied"), status=303)
    carried = {"h": asked.host, "c": asked.challenge, "i": asked.id, "u": session.id}
    code = site.seal.close(Purpose.PROGRAM_CODE, carried, request.at)
    return answers.redirect(request, asked.way_back(code=code, iss=site.issuer, app=asked.host), status=303)


def _redeem(site: Site, request: Request, body: bytes) -> Steps[Answer]:
    visitor = pace.of(site.client(request), "program")
    if not site.pace.allows(visitor, request.at):
        return answers.data(request, 429, {"error": "slow_down"}, [("Retry-After", "1")])
    try:
        form = read_form(request, body)
        carried = site.seal.open(Purpose.PROGRAM_CODE, form.get("code", ""), request.at, CODE_LIFETIME)
    except (SignInError, SealError):
        return _no(site, request, visitor, "program_code_unknown")
    app = _app_at(site, carried["h"])
    if not hmac.compare_digest(code_challenge(form.get("verifier", "")), carried["c"]):
        return _no(site, request, visitor, "program_secret")
    once = yield from site.sessions.use_once("program_code", carried["i"], request.at + 2 * CODE_LIFETIME, request.at)
    session = yield from site.sessions.by_id(carried["u"], request.at)
    if not once or app is None or session is None or not session.stands:
        return _no(site, request, visitor, "program_code_used_or_ended")
    facts = yield from known(site, request, app, session)
    verdict = judge(app.policies, facts)
    if not _may(app, facts, verdict) or session.identity.provider not in app.providers:
        return denials.denied(site, request, app, _place(carried["h"])[0], session, verdict, facts)
    minted, expires, grant = yield from hand_off.issue(site, request, app, session, verdict)
    identity = session.identity
    event = answers.told(
        Action.ISSUED, request, site, allowed=True, app=app.name, app_domain=_place(carried["h"])[0], app_aud=app.aud,
        user_id=identity.user_id, email=identity.email, provider=identity.provider,
        policy=verdict.policy.name if verdict.policy else None, reason="program", details=verdict.reasons,
        facts=recorded.told(facts, app.policies), rules=fingerprint(app.policies), grant=grant,
    )  # fmt: skip
    said = {"token": minted, "expires": int(expires), "app": carried["h"], "aud": app.aud}
    return answers.data(request, 200, said, events=(event,))


def _no(site: Site, request: Request, visitor: str, reason: str) -> Answer:
    """One answer for whatever is wrong (RFC 6749 section 5.2); the audit log knows better."""
    site.pace.count(visitor, request.at)
    event = answers.told(Action.REFUSED, request, site, allowed=False, status=400, reason=reason)
    return answers.data(request, 400, {"error": "invalid_grant", "id": request.ray}, events=(event,))
