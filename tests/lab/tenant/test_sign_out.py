import html
import re

import pytest

from glassgate.lab.tenant.pages import CSP
from lab.tenancy import FRONT_CHANNEL, MULTI, OTHER, OTHERS_FRONT_CHANNEL, SIGNED_OUT, TENANT, answer_of, claims_in


@pytest.mark.parametrize(
    ("changes", "location"),
    [
        ({"post_logout_redirect_uri": SIGNED_OUT}, SIGNED_OUT),
        ({"post_logout_redirect_uri": SIGNED_OUT, "state": "a b"}, SIGNED_OUT + "?state=a+b"),
        ({"post_logout_redirect_uri": "https://evil.example/"}, None),
        ({}, None),
    ],
    ids=["registered", "with state", "foreign", "none"],
)
def test_logout_ends_the_session_and_goes_on_to_registered_addresses_alone(browser, changes, location):
    browser.sign_in()
    answer = browser.post(f"/{TENANT}/oauth2/v2.0/logout", changes)
    assert answer.headers.get("Location") == location
    assert location or "alice@contoso.example is no longer signed in" in answer.text
    assert 'name="passwd"' in browser.authorize().text


def test_logout_of_somebody_else_leaves_a_session_alone(browser):
    hint = claims_in(browser, browser.redeem(browser.code("bob")))["login_hint"]
    browser.sign_in("alice", prompt="login")
    browser.get(f"/{TENANT}/oauth2/v2.0/logout?logout_hint={hint}")
    assert "code" in answer_of(browser.authorize(prompt="none"))
    browser.get(f"/{TENANT}/oauth2/v2.0/logout?logout_hint=alice")
    assert answer_of(browser.authorize(prompt="none"))["error"] == "login_required"


def test_a_kept_cookie_does_not_outlive_the_logout(tenancy, browser):
    browser.sign_in()
    kept = browser.cookies.get_cookie("__Host-ESTSAUTH", domain="login.localhost").value
    browser.get(f"/{TENANT}/oauth2/v2.0/logout")
    thief = tenancy.browser()
    thief.cookies.set_cookie("__Host-ESTSAUTH", kept, domain="login.localhost", secure=True)
    assert answer_of(thief.authorize(prompt="none"))["error"] == "login_required"


def frames_in(page):
    """What a page frames, as a browser reads it."""
    return [html.unescape(address) for address in re.findall(r'<iframe hidden src="([^"]+)"', page.text)]


def test_who_did_not_ask_is_told_in_a_frame_by_the_sessions_id_alone(browser):
    sid = answer_of(browser.sign_in())["session_state"]
    browser.authorize(client_id=OTHER)
    page = browser.get(f"/{TENANT}/oauth2/v2.0/logout?post_logout_redirect_uri={SIGNED_OUT}&state=s")
    assert page.status_code == 200
    assert sorted(frames_in(page)) == [f"{OTHERS_FRONT_CHANNEL}&sid={sid}", f"{FRONT_CHANNEL}?sid={sid}"]
    policy = page.headers["Content-Security-Policy"]
    assert policy == f"{CSP}; frame-src https://crm.example https://team.localhost:8443"
    assert f'http-equiv="refresh" content="2;url={SIGNED_OUT}?state=s"' in page.text
    assert f'<a href="{SIGNED_OUT}?state=s">Continue</a>' in page.text
    assert answer_of(browser.authorize(prompt="none"))["error"] == "login_required"


def test_who_signs_out_at_the_tenant_itself_has_all_apps_told(browser):
    sid = answer_of(browser.sign_in())["session_state"]
    link = re.search(r'<a href="([^"]+)">Sign out</a>', browser.get("/").text)[1]
    page = browser.get(link)
    assert frames_in(page) == [f"{FRONT_CHANNEL}?sid={sid}"]
    assert "http-equiv" not in page.text
    assert "Sign out" not in browser.get("/").text


@pytest.mark.parametrize("again", [False, True], ids=["signed out", "again"])
def test_an_app_of_no_session_or_of_an_old_one_is_not_told(browser, again):
    browser.sign_in()
    browser.get(f"/{TENANT}/oauth2/v2.0/logout")
    if again:
        browser.sign_in(client_id=MULTI)  # which has no address to be told at
    page = browser.get(f"/{TENANT}/oauth2/v2.0/logout")
    assert frames_in(page) == []
    assert page.headers["Content-Security-Policy"] == CSP


def test_an_app_that_is_registered_no_more_is_not_told(tenancy, browser):
    browser.sign_in()
    tenancy.registrations = tenancy.registrations[1:]
    tenancy.restart()
    assert frames_in(browser.get(f"/{TENANT}/oauth2/v2.0/logout")) == []
