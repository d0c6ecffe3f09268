import pytest

from glassgate.oidc.errors import ProviderUnavailable
from glassgate.oidc.userinfo import complete
from oidc.scripted import Scripted, answer, refused

ENDPOINT = "https://op.example/userinfo"
CLAIMS = {"sub": "user-1", "iss": "i", "name": "From the token"}


def completed(said, claims=CLAIMS):
    return complete(claims, ENDPOINT, "opaque", Scripted({ENDPOINT: said}))


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


def test_claims_of_the_token_stay():
    said = {"sub": "user-1", "name": "From userinfo", "preferred_username": "ann", "groups": ["g"], "iss": "evil"}
    assert completed(said) == CLAIMS | {"preferred_username": "ann", "groups": ["g"]}


@pytest.mark.parametrize("name", ["amr", "acr", "acrs", "aud", "nonce", "sid", "roles", "auth_time"])
def test_what_is_not_signed_proves_nothing(name):
    assert name not in completed({"sub": "user-1", name: ["mfa"]})


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
    complete(CLAIMS, ENDPOINT, "opaque", script)
    assert script.calls[0].headers == (("Authorization", "Bearer opaque"),)
