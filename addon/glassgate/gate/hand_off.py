"""From the team domain to the app: once, to one host, for one app, in the browser that began there, within a minute."""

import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from glassgate.access import cookies, meta, pages, recorded, token
from glassgate.access.app import App, SameSite
from glassgate.access.binding import bound_to
from glassgate.access.explain import fingerprint
from glassgate.access.policy import Verdict, judge, missing_acrs
from glassgate.access.seal import Purpose, SealError
from glassgate.access.session import Grant, Session, digest
from glassgate.gate import answers, denials
from glassgate.gate.apps import path_of
from glassgate.gate.credentials import BINDING, presented
from glassgate.gate.exchange import Answer, Request, Steps
from glassgate.gate.headers import country
from glassgate.gate.known import known
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.record.events import GRANT, Action

AUTHORIZED_PATH = TEAM_PREFIX + "authorized"
LIFETIME = 60  # seconds
LONGEST_TARGET = 2048  # bytes of path and query, as JSON: it travels sealed in a cookie, and cookies hold 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """Where a visitor wants to go once signed in. Without `app` it is the team domain itself."""

    app: App | None
    hostname: str
    target: str
    app_session: str = ""  # digest of the secret that the browser holds for the app
    app_session_id: str = ""

    def to_json(self) -> dict[str, str]:
        """The wish as the sign-in's cookie carries it; the app by its AUD tag."""
        aud = self.app.aud if self.app else ""
        return {"h": self.hostname, "t": self.target, "a": aud, "s": self.app_session, "i": self.app_session_id}

    @classmethod
    def from_json(cls, site: Site, value: dict[str, str]) -> "Wish | None":
        """Read what `to_json` wrote; None where the app is no longer there."""
        app = meant(site, value)
        if app is None and value["h"] != site.team:
            return None
        return cls(app, value["h"], value["t"], value["s"], value["i"])


def meant(site: Site, wish: dict[str, Any]) -> App | None:
    """The app that a wish is for, by host, target and AUD tag; None where it is no longer there."""
    app = site.apps.of(wish["h"], path_of(wish["t"]))
    return app if app and app.aud == wish["a"] else None


def fits_a_sign_in(target: str) -> bool:
    """Whether a sign-in can lead back there."""
    return len(json.dumps(target)) <= LONGEST_TARGET


def ask_to_sign_in(site: Site, request: Request, app: App, host: str) -> Answer:
    """Send a browser without a session from the app to the team domain, which learns where it wanted to go."""
    event = answers.told(
        Action.UNAUTHENTICATED,
        request,
        site,
        allowed=False,
        status=302,
        app=app.name,
        app_domain=host,
        app_aud=app.aud,
    )
    if not fits_a_sign_in(request.target):
        start = site.url(host, app.here.root)
        return answers.standard(request, "url_too_long", event=event, action=("Sign in", start))
    sign_in, secret = site.new_sign_in(request.at), site.chance(32)
    said = meta.Meta(app.aud, host, request.target, digest(secret), sign_in)
    query = {
        "kid": app.aud,
        "redirect_url": request.target,
        "meta": meta.sign(said, site.keys.secrets("meta")[0], request.at),
    }
    sealed = site.seal.close(Purpose.APP_SESSION, {"h": host, "a": app.aud, "s": secret}, request.at)
    crowded = cookies.crowded_out(request.values(b"cookie"), cookies.APP_SESSION)
    lines = [
        *answers.access_headers(app, host),
        ("Set-Cookie", cookies.set_sign_in(cookies.APP_SESSION, sign_in, sealed, request.at)),
        *(("Set-Cookie", cookies.clear(name)) for name in crowded),
    ]
    url = site.url(site.team, f"{TEAM_PREFIX}login/{app.here.at(host)}?{urlencode(query)}")
    return answers.redirect(request, url, lines, (event,))


def start(site: Site, request: Request, wish: Wish, session: Session) -> Answer:
    """Send a browser whose session was let in from the team domain to the app's `authorized`."""
    nonce = site.chance(16)
    carried = {**wish.to_json(), "n": digest(nonce), "u": session.id}
    state = site.seal.close(Purpose.HAND_OFF, carried, request.at)
    query = urlencode({"nonce": nonce, "state": state})
    return answers.redirect(request, site.url(wish.hostname, f"{AUTHORIZED_PATH}?{query}"))


def authorized(site: Site, request: Request, host: str) -> Steps[Answer]:
    """`/cdn-cgi/access/authorized`: take the hand-off and set the application token.

    Forged, foreign or of another browser: 400. Expired: a page to start again. Used: on, where this browser's
    session stands. In none of these is anything issued.
    """
    query = request.fields()
    nonce, state = query.get("nonce", []), query.get("state", [])
    if len(nonce) != 1 or len(state) != 1:
        return answers.refused(request, site, "hand_off_malformed", "handoff_foreign")
    try:
        carried = site.seal.open(Purpose.HAND_OFF, state[0], request.at, LIFETIME)
    except SealError as fault:
        if fault.expired:
            start = site.url(host, site.apps.at(host)[-1].here.root)
            return answers.standard(request, "handoff_expired", action=("Start again", start))
        return answers.refused(request, site, "hand_off_forged", "handoff_foreign")
    app = meant(site, carried) if carried["h"] == host else None
    if app is None or not hmac.compare_digest(carried["n"], digest(nonce[0])):
        return answers.refused(request, site, "hand_off_foreign", "handoff_foreign")
    fresh = False
    if _began_here(site, request, carried):
        fresh = yield from site.sessions.use_once("hand_off", nonce[0], request.at + 2 * LIFETIME, request.at)
    if not fresh:
        standing = yield from presented(site, request, app)
        if standing.granted:
            return answers.redirect(request, site.url(host, carried["t"]))
        # The token of an app that has a part of a host does not come along to this path: its session may well stand.
        event = answers.told(
            Action.REFUSED, request, site, allowed=False, status=400, reason="hand_off_used_or_foreign"
        )  # fmt: skip
        onward = ("Open the application", site.url(host, carried["t"]))
        return answers.standard(request, "handoff_foreign", event=event, action=onward)
    session = yield from site.sessions.by_id(carried["u"], request.at)
    if session is None or not session.stands:
        return answers.standard(request, "handoff_expired", action=("Start again", site.url(host, carried["t"])))
    return (yield from _issue(site, request, app, host, session, carried))


