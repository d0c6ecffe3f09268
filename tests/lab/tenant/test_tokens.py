import jwt
import pytest

from lab.tenancy import CLIENT, OTHER, TENANT, challenge_of

OTHERS = {"client_id": OTHER, "client_secret": "another-secret"}


def claims_of(browser, name="alice", client=CLIENT, **changes):
    form = OTHERS if client == OTHER else {}
    answer = browser.redeem(browser.code(name, client_id=client, prompt="login", **changes), **form)
    return jwt.decode(answer.json["id_token"], options={"verify_signature": False})


def test_the_claims_are_entras_of_version_two(tenancy, browser):
    found = claims_of(browser)
    assert set(found) == {
        "aud", "iss", "iat", "nbf", "exp", "nonce", "oid", "tid", "sub", "preferred_username", "name", "email", "sid",
        "uti", "rh", "ver", "login_hint",
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


def test_offline_access_is_not_promised(browser):
    answer = browser.redeem(browser.code(scope="openid offline_access")).json
    assert answer["scope"] == "openid"
    assert "refresh_token" not in answer


@pytest.mark.parametrize("verifier", ["short", "v" * 129, "v" * 42 + "+"], ids=["short", "long", "odd"])
def test_a_verifier_that_no_client_may_use_is_refused_though_it_fits(browser, verifier):
    code = browser.code(code_challenge=challenge_of(verifier))
    assert browser.redeem(code, code_verifier=verifier).json["error_codes"] == [501481]
