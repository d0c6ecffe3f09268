import re
from dataclasses import replace

import jwt
import pytest

from lab.tenancy import CLIENT, FINANCE, OTHER, TENANT, answer_of, claims_in

OTHERS = {"client_id": OTHER, "client_secret": "another-secret"}


def claims_of(browser, name="alice", client=CLIENT, **changes):
    form = OTHERS if client == OTHER else {}
    answer = browser.redeem(browser.code(name, client_id=client, prompt="login", **changes), **form)
    return jwt.decode(answer.json["id_token"], options={"verify_signature": False})


def test_the_claims_are_entras_of_version_two(tenancy, browser):
    found = claims_of(browser)
    assert set(found) == {
        "aud", "iss", "iat", "nbf", "exp", "nonce", "oid", "tid", "sub", "preferred_username", "name", "email", "sid",
        "uti", "rh", "ver", "login_hint", "auth_time",
    }  # fmt: skip
    now = tenancy.clock.now
    assert (found["iat"], found["nbf"], found["exp"]) == (now - 300, now - 300, now + 3600)
    assert (found["aud"], found["tid"], found["ver"]) == (CLIENT, TENANT, "2.0")


@pytest.mark.parametrize(
    ("scope", "absent"),
    [
        ("openid", {"oid", "name", "preferred_username", "login_hint", "email"}),
        ("openid email", {"oid", "name", "preferred_username", "login_hint"}),
        ("openid profile", {"email"}),
    ],
)
def test_scopes_decide_what_is_told(browser, scope, absent):
    found = claims_of(browser, scope=scope)
    assert not absent & set(found)
    assert {"sub", "tid", "sid"} <= set(found)


def test_a_guests_email_is_always_told(browser):
    assert claims_of(browser, "carol", scope="openid")["email"] == "carol@fabrikam.example"


def test_a_guest_comes_from_elsewhere(browser):
    found = claims_in(browser, browser.redeem(browser.code("carol@contoso.example")))
    assert found["tid"] == TENANT
    assert re.fullmatch(r"https://sts\.windows\.net/[0-9a-f-]{36}/", found["idp"])
    assert TENANT not in found["idp"]
    assert (found["email"], found["preferred_username"]) == ("carol@fabrikam.example",) * 2


def test_groups_and_roles_are_told_of_those_who_have_them(browser):
    bob = claims_in(browser, browser.redeem(browser.code("bob")))
    assert (bob["groups"], bob["roles"]) == ([FINANCE], ["Approver"])


def test_without_a_nonce_there_is_none(browser):
    assert "nonce" not in claims_of(browser, nonce=None)


def test_a_person_is_somebody_else_for_every_client_and_the_same_for_one(tenancy, browser):
    first, other, bob = claims_of(browser), claims_of(browser, client=OTHER), claims_of(browser, "bob")
    tenancy.restart()
    again = claims_of(browser)
    assert first["sub"] == again["sub"]
    assert len({first["sub"], other["sub"], bob["sub"]}) == 3
    assert first["oid"] == other["oid"] == again["oid"]


def test_every_token_is_another(browser):
    first, second = claims_of(browser), claims_of(browser)
    assert first["uti"] != second["uti"]
    assert first["sid"] != second["sid"]  # asked anew, so another session


def test_the_header_names_the_key_and_nothing_odd(browser):
    token = browser.redeem(browser.code()).json["id_token"]
    kid = browser.get(f"/{TENANT}/discovery/v2.0/keys").json["keys"][0]["kid"]
    assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "RS256", "kid": kid}


@pytest.mark.parametrize("count", [1, 200, 201, 5000])
def test_more_than_200_groups_are_elsewhere(tenancy, browser, count):
    tenancy.users = (replace(tenancy.users[0], groups_count=count), *tenancy.users[1:])
    tenancy.restart()
    found = claims_of(browser)
    if count <= 200:
        assert len(found["groups"]) == count
        assert "_claim_names" not in found
        return
    assert "groups" not in found
    assert found["_claim_names"] == {"groups": "src1"}
    endpoint = f"https://graph.windows.net/{TENANT}/users/{found['oid']}/getMemberObjects"
    assert found["_claim_sources"] == {"src1": {"endpoint": endpoint}}


def test_groups_can_be_left_out_for_all(tenancy, browser):
    tenancy.more = {"groups_claim": False}
    tenancy.restart()
    found = claims_of(browser, "bob")
    assert not {"groups", "_claim_names", "hasgroups"} & set(found)
    assert found["roles"] == ["Approver"]


def test_a_verified_domain_is_told_with_the_email(tenancy, browser):
    tenancy.users = (replace(tenancy.users[0], edov=True), *tenancy.users[1:])
    tenancy.restart()
    assert claims_of(browser)["xms_edov"] is True
    assert "xms_edov" not in claims_of(browser, scope="openid profile")
    assert "xms_edov" not in claims_of(browser, "bob")


def test_the_time_of_the_sign_in_is_told_also_when_nobody_was_asked(tenancy, browser):
    browser.sign_in()
    tenancy.clock.now += 1000
    found = claims_in(browser, browser.redeem(answer_of(browser.authorize())["code"]))
    assert found["auth_time"] == tenancy.clock.now - 1000
    assert found["exp"] == tenancy.clock.now + 3600


def wrong_token(tenancy, browser, fault):
    """An ID token with a fault, its header, its claims, and the claims of a good one."""
    good = claims_of(browser)
    tenancy.switch(**{fault: 1})
    token = browser.redeem(browser.code(prompt="login")).json["id_token"]
    parts = jwt.decode_complete(token, options={"verify_signature": False})
    return token, parts["header"], parts["payload"], good


EACH_ANEW = {"uti", "sid", "rh"}
SPOILED = {
    "wrong_nonce": {"nonce"},
    "wrong_aud": {"aud"},
    "wrong_iss": {"iss"},
    "expired": {"iat", "nbf", "exp", "auth_time"},
    "clock_skew": {"iat", "nbf", "exp", "auth_time"},
    "unknown_kid": set(),
    "alg_none": set(),
    "bad_signature": set(),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_fault_spoils_what_it_says_and_nothing_else(tenancy, browser, fault):
    token, header, found, good = wrong_token(tenancy, browser, fault)
    assert {name for name in good if found[name] != good[name]} - EACH_ANEW == SPOILED[fault]
    published = jwt.PyJWKSet.from_dict(browser.get(f"/{TENANT}/discovery/v2.0/keys").json)
    kids = {key.key_id for key in published.keys}
    assert (header["alg"] == "none") is (fault == "alg_none")
    assert (header.get("kid") in kids) is (fault not in ("alg_none", "unknown_kid"))
    key = published.keys[0]
    whole = fault not in ("alg_none", "bad_signature")
    assert is_signed_by(token, key) is whole
    assert claims_of(browser)["aud"] == CLIENT  # it happened once


def is_signed_by(token, key):
    try:
        jwt.decode(token, key, algorithms=["RS256"], options=UNCHECKED)
    except jwt.PyJWTError:
        return False
    return True


UNCHECKED = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


def test_the_times_of_faults_are_off_by_so_much(tenancy, browser):
    _, _, expired, _ = wrong_token(tenancy, browser, "expired")
    _, _, ahead, _ = wrong_token(tenancy, browser, "clock_skew")
    assert expired["exp"] == tenancy.clock.now - 3600
    assert ahead["iat"] == tenancy.clock.now + 3300
