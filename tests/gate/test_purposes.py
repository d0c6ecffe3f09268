"""A token has one purpose: each of ours, presented in every place where another is wanted, opens nothing."""

from itertools import product
from urllib.parse import parse_qs, quote, urlsplit

import jwt
import pytest

from gate.forms import say
from gate.site import STAFF, TEAM, WIKI, Browser, app, site_of
from glassgate.access import cookies
from glassgate.access.seal import Purpose
from glassgate.access.session import digest
from glassgate.gate.exchange import Forward, run
from glassgate.gate.form_ticket import Ticket
from glassgate.gate.kept_forms import Head

OURS = "/cdn-cgi/access/"
PROGRAM = {"accept": "*/*"}


class SignIn:
    """One sign-in, step by step, and all that it is given on the way."""

    def __init__(self, site):
        self.browser, self.made = Browser(site), {}

    def to_app(self):
        location = self._location(self.browser.ask(WIKI, "/page"))
        self.made["meta"] = parse_qs(urlsplit(location).query)["meta"][0]
        self.made["app-session cookie"] = self._cookie(WIKI, cookies.APP_SESSION)
        return self

    def to_provider(self):
        location = self._location(self.at_login(self.made["meta"]))
        self.made["state"] = parse_qs(urlsplit(location).query)["state"][0]
        self.made["login cookie"] = self._cookie(TEAM, cookies.LOGIN)
        return self

    def to_hand_off(self):
        location = self._location(self.at_callback(self.made["state"]))
        query = parse_qs(urlsplit(location).query)
        self.made["hand-off"], self.made["hand-off nonce"] = query["state"][0], query["nonce"][0]
        self.made["global session"] = self.browser.jars[TEAM][cookies.GLOBAL_SESSION]
        return self

    def to_end(self):
        self.at_authorized(self.made["hand-off nonce"], self.made["hand-off"])
        token = self.browser.jars[WIKI][cookies.APP_TOKEN]
        self.made["application token"] = token
        self.made["identity_nonce"] = jwt.decode(token, options={"verify_signature": False})["identity_nonce"]
        carried = self.browser.site.seal.open(Purpose.HAND_OFF, self.made["hand-off"], self.browser.at, 60)
        self.made["session id"] = carried["u"]
        self.made["form cookie"] = self._kept_form(token)
        return self

    def _kept_form(self, token):
        site, at = self.browser.site, self.browser.at
        place = run(site.forms.place("kept", site.chance(32), "session", "address", at))
        run(site.forms.finish(place, Head("text/plain", "", at, 0, 0)))
        user = jwt.decode(token, options={"verify_signature": False})["sub"]
        line = Ticket(place, user, site.apps[WIKI].aud, WIKI, digest("/save")).set_cookie(site, at)[1]
        return line.partition(";")[0].partition("=")[2]

    def at_form(self, sealed):
        self.browser.jars[WIKI][f"{cookies.FORM}kept"] = sealed
        return say(self.browser, "/save")

    def at_login(self, meta):
        return self.browser.ask(TEAM, f"{OURS}login/{WIKI}?meta={quote(meta, safe='')}")

    def at_callback(self, state):
        return self.browser.ask(TEAM, f"{OURS}callback?code=c&state={quote(state, safe='')}")

    def at_authorized(self, nonce, state):
        return self.browser.ask(WIKI, f"{OURS}authorized?nonce={quote(nonce, safe='')}&state={quote(state, safe='')}")

    def swap(self, host, prefix, value):
        [name] = [name for name in self.browser.jars[host] if name.startswith(prefix)]
        self.browser.jars[host][name] = value

    def _cookie(self, host, prefix):
        [value] = [value for name, value in self.browser.jars[host].items() if name.startswith(prefix)]
        return value

    @staticmethod
    def _location(answer):
        return dict(answer.headers)["Location"]


def in_header(name, before=""):
    return lambda site, value: Browser(site).ask(WIKI, "/", headers={**PROGRAM, name: before + value})


def in_cookie(host, name, target="/"):
    return lambda site, value: Browser(site).ask(host, target, headers={**PROGRAM, "cookie": f"{name}={value}"})


# In these places a sign-in is under way, and everything but the value presented is its own.


def as_meta(site, value):
    step = SignIn(site).to_app()
    return step.at_login(value or step.made["meta"])


def as_state(site, value):
    step = SignIn(site).to_app().to_provider()
    return step.at_callback(value or step.made["state"])


def as_login_cookie(site, value):
    step = SignIn(site).to_app().to_provider()
    step.swap(TEAM, cookies.LOGIN, value or step.made["login cookie"])
    return step.at_callback(step.made["state"])


def as_hand_off(site, value):
    step = SignIn(site).to_app().to_provider().to_hand_off()
    return step.at_authorized(step.made["hand-off nonce"], value or step.made["hand-off"])


