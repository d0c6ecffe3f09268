import re

import jwt
import pytest

from glassgate.lab.tenant.app import CSP
from lab.tenancy import (
    CLIENT,
    FINANCE,
    OTHER,
    REDIRECT,
    SECRET,
    SIGNED_OUT,
    STEP_UP,
    TENANT,
    VERIFIER,
    Tenancy,
    answer_of,
    number_of,
)


def claims_in(browser, answer, audience=CLIENT):
    """The ID token of a token answer, checked by the keys that the tenant publishes."""
    found = browser.get(f"/{TENANT}/discovery/v2.0/keys").json
    token = answer.json["id_token"]
    key = jwt.PyJWKSet.from_dict(found)[jwt.get_unverified_header(token)["kid"]]
    unclocked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, options=unclocked)


def test_a_whole_sign_in(browser):
    page = browser.authorize()
    assert page.status_code == 200
    answer = answer_of(browser.submit(page, loginfmt="alice@contoso.example", passwd="alices-password"))
    assert set(answer) == {"code", "state", "session_state"}  # as Entra's, and like Entra's without `iss`
    assert answer["state"] == "the-state"
    tokens = browser.redeem(answer["code"])
    assert tokens.status_code == 200
    assert tokens.headers["Cache-Control"] == "no-store"
    assert {name: tokens.json[name] for name in ("token_type", "expires_in", "ext_expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "ext_expires_in": 3600,
        "scope": "openid profile email",
    }
    found = claims_in(browser, tokens)
    assert found["sid"] == answer["session_state"]
    assert found["nonce"] == "the-nonce"
    assert found["iss"] == f"https://login.localhost:8443/{TENANT}/v2.0"
    assert "refresh_token" not in tokens.json


@pytest.mark.parametrize("name", ["alice", "ALICE", " alice ", "alice@contoso.example", "Alice@Contoso.Example"])
def test_a_user_signs_in_by_the_bare_name_or_the_whole(browser, name):
    assert "code" in answer_of(browser.sign_in(name, "alices-password"))


def test_the_name_may_be_typed_first_and_the_password_on_the_next_page(browser):
    second = browser.submit(browser.authorize(), loginfmt="alice")
    assert 'value="alice"' in second.text
    assert "AADSTS" not in second.text
    assert "code" in answer_of(browser.submit(second, loginfmt="alice", passwd="alices-password"))


@pytest.mark.parametrize(
    ("name", "password"),
    [("alice", "wrong"), ("nobody", "alices-password"), ("alice", "bobs-password"), ("", "alices-password")],
    ids=["wrong password", "nobody's name", "another's password", "no name"],
)
def test_a_wrong_password_and_an_unknown_name_look_alike(browser, name, password):
    page = browser.submit(browser.authorize(), loginfmt=name, passwd=password)
    assert page.status_code == 200
    assert number_of(page) == 50126
    assert "Your account or password is incorrect." in page.text
    assert "__Host-ESTSAUTH" not in str(page.headers.getlist("Set-Cookie"))
    assert "code" in answer_of(browser.submit(page, loginfmt="alice", passwd="alices-password"))


@pytest.mark.parametrize(
    ("changes", "number", "status"),
    [
        ({"client_id": None}, 900144, 400),
        ({"client_id": "nobody"}, 700016, 400),
        ({"client_id": [CLIENT, OTHER]}, 9000411, 400),
        ({"redirect_uri": None}, 900144, 400),
        ({"redirect_uri": "https://evil.example/"}, 50011, 400),
        ({"redirect_uri": REDIRECT + "/"}, 50011, 400),
        ({"redirect_uri": REDIRECT.upper()}, 50011, 400),
        ({"redirect_uri": REDIRECT + "?a=1"}, 50011, 400),
        ({"redirect_uri": [REDIRECT, "https://evil.example/"]}, 9000411, 400),
        ({"tenant": "fabrikam.example"}, 90002, 400),
        ({"tenant": "common"}, 90002, 400),
    ],
    ids=["no client", "unknown client", "two clients", "no redirect", "foreign", "longer", "other case", "query",
         "two redirects", "other tenant", "common"],
)  # fmt: skip
def test_nobody_is_sent_to_an_address_that_is_not_registered(browser, changes, number, status):
    page = browser.authorize(**changes)
    assert (page.status_code, number_of(page)) == (status, number)
    assert "Location" not in page.headers
    assert "Trace ID" in page.text


@pytest.mark.parametrize(
    ("changes", "number", "error"),
    [
        ({"response_type": None}, 900144, "invalid_request"),
        ({"response_type": "id_token"}, 700054, "unsupported_response_type"),
        ({"response_type": "code id_token"}, 700054, "unsupported_response_type"),
        ({"response_mode": "form_post"}, 70007, "invalid_request"),
        ({"response_mode": "fragment"}, 70007, "invalid_request"),
        ({"scope": None}, 900144, "invalid_request"),
        ({"scope": "profile email"}, 70011, "invalid_scope"),
        ({"code_challenge": None}, 9002325, "invalid_request"),
        ({"code_challenge_method": None}, 501491, "invalid_request"),
        ({"code_challenge_method": "plain"}, 501491, "invalid_request"),
        ({"code_challenge": "short"}, 50147, "invalid_request"),
        ({"prompt": "sometimes"}, 90023, "invalid_request"),
        ({"prompt": "none"}, 50058, "login_required"),
        ({"claims": "{"}, 90023, "invalid_request"),
        ({"nonce": ["a", "b"]}, 9000411, "invalid_request"),
        ({"login_hint": "x" * 3000}, 90023, "invalid_request"),
        ({"login_hint": "é" * 1000}, 90015, "invalid_request"),
    ],
    ids=["no type", "implicit", "hybrid", "form_post", "fragment", "no scope", "no openid", "no PKCE", "no method",
         "plain", "short", "prompt", "none", "claims", "two nonces", "long", "long in all"],
)  # fmt: skip
def test_what_is_wrong_with_a_request_goes_back_to_the_client(browser, changes, number, error):
    answer = answer_of(browser.authorize(**changes))
    assert answer["error"] == error
    assert answer["state"] == "the-state"
    assert re.fullmatch(
        rf"AADSTS{number}: [^\r\n]+\r\nTrace ID: [0-9a-f-]{{36}}\r\nCorrelation ID: [0-9a-f-]{{36}}"
        r"\r\nTimestamp: 2027-01-15 08:00:00Z",
        answer["error_description"],
    )
    assert "code" not in answer


@pytest.mark.parametrize(
    ("changes", "number", "error", "status"),
    [
        ({"client_id": "nobody"}, 700016, "unauthorized_client", 400),
        ({"client_id": None}, 900144, "invalid_request", 400),
        ({"client_secret": None}, 7000218, "invalid_client", 401),
        ({"client_secret": "wrong"}, 7000215, "invalid_client", 401),
        ({"client_secret": "another-secret"}, 7000215, "invalid_client", 401),
        ({"client_id": OTHER, "client_secret": "another-secret"}, 700005, "invalid_grant", 400),
        ({"grant_type": None}, 900144, "invalid_request", 400),
        ({"grant_type": "password"}, 70003, "unsupported_grant_type", 400),
        ({"code": None}, 900144, "invalid_request", 400),
        ({"code": "made-up"}, 70000, "invalid_grant", 400),
        ({"redirect_uri": None}, 900144, "invalid_request", 400),
        ({"redirect_uri": REDIRECT + "/"}, 500112, "invalid_grant", 400),
        ({"code_verifier": None}, 501481, "invalid_grant", 400),
        ({"code_verifier": "w" * 43}, 501481, "invalid_grant", 400),
        ({"code_verifier": "short"}, 501481, "invalid_grant", 400),
        ({"client_secret": [SECRET, SECRET]}, 9000411, "invalid_request", 400),
    ],
    ids=["client", "no client", "no secret", "wrong secret", "another's secret", "another's code", "no grant type",
         "password grant", "no code", "made-up code", "no redirect", "redirect", "no verifier", "verifier",
         "short verifier", "two secrets"],
)  # fmt: skip
def test_what_is_wrong_with_a_redemption(browser, changes, number, error, status):
    code = browser.code()
    answer = browser.redeem(code, **changes)
    assert (answer.status_code, answer.json["error_codes"]) == (status, [number])
    assert answer.json["error"] == error
    assert set(answer.json) >= {"error_description", "timestamp", "trace_id", "correlation_id", "error_uri"}
    assert answer.json["error_description"].startswith(f"AADSTS{number}: ")
    assert browser.redeem(code).status_code == 200  # a failed attempt uses nothing up


def test_a_client_may_authenticate_by_basic(browser):
    basic = {"auth": (CLIENT, SECRET)}
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    path = f"/{TENANT}/oauth2/v2.0/token"
    code = browser.code()
    twice = browser.cookies.post(path, data=form | {"code": code, "client_secret": SECRET}, **basic)
    assert twice.json["error_codes"] == [9002313]
    assert browser.cookies.post(path, data=form | {"code": code}, **basic).status_code == 200


def test_a_code_is_good_once(browser):
    code = browser.code()
    assert browser.redeem(code).status_code == 200
    again = browser.redeem(code)
    assert (again.status_code, again.json["error_codes"]) == (400, [54005])


def test_a_code_is_good_once_after_a_restart_too(tenancy, browser):
    code = browser.code()
    assert browser.redeem(code).status_code == 200
    tenancy.restart()
    assert browser.redeem(code).json["error_codes"] == [54005]


def test_a_code_ends(tenancy, browser):
    code = browser.code()
    tenancy.clock.now += 601
    assert browser.redeem(code).json["error_codes"] == [70008]


def test_a_restart_at_any_moment_loses_no_sign_in(tenancy, browser):
    page = browser.authorize(**STEP_UP)
    tenancy.restart()
    factor = browser.submit(page, loginfmt="bob", passwd="bobs-password")
    tenancy.restart()
    code = answer_of(browser.submit(factor))["code"]
    tenancy.restart()
    tokens = browser.redeem(code)
    tenancy.restart()
    assert claims_in(browser, tokens)["acrs"] == ["c1"]
    assert "code" in answer_of(browser.authorize(prompt="none"))


def test_another_tenant_of_another_folder_trusts_nothing_of_this_one(tenancy, browser, tmp_path):
    code = browser.code()
    tenancy.lab = Tenancy(tmp_path / "other").lab
    assert browser.redeem(code).json["error_codes"] == [70000]
    assert browser.authorize().status_code == 200


def test_a_session_signs_in_silently(browser):
    first = answer_of(browser.sign_in())
    second = answer_of(browser.authorize(client_id=OTHER))
    assert second["session_state"] == first["session_state"]
    assert second["code"] != first["code"]


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "login"}, {"prompt": "select_account"}, {"login_hint": "bob"}, {"login_hint": "who@else.example"}],
    ids=["login", "select_account", "another's hint", "unknown hint"],
)
def test_a_person_is_asked_all_the_same(browser, changes):
    browser.sign_in()
    assert 'name="passwd"' in browser.authorize(**changes).text
    assert answer_of(browser.sign_in("bob", **changes))["session_state"]


