import base64
import contextlib
import hashlib
import json
from dataclasses import replace

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.id_token import Rules, check
from glassgate.oidc.keys import Keys
from oidc.scripted import (
    CLIENT,
    EC_KEY,
    ISSUER,
    NONCE,
    NOW,
    OTHER_RSA_KEY,
    RSA_KEY,
    Scripted,
    generic_claims,
    jwk,
    refused,
    sign,
)


def of_our_issuer(claims):
    if claims.get("iss") != ISSUER:
        raise SignInError(Reason.ISS_MISMATCH, "another")


RULES = Rules(
    client_id=CLIENT,
    nonce=NONCE,
    algorithms=("RS256", "PS256", "ES256"),
    skew=60,
    issuer_checks=(of_our_issuer,),
    access_token="opaque",
)


ADDRESS = "https://op.example/keys"
ENTRIES = [
    jwk(RSA_KEY, "k1"),
    jwk(EC_KEY, "e1"),
    jwk(RSA_KEY, "ps", alg="PS256"),
    jwk(RSA_KEY, "mine", issuer=ISSUER),
    jwk(RSA_KEY, "others", issuer="https://evil.example"),
    jwk(RSA_KEY, "any", issuer="https://op.example/realms/{tenantid}"),
]
KEYS = Keys(ADDRESS, Scripted({ADDRESS: {"keys": ENTRIES}}))
GOOD = sign(generic_claims())


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header, claims=None):
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims or generic_claims()).encode())}."


def resigned(header, claims=None):
    """A token with a header that no library writes, signed all the same."""
    signing = f"{b64(header)}.{b64(json.dumps(claims or generic_claims()).encode())}"
    return f"{signing}.{b64(jwt.get_algorithm_by_name('RS256').sign(signing.encode(), RSA_KEY))}"


def hmac_by_public_key():
    key = RSA_KEY.public_key().public_numbers().n.to_bytes(256)
    return sign(generic_claims(), key, "HS256")


def at_hash(token):
    return b64(hashlib.sha256(token.encode()).digest()[:16])


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        sign(generic_claims(), algorithm="PS256"),
        sign(generic_claims(), algorithm="PS256", kid="ps"),
        sign(generic_claims(), EC_KEY, "ES256", kid="e1"),
        sign(generic_claims(), typ="jwt"),
        sign(generic_claims(), typ=None),
        sign(generic_claims(), x5t="abc"),
        sign(generic_claims(aud=[CLIENT], azp=CLIENT)),
        sign(generic_claims(exp=NOW - 59, iat=NOW - 600)),
        sign(generic_claims(iat=NOW + 60, nbf=NOW + 60)),
        sign(generic_claims(iat=NOW - 300, exp=NOW - 300 + 86_400)),
        sign(generic_claims(exp=NOW + 0.5)),
        sign(generic_claims(at_hash=at_hash("opaque"))),
        sign(generic_claims(groups="for the provider's own checks")),
    ],
    ids=[
        "RS256", "PS256", "PS256 alone", "ES256", "typ in lower case", "no typ", "x5t", "a list of one, azp",
        "ended within the skew", "begins within the skew", "a day", "half a second", "at_hash", "unknown claims",
    ],
)  # fmt: skip
def test_good_tokens(token):
    assert check(token, KEYS, RULES, NOW)["sub"] == "user-1"


