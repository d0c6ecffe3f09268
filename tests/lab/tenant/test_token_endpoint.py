import base64
import json
from dataclasses import replace

import pytest

from glassgate.lab.tenant.keys import SigningKeys
from glassgate.lab.tenant.tenants import make_tenants
from lab.tenancy import (
    FABRIKAM,
    FINANCE,
    MULTI,
    OTHER,
    REDIRECT,
    SECRET,
    STAFF,
    STEP_UP,
    TENANT,
    Tenancy,
    answer_of,
    challenge_of,
    claims_in,
)


@pytest.mark.parametrize(
    ("changes", "number", "error", "status"),
    [
        ({"client_id": "nobody"}, 700016, "unauthorized_client", 400),
        ({"client_id": None}, 900144, "invalid_request", 400),
        ({"client_secret": None}, 7000218, "invalid_client", 401),
        ({"client_secret": "wrong"}, 7000215, "invalid_client", 401),
        ({"client_secret": "another-secret"}, 7000215, "invalid_client", 401),
        ({"client_id": OTHER, "client_secret": "another-secret"}, 70000, "invalid_grant", 400),
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


def test_another_tenant_of_another_folder_trusts_nothing_of_this_one(tenancy, browser, tmp_path):
    code = browser.code()
    tenancy.lab = Tenancy(tmp_path / "other").lab
    assert browser.redeem(code).json["error_codes"] == [70000]
    assert browser.authorize().status_code == 200


@pytest.mark.parametrize("verifier", ["short", "v" * 129, "v" * 42 + "+"], ids=["short", "long", "odd"])
def test_a_verifier_that_no_client_may_use_is_refused_though_it_fits(browser, verifier):
    code = browser.code(code_challenge=challenge_of(verifier))
    assert browser.redeem(code, code_verifier=verifier).json["error_codes"] == [501481]


def test_without_offline_access_there_is_no_refresh_token(browser):
    answer = browser.redeem(browser.code(scope="openid")).json
    assert answer["scope"] == "openid"
    assert "refresh_token" not in answer


OFFLINE = {"scope": "openid profile email offline_access User.Read"}


def refreshed(browser, name="alice", **changes):
    """A sign-in's answer, and the answer to its refresh token a day later."""
    first = browser.redeem(browser.code(name, **OFFLINE, prompt="login"), **changes)
    browser.tenancy.clock.now += 86_400
    return first, browser.refresh(first.json["refresh_token"], **changes)


def test_a_refresh_token_gives_new_tokens_of_the_same_person(browser):
    first, second = refreshed(browser)
    before, after = claims_in(browser, first), claims_in(browser, second)
    same = ("aud", "iss", "sub", "oid", "tid", "sid", "auth_time", "login_hint")
    assert {name: before[name] for name in same} == {name: after[name] for name in same}
    assert after["iat"] == before["iat"] + 86_400
    assert after["exp"] == before["exp"] + 86_400
    assert "nonce" in before
    assert "nonce" not in after
    assert second.json["scope"] == "openid profile email User.Read"
    assert second.json["access_token"] != first.json["access_token"]


def test_an_old_refresh_token_stays_good(browser):
    first, second = refreshed(browser)
    assert second.json["refresh_token"] != first.json["refresh_token"]
    for token in (first.json["refresh_token"], second.json["refresh_token"]) * 2:
        assert browser.refresh(token).status_code == 200


def test_a_refresh_token_outlives_a_restart_and_a_rotation_of_keys(tenancy, browser):
    first, _ = refreshed(browser)
    SigningKeys.open(tenancy.folder / "lab", 0.0).rotate(0.0)
    tenancy.restart()
    assert claims_in(browser, browser.refresh(first.json["refresh_token"]))["oid"]


def test_a_refresh_token_ends_after_90_days(tenancy, browser):
    first, _ = refreshed(browser)
    tenancy.clock.now += 89 * 86_400 + 1
    assert browser.refresh(first.json["refresh_token"]).json["error_codes"] == [700082]


def test_groups_and_roles_are_those_of_the_moment(tenancy, browser):
    first = browser.redeem(browser.code("bob", **OFFLINE)).json["refresh_token"]
    tenancy.users = (tenancy.users[0], replace(tenancy.users[1], roles=("Reader",)))
    tenancy.restart()
    tenancy.switch_user("bob@contoso.example", added=(STAFF,), removed=(FINANCE,))
    found = claims_in(browser, browser.refresh(first))
    assert (found["groups"], found["roles"]) == ([STAFF], ["Reader"])


def disabled(tenancy):
    tenancy.switch_user("alice@contoso.example", disabled=True)


def revoked(tenancy):
    tenancy.switch_user("alice@contoso.example", revoked=tenancy.clock.now)


def gone(tenancy):
    tenancy.users = tenancy.users[1:]
    tenancy.restart()


DEAD = {"disabled": (disabled, 50057), "revoked": (revoked, 50173), "gone": (gone, 50034)}


@pytest.mark.parametrize("row", DEAD)
def test_a_refresh_token_of_somebody_who_may_not_any_more(tenancy, browser, row):
    end, number = DEAD[row]
    first, _ = refreshed(browser)
    end(tenancy)
    answer = browser.refresh(first.json["refresh_token"])
    assert (answer.status_code, answer.json["error"], answer.json["error_codes"]) == (400, "invalid_grant", [number])
    assert "suberror" not in answer.json


@pytest.mark.parametrize("row", DEAD)
def test_a_code_of_somebody_who_may_not_any_more(tenancy, browser, row):
    end, number = DEAD[row]
    code = browser.code()
    tenancy.clock.now += 1
    end(tenancy)
    assert browser.redeem(code).json["error_codes"] == [number]


def test_what_is_granted_after_a_revocation_is_good(tenancy, browser):
    first, _ = refreshed(browser)
    revoked(tenancy)
    said = browser.refresh(first.json["refresh_token"]).json["error_description"]
    assert "The grant was issued on '2027-01-15T08:00:00.0000000Z'" in said
    again = browser.redeem(browser.code(**OFFLINE)).json["refresh_token"]
    assert browser.refresh(again).status_code == 200


def test_a_guest_who_is_revoked_at_home_is_revoked_here(tenancy, browser):
    first, _ = refreshed(browser, "carol")
    tenancy.switch_user("carol@fabrikam.example", revoked=tenancy.clock.now)
    assert browser.refresh(first.json["refresh_token"]).json["error_codes"] == [50173]


def test_contexts_are_lost_by_a_refresh_unless_asked_for_again(browser):
    page = browser.sign_in("bob", **OFFLINE, **STEP_UP)
    token = browser.redeem(answer_of(browser.submit(page))["code"]).json["refresh_token"]
    plain, again = browser.refresh(token), browser.refresh(token, **STEP_UP)
    assert "acrs" not in claims_in(browser, plain)
    assert claims_in(browser, again)["acrs"] == ["c1"]


def test_a_second_factor_that_is_due_is_asked_for_with_the_claims_to_send_back(browser):
    token = browser.redeem(browser.code("bob", **OFFLINE)).json["refresh_token"]
    told = browser.refresh(token, **STEP_UP).json
    assert (told["error"], told["suberror"], told["error_codes"]) == ("invalid_grant", "basic_action", [50076])
    page = browser.authorize(claims=told["claims"])
    assert claims_in(browser, browser.redeem(answer_of(browser.submit(page))["code"]))["acrs"] == ["c1"]


def test_a_policy_that_comes_up_meanwhile_wants_a_second_factor_at_the_next_sign_in(tenancy, browser):
    token = browser.redeem(browser.code("bob", **OFFLINE)).json["refresh_token"]
    tenancy.switch(**{"aadsts:50076@token": 1})
    told = browser.refresh(token).json
    assert (told["error"], told["suberror"]) == ("invalid_grant", "basic_action")
    page = browser.authorize(claims=told["claims"])
    assert 'name="otc"' in page.text
    assert "code" in answer_of(browser.submit(page))
    assert browser.refresh(token).status_code == 200


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"refresh_token": None}, 900144),
        ({"refresh_token": "made-up"}, 70000),
        ({"client_id": OTHER, "client_secret": "another-secret"}, 70000),
        ({"client_secret": "wrong"}, 7000215),
        ({"scope": "https://elsewhere.example/Read"}, 500011),
        ({"claims": "{"}, 90023),
    ],
    ids=["none", "made up", "another client", "wrong secret", "another resource", "claims"],
)
def test_what_is_wrong_with_a_refresh(browser, changes, number):
    token = browser.redeem(browser.code(**OFFLINE)).json["refresh_token"]
    assert browser.refresh(token, **changes).json["error_codes"] == [number]


