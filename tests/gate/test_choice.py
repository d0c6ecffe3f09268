"""With whom one signs in: straight to a provider, or by a page where one is picked."""

from dataclasses import replace

import pytest

from gate.site import STAFF, TEAM, WIKI, Browser, Party, app, person, site_of
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.provider import Provider

NAMES = ("first", "second", "third")


def site_with(providers, auto_redirect=None):
    parties = {
        name: Party(
            Provider(name, "oidc", "c", (ClientSecret("s"),), name=name.title(), issuer=f"https://{name}.example/x"),
            replace(person("alice"), provider=name),
        )
        for name in NAMES
    }
    one = replace(app("wiki", WIKI, STAFF, auto_redirect=auto_redirect), providers=providers)
    return site_of(apps=[one], parties=parties)


def link(browser):
    return dict(browser.ask(WIKI, "/here?a=b").headers)["Location"].partition(":8443")[2]


def asked(site):
    return [name for name, party in site.parties.items() if party.asked]


ROWS = {
    "one": (("second",), None, "second"),
    "several": (("third", "first"), None, None),
    "several, straight to the first": (("third", "first"), True, "third"),
    "one, straight": (("second",), True, "second"),
    "one, by the page": (("second",), False, None),
    "several, by the page": (("third", "first"), False, None),
}


@pytest.mark.parametrize(("providers", "auto_redirect", "straight_to"), ROWS.values(), ids=ROWS)
def test_where_a_sign_in_goes(providers, auto_redirect, straight_to):
    site = site_with(providers, auto_redirect)
    browser = Browser(site)
    answer = browser.ask(TEAM, link(browser))
    assert answer.status == (302 if straight_to else 200)
    assert asked(site) == ([straight_to] if straight_to else [])


@pytest.mark.parametrize("auto_redirect", [None, True, False])
@pytest.mark.parametrize("pick", ["third", "first"])
def test_what_is_picked_wins(pick, auto_redirect):
    site = site_with(("third", "first"), auto_redirect)
    browser = Browser(site)
    assert browser.ask(TEAM, f"{link(browser)}&idp={pick}").status == 302
    assert asked(site) == [pick]


def test_only_an_apps_own_providers_can_be_picked():
    site = site_with(("first", "third"))
    browser = Browser(site)
    page = browser.ask(TEAM, link(browser)).body.decode()
    assert "Second" not in page
    assert browser.ask(TEAM, link(browser) + "&idp=second").status == 404
    assert asked(site) == []


def test_the_page_says_for_what_and_with_whom():
    browser = Browser(site_with(NAMES))
    page = browser.ask(TEAM, link(browser)).body.decode()
    assert "Sign in to <bdi>wiki</bdi>" in page
    assert "wiki.localhost:8443" in page
    assert "second.example" in page


def test_a_browser_that_was_there_sees_its_last_provider_first():
    site = site_with(("first", "second"))
    browser = Browser(site)
    page = browser.ask(TEAM, link(browser)).body.decode()
    assert "Last time" not in page
    browser.open(TEAM, f"{link(browser)}&idp=second")
    browser.jars[TEAM].pop("__Host-CF_Authorization")
    browser.jars.pop(WIKI)
    page = browser.ask(TEAM, link(browser)).body.decode()
    assert page.count("Last time") == 1
    assert page.index("Second") < page.index("First")


def test_the_team_domain_offers_every_provider():
    browser = Browser(site_with(("first",)))
    page = browser.ask(TEAM, "/").body.decode()
    assert [name in page for name in ("First", "Second", "Third")] == [True, True, True]
    assert browser.ask(TEAM, "/?idp=second").status == 302