HEADERS = [
    ("no token", "", "format"),
    ("text", "no token at all", "format"),
    ("two parts", "eyJhIjoxfQ.eyJhIjoxfQ", "format"),
    ("five parts", GOOD + ".a.b", "format"),
    ("line break", GOOD + "\n", "format"),
    ("padding", GOOD + "=", "format"),
    ("blanks", " " + GOOD, "format"),
    ("JSON form", json.dumps({"payload": "e30", "signatures": [{}, {}]}), "format"),
    ("header no JSON", b64(b"header") + ".e30.AA", "format"),
    ("header a list", b64(b"[]") + ".e30.AA", "format"),
    ("header of impossible length", "A.e30.AA", "format"),
    ("huge", "e30." + "A" * 300_000 + ".AA", "format"),
    ("JWE's enc", resigned(b'{"alg":"RS256","kid":"k1","enc":"A256GCM"}'), "format"),
    ("zip", resigned(b'{"alg":"RS256","kid":"k1","zip":"DEF"}'), "format"),
    ("b64", resigned(b'{"alg":"RS256","kid":"k1","b64":false}'), "format"),
    ("alg none", unsigned({"alg": "none", "kid": "k1"}), "alg_none"),
    ("alg NoNe", unsigned({"alg": "NoNe", "kid": "k1"}), "alg_none"),
    ("no alg", unsigned({"kid": "k1"}), "alg_not_allowed"),
    ("alg a list", unsigned({"alg": ["RS256"], "kid": "k1"}), "alg_not_allowed"),
    ("CVE-2022-29217: HS256 by the public key", hmac_by_public_key(), "alg_not_allowed"),
    ("RS512", sign(generic_claims(), algorithm="RS512"), "alg_not_allowed"),
    ("alg in lower case", resigned(b'{"alg":"rs256","kid":"k1"}'), "alg_not_allowed"),
    ("alg twice", resigned(b'{"alg":"none","alg":"RS256","kid":"k1"}'), "json_duplicate"),
    ("CVE-2018-0114: jwk", sign(generic_claims(), OTHER_RSA_KEY, jwk=jwk(OTHER_RSA_KEY)), "header_key"),
    ("jku", sign(generic_claims(), jku="https://evil.example/keys"), "header_key"),
    ("x5u", sign(generic_claims(), x5u="https://evil.example/cert"), "header_key"),
    ("x5c", sign(generic_claims(), x5c=["MIIC"]), "header_key"),
    ("CVE-2026-32597: crit", resigned(b'{"alg":"RS256","kid":"k1","crit":["exp"],"exp":1}'), "crit_unknown"),
    ("empty crit", resigned(b'{"alg":"RS256","kid":"k1","crit":[]}'), "crit_unknown"),
    ("logout token's typ", sign(generic_claims(), typ="logout+jwt"), "typ"),
    ("access token's typ", sign(generic_claims(), typ="at+jwt"), "typ"),
    ("typ a number", resigned(b'{"alg":"RS256","kid":"k1","typ":7}'), "typ"),
    ("kid a list", resigned(b'{"alg":"RS256","kid":["k1"]}'), "kid_malformed"),
    ("kid with SQL", sign(generic_claims(), kid="' OR 1=1 --"), "kid_malformed"),
    ("no kid", sign(generic_claims(), kid=None), "kid_missing"),
    ("unknown kid", sign(generic_claims(), kid="k9"), "kid_unknown"),
    ("ES256 by an RSA key's id", sign(generic_claims(), EC_KEY, "ES256"), "alg_key_mismatch"),
    ("RS256 by an EC key's id", sign(generic_claims(), kid="e1"), "alg_key_mismatch"),
    ("CVE-2026-48523: RS256 by a key for PS256", sign(generic_claims(), kid="ps"), "alg_key_mismatch"),
    ("signed by another key", sign(generic_claims(), OTHER_RSA_KEY), "signature"),
    ("no signature", GOOD.rpartition(".")[0] + ".", "signature"),
    ("signature of another token", GOOD.rpartition(".")[0] + "." + sign({}).rpartition(".")[2], "signature"),
    ("CVE-2022-21449: r = s = 0", sign({}, EC_KEY, "ES256", kid="e1").rpartition(".")[0] + "." + "A" * 86, "signature"),
    ("PS256 as RS256", sign(generic_claims(), algorithm="PS256").replace(
        b64(b'{"alg":"PS256","kid":"k1","typ":"JWT"}'), b64(b'{"alg":"RS256","kid":"k1","typ":"JWT"}')), "signature"),
]  # fmt: skip


@pytest.mark.parametrize(("token", "reason"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_envelopes_that_are_refused(token, reason):
    assert refused(check, token, KEYS, RULES, NOW) == reason


def test_the_row_of_the_swapped_algorithm_swaps_it():
    assert [row[1] for row in HEADERS][-1].startswith(GOOD.partition(".")[0])


CLAIMS = [
    ("claims no object", b"[]", "claims_malformed"),
    ("claims no JSON", b"claims", "claims_malformed"),
    ("NaN", b'{"exp": NaN}', "claims_malformed"),
    ("half a surrogate pair", b'{"name": "\\ud800"}', "claims_malformed"),
    ("iss twice", b'{"iss": "a", "iss": "b"}', "json_duplicate"),
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


def test_algorithms_are_the_providers():
    rules = replace(RULES, algorithms=("ES256",))
    assert refused(check, GOOD, KEYS, rules, NOW) == "alg_not_allowed"


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


def is_judged(token):
    with contextlib.suppress(SignInError):
        assert check(token, KEYS, RULES, NOW) == generic_claims()


@given(st.text())
def test_any_text_is_refused(token):
    is_judged(token)


@settings(max_examples=300)
@given(st.integers(0, len(GOOD)), st.integers(0, 8), st.text("AZaz09-_.=\n{}", max_size=8))
def test_a_token_changed_anywhere_is_refused(place, length, text):
    is_judged(GOOD[:place] + text + GOOD[place + length :])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "enc", "x"]), JSON))
def test_any_header_is_refused(header):
    is_judged(unsigned(header))
    is_judged(resigned(json.dumps({"alg": "RS256"} | header).encode()))


@given(st.sampled_from([*sorted(generic_claims()), "aud", "azp", "nbf", "at_hash", "events", "tid"]), JSON)
def test_any_claim_is_read_or_refused(name, value):
    token = sign(json.dumps(generic_claims() | {name: value}).encode())
    with contextlib.suppress(SignInError):
        check(token, KEYS, RULES, NOW)
