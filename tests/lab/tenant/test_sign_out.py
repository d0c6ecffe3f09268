import pytest

from lab.tenancy import SIGNED_OUT, TENANT, answer_of, claims_in


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
