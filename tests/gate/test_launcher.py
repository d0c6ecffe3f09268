"""The launcher: it names only what its visitor may open, and ends only their own sessions, from its own page."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from gate.site import (
    BROWSER,
    EVERYONE,
    FINANCE,
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
)  # fmt: skip
from glassgate.access.app import Launcher
from glassgate.access.circumstances import Certificate
from glassgate.access.logo import checked
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import Answer
from glassgate.gate.launcher import END_PATH, LOGO_PATH
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.provider import Provider
from glassgate.record.events import Action

OWN = f"https://{TEAM}:8443"
FORM = {**BROWSER, "origin": OWN, "content-type": "application/x-www-form-urlencoded"}
PHONE = {**BROWSER, "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) FxiOS/140.0 Safari/604.1"}
OPEN = Policy("all", Decision.ALLOW, (EVERYONE,))
SHOWN = Rule("certificate: {}", Certificate())  # which the team domain is never shown


def at(site, host=WIKI, headers=BROWSER, **more):
    """A browser that signed in."""
    browser = Browser(site, **more)
    browser.open(host, "/", headers)
    assert signed_in(browser)
    return browser


def launcher(browser, query=""):
    answer = browser.ask(TEAM, "/" + query)
    assert answer.status == 200
    return answer.body.decode()


def post(browser, headers=FORM, **fields):
    return browser.ask(TEAM, END_PATH, headers=headers, method="POST", body=urlencode(fields).encode())


def others(browser):
    """The ids of the sessions that the page would end."""
    html = launcher(browser)
    return [part.partition('"')[0] for part in html.split('name="session" value="')[1:]]


# --- which apps --------------------------------------------------------------------------------------------


def test_only_what_this_user_may_open_is_told():
    html = launcher(at(site_of()))
    assert f"https://{WIKI}:8443/" in html
    assert "payroll" not in html
    assert "alice@contoso.example" in html


def test_what_more_proof_would_open_stands_there_and_says_so():
    site = site_of()
    site.parties["entra"].next = person("bob")
    html = launcher(at(site))
    assert PAYROLL in html
    assert html.count("prove once more") == 1


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (app("wiki", WIKI, OPEN), True),
        (app("wiki", WIKI, OPEN, launcher=Launcher(visible=False)), False),
        (replace(app("wiki", WIKI, OPEN), providers=("other",)), False),
        (replace(app("wiki", WIKI, replace(OPEN, decision=Decision.BYPASS)), providers=("other",)), True),
        (app("wiki", WIKI, replace(OPEN, decision=Decision.DENY)), False),
        (app("wiki", WIKI, FINANCE), False),
        (app("wiki", WIKI, replace(OPEN, require=(SHOWN,))), True),
        (app("wiki", WIKI, replace(FINANCE, require=(SHOWN,))), False),
    ],
    ids=[
        "allowed",
        "not visible",
        "of another provider",
        "open to all",
        "denied",
        "no policy",
        "by certificate",
        "by certificate, for another",
    ],
)
def test_an_app_is_shown_to_those_whom_it_opens_to(one, shown):
    browser = at(site_of(apps=[one, app("home", "home.localhost", OPEN)]), "home.localhost")
    assert (f"https://{WIKI}:8443/" in launcher(browser)) is shown


def test_an_app_with_several_hosts_stands_there_once():
    one = replace(app("wiki", WIKI, STAFF), domains=(WIKI, "w.localhost"))
    html = launcher(at(site_of(apps=[one])))
    assert html.count('<li data-words="') == 1
    assert "w.localhost" not in html.replace(WIKI, "")


def test_a_search_by_get():
    apps = [app("wiki", WIKI, OPEN), app("mail", "mail.localhost", OPEN, launcher=Launcher(tags=("Everyday",)))]
    browser = at(site_of(apps=apps))
    html = launcher(browser, "?q=every")
    assert "https://mail.localhost:8443/" in html
    assert f"https://{WIKI}:8443/" not in html
    assert "Show all" in html


def test_what_a_stranger_gets_is_no_list():
    assert Browser(site_of()).ask(TEAM, "/?q=wiki").status == 302
    assert Browser(site_of()).ask(TEAM, "/", headers={"accept": "application/json"}).status == 401


# --- logos -------------------------------------------------------------------------------------------------

PNG = checked(b"\x89PNG\r\n\x1a\nrest")
SVG = checked(b"<svg xmlns='http://www.w3.org/2000/svg'/>")


def with_logos():
    apps = [app("wiki", WIKI, STAFF), app("payroll", PAYROLL, FINANCE)]
    return site_of(apps=apps, logos={apps[0].aud: SVG, apps[1].aud: PNG})


def test_a_logo_is_served_from_the_team_domain_and_may_do_nothing():
    browser = at(with_logos())
    assert f'src="{LOGO_PATH}{SVG.name}"' in launcher(browser)
    answer = browser.ask(TEAM, LOGO_PATH + SVG.name, headers={"accept": "image/*", "sec-fetch-mode": "no-cors"})
    headers = dict(answer.headers)
    assert (answer.status, answer.body) == (200, SVG.content)
    assert headers["Content-Type"] == "image/svg+xml"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", [PNG.name, "", "..", SVG.name + "x"], ids=["of another app", "none", "dots", "longer"])
def test_no_other_logo_is_told(name):
    assert at(with_logos()).ask(TEAM, LOGO_PATH + name).status == 404


def test_a_stranger_sees_no_logo():
    assert Browser(with_logos()).ask(TEAM, LOGO_PATH + SVG.name).status == 404


# --- sessions ----------------------------------------------------------------------------------------------


def test_a_user_sees_their_sessions_and_nobody_elses():
    site = site_of()
    first = at(site)
    second = at(site, headers=PHONE, at=NOW + 60)
    site.parties["entra"].next = person("bob")
    at(site)
    html = launcher(first)
    assert "Firefox on an iPhone" in html
    assert html.count(">This one<") == 1
    assert len(others(first)) == len(others(second)) == 1
    assert "Has open: <bdi>wiki</bdi>" in html


def test_when_a_session_was_last_used():
    site = site_of()
    first = at(site)
    second = at(site, headers=PHONE)
    first.at = NOW + 3 * 3600
    assert "last used 3 hours ago" in launcher(first)
    second.at = NOW + 3500
    second.ask(WIKI, "/")
    assert "last used 2 hours ago" in launcher(first)


def test_a_session_is_signed_out_from_another_browser():
    site = site_of()
    first, second = at(site), at(site)
    answer = post(first, session=others(first)[0])
    assert (answer.status, dict(answer.headers)["Location"]) == (303, OWN + "/?done=ended")
    assert second.ask(WIKI, "/", headers={"accept": "*/*"}).status == 401
    second.open(WIKI, "/")
    assert site.parties["entra"].asked[-1].prompt == "login", "its provider asks who is there"
    assert first.ask(WIKI, "/", headers={"accept": "*/*"}).app.name == "wiki"
    assert len(others(first)) == 1, "it signed in again"
    assert "That browser is signed out." in launcher(first, "?done=ended")
    (event,) = [event for event in first.heard if event.action is Action.LOGOUT]
    assert (event.email, event.reason) == ("alice@contoso.example", "from_another_browser")


def test_sign_out_everywhere_ends_the_others_and_goes_on_to_ones_own():
    site = site_of()
    first, second, third = at(site), at(site), at(site)
    answer = post(first, everywhere="yes")
    assert answer.status == 200
    assert b"2 other browsers are signed out" in answer.body
    assert dict(answer.headers)["Refresh"] == f"1; url={OWN}/cdn-cgi/access/logout"
    for other in (second, third):
        assert other.ask(WIKI, "/", headers={"accept": "*/*"}).status == 401
    first.ask(TEAM, "/cdn-cgi/access/logout")
    assert first.ask(WIKI, "/", headers={"accept": "*/*"}).status == 401


def test_nobody_ends_another_users_session():
    site = site_of()
    alice = at(site)
    site.parties["entra"].next = person("bob")
    bob, again = at(site), at(site)
    (target,) = others(bob)
    assert post(alice, session=target).status == 303
    assert again.ask(WIKI, "/", headers={"accept": "*/*"}).app.name == "wiki"
    post(alice, everywhere="yes")
    assert again.ask(WIKI, "/", headers={"accept": "*/*"}).app.name == "wiki"


@pytest.mark.parametrize(
    "origin", [None, "null", f"https://{WIKI}:8443", f"http://{TEAM}:8443", f"https://{TEAM}", "https://evil.example"]
)
def test_no_page_but_our_own_ends_a_session(origin):
    site = site_of()
    first, second = at(site), at(site)
    headers = {name: value for name, value in FORM.items() if name != "origin"} | ({"origin": origin} if origin else {})
    answer = post(first, headers, session=others(first)[0])
    assert isinstance(answer, Answer)
    assert (answer.status, reason(answer)) == (403, "foreign_origin")
    assert second.ask(WIKI, "/", headers={"accept": "*/*"}).app.name == "wiki"


def test_the_page_is_sent_so_that_browsers_say_where_its_forms_come_from():
    headers = dict(at(site_of()).ask(TEAM, "/").headers)
    assert headers["Referrer-Policy"] == "same-origin"
    assert "form-action 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (FORM | {"content-type": "application/json"}, b"{}"),
        (FORM, b"a=1&b=2&c=3"),
        (FORM, "session=ä".encode()),
    ],
)
def test_what_is_no_form_of_ours_changes_nothing(headers, body):
    site = site_of()
    first, second = at(site), at(site)
    assert first.ask(TEAM, END_PATH, headers=headers, method="POST", body=body).status == 400
    assert second.ask(WIKI, "/", headers={"accept": "*/*"}).app.name == "wiki"


def test_a_form_of_a_browser_that_is_signed_out_goes_home():
    answer = post(Browser(site_of()), session="x")
    assert (answer.status, dict(answer.headers)["Location"]) == (303, OWN + "/")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_a_session_is_ended_by_post_alone(method):
    assert at(site_of()).ask(TEAM, END_PATH, method=method).status == 405


def test_the_same_address_at_two_providers_is_two_users():
    """So one of them sees and ends nothing of the other's."""
    parties = {
        name: Party(
            Provider(name, "oidc", "c", (ClientSecret("s"),)), replace(person("alice"), provider=name, realm=name)
        )
        for name in ("first", "second")
    }
    apps = [replace(app(name, f"{name}.localhost", OPEN), providers=(name,)) for name in parties]
    site = site_of(apps=apps, parties=parties)
    browsers = [at(site, f"{name}.localhost") for name in parties]
    assert [others(browser) for browser in browsers] == [[], []]
