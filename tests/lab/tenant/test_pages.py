import pytest
from flask import Response

from glassgate.lab.tenant.authorize import Reply
from glassgate.lab.tenant.pages import CSP, as_json, framing, reply_with, with_page_headers, with_query
from lab.tenancy import REDIRECT, SECRET, STEP_UP, TENANT


def pages(browser):
    yield browser.get("/")
    yield browser.get("/error?code=50126")
    yield browser.get("/nothing/here")
    yield browser.authorize(client_id="nobody")
    yield browser.authorize(login_hint='"><script>alert(1)</script>')
    yield browser.submit(browser.authorize(), loginfmt='"><script>alert(1)</script>', passwd="wrong")
    yield browser.sign_in("dave@fabrikam.example")
    yield browser.sign_in("bob", prompt="login", **STEP_UP)
    yield browser.authorize(prompt="select_account")
    yield browser.authorize(prompt="consent")
    yield browser.get("/")


def test_pages_are_plain_and_keep_what_is_secret(browser):
    for page in pages(browser):
        assert page.mimetype == "text/html"
        assert page.headers["Content-Security-Policy"] == CSP
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["X-Frame-Options"] == "DENY"
        assert "<script" not in page.text
        assert "<b>Brandt" not in page.text
        assert not [word for word in (SECRET, "s-password", "another-secret") if word in page.text]
        assert "lab tenant" in page.text


def test_the_policy_of_pages_lets_redirects_follow_a_form():
    assert "form-action" not in CSP
    assert "frame-ancestors 'none'" in CSP
    assert "unsafe" not in CSP


def test_a_page_that_posts_itself_has_that_script_alone_and_says_where_it_is_from(browser):
    page = browser.sign_in(response_mode="form_post")
    policy = page.headers["Content-Security-Policy"].removeprefix(CSP)
    assert policy.startswith("; script-src 'sha256-")
    assert policy.count("'") == 2
    assert page.text.count("<script>") == 1
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("uri", "answer", "location"),
    [
        (REDIRECT, {"code": "a b", "state": None}, f"{REDIRECT}?code=a+b"),
        (f"{REDIRECT}?a=1", {"code": "x"}, f"{REDIRECT}?a=1&code=x"),
        (REDIRECT, {}, REDIRECT),
        (REDIRECT, {"state": None}, REDIRECT),
    ],
)
def test_parameters_join_those_that_are_there(uri, answer, location):
    assert with_query(uri, answer) == location


def test_an_answer_has_its_state_where_there_was_one():
    told = reply_with(Reply(REDIRECT, "s", "query"), {"code": "c"})
    assert told.headers["Location"] == f"{REDIRECT}?code=c&state=s"
    told = reply_with(Reply(REDIRECT, None, "query"), {"code": "c"})
    assert told.headers["Location"] == f"{REDIRECT}?code=c"


def test_a_page_frames_what_it_names_and_nothing_else():
    page = with_page_headers(
        framing(Response(), ["https://b.example/x?y=z", "https://a.example:1/", "https://b.example/"])
    )
    assert page.headers["Content-Security-Policy"] == f"{CSP}; frame-src https://a.example:1 https://b.example"


def test_json_is_kept_by_nobody_unless_it_may_be():
    assert as_json({}).headers["Cache-Control"] == "no-store"
    assert as_json({}, max_age=60).headers["Cache-Control"] == "max-age=60, private"


def test_the_home_page_tells_what_there_is(browser):
    text = browser.get("/").text
    assert TENANT in text
    assert "fabrikam.example" in text
    assert "/organizations/v2.0/.well-known/openid-configuration" in text
    assert text.count("<dt>Key that signs") == 2