def test_no_token_passes_for_another(browser):
    answer = browser.redeem(browser.code(**OFFLINE)).json
    assert browser.refresh(answer["access_token"]).json["error_codes"] == [70000]
    assert browser.redeem(answer["refresh_token"]).json["error_codes"] == [70000]
    assert browser.refresh(browser.code()).json["error_codes"] == [70000]


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("User.Read", "openid profile email User.Read"),
        ("https://graph.localhost:8443/User.Read", "openid profile email https://graph.localhost:8443/User.Read"),
        (
            "https://graph.localhost:8443/.default",
            "openid profile email https://graph.localhost:8443/.default User.Read",
        ),
        ("User.Read openid profile offline_access", "openid profile email User.Read"),
        (None, "openid profile email User.Read"),
    ],
    ids=["bare", "whole", "default", "as MSAL", "none"],
)
def test_scopes_are_told_as_they_are_granted(browser, asked, granted):
    token = browser.redeem(browser.code(**OFFLINE)).json["refresh_token"]
    assert browser.refresh(token, scope=asked).json["scope"] == granted


def test_msal_is_told_whose_account_it_is(browser):
    answer = browser.redeem(browser.code("carol"), client_info="1").json
    told = json.loads(base64.urlsafe_b64decode(answer["client_info"] + "=="))
    carol = make_tenants(browser.tenancy.settings, [TENANT]).account("carol")
    assert told == {"uid": carol.oid, "utid": FABRIKAM}
    assert "=" not in answer["client_info"]
    assert "client_info" not in browser.redeem(browser.code("carol")).json


