"""The team domain's part: a callback counts once, in the browser that began, and only for what it began."""

import pytest

from gate.site import NOW, STAFF, TEAM, WIKI, Browser, Keys, Party, app, person, site_of
from glassgate.access.seal import Purpose, Seal
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, SignInError
from glassgate.oidc.provider import Provider

CALLBACK = "/cdn-cgi/access/callback"


def begun(site, at=NOW):
    """A browser at the provider, and the state that it took there."""
    browser = Browser(site, at)
    location = dict(browser.ask(WIKI, "/first").headers)["Location"]
    location = dict(browser.ask(TEAM, location.partition(":8443")[2]).headers)["Location"]
    return browser, location.partition("state=")[2]


def signed_in(browser):
    return "__Host-CF_Authorization" in browser.jars.get(TEAM, {})


def reason(answer):
    return next(event.reason for event in answer.events if event.reason)


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


@pytest.mark.parametrize(
    "target",
    [
        "/cdn-cgi/access/login/wiki.localhost",
        "/cdn-cgi/access/login/wiki.localhost?kid=x&redirect_url=%2F&meta=x",
        "/cdn-cgi/access/login/payroll.localhost?{query}",
        "/cdn-cgi/access/login/evil.example?{query}",
        "/cdn-cgi/access/login/?{query}",
        "/cdn-cgi/access/login/wiki.localhost?{query}&idp=other",
    ],
)
def test_sign_in_links_of_nobody_lead_nowhere(target):
    site = site_of()
    browser = Browser(site)
    query = dict(browser.ask(WIKI, "/").headers)["Location"].partition("?")[2]
    assert browser.ask(TEAM, target.format(query=query)).status == 404
    assert not site.parties["entra"].asked


def test_a_sign_in_link_lives_five_minutes():
    browser = Browser(site_of())
    location = dict(browser.ask(WIKI, "/").headers)["Location"].partition(":8443")[2]
    browser.at = NOW + 299
    assert browser.ask(TEAM, location).status == 302
    browser.at = NOW + 300
    assert browser.ask(TEAM, location).status == 404


def test_the_signed_address_wins_over_the_query():
    site = site_of()
    browser = Browser(site)
    location = dict(browser.ask(WIKI, "/mine").headers)["Location"].partition(":8443")[2]
    landed = browser.open(TEAM, location.replace("redirect_url=%2Fmine", "redirect_url=https%3A%2F%2Fevil.example"))
    assert landed.target == "/mine"


def two_providers():
    parties = {
        name: Party(Provider(name, "oidc", "c", "s", name=name.title()), person("alice"))
        for name in ("first", "second")
    }
    one = app("wiki", WIKI, STAFF)
    from dataclasses import replace

    return site_of(apps=[replace(one, providers=("first", "second"))], parties=parties)


def test_with_several_providers_the_visitor_picks():
    site = two_providers()
    browser = Browser(site)
    page = browser.open(WIKI, "/")
    assert page.status == 200
    assert b"First" in page.body
    assert b"Second" in page.body
    location = dict(browser.ask(WIKI, "/").headers)["Location"].partition(":8443")[2]
    assert browser.ask(TEAM, location + "&idp=second").status == 302
    assert site.parties["second"].asked


def test_the_team_page_names_only_what_this_user_may_open():
    browser = Browser(site_of())
    browser.open(WIKI, "/")
    page = browser.ask(TEAM, "/")
    assert page.status == 200
    assert b"wiki.localhost" in page.body
    assert b"payroll.localhost" not in page.body
    assert b"alice@contoso.example" in page.body


def test_the_team_page_asks_strangers_to_sign_in():
    browser = Browser(site_of())
    assert browser.open(TEAM, "/").status == 200
    assert signed_in(browser)
    assert Browser(site_of()).ask(TEAM, "/", headers={"accept": "application/json"}).status == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_gates_own_pages_are_read_only(method):
    for host in (TEAM, WIKI):
        assert Browser(site_of()).ask(host, "/cdn-cgi/access/certs", method=method).status == 405


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


def test_a_query_of_too_many_fields_is_refused_plainly():
    query = "&".join(f"a{n}=1" for n in range(40))
    browser = Browser(site_of())
    for host, path in (
        (TEAM, "/cdn-cgi/access/login/wiki.localhost"),
        (WIKI, "/cdn-cgi/access/authorized"),
        (TEAM, "/"),
    ):
        assert browser.ask(host, f"{path}?{query}").status == 400


def test_two_contexts_are_proven_together_and_never_in_a_circle():
    from dataclasses import replace

    from gate.site import MFA
    from glassgate.access.policy import Rule

    other = Rule("entra_auth_context: c2", lambda facts: "c2" in facts.identity.acrs, needs_acrs="c2")
    both = replace(STAFF, require=(MFA, other))
    site = site_of(apps=[app("wiki", WIKI, STAFF), app("payroll", "payroll.localhost", both)])
    browser = Browser(site)
    browser.open(WIKI, "/")
    party = site.parties["entra"]
    party.next = person("alice", acrs=frozenset(["c1"]))
    answer = browser.open("payroll.localhost", "/")
    assert answer.status == 403
    assert [one.acrs for one in party.asked] == [(), ("c1", "c2")]


def test_a_session_of_a_provider_that_an_app_no_longer_takes_counts_no_more():
    from dataclasses import replace

    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    narrowed = replace(site.apps[WIKI], providers=("other",))
    browser.site = site_of(apps=[narrowed], keys=site.keys, sessions=site.sessions)
    answer = browser.ask(WIKI, "/", headers={"accept": "*/*"})
    assert (answer.status, reason(answer)) == (401, "provider_not_allowed")