def _began_here(site: Site, request: Request, carried: dict[str, Any]) -> bool:
    for sealed in cookies.values(request.values(b"cookie"), cookies.APP_SESSION + carried["i"]):
        try:
            ours = site.seal.open(Purpose.APP_SESSION, sealed, request.at, cookies.SIGN_IN_LIFETIME)
        except SealError:
            continue
        if (ours["h"], ours["a"]) == (carried["h"], carried["a"]):
            return hmac.compare_digest(digest(ours["s"]), carried["s"])
    return False


def _issue(
    site: Site, request: Request, app: App, host: str, session: Session, carried: dict[str, Any]
) -> Steps[Answer]:
    facts = yield from known(site, request, app, session)
    verdict = judge(app.policies, facts)
    if verdict.needs_no_sign_in:
        return answers.redirect(request, site.url(host, carried["t"]))
    if not verdict.allowed or verdict.policy is None:
        # The team domain does not see this host's client certificate, and time went by since it judged.
        if missing_acrs(app.policies, facts):
            return ask_to_sign_in(site, request, app, host)
        return denials.denied(site, request, app, host, session, verdict, facts, again=carried["t"])
    minted, expires, grant = yield from issue(site, request, app, session, verdict)
    identity = session.identity
    lines = [
        *(("Set-Cookie", line) for line in _cookies(site, app, session, minted, expires)),
        ("Set-Cookie", cookies.clear(cookies.APP_SESSION + carried["i"])),
    ]
    if any(other.subject != identity.user_id for other in _signed(site, request, app)):
        lines.append(("Clear-Site-Data", '"cache"'))
    event = answers.told(
        Action.ISSUED, request, site, allowed=True, app=app.name, app_domain=host, app_aud=app.aud,
        user_id=identity.user_id, email=identity.email, provider=identity.provider, policy=verdict.policy.name,
        details=verdict.reasons, facts=recorded.told(facts, app.policies), rules=fingerprint(app.policies),
        grant=grant,
    )  # fmt: skip
    onward = site.url(host, carried["t"])
    if app.cookie.same_site is SameSite.STRICT:
        # A redirect that another site began brings no such cookie: a page of the host's own has to lead on.
        html = pages.going_on(url=onward, ray=request.ray)
        return answers.page(request, 200, html, [*lines, ("Refresh", f"0; url={onward}")], (event,))
    return answers.redirect(request, onward, lines, (event,))


def _cookies(site: Site, app: App, session: Session, minted: str, expires: float) -> list[str]:
    """The token as the app wants it set, and what it is bound to."""
    wish = app.cookie
    lines = [
        cookies.set_app_token(
            minted,
            expires,
            app.cookie_path,
            same_site=wish.same_site,
            http_only=wish.http_only,
            lapses=app.keep_forms > 0,
        )
    ]
    if wish.bound:
        value = bound_to(session.id, site.keys.secrets(BINDING)[0])
        lines.append(cookies.set_binding(value, expires, same_site=wish.same_site))
    return lines


def issue(site: Site, request: Request, app: App, session: Session, verdict: Verdict) -> Steps[tuple[str, float, str]]:
    """An application token for whom the policies let in, when it ends (the shortest of what they all say), and the name
    that the record has for it."""
    durations = [app.session_duration, (verdict.policy and verdict.policy.session_duration) or app.session_duration]
    expires = min(session.expires, request.at + min(durations))
    nonce = site.chance(16)
    yield from site.sessions.grant(nonce, Grant(session.id, app.aud, expires))
    if app.keep_forms:
        yield from site.forms.may_lapse(nonce, session, expires, request.at)
    identity = session.identity
    minted = token.mint(
        site.keys.signing, issuer=site.issuer, audience=app.aud, subject=identity.user_id, email=identity.email,
        nonce=nonce, now=request.at, expires=expires, country=country(request, site.trusted_proxies),
    )  # fmt: skip
    return minted, expires, digest(nonce)[:GRANT]


def _signed(site: Site, request: Request, app: App) -> list[token.AppToken]:
    """Tokens of this browser that we signed for this app, ended ones too: whose they were, not whether they count."""
    found = []
    for value in cookies.values(request.values(b"cookie"), cookies.APP_TOKEN):
        try:
            found.append(
                token.verify(
                    value,
                    site.keys.verifying,
                    issuer=site.issuer,
                    audience=app.aud,
                    now=request.at,
                    ended_too=True,
                )
            )
        except token.TokenError:
            continue
    return found
