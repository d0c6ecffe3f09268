"""The team domain's part of a sign-in, till the provider: who comes from where, and may they go on already?"""

from functools import partial
from typing import Any

from glassgate.access import cookies, meta
from glassgate.access.app import App
from glassgate.access.outlook import foregone
from glassgate.access.policy import judge, missing_acrs
from glassgate.access.seal import Purpose
from glassgate.access.session import Session
from glassgate.gate import answers, choice, denials, hand_off, launcher
from glassgate.gate.apps import path_of
from glassgate.gate.credentials import confirmed_session, global_session, was_revoked
from glassgate.gate.exchange import Answer, Lane, Request, Steps, ask
from glassgate.gate.hand_off import Wish
from glassgate.gate.known import known
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.gate.visitor import is_navigation, is_top_level
from glassgate.oidc.errors import SignInError
from glassgate.oidc.relying_party import AuthorizationRequest, RelyingParty, code_challenge

LOGIN_PATH = TEAM_PREFIX + "login/"


def login(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/login/<app domain>`: on to the app where the session stands, else to a provider."""
    query = request.fields()
    try:
        said = meta.read(query.get("meta", [""])[0], site.keys.secrets("meta"), request.at)
    except meta.MetaError:
        return answers.standard(request, "login_unknown")
    app = site.apps.of(said.hostname, path_of(said.target))
    if app is None or app.aud != said.audience or request.path != LOGIN_PATH + app.here.at(said.hostname):
        return answers.standard(request, "login_unknown")
    wish = Wish(app, said.hostname, said.target, said.app_session, said.app_session_id)
    session = yield from confirmed_session(site, request)
    if session and session.identity.provider in app.providers:
        if session.challenge is not None:
            missing = missing_acrs(app.policies, site.facts(session, request))
            return (yield from _begin_again(site, request, wish, session, missing))
        return (yield from admit(site, request, wish, session))
    offered = choice.offered(site, app, choice.picked(request))
    if not offered:
        return answers.standard(request, "login_unknown")
    if choice.is_open(request, app, offered):
        return choice.page(site, request, wish, offered)
    # No proof is asked for before it is known whom it would help: a stranger is refused without a second factor.
    return (yield from begin_first(site, request, wish, offered[0]))


def home(site: Site, request: Request) -> Steps[Answer]:
    """The team domain's own page: who is signed in, and what they may open."""
    session = yield from confirmed_session(site, request)
    if session and session.stands:
        return (yield from launcher.show(site, request, session))
    if not is_navigation(request):
        return answers.standard(request, "unauthenticated")
    wish = Wish(None, site.team, "/")
    if session:
        return (yield from _begin_again(site, request, wish, session, frozenset()))
    return (yield from _begin_anywhere(site, request, wish))


def refresh(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/refresh-identity`: back to the provider, who says anew who this is; then the launcher.

    For whoever was just put into a group. For the same person the session is renewed, and their tokens go on.
    """
    if not is_top_level(request):
        return answers.standard(request, "refresh_by_page")
    session = yield from global_session(site, request)
    if session is None:
        return answers.redirect(request, site.url(site.team, "/"))
    if session.identity.provider not in site.parties:
        return (yield from _begin_anywhere(site, request, Wish(None, site.team, "/")))
    wish = Wish(None, site.team, launcher.REFRESH_PATH)
    return (yield from _begin_again(site, request, wish, session, frozenset()))


def first(
    site: Site,
    request: Request,
    app: App,
    session: Session | None,
    target: str,
    acrs: frozenset[str] = frozenset(),
) -> Steps[Answer]:
    """Have somebody sign in for an app before they are shown `target`, on the team domain; `acrs` is more proof."""
    wish = Wish(None, site.team, target)
    if session and session.identity.provider in app.providers:
        return (yield from _begin_again(site, request, wish, session, acrs))
    offered = choice.offered(site, app, choice.picked(request)) or list(app.providers)
    if choice.is_open(request, app, offered):
        return choice.page(site, request, wish, offered)
    return (yield from begin_first(site, request, wish, offered[0]))


def admit(
    site: Site, request: Request, wish: Wish, session: Session, asked: frozenset[str] | None = None
) -> Steps[Answer]:
    """Judge a session for an app: hand over, ask the provider for more proof once, or say no.

    `asked` holds the authentication contexts that this very sign-in asked for; None: none happened just now.
    """
    if wish.app is None:
        target = f"/?done={launcher.REFRESHED}" if wish.target == launcher.REFRESH_PATH else wish.target
        return answers.redirect(request, site.url(site.team, target))
    facts = yield from known(site, request, wish.app, session)
    verdict = judge(wish.app.policies, facts)
    if verdict.needs_no_sign_in:
        return answers.redirect(request, site.url(wish.hostname, wish.target))
    if verdict.allowed:
        return hand_off.start(site, request, wish, session)
    missing = missing_acrs(wish.app.policies, facts)
    if missing and not (asked and missing <= asked):
        # Asked for with what is proven already, else proving one would lose the other, in a circle.
        acrs = tuple(sorted(missing | session.identity.acrs))
        party = site.parties[session.identity.provider]
        return (yield from _begin(site, request, wish, party, acrs, session.identity.login_hint))
    if wish.app.asks_certificates and foregone(wish.app.policies, facts) is None:
        # Certificates are shown to the app's own host, which judges all of it anew.
        return hand_off.start(site, request, wish, session)
    return denials.denied(site, request, wish.app, wish.hostname, session, verdict, facts, again=wish.target)


def _begin_anywhere(site: Site, request: Request, wish: Wish) -> Steps[Answer]:
    """Have somebody sign in with any provider, for no app."""
    offered = choice.offered(site, None, choice.picked(request))
    if len(offered) != 1:
        return choice.page(site, request, wish, list(site.parties))
    return (yield from begin_first(site, request, wish, offered[0]))


def begin_first(site: Site, request: Request, wish: Wish, provider: str) -> Steps[Answer]:
    """Send somebody without a session to a provider. Of one that was revoked no earlier sign-in counts there."""
    anew = yield from was_revoked(site, request)
    return (yield from _begin(site, request, wish, site.parties[provider], (), anew=anew))


def _begin_again(site: Site, request: Request, wish: Wish, session: Session, acrs: frozenset[str]) -> Steps[Answer]:
    """Send somebody back whom the provider wants to see, with the claims that it asked for."""
    identity = session.identity
    party = site.parties.get(identity.provider)
    if party is None:
        return answers.standard(request, "login_unknown")
    wanted = tuple(sorted(identity.acrs.union(acrs)))
    return (yield from _begin(site, request, wish, party, wanted, identity.login_hint, session.challenge))


def _begin(
    site: Site,
    request: Request,
    wish: Wish,
    party: RelyingParty,
    acrs: tuple[str, ...],
    login_hint: str | None = None,
    claims: str | None = None,
    *,
    anew: bool = False,
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
        "t": request.at,
        "c": claims is not None,
        "r": anew,
        "w": wish.to_json(),
    }
    state = site.seal.close(Purpose.STATE, {"i": sign_in, "p": party.provider.id}, request.at)
    wanted = AuthorizationRequest(
        state=state, nonce=nonce, code_challenge=code_challenge(verifier), acrs=acrs, login_hint=login_hint,
        claims=claims or None, prompt="login" if anew else None,
    )  # fmt: skip
    try:
        url = yield from ask(Lane.PROVIDER, partial(party.authorization_url, wanted, request.at))
    except SignInError as fault:
        return denials.failed(site, request, fault, party, site.url(wish.hostname, wish.target))
    sealed = site.seal.close(Purpose.LOGIN, begun, request.at)
    crowded = cookies.crowded_out(request.values(b"cookie"), cookies.LOGIN)
    lines = [("Set-Cookie", cookies.set_sign_in(cookies.LOGIN, sign_in, sealed, request.at))]
    return answers.redirect(request, url, [*lines, *(("Set-Cookie", cookies.clear(name)) for name in crowded)])
