import pytest
from werkzeug.wrappers import Response

from glassgate.lab.tenant import browser as cookies
from glassgate.lab.tenant.errors import TenantError
from lab.tenancy import TENANT


def given(response):
    return response.headers.getlist("Set-Cookie")


def test_the_session_cookie_is_for_this_host_alone_and_for_no_script(browser):
    line = next(line for line in given(browser.sign_in()) if line.startswith("__Host-ESTSAUTH="))
    assert {part.strip() for part in line.split(";")[1:]} == {"Secure", "HttpOnly", "Path=/", "SameSite=None"}


def test_a_sign_in_pages_cookie_is_its_own_and_goes_with_it(browser):
    page = browser.authorize()
    (line,) = given(page)
    name = line.partition("=")[0]
    assert {part.strip() for part in line.split(";")[1:] if "Expires" not in part} == {
        "Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=900",
    }  # fmt: skip
    after = browser.submit(page, loginfmt="alice", passwd="alices-password")
    assert any(line.startswith(f"{name}=;") and "Max-Age=0" in line for line in given(after))


def test_pages_that_were_never_sent_do_not_fill_the_jar(browser):
    pages = [browser.authorize() for _ in range(40)]
    names = [name for name in held(browser) if name.startswith(cookies.FLOW_COOKIE)]
    assert len(names) == cookies.MOST_FLOWS
    assert browser.submit(pages[-1], loginfmt="alice", passwd="alices-password").status_code == 302


def held(browser):
    return [cookie.key for cookie in browser.cookies._cookies.values()]


def test_a_session_ends_by_itself(tenancy, browser):
    browser.sign_in()
    tenancy.clock.now += 24 * 3600 - 1
    assert browser.authorize(prompt="none").headers["Location"].count("code=")
    tenancy.clock.now += 2
    assert "login_required" in browser.authorize(prompt="none").headers["Location"]


def test_a_session_of_somebody_who_left_the_directory_is_none(tenancy, browser):
    browser.sign_in("bob")
    tenancy.users = tenancy.users[:1]
    tenancy.restart()
    assert 'name="passwd"' in browser.authorize().text


@pytest.mark.parametrize("value", ["", "x", "gAAAA", "é", "x" * 4000])
def test_a_session_that_is_not_ours_is_none(browser, value):
    browser.cookies.set_cookie(cookies.SESSION_COOKIE, value, domain="login.localhost")
    assert 'name="passwd"' in browser.authorize().text
    assert browser.get(f"/{TENANT}/oauth2/v2.0/logout").status_code == 200


def test_a_mark_is_of_one_browser():
    response = Response()
    mark = cookies.begin_flow(response, {})
    name, _, rest = given(response)[0].partition("=")
    secret = rest.partition(";")[0]
    cookies.check_flow({name: secret}, mark)
    for jar in ({}, {name: "other"}, {cookies.FLOW_COOKIE + "ffff": secret}):
        with pytest.raises(TenantError):
            cookies.check_flow(jar, mark)
