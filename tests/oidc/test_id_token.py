import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.id_token import Rules, check, nonce_is
from oidc.forged import KEYS, at_hash
from oidc.scripted import CLIENT, ISSUER, NONCE, NOW, generic_claims, refused, sign


def of_our_issuer(claims):
    if claims.get("iss") != ISSUER:
        raise SignInError(Reason.ISS_MISMATCH, "another")


RULES = Rules(
    client_id=CLIENT,
    check_nonce=nonce_is(NONCE),
    algorithms=("RS256", "PS256", "ES256"),
    skew=60,
    issuer_checks=(of_our_issuer,),
    access_token="opaque",
)
GOOD = sign(generic_claims())


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        sign(generic_claims(), algorithm="PS256"),
        sign(generic_claims(aud=[CLIENT], azp=CLIENT)),
        sign(generic_claims(exp=NOW - 59, iat=NOW - 600)),
        sign(generic_claims(iat=NOW + 60, nbf=NOW + 60)),
        sign(generic_claims(iat=NOW - 300, exp=NOW - 300 + 86_400)),
        sign(generic_claims(exp=NOW + 0.5)),
        sign(generic_claims(iat=NOW - 600, exp=NOW - 600 + 86_400 + 600)),
        sign(generic_claims(events={"urn:other": {}})),
        sign(generic_claims(at_hash=at_hash("opaque"))),
        sign(generic_claims(groups="for the provider's own checks")),
    ],
    ids=[
        "RS256", "PS256", "a list of one, azp", "ended within the skew", "begins within the skew", "a day",
        "half a second", "a day and ten minutes", "another event", "at_hash", "unknown claims",
    ],
)  # fmt: skip
def test_good_tokens(token):
    assert check(token, KEYS, RULES, NOW)["sub"] == "user-1"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("no token at all", "format"),
        (sign(generic_claims(), typ="logout+jwt"), "typ"),
        (sign(generic_claims(), typ="at+jwt"), "typ"),
        (sign(b"[]"), "claims_malformed"),
        (sign(generic_claims(), kid="k9"), "kid_unknown"),
    ],
    ids=["no token", "logout token's typ", "access token's typ", "claims no object", "unknown kid"],
)
def test_the_envelope_is_opened_first(token, reason):
    assert refused(check, token, KEYS, RULES, NOW) == reason


CLAIMS = [
    ("logout token", generic_claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}), "purpose"),
    ("other issuer", generic_claims(iss="https://evil.example"), "iss_mismatch"),
    ("no aud", generic_claims(aud=None), "aud_mismatch"),
    ("other aud", generic_claims(aud="another"), "aud_mismatch"),
    ("no aud in the list", generic_claims(aud=[]), "aud_mismatch"),
    ("aud begins so", generic_claims(aud=CLIENT + "-2"), "aud_mismatch"),
    ("aud an object", generic_claims(aud={CLIENT: 1}), "aud_mismatch"),
    ("one more aud", generic_claims(aud=[CLIENT, "another"], azp=CLIENT), "aud_untrusted"),
    ("one more aud, no text", generic_claims(aud=[CLIENT, 7]), "aud_untrusted"),
    ("other azp", generic_claims(azp="another"), "azp_mismatch"),
    ("empty azp", generic_claims(azp=""), "azp_mismatch"),
    ("no exp", generic_claims(exp=None), "exp_malformed"),
    ("exp text", generic_claims(exp=str(NOW + 600)), "exp_malformed"),
    ("exp true", generic_claims(exp=True), "exp_malformed"),
    ("exp negative", generic_claims(exp=-1), "exp_malformed"),
    ("exp huge", generic_claims(exp=10**30), "exp_malformed"),
    ("exp very huge", generic_claims(exp=10**400), "exp_malformed"),
    ("exp past", generic_claims(exp=NOW - 60, iat=NOW - 600), "expired"),
    ("nbf future", generic_claims(nbf=NOW + 61), "not_yet_valid"),
    ("nbf text", generic_claims(nbf="now"), "claims_malformed"),
    ("no iat", generic_claims(iat=None), "iat_implausible"),
    ("iat text", generic_claims(iat="now"), "iat_implausible"),
    ("iat future", generic_claims(iat=NOW + 61), "iat_implausible"),
    ("iat long ago", generic_claims(iat=NOW - 90_000), "iat_implausible"),
    ("iat after exp", generic_claims(iat=NOW + 30, exp=NOW + 20), "iat_implausible"),
    ("lives two days", generic_claims(exp=NOW + 172_800), "lifetime"),
    ("no nonce", generic_claims(nonce=None), "nonce_mismatch"),
    ("other nonce", generic_claims(nonce=NONCE + "x"), "nonce_mismatch"),
    ("nonce a list", generic_claims(nonce=[NONCE]), "nonce_mismatch"),
    ("nonce in other letters", generic_claims(nonce="n\u00f6nce"), "nonce_mismatch"),
    ("no sub", generic_claims(sub=None), "sub_malformed"),
    ("empty sub", generic_claims(sub=""), "sub_malformed"),
    ("sub a number", generic_claims(sub=7), "sub_malformed"),
    ("sub too long", generic_claims(sub="a" * 256), "sub_malformed"),
    ("sub not ASCII", generic_claims(sub="\u00fcser"), "sub_malformed"),
    ("sub with a line break", generic_claims(sub="user\n1"), "sub_malformed"),
    ("at_hash of another", generic_claims(at_hash=at_hash("another")), "at_hash"),
    ("at_hash a number", generic_claims(at_hash=7), "at_hash"),
    ("at_hash empty", generic_claims(at_hash=""), "at_hash"),
]


