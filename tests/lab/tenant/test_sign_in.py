import html
import re

import pytest

from lab.tenancy import CLIENT, FABRIKAM, MULTI, OTHER, REDIRECT, STEP_UP, TENANT, answer_of, claims_in, number_of


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
        ({"tenant": "nowhere.example"}, 90002, 400),
        ({"tenant": "consumers"}, 90002, 400),
        ({"tenant": "fabrikam.example"}, 700016, 400),
        ({"tenant": "common"}, 50194, 400),
        ({"tenant": "organizations"}, 50194, 400),
    ],
    ids=["no client", "unknown client", "two clients", "no redirect", "foreign", "longer", "other case", "query",
         "two redirects", "no tenant", "personal accounts", "other tenant", "common", "organizations"],
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
        ({"response_mode": "fragment"}, 70007, "invalid_request"),
        ({"scope": None}, 900144, "invalid_request"),
        ({"scope": "profile email"}, 70011, "invalid_scope"),
        ({"scope": "openid Mail.ReadWrite.Everything"}, 650053, "unauthorized_client"),
        ({"scope": "openid https://graph.microsoft.com/User.Read"}, 500011, "invalid_request"),
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
    ids=["no type", "implicit", "hybrid", "fragment", "no scope", "no openid", "unknown scope",
         "another's scope", "no PKCE", "no method",
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


def test_a_session_signs_in_silently(browser):
    first = answer_of(browser.sign_in())
    second = answer_of(browser.authorize(client_id=OTHER))
    assert second["session_state"] == first["session_state"]
    assert second["code"] != first["code"]


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "login"}, {"login_hint": "bob"}, {"login_hint": "who@else.example"}],
    ids=["login", "another's hint", "unknown hint"],
)
def test_a_person_is_asked_all_the_same(browser, changes):
    browser.sign_in()
    assert 'name="passwd"' in browser.authorize(**changes).text
    assert answer_of(browser.sign_in("bob", **changes))["session_state"]