def as_nonce(site, value):
    step = SignIn(site).to_app().to_provider().to_hand_off()
    return step.at_authorized(value or step.made["hand-off nonce"], step.made["hand-off"])


def as_app_session(site, value):
    step = SignIn(site).to_app().to_provider().to_hand_off()
    step.swap(WIKI, cookies.APP_SESSION, value or step.made["app-session cookie"])
    return step.at_authorized(step.made["hand-off nonce"], step.made["hand-off"])


def as_form_cookie(site, value):
    step = SignIn(site).to_app().to_provider().to_hand_off().to_end()
    return step.at_form(value or step.made["form cookie"])


# place: (how it is presented, the one kind that counts there, the status that refuses)
PLACES = {
    "CF_Authorization of an app": (in_cookie(WIKI, cookies.APP_TOKEN), "application token", 401),
    "Cf-Access-Token": (in_header("cf-access-token"), "application token", 401),
    "Authorization Bearer": (in_header("authorization", "Bearer "), "application token", 401),
    "CF_Authorization at get-identity": (
        in_cookie(WIKI, cookies.APP_TOKEN, f"{OURS}get-identity"), "application token", 400,
    ),
    "CF_Authorization at the team's get-identity": (
        in_cookie(TEAM, cookies.APP_TOKEN, f"{OURS}get-identity"), "application token", 400,
    ),
    "global session cookie": (in_cookie(TEAM, cookies.GLOBAL_SESSION), "global session", 401),
    "global session cookie at get-identity": (
        in_cookie(TEAM, cookies.GLOBAL_SESSION, f"{OURS}get-identity"), "global session", 400,
    ),
    "CF_Authorization of the team domain": (in_cookie(TEAM, cookies.APP_TOKEN), None, 401),
    "global session cookie at an app": (in_cookie(WIKI, cookies.GLOBAL_SESSION), None, 401),
    "global session cookie at an app's get-identity": (
        in_cookie(WIKI, cookies.GLOBAL_SESSION, f"{OURS}get-identity"), None, 400,
    ),
    "meta of the login": (as_meta, "meta", 404),
    "state of the callback": (as_state, "state", 400),
    "login cookie": (as_login_cookie, "login cookie", 400),
    "state of the hand-off": (as_hand_off, "hand-off", 400),
    "nonce of the hand-off": (as_nonce, "hand-off nonce", 400),
    "app-session cookie": (as_app_session, "app-session cookie", 400),
    "form cookie": (as_form_cookie, "form cookie", 410),
}  # fmt: skip

KINDS = [
    "application token", "meta", "state", "hand-off", "hand-off nonce", "login cookie", "app-session cookie",
    "global session", "identity_nonce", "session id", "form cookie",
]  # fmt: skip

CROSSED = [(kind, place) for kind, place in product(KINDS, PLACES) if PLACES[place][1] != kind]
RIGHT = [(kind, place) for place, (_, kind, _) in PLACES.items() if kind]
UNDER_WAY = {as_meta, as_state, as_login_cookie, as_hand_off, as_nonce, as_app_session, as_form_cookie}


def present(kind, place, own):
    """Present a kind of token in a place: `own` says that it is that very sign-in's."""
    site = site_of(apps=[app("wiki", WIKI, STAFF, keep_forms=1000)])
    made = SignIn(site).to_app().to_provider().to_hand_off().to_end().made
    assert sorted(made) == sorted(KINDS)
    how = PLACES[place][0]
    return how(site, None if own and how in UNDER_WAY else made[kind])


@pytest.mark.parametrize(("kind", "place"), CROSSED, ids=[f"{kind} as {place}" for kind, place in CROSSED])
def test_a_token_of_another_purpose_opens_nothing(kind, place):
    answer = present(kind, place, own=False)
    assert not isinstance(answer, Forward)
    assert answer.status == PLACES[place][2]
    given = [value for name, value in answer.headers if name == "Set-Cookie" and "1970" not in value]
    assert given == []
    assert not [event for event in answer.events if event.allowed]


@pytest.mark.parametrize(("kind", "place"), RIGHT, ids=[place for _, place in RIGHT])
def test_in_its_own_place_it_counts(kind, place):
    """Without this, the rows above would say nothing."""
    answer = present(kind, place, own=True)
    assert isinstance(answer, Forward) or answer.status in (200, 302)


def test_no_token_of_another_sign_in_takes_the_place_of_ones_own():
    """The same purpose, but begun elsewhere: bound to the browser that began it."""
    site = site_of()
    made = SignIn(site).to_app().to_provider().to_hand_off().made
    for how in (as_state, as_login_cookie, as_hand_off, as_nonce, as_app_session):
        answer = how(site, made[next(kind for one, kind, _ in PLACES.values() if one is how)])
        assert answer.status == 400, how
