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


# --- a provider's own names for claims ----------------------------------------------------------------------

MAPPED = replace(GENERIC, claims={"email": "mail", "name": "profile.full_name", "groups": "realm_access.roles"})
MAPPED_CLAIMS = {
    "email": None,
    "mail": "ann@op.example",
    "profile": {"full_name": "Ann Adams"},
    "realm_access": {"roles": ["boss", "staff"]},
}


def test_claims_are_read_under_the_providers_own_names():
    who = signed_in(MAPPED, **MAPPED_CLAIMS, groups=["not this"], name="Not this")
    assert (who.email, who.name, who.groups) == ("ann@op.example", "Ann Adams", {"boss", "staff"})


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"profile": None, "preferred_username": "ann"}, "name", "ann"),
        ({"profile": {}}, "name", ""),
        ({"realm_access": None}, "groups", frozenset()),
        ({"realm_access": ["boss"]}, "groups", frozenset()),
        ({"realm_access.roles": ["dotted"]}, "groups", {"dotted"}),
        ({"mail": None, "email": "other@op.example"}, "email", None),
        ({"mail": None, "email": "other@op.example"}, "unverified_email", None),
        ({"email_verified": None}, "unverified_email", "ann@op.example"),
        ({"email_verified": "true"}, "email", None),
        ({"email": "ann@op.example"}, "email", "ann@op.example"),
        ({"email": "other@op.example"}, "email", None),  # what is verified is that one
    ],
)
def test_what_is_not_there_is_not_taken_from_elsewhere(changes, field, value):
    script = generic_script(sign(generic_claims(**(MAPPED_CLAIMS | changes))))
    assert getattr(sign_in(MAPPED, script), field) == value


@pytest.mark.parametrize(
    "changes",
    [{"mail": ["ann@op.example"]}, {"realm_access": {"roles": "boss"}}, {"profile": {"full_name": {"first": "Ann"}}}],
)
def test_mapped_claims_have_their_types_too(changes):
    assert refused(signed_in, MAPPED, **(MAPPED_CLAIMS | changes)) == "claim_type"


ASKING = replace(GENERIC, named_claims=("department", "realm_access.roles"))


def test_claims_that_rules_ask_for_are_kept():
    who = signed_in(ASKING, department="sales", realm_access={"roles": ["boss"], "more": 1}, other="x")
    assert who.claims == {"department": "sales", "realm_access.roles": ["boss"]}


ALL_THERE = MAPPED_CLAIMS | {"department": "sales"}


@pytest.mark.parametrize(
    ("provider", "claims", "asked"),
    [
        (GENERIC, {}, False),
        (GENERIC, {"name": None, "groups": None}, False),
        (GENERIC, {"email": None}, True),
        (MAPPED, ALL_THERE, False),
        (MAPPED, ALL_THERE | {"mail": None, "email": "ann@op.example"}, True),
        (MAPPED, ALL_THERE | {"profile": {}}, True),
        (MAPPED, ALL_THERE | {"realm_access": None}, True),
        (ASKING, {"department": "sales", "realm_access": {"roles": []}}, False),
        (ASKING, {"department": "", "realm_access": {"roles": []}}, False),
        (ASKING, {"department": "sales", "realm_access": {}}, True),
        (ASKING, {"realm_access": {"roles": []}}, True),
    ],
)
def test_userinfo_is_asked_where_something_lacks_that_is_wanted(provider, claims, asked):
    script = generic_script(sign(generic_claims(**claims)))
    assert sign_in(provider, script).subject == "user-1"
    assert script.count(USERINFO) == asked


def test_what_lacks_comes_from_userinfo_and_what_is_signed_stays():
    said = {
        "sub": "user-1", "iss": "evil", "aud": "evil", "sid": "evil", "amr": ["mfa"], "acr": "gold", "nonce": "evil",
        "department": "sales", "realm_access": {"roles": ["boss"]}, "email": "evil@op.example", "email_verified": True,
        "name": "Ann",
    }  # fmt: skip
    provider = replace(ASKING, named_claims=(*ASKING.named_claims, "acr", "sid"))
    script = generic_script(sign(generic_claims(amr=["pwd"])), userinfo=said)
    assert sign_in(provider, script) == Identity(
        provider="op",
        provider_type="oidc",
        realm=ISSUER,
        subject="user-1",
        name="Ann",
        email="ann@op.example",
        amr=frozenset({"pwd"}),
        claims={"department": "sales", "realm_access.roles": ["boss"]},
    )


def test_a_mapped_email_is_not_proved_by_what_is_said_of_another():
    """Users write their `mail` themselves; `email_verified` in the token is about `email`."""
    script = generic_script(sign(generic_claims()), userinfo={"sub": "user-1", "mail": "boss@op.example"})
    who = sign_in(replace(GENERIC, claims={"email": "mail"}), script)
    assert (who.email, who.unverified_email) == (None, "boss@op.example")


@pytest.mark.parametrize(
    ("configured", "offered", "in_form"),
    [
        ("client_secret_post", None, True),
        ("client_secret_post", ["client_secret_basic"], True),
        ("client_secret_basic", ["client_secret_post"], False),
    ],
)
def test_what_is_configured_says_how_the_secret_is_sent(configured, offered, in_form):
    script = generic_script(sign(generic_claims()), discovery=document(token_endpoint_auth_methods_supported=offered))
    sign_in(replace(GENERIC, client_auth=configured), script)
    assert ("client_secret" in script.sent("https://op.example/token")) is in_form
