import json
from dataclasses import replace

import pytest

from glassgate.oidc.kept import Kept, check_goes_on, digest, nonce_if_any, time_of
from oidc.scripted import ISSUER, NONCE, NOW, generic_claims, refused

KEPT = Kept("the-refresh-token", ISSUER, "user-1", digest(NONCE), NOW - 3600)


@pytest.mark.parametrize("value", [KEPT, replace(KEPT, auth_time=None)])
def test_it_reads_back_as_it_was(value):
    assert Kept.from_json(json.loads(json.dumps(value.to_json()))) == value


@pytest.mark.parametrize("value", [{}, {"refresh_token": "x"}, KEPT.to_json() | {"more": 1}], ids=repr)
def test_anything_else_is_not_read(value):
    with pytest.raises(TypeError):
        Kept.from_json(value)


def test_neither_token_nor_nonce_is_told():
    assert "the-refresh-token" not in repr(KEPT)
    assert NONCE not in repr(KEPT) + json.dumps(KEPT.to_json())


@pytest.mark.parametrize(
    ("nonce", "reason"),
    [
        (None, None),
        (NONCE, None),
        ("another", "nonce_mismatch"),
        ("", "nonce_mismatch"),
        (NONCE + "x", "nonce_mismatch"),
        (digest(NONCE), "nonce_mismatch"),
        ([NONCE], "nonce_mismatch"),
        (7, "nonce_mismatch"),
        ("nönce", "nonce_mismatch"),
    ],
)
def test_a_refreshed_token_has_the_nonce_of_its_sign_in_or_none(nonce, reason):
    """OpenID Connect Core 1.0, section 12.2."""
    judge, claims = nonce_if_any(KEPT), generic_claims(nonce=nonce)
    if reason:
        assert refused(judge, claims) == reason
    else:
        assert judge(claims) is None


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, None),
        ({"auth_time": NOW - 3600}, None),
        ({"auth_time": NOW}, None),
        ({"auth_time": NOW - 3601}, "refresh_stale"),
        ({"auth_time": str(NOW)}, "claim_type"),
        ({"iss": ISSUER + "/"}, "refresh_subject"),
        ({"iss": None}, "refresh_subject"),
        ({"sub": "user-2"}, "refresh_subject"),
        ({"sub": "USER-1"}, "refresh_subject"),
        ({"sub": None}, "refresh_subject"),
        ({"sub": "user-2", "auth_time": 1}, "refresh_subject"),
    ],
    ids=repr,
)
def test_an_answer_goes_on_from_its_sign_in(claims, reason):
    if reason:
        assert refused(check_goes_on, KEPT, generic_claims(**claims)) == reason
    else:
        assert check_goes_on(KEPT, generic_claims(**claims)) is None


def test_an_unknown_time_of_the_sign_in_makes_no_answer_stale():
    assert check_goes_on(replace(KEPT, auth_time=None), generic_claims(auth_time=1)) is None


@pytest.mark.parametrize(("value", "time"), [(None, None), (1, 1.0), (NOW, NOW), (NOW + 0.5, NOW + 0.5)])
def test_when_somebody_signed_in(value, time):
    assert time_of(generic_claims(auth_time=value)) == time


@pytest.mark.parametrize("value", [True, "1", 0, -1, 10**400, 2.0**53, [1], {}], ids=lambda value: repr(value)[:12])
def test_what_is_no_time(value):
    assert refused(time_of, {"auth_time": value}) == "claim_type"