@pytest.mark.parametrize(
    "changes",
    [{}, {"prompt": "none"}, {"login_hint": "alice@contoso.example"}],
    ids=["plain", "none", "own hint"],
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


def test_who_is_signed_in_may_go_on_or_another_sign_in(browser):
    browser.sign_in("alice")
    page = browser.authorize(prompt="select_account")
    assert "alice@contoso.example" in page.text
    assert 'name="passwd"' not in page.text
    assert "code" in answer_of(browser.submit(page, pick="this"))
    other = browser.submit(browser.authorize(prompt="select_account"), pick="other")
    assert 'name="loginfmt" value=""' in other.text
    code = answer_of(browser.submit(other, loginfmt="bob", passwd="bobs-password"))["code"]
    assert claims_in(browser, browser.redeem(code))["preferred_username"] == "bob@contoso.example"


def test_an_account_that_was_signed_out_meanwhile_cannot_be_picked(browser):
    browser.sign_in()
    page = browser.authorize(prompt="select_account")
    browser.get(f"/{TENANT}/oauth2/v2.0/logout")
    assert 'name="passwd"' in browser.submit(page, pick="this").text


def test_an_account_that_another_replaced_meanwhile_cannot_be_picked(browser):
    browser.sign_in("alice")
    page = browser.authorize(prompt="select_account")
    browser.sign_in("bob", prompt="login")
    assert 'name="passwd"' in browser.submit(page, pick="this").text


def test_a_domain_hint_is_filled_in_and_bare_names_are_of_it(browser):
    page = browser.authorize(tenant="organizations", client_id=MULTI, domain_hint="fabrikam.example")
    assert 'name="loginfmt" value="@fabrikam.example"' in page.text
    assert "code" in answer_of(browser.submit(page, loginfmt="carol", passwd="carols-password"))


def test_a_hint_at_a_kind_of_account_is_no_domain(browser):
    assert 'name="loginfmt" value=""' in browser.authorize(domain_hint="organizations").text


def test_consent_is_asked_for_and_remembered(tenancy, browser):
    tenancy.more = {"consent": True}
    tenancy.restart()
    page = browser.sign_in(scope="openid profile offline_access User.Read")
    assert all(words in page.text for words in ("Sign you in", "Read your profile and your groups", "Maintain access"))
    assert "View your e-mail" not in page.text
    assert "code" in answer_of(browser.submit(page, consent="yes"))
    tenancy.restart()
    assert "code" in answer_of(browser.authorize(scope="openid User.Read"))
    assert "View your e-mail" in browser.authorize().text


@pytest.mark.parametrize("said", ["no", "", "YES"])
def test_who_declines_is_sent_back(browser, said):
    page = browser.sign_in(prompt="consent")
    answer = answer_of(browser.submit(page, consent=said))
    assert (answer["error"], answer["error_subcode"], answer["state"]) == ("access_denied", "cancel", "the-state")
    assert answer["error_description"].startswith("AADSTS65004: User declined to consent")


def test_consent_that_is_asked_for_each_time_is_asked_for_each_time(browser):
    first = browser.sign_in(prompt="consent")
    for page in (first, browser.authorize(prompt="consent")):
        assert "code" in answer_of(browser.submit(page, consent="yes"))
    assert "code" in answer_of(browser.authorize())


def test_consent_of_somebody_who_signed_out_meanwhile_is_none(browser):
    page = browser.sign_in(prompt="consent")
    browser.get(f"/{TENANT}/oauth2/v2.0/logout")
    assert 'name="passwd"' in browser.submit(page, consent="yes").text


def test_nobody_consents_for_somebody_else(browser):
    page = browser.sign_in("alice", prompt="consent")
    browser.sign_in("bob", prompt="login")
    again = browser.submit(page, consent="yes")
    assert (again.status_code, 'name="loginfmt" value="alice@contoso.example"' in again.text) == (200, True)


def test_a_silent_request_without_consent_is_told_so(tenancy, browser):
    tenancy.more = {"consent": True}
    tenancy.restart()
    browser.sign_in()
    answer = answer_of(browser.authorize(prompt="none"))
    assert answer["error"] == "consent_required"
    assert answer["error_description"].startswith("AADSTS65001: ")


def test_a_token_needs_consent_too(tenancy, browser):
    tenancy.more = {"consent": True}
    tenancy.restart()
    page = browser.sign_in(scope="openid offline_access")
    token = browser.redeem(answer_of(browser.submit(page, consent="yes"))["code"]).json["refresh_token"]
    told = browser.refresh(token, scope="User.Read").json
    assert (told["error"], told["suberror"], told["error_codes"]) == ("invalid_grant", "consent_required", [65001])


def fields_in(page):
    """The fields of a form that posts itself."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in found}


def test_an_answer_may_come_by_a_form(browser):
    page = browser.sign_in(response_mode="form_post")
    assert page.status_code == 200
    assert re.search(r'<form method="post" action="([^"]+)"', page.text)[1] == REDIRECT
    fields = fields_in(page)
    assert set(fields) == {"code", "state", "session_state"}
    assert fields["state"] == "the-state"
    assert '<button type="submit">Continue</button>' in page.text
    assert browser.redeem(fields["code"]).status_code == 200


def test_a_refusal_comes_by_a_form_too(browser):
    fields = fields_in(browser.authorize(response_mode="form_post", prompt="none", state='"><b>'))
    assert fields["error"] == "login_required"
    assert fields["state"] == '"><b>'
    assert fields["error_description"].startswith("AADSTS50058: ")


def test_a_stranger_is_told_and_may_be_somebody_else(browser):
    page = browser.sign_in("dave@fabrikam.example")
    assert page.status_code == 200
    assert number_of(page) == 50020
    assert "dave@fabrikam.example" in page.text
    again = browser.submit(page, pick="other")
    assert 'name="passwd"' in again.text
    assert "code" in answer_of(browser.submit(again, loginfmt="alice", passwd="alices-password"))


def test_a_stranger_is_told_silently_where_no_page_may_be(browser):
    browser.sign_in("dave@fabrikam.example")
    answer = answer_of(browser.authorize(prompt="none"))
    assert answer["error_description"].startswith("AADSTS50020: ")


@pytest.mark.parametrize(
    ("name", "tenant", "home"),
    [("dave", "organizations", FABRIKAM), ("carol", "common", FABRIKAM), ("alice", "organizations", TENANT),
     ("carol", TENANT, TENANT), ("dave", FABRIKAM, FABRIKAM)],
)  # fmt: skip
def test_users_of_all_tenants_get_tokens_of_their_own(browser, name, tenant, home):
    code = browser.code(name, tenant=tenant, client_id=MULTI)
    found = claims_in(browser, browser.redeem(code, client_id=MULTI, at=tenant), MULTI)
    assert (found["tid"], found["iss"]) == (home, f"https://login.localhost:8443/{home}/v2.0")
    assert ("idp" in found) is (name == "carol" and tenant == TENANT)


def test_one_session_serves_all_tenants_of_an_account(browser):
    here = browser.code("carol", client_id=MULTI)
    at_home = answer_of(browser.authorize(tenant="organizations", client_id=MULTI, prompt="none"))["code"]
    found = [
        claims_in(browser, browser.redeem(code, client_id=MULTI, at=at), MULTI)
        for code, at in ((here, TENANT), (at_home, "organizations"))
    ]
    assert [one["tid"] for one in found] == [TENANT, FABRIKAM]
    assert found[0]["oid"] != found[1]["oid"]
    assert found[0]["login_hint"] == found[1]["login_hint"]


def test_somebody_who_is_disabled_is_told_after_the_right_password_alone(tenancy, browser):
    browser.sign_in()
    tenancy.switch_user("alice@contoso.example", disabled=True)
    assert answer_of(browser.authorize(prompt="none"))["error"] == "login_required"
    assert number_of(browser.sign_in("alice", "wrong")) == 50126
    page = browser.sign_in("alice")
    assert number_of(page) == 50057
    assert "__Host-ESTSAUTH" not in str(page.headers.getlist("Set-Cookie"))
    tenancy.switch_user("alice@contoso.example", disabled=False)
    assert "code" in answer_of(browser.sign_in("alice"))


def test_a_guest_who_is_disabled_here_is_sent_back_and_signs_in_at_home(tenancy, browser):
    tenancy.switch_user("carol@contoso.example", disabled=True)
    answer = answer_of(browser.sign_in("carol"))
    assert answer["error_description"].startswith("AADSTS50057: ")
    assert "code" in answer_of(browser.authorize(tenant="organizations", client_id=MULTI))


def test_a_revocation_ends_the_browsers_session(tenancy, browser):
    browser.sign_in()
    tenancy.clock.now += 1
    tenancy.switch_user("alice@contoso.example", revoked=tenancy.clock.now)
    assert answer_of(browser.authorize(prompt="none"))["error"] == "login_required"
    browser.sign_in()
    assert "code" in answer_of(browser.authorize(prompt="none"))


@pytest.mark.parametrize(("code", "error"), [(50105, "access_denied"), (16000, "interaction_required")])
def test_an_error_of_choice(tenancy, browser, code, error):
    tenancy.switch(**{f"aadsts:{code}": 1})
    answer = answer_of(browser.authorize())
    assert (answer["error"], answer["state"]) == (error, "the-state")
    assert answer["error_description"].startswith(f"AADSTS{code}: ")
    assert browser.authorize().status_code == 200


@pytest.mark.parametrize("code", [50011, 700016, 90002])
def test_an_error_of_the_address_or_the_application_stays_on_the_tenants_page(tenancy, browser, code):
    tenancy.switch(**{f"aadsts:{code}": 1})
    page = browser.authorize()
    assert (page.status_code, f"AADSTS{code}" in page.text) == (400, True)
    assert "Location" not in page.headers
    assert browser.authorize().status_code == 200