APPLICATION = {"grant_type": "client_credentials", "scope": "https://graph.localhost:8443/.default"}


def test_an_application_gets_a_token_for_itself(tenancy, browser):
    answer = browser.token(**APPLICATION)
    assert answer.status_code == 200
    assert set(answer.json) == {"token_type", "expires_in", "ext_expires_in", "access_token"}
    refused = tenancy.graph("/v1.0/me", Authorization=f"Bearer {answer.json['access_token']}")
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_secret": "wrong"}, 7000215),
        ({"client_secret": None}, 7000218),
        ({"scope": None}, 900144),
        ({"scope": "User.Read"}, 1002012),
        ({"scope": "https://elsewhere.example/.default"}, 1002012),
        ({"at": "organizations"}, 50194),
        ({"at": "organizations", "client_id": MULTI}, 50059),
        ({"at": "nowhere.example"}, 90002),
    ],
    ids=["wrong secret", "no secret", "no scope", "delegated", "another resource", "of one tenant", "no tenant said",
         "no tenant"],
)  # fmt: skip
def test_what_is_wrong_with_an_application(browser, changes, number):
    assert browser.token(**(APPLICATION | changes)).json["error_codes"] == [number]


@pytest.mark.parametrize(
    ("name", "signed_in_at", "redeemed_at", "number"),
    [
        ("dave@fabrikam.example", "organizations", "organizations", None),
        ("dave@fabrikam.example", "organizations", "common", None),
        ("dave@fabrikam.example", "common", FABRIKAM, None),
        ("dave@fabrikam.example", "fabrikam.example", "fabrikam.example", None),
        ("dave@fabrikam.example", "fabrikam.example", "organizations", None),
        ("dave@fabrikam.example", "organizations", TENANT, 700005),
        ("alice@contoso.example", TENANT, FABRIKAM, 700005),
        ("alice@contoso.example", "organizations", TENANT, None),
    ],
)
def test_a_code_is_good_at_its_own_tenant_and_where_all_are(browser, name, signed_in_at, redeemed_at, number):
    multi = {"client_id": MULTI, "at": redeemed_at}
    code = browser.code(name, tenant=signed_in_at, client_id=MULTI, scope="openid profile offline_access")
    answer = browser.redeem(code, **multi)
    if number:
        assert answer.json["error_codes"] == [number]
        return
    tenant = FABRIKAM if "fabrikam" in name else TENANT
    assert claims_in(browser, answer, MULTI)["tid"] == tenant
    token = answer.json["refresh_token"]
    other = TENANT if tenant == FABRIKAM else FABRIKAM
    assert claims_in(browser, browser.refresh(token, **multi), MULTI)["tid"] == tenant
    assert browser.refresh(token, client_id=MULTI, at=other).json["error_codes"] == [700005]


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [(7000222, "invalid_client", 401), (53003, "invalid_grant", 400), (90033, "temporarily_unavailable", 503)],
)
def test_an_error_of_choice(tenancy, browser, code, error, status):
    authorization = browser.code()
    tenancy.switch(**{f"aadsts:{code}@token": 1})
    answer = browser.redeem(authorization)
    assert (answer.status_code, answer.json["error"], answer.json["error_codes"]) == (status, error, [code])
    assert browser.redeem(authorization).status_code == 200
