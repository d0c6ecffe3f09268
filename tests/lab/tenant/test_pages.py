from glassgate.lab.tenant.pages import CSP
from lab.tenancy import SECRET, STEP_UP, TENANT


def pages(browser):
    yield browser.get("/")
    yield browser.get("/error?code=50126")
    yield browser.get("/nothing/here")
    yield browser.authorize(client_id="nobody")
    yield browser.authorize(login_hint='"><script>alert(1)</script>')
    yield browser.submit(browser.authorize(), loginfmt='"><script>alert(1)</script>', passwd="wrong")
    yield browser.sign_in("bob", **STEP_UP)
    yield browser.get(f"/{TENANT}/oauth2/v2.0/logout")


def test_pages_are_plain_and_keep_what_is_secret(browser):
    for page in pages(browser):
        assert page.mimetype == "text/html"
        assert page.headers["Content-Security-Policy"] == CSP
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert "<script" not in page.text
        assert "<b>Brandt" not in page.text
        assert not [word for word in (SECRET, "s-password", "another-secret") if word in page.text]
        assert "lab tenant" in page.text


def test_the_policy_of_pages_lets_redirects_follow_a_form():
    assert "form-action" not in CSP
    assert "frame-ancestors 'none'" in CSP
    assert "unsafe" not in CSP
