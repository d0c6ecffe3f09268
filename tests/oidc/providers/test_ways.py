"""One contract over all kinds of provider."""

import pytest

from glassgate.oidc.relying_party import WAYS
from oidc.scripted import (
    ENTRA,
    GENERIC,
    OTHER_RSA_KEY,
    entra_claims,
    entra_script,
    generic_claims,
    generic_script,
    refused,
    sign,
    sign_in,
)

KINDS = {"entra": (ENTRA, entra_script, entra_claims), "oidc": (GENERIC, generic_script, generic_claims)}


def test_no_kind_is_forgotten():
    assert set(KINDS) == set(WAYS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_who_it_is(kind):
    provider, script, claims = KINDS[kind]
    who = sign_in(provider, script(sign(claims())))
    assert (who.provider, who.provider_type) == (provider.id, kind)
    assert who.realm
    assert who.subject


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.example"}, "iss_mismatch"),
        ({"aud": "another"}, "aud_mismatch"),
        ({"nonce": "another"}, "nonce_mismatch"),
        ({"exp": 1}, "expired"),
        ({"sub": None}, "sub_malformed"),
        ({"groups": "admins"}, "claim_type"),
    ],
)
def test_no_kind_lets_these_pass(kind, changes, reason):
    provider, script, claims = KINDS[kind]
    assert refused(sign_in, provider, script(sign(claims(**changes)))) == reason


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_takes_another_key_or_algorithm(kind):
    provider, script, claims = KINDS[kind]
    assert refused(sign_in, provider, script(sign(claims(), OTHER_RSA_KEY))) == "signature"
    assert refused(sign_in, provider, script(sign(claims(), b"s" * 32, "HS256"))) == "alg_not_allowed"
