"""The provider's answer: it counts once, in the browser that began, and only for what it began."""

from urllib.parse import urlencode

import pytest

from gate.site import NOW, TEAM, WIKI, Browser, Keys, Party, begun, person, reason, signed_in, site_of
from glassgate.access.seal import Purpose, Seal
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, SignInError
from glassgate.oidc.provider import Provider
from glassgate.oidc.relying_party import SignedIn
from glassgate.state.memory import MemoryStore

CALLBACK = "/cdn-cgi/access/callback"


def test_the_state_is_of_this_browser():
    site = site_of()
    _, state = begun(site)
    thief = Browser(site)
    answer = thief.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    assert (answer.status, reason(answer)) == (400, "state_other_browser")
    assert not signed_in(thief)


def test_the_state_counts_once_and_a_reload_goes_on():
    site = site_of()
    browser, state = begun(site)
    kept = dict(browser.jars[TEAM])
    assert browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}").status == 302
    browser.jars[TEAM] |= kept
    answer = browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    assert dict(answer.headers)["Location"] == f"https://{WIKI}:8443/first"
    browser.jars[TEAM] = kept
    answer = browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    assert (answer.status, reason(answer)) == (400, "state_replayed")
    assert not signed_in(browser)


ROWS = [
    ("nothing", "", "state_missing"),
    ("no state", "code=c", "state_missing"),
    ("forged", "code=c&state=abc", "state_unknown"),
    ("two states", "code=c&state={state}&state=x", "parameter_repeated"),
    ("two codes", "code=c&code=d&state={state}", "parameter_repeated"),
    ("code and error", "code=c&error=e&state={state}", "response_ambiguous"),
    ("neither", "state={state}", "response_empty"),
    ("a token in the address", "id_token=x&code=c&state={state}", "response_type"),
]


@pytest.mark.parametrize(("query", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_callbacks_that_do_not_count(query, expected):
    site = site_of()
    browser, state = begun(site)
    answer = browser.ask(TEAM, f"{CALLBACK}?{query.format(state=state)}")
    assert (answer.status, reason(answer)) == (400, expected)
    assert not signed_in(browser)


def test_an_old_state_is_told_as_old():
    site = site_of()
    browser, state = begun(site)
    browser.at = NOW + 601
    answer = browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    assert reason(answer) == "state_expired"


def test_a_state_of_another_team_is_unknown():
    _, state = begun(site_of(keys=Keys("two")))
    browser, _ = begun(site_of())
    assert reason(browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")) == "state_unknown"


def test_a_sign_in_that_began_with_another_provider_is_a_mix_up():
    site = site_of()
    browser, state = begun(site)
    seal = Seal(site.keys.secrets)
    inside = seal.open(Purpose.STATE, state, NOW, 600)
    swapped = seal.close(Purpose.STATE, {**inside, "p": "other"}, NOW)
    assert reason(browser.ask(TEAM, f"{CALLBACK}?code=c&state={swapped}")) == "idp_mixup"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (SignInError("nonce_mismatch", "expected x"), 502, b"nonce_mismatch"),
        (ProviderRefused("access_denied", "AADSTS50105: no", code="AADSTS50105", trace_id="t-1"), 403, b"AADSTS50105"),
        (ProviderUnavailable("timeout", "late", retry_after=9), 503, b"does not answer"),
    ],
)
def test_each_failure_at_the_provider_has_a_page(fault, status, words):
    site = site_of()
    browser, state = begun(site)
    site.parties["entra"].next = fault
    answer = browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    assert answer.status == status
    assert words in answer.body
    assert not signed_in(browser)


def test_markup_in_a_providers_words_stays_text():
    site = site_of()
    browser, state = begun(site)
    site.parties["entra"].next = ProviderRefused("x", "</dd><script>alert(1)</script>")
    assert b"<script>" not in browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}").body


def test_the_session_cookie_is_opaque_and_new_at_each_sign_in():
    site = site_of()
    browser, state = begun(site)
    browser.jars[TEAM]["__Host-CF_Authorization"] = "planted"
    answer = browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    line = next(value for name, value in answer.headers if value.startswith("__Host-CF_Authorization="))
    assert "planted" not in line
    assert all(part in line for part in ("Secure", "HttpOnly", "Path=/"))
    assert "." not in browser.jars[TEAM]["__Host-CF_Authorization"]


def test_a_state_written_in_another_way_is_still_used():
    site = site_of()
    browser, state = begun(site)
    kept = dict(browser.jars[TEAM])
    browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    for spelling in (state + "=", state[:20] + "!" + state[20:]):
        browser.jars[TEAM] = dict(kept)
        answer = browser.ask(TEAM, f"{CALLBACK}?code=c&state={spelling}")
        assert answer.status == 400
        assert reason(answer) in ("state_replayed", "state_unknown")
        assert not signed_in(browser)


FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site", "accept": "text/html"}


def by_form(**more):
    """A site whose provider answers in a form, a browser that is there, and its state."""
    provider = Provider("entra", "entra", "client", (ClientSecret("x"),), response_mode="form_post")
    site = site_of(parties={"entra": Party(provider, person("alice"))}, **more)
    return site, *begun(site)


def post(browser, body, headers=FORM):
    """The provider's page posts a form: from another site, so no Lax cookie comes along."""
    return Browser(browser.site, browser.at).ask(TEAM, CALLBACK, method="POST", headers=headers, body=body)


def onward(answer):
    return dict(answer.headers)["Location"].removeprefix(f"https://{TEAM}:8443")


