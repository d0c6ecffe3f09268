from dataclasses import replace

import pytest

from glassgate.access.identity import Identity
from glassgate.oidc.providers.generic import discovery_url
from oidc.scripted import (
    EC_KEY,
    GENERIC,
    ISSUER,
    document,
    generic_claims,
    generic_script,
    jwk,
    refused,
    sign,
    sign_in,
)

USERINFO = "https://op.example/userinfo"


def signed_in(provider=GENERIC, **changes):
    return sign_in(provider, generic_script(sign(generic_claims(**changes))))


def test_who_it_is():
    assert signed_in(name="Ann", groups=["staff"], amr=["pwd", "otp"], acr="gold", sid="s-1") == Identity(
        provider="op",
        provider_type="oidc",
        realm=ISSUER,
        subject="user-1",
        name="Ann",
        email="ann@op.example",
        groups=frozenset({"staff"}),
        amr=frozenset({"pwd", "otp"}),
        idp_session="s-1",
    )


@pytest.mark.parametrize("value", [False, None, "true", "false", 1, [True]], ids=repr)
def test_an_email_that_the_provider_did_not_verify_does_not_count(value):
    who = signed_in(email_verified=value)
    assert (who.email, who.unverified_email) == (None, "ann@op.example")


@pytest.mark.parametrize(
    ("domains", "email", "counts"),
    [
        ((), "ann@any.example", True),
        (("op.example",), "ann@OP.example", True),
        (("op.example",), "ann@any.example", False),
        ((), "ann@op@any.example", False),
        ((), "no address", False),
    ],
)
def test_whose_email_counts(domains, email, counts):
    who = signed_in(replace(GENERIC, email_domains=domains), email=email)
    assert (who.email, who.unverified_email) == ((email, None) if counts else (None, email))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": ISSUER + "/"}, "iss_mismatch"),
        ({"iss": ISSUER[:-1]}, "iss_mismatch"),
        ({"iss": ISSUER.upper()}, "iss_mismatch"),
        ({"iss": [ISSUER]}, "iss_mismatch"),
        ({"iss": None}, "iss_mismatch"),
        ({"groups": "admins"}, "claim_type"),
        ({"amr": "mfa"}, "claim_type"),
        ({"name": 7}, "claim_type"),
        ({"email": ["ann@op.example"]}, "claim_type"),
    ],
)
def test_what_is_refused(claims, reason):
    assert refused(signed_in, **claims) == reason


@pytest.mark.parametrize(
    ("advertised", "key", "algorithm", "reason"),
    [
        (["RS256", "ES256"], EC_KEY, "ES256", None),
        (["RS256", "HS256", "none"], EC_KEY, "ES256", "alg_not_allowed"),
        (None, EC_KEY, "ES256", "alg_not_allowed"),
        (["EdDSA"], EC_KEY, "ES256", "discovery_malformed"),
        ([], EC_KEY, "ES256", "alg_not_allowed"),
    ],
)
def test_algorithms_are_ours_and_theirs(advertised, key, algorithm, reason):
    script = generic_script(
        sign(generic_claims(), key, algorithm),
        discovery=document(id_token_signing_alg_values_supported=advertised),
        keys={"keys": [jwk(key)]},
    )
    if reason:
        assert refused(sign_in, GENERIC, script) == reason
    else:
        assert sign_in(GENERIC, script).subject == "user-1"


@pytest.mark.parametrize(
    ("methods", "in_form", "reason"),
    [
        (None, False, None),
        (["client_secret_post", "client_secret_basic"], False, None),
        (["client_secret_post", "private_key_jwt"], True, None),
        (["private_key_jwt"], None, "client_auth"),
    ],
)
def test_how_the_secret_is_sent(methods, in_form, reason):
    script = generic_script(sign(generic_claims()), discovery=document(token_endpoint_auth_methods_supported=methods))
    if reason:
        assert refused(sign_in, GENERIC, script) == reason
    else:
        sign_in(GENERIC, script)
        assert ("client_secret" in script.sent("https://op.example/token")) is in_form


def test_an_email_that_the_token_lacks_is_asked_for():
    said = {"sub": "user-1", "email": "ann@op.example", "email_verified": True, "groups": ["staff"], "name": "Ann"}
    script = generic_script(sign(generic_claims(email=None, email_verified=None)), userinfo=said)
    who = sign_in(GENERIC, script)
    assert (who.email, who.groups, who.name) == ("ann@op.example", frozenset({"staff"}), "Ann")


@pytest.mark.parametrize(
    ("claims", "answers"),
    [
        ({}, {}),
        ({"email": None}, {"discovery": document(userinfo_endpoint=None)}),
        ({"email": None}, {"token": {"token_type": "Bearer", "id_token": sign(generic_claims(email=None))}}),
    ],
    ids=["nothing lacks", "no endpoint", "no access token"],
)
def test_when_userinfo_is_not_asked(claims, answers):
    script = generic_script(sign(generic_claims(**claims)), **answers)
    assert sign_in(GENERIC, script).subject == "user-1"
    assert script.count(USERINFO) == 0


def test_userinfo_of_another_is_refused():
    script = generic_script(sign(generic_claims(email=None)), userinfo={"sub": "user-2"})
    assert refused(sign_in, GENERIC, script) == "userinfo_sub"


@pytest.mark.parametrize("issuer", ["https://op.example/a", "https://op.example/a/"])
def test_where_the_document_is(issuer):
    provider = replace(GENERIC, issuer=issuer)
    assert discovery_url(provider) == "https://op.example/a/.well-known/openid-configuration"