@pytest.mark.parametrize(
    "changes",
    [{}, {"prompt": "none"}, {"prompt": "consent"}, {"login_hint": "alice@contoso.example"}],
    ids=["plain", "none", "consent", "own hint"],
)
def test_a_person_is_not_asked_again(browser, changes):
    browser.sign_in()
    assert "code" in answer_of(browser.authorize(**changes))


def test_a_hint_is_filled_in(browser):
    assert 'value="bob@contoso.example"' in browser.authorize(login_hint="bob").text
    assert 'value="who@else.example"' in browser.authorize(login_hint="who@else.example").text


def test_none_with_another_ones_hint_asks_nobody(browser):
    browser.sign_in()
    assert answer_of(browser.authorize(prompt="none", login_hint="bob"))["error"] == "interaction_required"


def test_a_second_factor_is_asked_for_and_told(browser):
    page = browser.sign_in("bob", **STEP_UP)
    assert 'name="otc"' in page.text
    tokens = browser.redeem(answer_of(browser.submit(page))["code"])
    found = claims_in(browser, tokens)
    assert found["acrs"] == ["c1"]
    assert "amr" not in found


def test_a_proven_factor_counts_for_the_session_but_is_told_only_when_asked(browser):
    browser.submit(browser.sign_in("bob", **STEP_UP))
    again = claims_in(browser, browser.redeem(answer_of(browser.authorize(**STEP_UP))["code"]))
    plain = claims_in(browser, browser.redeem(answer_of(browser.authorize())["code"]))
    assert again["acrs"] == ["c1"]
    assert "acrs" not in plain