def test_an_answer_in_a_form_signs_in_and_no_code_stands_in_an_address():
    _, browser, state = by_form()
    answer = post(browser, urlencode({"code": "the-code", "state": state, "session_state": "x"}).encode())
    assert answer.status == 303
    assert "the-code" not in onward(answer)
    assert not [value for name, value in answer.headers if name == "Set-Cookie"]
    landed = browser.ask(TEAM, onward(answer))
    assert landed.status == 302
    assert signed_in(browser)


def test_a_form_without_the_cookies_of_this_browser_signs_nobody_in():
    _, browser, state = by_form()
    victim = Browser(browser.site)
    answer = victim.ask(TEAM, onward(post(browser, urlencode({"code": "c", "state": state}).encode())))
    assert (answer.status, reason(answer)) == (400, "state_other_browser")
    assert not signed_in(victim)


def test_a_form_counts_once():
    _, browser, state = by_form()
    way = onward(post(browser, urlencode({"code": "c", "state": state}).encode()))
    kept = dict(browser.jars[TEAM])
    browser.ask(TEAM, way)
    browser.jars[TEAM] = kept
    assert reason(browser.ask(TEAM, way)) == "state_replayed"
    assert not signed_in(browser)


def test_the_way_on_from_a_form_lives_a_minute():
    _, browser, state = by_form()
    way = onward(post(browser, urlencode({"code": "c", "state": state}).encode()))
    browser.at = NOW + 61
    assert reason(browser.ask(TEAM, way)) == "state_expired"
    assert not signed_in(browser)


MODES = [("an address for a form", "form_post"), ("a form for an address", "query")]


@pytest.mark.parametrize("mode", [row[1] for row in MODES], ids=[row[0] for row in MODES])
def test_an_answer_by_another_way_than_was_asked_for_does_not_count(mode):
    provider = Provider("entra", "entra", "client", (ClientSecret("x"),), response_mode=mode)
    site = site_of(parties={"entra": Party(provider, person("alice"))})
    browser, state = begun(site)
    fields = urlencode({"code": "c", "state": state})
    way = f"{CALLBACK}?{fields}" if mode == "form_post" else onward(post(browser, fields.encode()))
    answer = browser.ask(TEAM, way)
    assert reason(answer) == "response_mode"
    assert not signed_in(browser)


BODIES = [
    ("JSON", b"{}", {**FORM, "content-type": "application/json"}, "callback_malformed"),
    ("no state", b"code=c", FORM, "state_missing"),
    ("twice", b"code=c&code=d&state=x", FORM, "parameter_repeated"),
    ("both", b"code=c&error=e&state=x", FORM, "response_ambiguous"),
    ("a token", b"id_token=x&state=x", FORM, "response_type"),
    ("bytes", b"code=\xff&state=x", FORM, "callback_malformed"),
    ("long", b"state=x&code=" + b"c" * 17_000, FORM, "callback_malformed"),
]


@pytest.mark.parametrize(("body", "headers", "expected"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_forms_that_do_not_count(body, headers, expected):
    _, browser, _ = by_form()
    answer = post(browser, body, headers)
    assert (answer.status, reason(answer)) == (400, expected)


FORGED = ["", "x", "x" * 9000, "gAAAAAB" + "x" * 100]


@pytest.mark.parametrize("posted", FORGED, ids=["empty", "short", "long", "alike"])
def test_a_way_on_that_nobody_sealed_leads_nowhere(posted):
    _, browser, _ = by_form()
    answer = browser.ask(TEAM, f"{CALLBACK}?posted={posted}")
    assert answer.status == 400
    assert not signed_in(browser)


def test_a_providers_refusal_in_a_form_is_told():
    site, browser, state = by_form()
    site.parties["entra"].next = ProviderRefused("access_denied", "AADSTS65004: declined", code="AADSTS65004")
    body = urlencode({"error": "access_denied", "error_description": "AADSTS65004: declined", "state": state}).encode()
    answer = browser.ask(TEAM, onward(post(browser, body)))
    assert answer.status == 403
    assert b"AADSTS65004" in answer.body


def test_refusals_leave_no_mark_in_the_store_and_are_not_asked_for_endlessly():
    """Whoever has not signed in must not fill it: `error` needs no provider at all."""
    store = MemoryStore()
    browser, state = begun(site_of(store=store))
    kept = dict(browser.jars[TEAM])
    statuses = []
    for _ in range(25):
        browser.jars[TEAM] = dict(kept)
        browser.site.parties["entra"].next = ProviderRefused("access_denied", "no")
        statuses.append(browser.ask(TEAM, f"{CALLBACK}?error=access_denied&state={state}").status)
    assert statuses == [403] * 20 + [429] * 5
    assert store._entries == {}


def test_what_a_sign_in_could_not_learn_is_told_in_the_log():
    site = site_of()
    site.parties["entra"].amiss = ("groups_unknown: Microsoft Graph answered with status 403",)
    browser, state = begun(site)
    answer = browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    assert answer.events[0].details == site.parties["entra"].amiss


def test_a_sign_out_elsewhere_meanwhile_is_not_undone_by_the_callback():
    """The old session was ended while this sign-in was under way: a new one begins, the old one stays ended."""
    site = site_of()
    browser, state = begun(site)
    first = Browser(site)
    first.open(WIKI, "/")
    browser.jars[TEAM] |= {"__Host-CF_Authorization": first.jars[TEAM]["__Host-CF_Authorization"]}
    party = site.parties["entra"]

    class SignsOut(Party):
        def sign_in(self, callback, expected, now):
            first.ask(TEAM, "/cdn-cgi/access/logout")
            return SignedIn(self.next)

    site.parties["entra"] = SignsOut(party.provider, person("alice"))
    browser.ask(TEAM, f"{CALLBACK}?code=c&state={state}")
    assert signed_in(browser)
    assert first.ask(WIKI, "/", headers={"accept": "*/*"}).status == 401
