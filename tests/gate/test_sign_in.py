"""The team domain's part of a sign-in, till the provider: which links lead there, and who goes on at once."""

from dataclasses import replace

import pytest

from gate.site import (
    BROWSER,
    MFA,
    NOW,
    PAYROLL,
    STAFF,
    TEAM,
    WIKI,
    Browser,
    Party,
    app,
    person,
    reason,
    signed_in,
    site_of,
)
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import Forward, run
from glassgate.gate.launcher import REFRESH_PATH
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import ProviderUnavailable, Reason
from glassgate.oidc.provider import Provider


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
        name: Party(Provider(name, "oidc", "c", (ClientSecret("s"),), name=name.title()), person("alice"))
        for name in ("first", "second")
    }
    one = app("wiki", WIKI, STAFF)
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


def test_the_team_page_asks_strangers_to_sign_in():
    browser = Browser(site_of())
    assert browser.open(TEAM, "/").status == 200
    assert signed_in(browser)
    assert Browser(site_of()).ask(TEAM, "/", headers={"accept": "application/json"}).status == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_gates_own_pages_are_read_only(method):
    for host in (TEAM, WIKI):
        assert Browser(site_of()).ask(host, "/cdn-cgi/access/certs", method=method).status == 405


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
    other = Rule(
        "entra_auth_context: c2", lambda facts: facts.identity and "c2" in facts.identity.acrs, needs_acrs="c2"
    )
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
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    narrowed = replace(site.apps[WIKI], providers=("other",))
    browser.site = site_of(apps=[narrowed], keys=site.keys, sessions=site.sessions)
    answer = browser.ask(WIKI, "/", headers={"accept": "*/*"})
    assert (answer.status, reason(answer)) == (401, "provider_not_allowed")


# --- refresh-identity --------------------------------------------------------------------------------------

WRITERS = Rule("entra_group: writers", lambda facts: facts.identity and "writers" in (facts.identity.groups or ()))


def test_who_was_just_put_into_a_group_has_it_read_anew():
    journal = app("journal", "journal.localhost", Policy("writers", Decision.ALLOW, (WRITERS,)))
    site = site_of(apps=[app("wiki", WIKI, STAFF), journal])
    browser = Browser(site)
    assert isinstance(browser.open(WIKI, "/"), Forward)
    site.parties["entra"].next = person("alice", groups=frozenset(["writers"]))
    answer = browser.open("journal.localhost", "/")
    assert answer.status == 403
    assert f"https://{TEAM}:8443{REFRESH_PATH}" in answer.body.decode()
    browser.at = NOW + 600
    page = browser.open(TEAM, REFRESH_PATH)
    assert page.status == 200
    assert "Checked again" in page.body.decode()
    assert isinstance(browser.open("journal.localhost", "/"), Forward)
    assert isinstance(browser.ask(WIKI, "/"), Forward)  # by the token from before: the session is renewed
    assert len(site.parties["entra"].asked) == 2


def test_what_the_provider_says_now_takes_away_too():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    site.parties["entra"].next = replace(person("alice"), email="mallory@contoso.example")
    assert browser.open(TEAM, REFRESH_PATH).status == 200
    browser.at = NOW + 1  # what was read of a session is believed for less than that
    assert browser.ask(WIKI, "/").status == 403


def test_it_lengthens_the_session_and_keeps_what_was_proven():
    site = site_of()
    browser = Browser(site)
    party = site.parties["entra"]
    party.next = person("bob", acrs=frozenset(["c1"]))
    browser.open(PAYROLL, "/")
    before = browser.jars[TEAM]["__Host-CF_Authorization"]
    browser.at = NOW + 80_000
    browser.open(TEAM, REFRESH_PATH)
    assert party.asked[-1].acrs == ("c1",)
    assert party.asked[-1].login_hint == person("bob").login_hint
    assert browser.jars[TEAM]["__Host-CF_Authorization"] != before
    browser.at = NOW + 100_000
    assert isinstance(browser.open(PAYROLL, "/"), Forward)
    assert len(party.asked) == 2


def test_another_who_signs_in_there_gets_nothing_of_the_first():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    site.parties["entra"].next = person("bob")
    assert "bob@contoso.example" in browser.open(TEAM, REFRESH_PATH).body.decode()
    assert browser.ask(WIKI, "/", headers={"accept": "*/*"}).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "*/*"},
        {**BROWSER, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {**BROWSER, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {**BROWSER, "sec-fetch-mode": "navigate", "sec-purpose": "prefetch"},
    ],
)
def test_no_other_page_has_it_read_anew(headers):
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    assert browser.ask(TEAM, REFRESH_PATH, headers=headers).status == 400
    assert len(site.parties["entra"].asked) == 1


def test_who_is_not_signed_in_signs_in():
    browser = Browser(site_of())
    assert browser.open(TEAM, REFRESH_PATH).status == 200
    assert signed_in(browser)
    assert Browser(site_of()).ask(TEAM, REFRESH_PATH, method="POST").status == 405
    assert Browser(site_of()).ask(WIKI, REFRESH_PATH).status == 404


def test_a_session_of_a_provider_that_is_gone_signs_in_with_another():
    site = two_providers()
    site.parties["first"].next = replace(person("alice"), provider="first")
    browser = Browser(site)
    browser.open(TEAM, "/?idp=first")
    browser.site = site_of(apps=[app("wiki", WIKI, STAFF)], keys=site.keys, sessions=site.sessions)
    assert REFRESH_PATH not in browser.open(TEAM, "/").body.decode()
    browser.open(TEAM, REFRESH_PATH)
    assert len(browser.site.parties["entra"].asked) == 1


def test_where_the_provider_says_nothing_it_can_be_asked_again():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    site.parties["entra"].next = ProviderUnavailable(Reason.TIMEOUT, "late")
    page = browser.open(TEAM, REFRESH_PATH)
    assert page.status == 503
    assert f'href="https://{TEAM}:8443{REFRESH_PATH}"' in page.body.decode()
    assert isinstance(browser.ask(WIKI, "/"), Forward)


def test_who_is_revoked_while_they_are_at_the_provider_is_asked_who_they_are():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    location = dict(browser.ask(TEAM, REFRESH_PATH).headers)["Location"]
    held = browser.jars[TEAM]["__Host-CF_Authorization"]
    run(site.sessions.revoke(run(site.sessions.presented(held, NOW))))
    state = location.partition("state=")[2]
    again = browser.ask(TEAM, f"/cdn-cgi/access/callback?code=c&state={state}")
    assert dict(again.headers)["Location"].startswith("https://login.example/authorize")
    assert browser.jars[TEAM]["__Host-CF_Authorization"] == held
    assert [one.prompt for one in site.parties["entra"].asked] == [None, None, "login"]