@pytest.mark.parametrize(("claims", "reason"), [row[1:] for row in CLAIMS], ids=[row[0] for row in CLAIMS])
def test_claims_that_are_refused(claims, reason):
    assert refused(check, sign(claims), KEYS, RULES, NOW) == reason


@pytest.mark.parametrize(
    ("kid", "tid", "reason"),
    [("k1", None, None), ("mine", None, None), ("any", "staff", None), ("others", None, "key_issuer"),
     ("any", "guests", "key_issuer"), ("any", None, "key_issuer")],
)  # fmt: skip
def test_a_key_that_names_an_issuer_signs_for_no_other(kid, tid, reason):
    rules, token = replace(RULES, keys_name_issuer=True), sign(generic_claims(tid=tid), kid=kid)
    if reason:
        assert refused(check, token, KEYS, rules, NOW) == reason
        assert check(token, KEYS, RULES, NOW)
    else:
        assert check(token, KEYS, rules, NOW)


def test_an_at_hash_without_an_access_token_says_nothing():
    token = sign(generic_claims(at_hash="of what did not come"))
    assert check(token, KEYS, replace(RULES, access_token=None), NOW)


def test_the_skew_is_the_providers():
    token = sign(generic_claims(exp=NOW - 100, iat=NOW - 600))
    assert check(token, KEYS, replace(RULES, skew=120), NOW)
    assert refused(check, token, KEYS, replace(RULES, skew=0), NOW) == "expired"


def test_the_providers_own_checks_come_last():
    def no(claims):
        raise SignInError(Reason.OID_MISSING, "no oid")

    rules = replace(RULES, claim_checks=(no,))
    assert refused(check, GOOD, KEYS, rules, NOW) == "oid_missing"
    assert refused(check, sign(generic_claims(nonce="x")), KEYS, rules, NOW) == "nonce_mismatch"


def test_the_nonce_is_not_told():
    with pytest.raises(SignInError) as caught:
        check(sign(generic_claims(nonce="attackers-nonce")), KEYS, RULES, NOW)
    assert NONCE not in str(caught.value) + repr(RULES)
    assert "attackers-nonce" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([*sorted(generic_claims()), "aud", "azp", "nbf", "at_hash", "events", "tid"]), JSON)
def test_any_claim_is_read_or_refused(name, value):
    token = sign(json.dumps(generic_claims() | {name: value}).encode())
    with contextlib.suppress(SignInError):
        check(token, KEYS, RULES, NOW)