def test_a_session_without_the_factor_is_asked_for_it(browser):
    browser.sign_in("bob")
    assert 'name="otc"' in browser.authorize(**STEP_UP).text
    assert answer_of(browser.authorize(**STEP_UP, prompt="none"))["error"] == "interaction_required"


def test_a_context_that_no_policy_guards_is_granted(browser):
    asked = {"claims": '{"id_token":{"acrs":{"essential":true,"values":["c2"]}}}'}
    assert claims_in(browser, browser.redeem(browser.code(**asked)))["acrs"] == ["c2"]


def test_a_user_without_a_second_factor_is_sent_back_with_the_reason(browser):
    answer = answer_of(browser.sign_in("alice", **STEP_UP))
    assert answer["error"] == "access_denied"
    assert answer["error_description"].startswith("AADSTS50079: ")
    assert "code" in answer_of(browser.authorize())  # signed in all the same, for what does not need it


@pytest.mark.parametrize("otc", ["", "000000", "1234567"], ids=["none", "wrong", "long"])
def test_a_wrong_code_is_asked_again_with_another(browser, otc):
    page = browser.sign_in("bob", **STEP_UP)
    shown = re.search(r'name="otc" value="(\d{6})"', page.text)[1]
    again = browser.submit(page, otc=otc if otc != shown else "000001")
    assert again.status_code == 200
    assert "That was not the code" in again.text
    assert claims_in(browser, browser.redeem(answer_of(browser.submit(again))["code"]))["acrs"] == ["c1"]


