import pytest

from glassgate.oidc.claims import claim_at
from glassgate.oidc.errors import ProviderUnavailable
from glassgate.oidc.userinfo import complete
from oidc.scripted import Scripted, answer, refused

ENDPOINT = "https://op.example/userinfo"
CLAIMS = {"sub": "user-1", "iss": "i", "name": "From the token"}


def completed(said, claims=CLAIMS, email="email"):
    return complete(claims, ENDPOINT, "opaque", Scripted({ENDPOINT: said}), email)


@pytest.mark.parametrize(
    ("claims", "said", "email", "verified"),
    [
        ({}, {"email": "a@b.example", "email_verified": True}, "a@b.example", True),
        ({}, {"email": "a@b.example"}, "a@b.example", None),
        ({"email_verified": True}, {"email": "a@b.example"}, "a@b.example", None),
        ({"email_verified": True}, {"email": "a@b.example", "email_verified": False}, "a@b.example", False),
        ({"email": "t@b.example"}, {"email": "a@b.example", "email_verified": True}, "t@b.example", None),
        ({}, {}, None, None),
    ],
    ids=["both", "unverified", "half from each", "token's half does not count", "token's e-mail", "none"],
)
def test_an_email_and_its_proof_come_from_one_place(claims, said, email, verified):
    got = completed({"sub": "user-1"} | said, CLAIMS | claims)
    assert (got.get("email"), got.get("email_verified")) == (email, verified)


VERIFIED = {"email": "t@b.example", "email_verified": True}


@pytest.mark.parametrize(
    ("email", "claims", "said", "verified"),
    [
        ("mail", {"mail": "t@b.example", "email_verified": True}, {"mail": "a@b.example"}, True),
        ("mail", {"mail": "t@b.example"}, {"mail": "a@b.example", "email_verified": True}, None),
        ("mail", VERIFIED, {"mail": "a@b.example"}, None),
        ("mail", VERIFIED, {"mail": "a@b.example", "email_verified": False}, False),
        ("mail", {}, {"mail": "a@b.example", "email_verified": True}, True),
        ("profile.mail", VERIFIED, {"profile": {"mail": "a@b.example"}}, None),
        ("profile.mail", VERIFIED | {"profile": {"mail": "t@b.example"}}, {"profile": {"mail": "a@b.example"}}, True),
        ("profile.mail", VERIFIED | {"profile": {}}, {"profile": {"mail": "a@b.example"}}, None),
    ],
)
def test_so_do_they_where_the_provider_calls_the_email_something_else(email, claims, said, verified):
    """What users may write into a field of their own is not proved by what was checked of another."""
    got = completed({"sub": "user-1"} | said, CLAIMS | claims, email)
    assert got.get("email_verified") == verified
    if claim_at(claims, email):
        assert claim_at(got, email) == "t@b.example"


def test_claims_of_the_token_stay():
    said = {"sub": "user-1", "name": "From userinfo", "preferred_username": "ann", "groups": ["g"], "iss": "evil"}
    assert completed(said) == CLAIMS | {"preferred_username": "ann", "groups": ["g"]}


def test_any_claim_that_a_rule_may_ask_for_is_added():
    said = {"sub": "user-1", "roles": ["Reader"], "department": "sales", "realm_access": {"roles": ["boss"]}}
    assert completed(said) == CLAIMS | said


@pytest.mark.parametrize(
    "name",
    ["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "jti", "sid", "amr", "acr", "auth_time", "at_hash", "c_hash",
     "events", "acrs", "tid", "oid"],
)  # fmt: skip
@pytest.mark.parametrize("email", ["email", "mail", "sid", "acr"])
def test_what_is_not_signed_proves_nothing(name, email):
    without = {"sub": "user-1", "name": "From the token"}
    assert completed({"sub": "user-1", name: ["mfa"]}, without, email) == without


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"sub": "user-2", "email": "a@b.example"}, "userinfo_sub"),
        ({"email": "a@b.example"}, "userinfo_sub"),
        (answer(b"eyJ.eyJ.sig"), "userinfo_malformed"),
        (answer(b'{"sub": "user-1", "sub": "user-1"}'), "json_duplicate"),
        (answer({"sub": "user-1"}, 302), "userinfo_malformed"),
        (answer({"error": "invalid_token"}, 401), "provider_refused"),
        (answer(b"", 401), "userinfo_malformed"),
        (answer(b"", 503), "provider_unavailable"),
        (ProviderUnavailable("timeout", "x"), "timeout"),
    ],
)
def test_what_is_refused(said, reason):
    assert refused(completed, said) == reason


def test_the_access_token_goes_in_the_header():
    script = Scripted({ENDPOINT: {"sub": "user-1"}})
    complete(CLAIMS, ENDPOINT, "opaque", script, "email")
    assert script.calls[0].headers == (("Authorization", "Bearer opaque"),)
