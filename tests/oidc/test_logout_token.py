import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.logout_token import LogoutRules, LogoutToken, check
from oidc.forged import KEYS, hmac_by_public_key, resigned, unsigned
from oidc.scripted import CLIENT, ISSUER, NOW, OTHER_RSA_KEY, generic_claims, logout_claims, refused, sign

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def of_our_issuer(claims):
    if claims.get("iss") != ISSUER:
        raise SignInError(Reason.ISS_MISMATCH, "another")


RULES = LogoutRules(CLIENT, ("RS256", "PS256", "ES256"), 60, (of_our_issuer,))


def read(token):
    return check(token, KEYS, RULES, NOW)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, LogoutToken("user-1", "s-1", "j-1", NOW + 120)),
        ({"sub": None}, LogoutToken(None, "s-1", "j-1", NOW + 120)),
        ({"sid": None}, LogoutToken("user-1", None, "j-1", NOW + 120)),
        ({"aud": [CLIENT]}, LogoutToken("user-1", "s-1", "j-1", NOW + 120)),
        ({"events": {EVENT: {"more": 1}, "urn:other": {}}}, LogoutToken("user-1", "s-1", "j-1", NOW + 120)),
        ({"exp": int(NOW) + 1}, LogoutToken("user-1", "s-1", "j-1", NOW + 1)),
        ({"exp": NOW - 59, "iat": NOW - 90}, LogoutToken("user-1", "s-1", "j-1", NOW - 59)),
    ],
    ids=["both", "sid alone", "sub alone", "a list of one", "more events", "a whole second", "within the skew"],
)
def test_what_a_logout_token_says(changes, said):
    assert read(sign(logout_claims(**changes), typ="logout+jwt")) == said


@pytest.mark.parametrize("typ", ["logout+jwt", "LOGOUT+JWT", "JWT", None])
def test_its_type_is_its_own_or_plain(typ):
    """Section 2.4: the explicit type is recommended, and many providers do not write it."""
    assert read(sign(logout_claims(), typ=typ)).id == "j-1"


GOOD = sign(logout_claims(), typ="logout+jwt")
REFUSED = [
    ("no token", "x", "format"),
    ("five parts", GOOD + ".a.b", "format"),
    ("not signed", unsigned({"alg": "none", "kid": "k1", "typ": "logout+jwt"}, logout_claims()), "alg_none"),
    ("by the public key", hmac_by_public_key(logout_claims()), "alg_not_allowed"),
    ("by another key", sign(logout_claims(), OTHER_RSA_KEY), "signature"),
    ("with a key of its own", sign(logout_claims(), jku="https://evil.example"), "header_key"),
    ("unknown key", sign(logout_claims(), kid="k9"), "kid_unknown"),
    ("crit", resigned(b'{"alg":"RS256","kid":"k1","crit":["x"],"x":1}', logout_claims()), "crit_unknown"),
    ("access token's typ", sign(logout_claims(), typ="at+jwt"), "typ"),
    ("no object", sign(b"[]"), "claims_malformed"),
    ("another issuer's", sign(logout_claims(iss="https://evil.example")), "iss_mismatch"),
    ("another client's", sign(logout_claims(aud="another")), "aud_mismatch"),
    ("others' too", sign(logout_claims(aud=[CLIENT, "another"])), "aud_untrusted"),
    ("ended", sign(logout_claims(exp=NOW - 60, iat=NOW - 90)), "expired"),
    ("no exp", sign(logout_claims(exp=None)), "exp_malformed"),
    ("no iat", sign(logout_claims(iat=None)), "iat_implausible"),
    ("of later", sign(logout_claims(iat=NOW + 61)), "iat_implausible"),
    ("lives for ever", sign(logout_claims(exp=NOW + 172_800)), "lifetime"),
    ("an ID token", sign(generic_claims()), "logout_claims"),
    ("no events", sign(logout_claims(events=None)), "logout_claims"),
    ("another event", sign(logout_claims(events={"urn:other": {}})), "logout_claims"),
    ("events a list", sign(logout_claims(events=[EVENT])), "logout_claims"),
    ("event no object", sign(logout_claims(events={EVENT: True})), "logout_claims"),
    ("a nonce", sign(logout_claims(nonce="n")), "logout_nonce"),
    ("an empty nonce", sign(logout_claims(nonce="")), "logout_nonce"),
    ("null as nonce", sign(json.dumps(logout_claims() | {"nonce": None}).encode()), "logout_nonce"),
    ("nobody", sign(logout_claims(sub=None, sid=None)), "logout_claims"),
    ("empty names", sign(logout_claims(sub="", sid="")), "logout_claims"),
    ("no jti", sign(logout_claims(jti=None)), "logout_claims"),
    ("empty jti", sign(logout_claims(jti="")), "logout_claims"),
    ("jti a number", sign(logout_claims(jti=1)), "claim_type"),
    ("jti too long", sign(logout_claims(jti="j" * 2000)), "claim_type"),
    ("sid a list", sign(logout_claims(sid=["s-1"])), "claim_type"),
    ("sub a number", sign(logout_claims(sub=1)), "claim_type"),
]


@pytest.mark.parametrize(("token", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused(token, reason):
    """Sections 2.4 and 2.6."""
    assert refused(read, token) == reason


@pytest.mark.parametrize(
    ("kid", "claims", "reason"),
    [("mine", {}, None), ("k1", {}, None), ("any", {"tid": "staff"}, None), ("others", {}, "key_issuer"),
     ("any", {"tid": "guests"}, "key_issuer")],
)  # fmt: skip
def test_a_key_that_names_an_issuer_signs_for_no_other(kid, claims, reason):
    rules, token = replace(RULES, keys_name_issuer=True), sign(logout_claims(**claims), kid=kid)
    if reason:
        assert refused(check, token, KEYS, rules, NOW) == reason
        assert read(token)
    else:
        assert check(token, KEYS, rules, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([*sorted(logout_claims()), "nonce", "azp", "nbf", "tid"]), JSON)
def test_any_claim_is_read_or_refused(name, value):
    with contextlib.suppress(SignInError):
        read(sign(json.dumps(logout_claims() | {name: value}).encode()))
