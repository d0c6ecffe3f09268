"""A sign-out ends every app and the global session, and nobody else can cause it."""

import pytest

from gate.site import NOW, STAFF, TEAM, WIKI, Browser, app, person, site_of
from glassgate.gate.exchange import Forward

LOGOUT = "/cdn-cgi/access/logout"
NOTES = "notes.localhost"


def two_apps():
    return site_of(apps=[app("wiki", WIKI, STAFF), app("notes", NOTES, STAFF)])


@pytest.mark.parametrize("host", [WIKI, NOTES, TEAM])
def test_it_ends_everything_wherever_it_is_asked_for(host):
    browser = Browser(two_apps())
    browser.open(WIKI, "/")
    browser.open(NOTES, "/")
    answer = browser.ask(host, LOGOUT)
    assert dict(answer.headers)["Location"] == f"https://login.example/logout?back=https://{TEAM}:8443{LOGOUT}"
    for other in (WIKI, NOTES):
        assert browser.ask(other, "/", headers={"accept": "*/*"}).status == 401
    browser.site.parties["entra"].next = person("bob")
    assert "/login.example/" in dict(_login(browser).headers)["Location"]


def _login(browser):
    location = dict(browser.ask(WIKI, "/").headers)["Location"].partition(":8443")[2]
    return browser.ask(TEAM, location)


def test_it_clears_this_hosts_cookies():
    browser = Browser(two_apps())
    browser.open(WIKI, "/")
    browser.ask(WIKI, LOGOUT)
    assert browser.jars[WIKI] == {}


def test_a_crowd_of_cookies_is_not_all_answered():
    browser = Browser(two_apps())
    browser.open(WIKI, "/")
    browser.jars[WIKI] |= {f"__Host-CF_x{n}": "1" for n in range(1000)}
    answer = browser.ask(WIKI, LOGOUT)
    assert len([name for name, _ in answer.headers if name == "Set-Cookie"]) == 64


def test_signed_out_is_said():
    page = Browser(two_apps()).open(WIKI, LOGOUT)
    assert page.status == 200
    assert b"signed out" in page.body.lower()


FOREIGN = [
    ("an image", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "accept": "image/*"}),
    ("a frame", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe", "accept": "text/html"}),
    ("a script", {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty", "accept": "*/*"}),
]


@pytest.mark.parametrize("headers", [row[1] for row in FOREIGN], ids=[row[0] for row in FOREIGN])
def test_no_other_page_can_do_it(headers):
    browser = Browser(two_apps())
    browser.open(WIKI, "/")
    assert browser.ask(WIKI, LOGOUT, headers=headers).status == 400
    assert isinstance(browser.ask(WIKI, "/"), Forward)


def test_it_takes_no_return_address():
    browser = Browser(two_apps())
    browser.open(WIKI, "/")
    answer = browser.ask(WIKI, f"{LOGOUT}?returnTo=https://evil.example&rd=https://evil.example")
    assert "evil" not in dict(answer.headers)["Location"]


def test_a_provider_that_is_away_holds_nobody():
    from glassgate.oidc.errors import ProviderUnavailable

    site = two_apps()
    browser = Browser(site)
    browser.open(WIKI, "/")

    def away(**_):
        raise ProviderUnavailable("timeout", "late")

    site.parties["entra"].end_session_url = away
    assert dict(browser.ask(WIKI, LOGOUT).headers)["Location"] == f"https://{TEAM}:8443{LOGOUT}"
    browser.at = NOW + 1
    assert browser.ask(WIKI, "/", headers={"accept": "*/*"}).status == 401
