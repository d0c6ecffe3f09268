"""The team domain's part of a sign-in, till the provider: which links lead there, and who goes on at once."""

from dataclasses import replace

import pytest

from gate.site import MFA, NOW, STAFF, TEAM, WIKI, Browser, Party, app, person, reason, signed_in, site_of
from glassgate.access.policy import Rule
from glassgate.oidc.client_auth import ClientSecret
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