def test_the_factor_of_a_session_that_was_signed_out_begins_anew(browser):
    page = browser.sign_in("bob", **STEP_UP)
    browser.get(f"/{TENANT}/oauth2/v2.0/logout")
    again = browser.submit(page)
    assert 'name="passwd"' in again.text


def test_a_form_of_another_browser_is_refused(tenancy, browser):
    attacker, victim = tenancy.browser(), browser
    page = attacker.authorize()
    answer = victim.submit(page, loginfmt="alice", passwd="alices-password")
    assert (answer.status_code, number_of(answer)) == (400, 165000)
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize(
    ("ctx", "number"), [("made-up", 165000), ("", 900144), ("x" * 9000, 90023)], ids=["made up", "none", "long"]
)
def test_a_form_that_is_not_ours_is_refused(browser, ctx, number):
    page = browser.authorize()
    answer = browser.submit(page, ctx=ctx, loginfmt="alice", passwd="alices-password")
    assert (answer.status_code, number_of(answer)) == (400, number)


def test_a_sign_in_page_does_not_pass_for_the_second_factor(browser):
    ctx = re.search(r'name="ctx" value="([^"]+)"', browser.authorize(**STEP_UP).text)[1]
    assert number_of(browser.post(f"/{TENANT}/login/factor", {"ctx": ctx, "otc": "000000"})) == 165000


def test_a_sign_in_page_ends(tenancy, browser):
    page = browser.authorize()
    tenancy.clock.now += 901
    assert number_of(browser.submit(page, loginfmt="alice", passwd="alices-password")) == 50089


def test_ten_tabs_sign_in_at_once(browser):
    pages = [browser.authorize(state=f"tab {number}") for number in range(10)]
    answers = [answer_of(browser.submit(page, loginfmt="bob", passwd="bobs-password")) for page in pages]
    assert [answer["state"] for answer in answers] == [f"tab {number}" for number in range(10)]
    assert all(browser.redeem(answer["code"]).status_code == 200 for answer in answers)


def test_a_guest_comes_from_elsewhere(browser):
    found = claims_in(browser, browser.redeem(browser.code("carol@contoso.example")))
    assert found["tid"] == TENANT
    assert re.fullmatch(r"https://sts\.windows\.net/[0-9a-f-]{36}/", found["idp"])
    assert TENANT not in found["idp"]
    assert (found["email"], found["preferred_username"]) == ("carol@fabrikam.example",) * 2


def test_groups_and_roles_are_told_of_those_who_have_them(browser):
    bob = claims_in(browser, browser.redeem(browser.code("bob")))
    assert (bob["groups"], bob["roles"]) == ([FINANCE], ["Approver"])


@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), "contoso.example"])
def test_the_tenant_is_known_by_its_id(browser, tenant):
    document = browser.get(f"/{tenant}/v2.0/.well-known/openid-configuration")
    assert document.json["issuer"] == f"https://login.localhost:8443/{TENANT}/v2.0"


def test_a_tenant_is_known_by_its_domain(tmp_path):
    browser = Tenancy(tmp_path, tenant="contoso.example").browser()
    document = browser.get("/contoso.example/v2.0/.well-known/openid-configuration").json
    tenant_id = document["issuer"].split("/")[3]
    assert browser.get(f"/{tenant_id}/v2.0/.well-known/openid-configuration").json == document


@pytest.mark.parametrize(
    "path", ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"], ids=["discovery", "keys"]
)
def test_an_unknown_tenant_is_told_to_programs_in_json(browser, path):
    answer = browser.get(f"/unknown.example/{path}")
    assert (answer.status_code, answer.json["error_codes"]) == (400, [90002])


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


def test_what_is_too_long_or_sent_wrongly_is_refused(browser):
    assert browser.post(f"/{TENANT}/login", {"ctx": "x" * 40_000}).status_code == 413
    assert browser.get(f"/{TENANT}/login").status_code == 405
    assert browser.get(f"/{TENANT}/oauth2/v2.0/token").status_code == 405


def test_an_error_number_is_explained(browser):
    assert "invalid username or password" in browser.get("/error?code=50126").text
    for unknown in ("1", "x", "²", "9" * 12, ""):
        assert browser.get(f"/error?code={unknown}").status_code == 404
