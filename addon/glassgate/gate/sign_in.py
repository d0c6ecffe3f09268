"""The team domain's part of a sign-in: from an app's request, to the provider and back, to the hand-off."""

from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from glassgate.access import cookies, meta, pages
from glassgate.access.policy import common_acrs, judge, missing_acrs
from glassgate.access.seal import Purpose, SealError
from glassgate.access.session import Session
from glassgate.gate import answers, denials, hand_off
from glassgate.gate.credentials import global_session
from glassgate.gate.exchange import Answer, Lane, Request, Steps, ask
from glassgate.gate.hand_off import Wish
from glassgate.gate.sessions import new_session
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import is_navigation
from glassgate.oidc.callback import Callback, read_callback
from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.relying_party import AuthorizationRequest, Expected, RelyingParty, code_challenge
from glassgate.record.events import Action

LOGIN_PATH = TEAM_PREFIX + "login/"
CALLBACK_PATH = TEAM_PREFIX + "callback"


def login(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/login/<app domain>`: on to the app where the session stands, else to a provider."""
    query = request.fields()
    try:
        said = meta.read(query.get("meta", [""])[0], site.keys.secrets("meta"), request.at)
    except meta.MetaError:
        return answers.standard(request, "login_unknown")
    app = site.apps.get(said.hostname)
    if app is None or app.aud != said.audience or request.path != LOGIN_PATH + said.hostname:
        return answers.standard(request, "login_unknown")
    wish = Wish(app, said.hostname, said.target, said.app_session, said.app_session_id)
    session = yield from global_session(site, request)
    if session and session.identity.provider in app.providers:
        return (yield from _admit(site, request, wish, session))
    chosen = query.get("idp", [""])[0]
    offered = [provider for provider in app.providers if not chosen or provider == chosen]
    if not offered:
        return answers.standard(request, "login_unknown")
    if len(offered) > 1:
        return _choose(site, request, wish, offered)
    return (yield from _begin(site, request, wish, site.parties[offered[0]], common_acrs(app.policies)))


def home(site: Site, request: Request) -> Steps[Answer]:
    """The team domain's own page: who is signed in, and what they may open."""
    session = yield from global_session(site, request)
    if session:
        return _team_page(site, request, session)
    if not is_navigation(request):
        return answers.standard(request, "unauthenticated")
    chosen = request.fields().get("idp", [""])[0]
    offered = [provider for provider in site.parties if not chosen or provider == chosen]
    wish = Wish(None, site.team, "/")
    if len(offered) != 1:
        return _choose(site, request, wish, list(site.parties))
    return (yield from _begin(site, request, wish, site.parties[offered[0]], ()))


def callback(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/callback`: the provider sends the browser back (OpenID Connect Core section 3.1.2.5).

    The state is ours, young, of this browser and new, or nothing happens: no code is redeemed before that is known.
    """
    party: RelyingParty | None = None
    again = site.url(site.team, "/")
    try:
        answer = read_callback(request.query)
        begun, sign_in = _begun(site, request, answer)
        party = site.parties.get(begun["p"])
        wish = Wish.from_json(site, begun["w"])
        if party is None or wish is None:
            raise SignInError(Reason.STATE_UNKNOWN, "the sign-in was for an application or provider that is gone")
        again = site.url(wish.hostname, wish.target)
        # By the sign-in's own id: the same state can be written in more than one way.
        fresh = yield from site.sessions.use_once(
            "state", sign_in, request.at + 2 * cookies.SIGN_IN_LIFETIME, request.at
        )
        if not fresh:
            return (yield from _came_back(site, request, wish))
        expected = Expected(nonce=begun["n"], code_verifier=begun["v"])
        identity = yield from ask(Lane.PROVIDER, partial(party.sign_in, answer, expected, request.at))
    except SignInError as fault:
        return denials.failed(site, request, fault, party, again)
    previous = yield from global_session(site, request)
    cookie = site.chance(32)
    session = new_session(
        identity, session=site.chance(16), cookie=cookie, now=request.at, duration=site.session_duration
    )
    if previous and previous.identity.user_id == identity.user_id:
        session = previous.renewed(identity, session.cookie, session.expires)
    yield from site.sessions.begin(session, previous)
    lines = [
        ("Set-Cookie", cookies.set_global_session(cookie, session.expires)),
        ("Set-Cookie", cookies.clear(cookies.LOGIN + sign_in)),
    ]
    event = answers.told(
        Action.SIGN_IN, request, site, allowed=True, app=wish.app.name if wish.app else None, user_id=identity.user_id,
        email=identity.email, provider=identity.provider,
    )  # fmt: skip
    outcome = yield from _admit(site, request, wish, session, asked=frozenset(begun["a"]))
    return replace(outcome, headers=(*outcome.headers, *lines), events=(event, *outcome.events))


def _admit(
    site: Site, request: Request, wish: Wish, session: Session, asked: frozenset[str] | None = None
) -> Steps[Answer]:
    """Judge a session for an app: hand over, ask the provider for more proof once, or say no.

    `asked` holds the authentication contexts that this very sign-in asked for; None: none happened just now.
    """
    if wish.app is None:
        return answers.redirect(request, site.url(site.team, wish.target))
    facts = site.facts(session, request)
    verdict = judge(wish.app.policies, facts)
    if verdict.allowed:
        return hand_off.start(site, request, wish, session)
    missing = missing_acrs(wish.app.policies, facts)
    if missing and not (asked and missing <= asked):
        # Asked for with what is proven already, else proving one would lose the other, in a circle.
        acrs = tuple(sorted(missing | session.identity.acrs))
        party = site.parties[session.identity.provider]
        return (yield from _begin(site, request, wish, party, acrs, session.identity.login_hint))
    return denials.denied(site, request, wish.app, wish.hostname, session, verdict)


def _begin(
    site: Site,
    request: Request,
    wish: Wish,
    party: RelyingParty,
    acrs: tuple[str, ...],
    login_hint: str | None = None,
) -> Steps[Answer]:
    """Send the browser to the provider; what the callback must know again goes along sealed in a cookie."""
    sign_in = site.new_sign_in(request.at)
    nonce, verifier = site.chance(32), site.chance(48)
    begun: dict[str, Any] = {
        "i": sign_in,
        "p": party.provider.id,
        "n": nonce,
        "v": verifier,
        "a": acrs,
        "w": wish.to_json(),
    }
    state = site.seal.close(Purpose.STATE, {"i": sign_in, "p": party.provider.id}, request.at)
    wanted = AuthorizationRequest(
        state=state, nonce=nonce, code_challenge=code_challenge(verifier), acrs=acrs, login_hint=login_hint
    )
    try:
        url = yield from ask(Lane.PROVIDER, partial(party.authorization_url, wanted, request.at))
    except SignInError as fault:
        return denials.failed(site, request, fault, party, site.url(wish.hostname, wish.target))
    sealed = site.seal.close(Purpose.LOGIN, begun, request.at)
    crowded = cookies.crowded_out(request.headers, cookies.LOGIN)
    lines = [("Set-Cookie", cookies.set_sign_in(cookies.LOGIN, sign_in, sealed, request.at))]
    return answers.redirect(request, url, [*lines, *(("Set-Cookie", cookies.clear(name)) for name in crowded)])


def _begun(site: Site, request: Request, answer: Callback) -> tuple[dict[str, Any], str]:
    """What this browser began with that state. Raises SignInError with the reason why it does not count."""
    try:
        state = site.seal.open(Purpose.STATE, answer.state, request.at, cookies.SIGN_IN_LIFETIME)
    except SealError as fault:
        reason = Reason.STATE_EXPIRED if fault.expired else Reason.STATE_UNKNOWN
        raise SignInError(reason, "the state does not count") from fault
    for sealed in cookies.values(request.headers, cookies.LOGIN + state["i"]):
        try:
            begun = site.seal.open(Purpose.LOGIN, sealed, request.at, cookies.SIGN_IN_LIFETIME)
        except SealError:
            continue
        if begun["i"] != state["i"]:
            break  # another sign-in's, under this one's name
        if begun["p"] != state["p"]:
            raise SignInError(Reason.IDP_MIXUP, "the sign-in was begun with another provider")
        return begun, state["i"]
    raise SignInError(Reason.STATE_OTHER_BROWSER, "begun in another browser, or its cookies were removed")


def _came_back(site: Site, request: Request, wish: Wish) -> Steps[Answer]:
    # A reload or a step back in the browser. Nothing is issued; where the session stands, the way goes on.
    session = yield from global_session(site, request)
    if session:
        return answers.redirect(request, site.url(wish.hostname, wish.target))
    used = SignInError(Reason.STATE_REPLAYED, "this answer of the provider was used before")
    return denials.failed(site, request, used, None, site.url(wish.hostname, wish.target))


def _choose(site: Site, request: Request, wish: Wish, offered: list[str]) -> Answer:
    query = request.fields()
    kept: dict[str, str] = {name: query[name][0] for name in ("kid", "redirect_url", "meta") if name in query}
    choices = tuple(
        (
            party.provider.name or party.provider.id,
            f"{request.path}?{urlencode(kept | {'idp': party.provider.id})}",
        )
        for party in (site.parties[provider] for provider in offered)
    )
    html = pages.choose_provider(app=wish.app.name if wish.app else None, choices=choices, ray=request.ray)
    return answers.page(request, 200, html)


def _team_page(site: Site, request: Request, session: Session) -> Answer:
    facts = site.facts(session, request)
    apps = tuple(
        (app.name, site.url(host, "/"))
        for host, app in site.apps.items()
        if host == app.domains[0] and judge(app.policies, facts).allowed
    )
    identity = session.identity
    party = site.parties.get(identity.provider)
    provider = (party.provider.name if party else "") or identity.provider
    html = pages.team(
        name=identity.name, email=identity.email or identity.unverified_email, apps=apps, provider=provider,
        expires=session.expires, logout_url=site.url(site.team, TEAM_PREFIX + "logout"), ray=request.ray,
    )  # fmt: skip
    return answers.page(request, 200, html)
