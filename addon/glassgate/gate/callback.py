"""The provider's answer: the browser comes back with it, to the team domain, and a session begins."""

from dataclasses import asdict, replace
from functools import partial
from typing import Any

from glassgate.access import browser, cookies
from glassgate.access.seal import Purpose, SealError
from glassgate.gate import answers, denials, pace
from glassgate.gate.credentials import global_session, was_revoked
from glassgate.gate.exchange import Answer, Collect, Lane, Outcome, Request, Steps, ask
from glassgate.gate.forms import form_text
from glassgate.gate.hand_off import Wish
from glassgate.gate.recheck import first_asking
from glassgate.gate.sessions import new_session
from glassgate.gate.sign_in import admit, begin_first
from glassgate.gate.site import TEAM_PREFIX, Site
from glassgate.oidc.callback import Callback, read_callback
from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError
from glassgate.oidc.kept import Kept
from glassgate.oidc.relying_party import Expected, RelyingParty, SignedIn
from glassgate.record.events import Action

CALLBACK_PATH = TEAM_PREFIX + "callback"
LONGEST_FORM = 6 * 1024  # bytes of an answer that comes in a form: it goes on sealed, in an address
POSTED = "posted"  # the query field that carries such an answer on
POSTED_LIFETIME = 60  # seconds


def callback(site: Site, request: Request) -> Steps[Answer]:
    """`/cdn-cgi/access/callback`: the provider sends the browser back (OpenID Connect Core section 3.1.2.5).

    The state is ours, young, of this browser and new, or nothing happens: no code is redeemed before that is known.
    """
    party: RelyingParty | None = None
    again = site.url(site.team, "/")
    try:
        answer, was_posted = _answer(site, request)
        begun, sign_in = _begun(site, request, answer)
        party = site.parties.get(begun["p"])
        if party is not None:
            _check_mode(party, was_posted)
        wish = Wish.from_json(site, begun["w"])
        if party is None or wish is None:
            raise SignInError(Reason.STATE_UNKNOWN, "the sign-in was for an application or provider that is gone")
        again = site.url(wish.hostname, wish.target)
        visitor = pace.of(site.client(request), "callback")
        if not site.pace.allows(visitor, request.at):
            return answers.standard(request, "too_many", headers=[("Retry-After", "1")])
        # By the sign-in's own id: the same state can be written in more than one way.
        fresh = answer.code is None or (
            yield from site.sessions.use_once("state", sign_in, request.at + 2 * cookies.SIGN_IN_LIFETIME, request.at)
        )
        if not fresh:
            return (yield from _came_back(site, request, wish))
        expected = Expected(nonce=begun["n"], code_verifier=begun["v"], began=begun["t"], anew=begun.get("r", False))
        signed_in = yield from ask(Lane.PROVIDER, partial(party.sign_in, answer, expected, request.at))
        if begun["c"] and signed_in.kept:
            signed_in = yield from _met(party, signed_in, signed_in.kept, request)
        identity = signed_in.identity
    except SignInError as fault:
        site.pace.count(pace.of(site.client(request), "callback"), request.at)
        return denials.failed(site, request, fault, party, again)
    previous = yield from global_session(site, request)
    if previous is None and not expected.anew and (yield from was_revoked(site, request)):
        # Revoked while its browser was at the provider, which did not ask who is there.
        return (yield from begin_first(site, request, wish, party.provider.id))
    cookie = site.chance(32)
    session = new_session(
        identity, session=site.chance(16), cookie=cookie, now=request.at, duration=site.session_duration,
        asking=first_asking(site, party, signed_in, request.at),
        browser=browser.in_words(request.value(b"user-agent").decode("latin-1")),
    )  # fmt: skip
    session = yield from site.sessions.begin(session, previous, request.at)
    lines = [
        ("Set-Cookie", cookies.set_global_session(cookie, session.expires)),
        ("Set-Cookie", cookies.set_provider(identity.provider, request.at)),
        ("Set-Cookie", cookies.clear(cookies.LOGIN + sign_in)),
    ]
    event = answers.told(
        Action.SIGN_IN, request, site, allowed=True, app=wish.app.name if wish.app else None, user_id=identity.user_id,
        email=identity.email, provider=identity.provider, details=signed_in.amiss,
    )  # fmt: skip
    outcome = yield from admit(site, request, wish, session, asked=frozenset(begun["a"]))
    return replace(outcome, headers=(*outcome.headers, *lines), events=(event, *outcome.events))


def _met(party: RelyingParty, signed_in: SignedIn, kept: Kept, request: Request) -> Steps[SignedIn]:
    """See that what the provider wanted of this person is done: the request for it went through their own browser.

    Raises SignInError where it still wants it. A provider that cannot say just now is asked again in its turn.
    """
    try:
        return (yield from ask(Lane.PROVIDER, partial(party.refresh, kept, signed_in.identity, request.at)))
    except ProviderUnavailable:
        return signed_in


def posted_callback(site: Site, request: Request) -> Outcome:
    """`POST /cdn-cgi/access/callback`: the provider's answer in a form (OAuth 2.0 Form Post Response Mode).

    It comes from another site, so no cookie of ours comes along. They do with the redirect that is answered, which
    leads back here; the answer goes along sealed, so that no code stands in an address, for a minute.
    """
    return Collect(LONGEST_FORM, partial(_pass_on, site, request))


def _pass_on(site: Site, request: Request, body: bytes) -> Steps[Answer]:
    yield from ()  # asks nobody
    try:
        answer = read_callback(form_text(request, body))
    except SignInError as fault:
        return denials.failed(site, request, fault, None, site.url(site.team, "/"))
    sealed = site.seal.close(Purpose.POSTED, asdict(answer), request.at)
    url = site.url(site.team, f"{CALLBACK_PATH}?{POSTED}={sealed}")
    return answers.redirect(request, url, status=303)


def _answer(site: Site, request: Request) -> tuple[Callback, bool]:
    """The provider's answer, and whether it came in a form. Raises SignInError."""
    name, _, posted = request.query.partition("=")
    if name != POSTED:
        return read_callback(request.query), False
    try:
        return Callback(**site.seal.open(Purpose.POSTED, posted, request.at, POSTED_LIFETIME)), True
    except SealError as fault:
        reason = Reason.STATE_EXPIRED if fault.expired else Reason.CALLBACK_MALFORMED
        raise SignInError(reason, "the answer in the form does not count") from fault


def _check_mode(party: RelyingParty, was_posted: bool) -> None:
    wanted = party.provider.response_mode
    if (wanted == "form_post") is not was_posted:
        got = "form_post" if was_posted else "query"
        raise SignInError(Reason.RESPONSE_MODE, f"expected the answer by {wanted}, got it by {got}")


def _begun(site: Site, request: Request, answer: Callback) -> tuple[dict[str, Any], str]:
    """What this browser began with that state. Raises SignInError with the reason why it does not count."""
    try:
        state = site.seal.open(Purpose.STATE, answer.state, request.at, cookies.SIGN_IN_LIFETIME)
    except SealError as fault:
        reason = Reason.STATE_EXPIRED if fault.expired else Reason.STATE_UNKNOWN
        raise SignInError(reason, "the state does not count") from fault
    for sealed in cookies.values(request.values(b"cookie"), cookies.LOGIN + state["i"]):
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
