import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgate.oidc.errors import SignInError
from glassgate.oidc.signed import open_signed
from oidc.forged import KEYS, b64, hmac_by_public_key, resigned, unsigned
from oidc.scripted import EC_KEY, NOW, OTHER_RSA_KEY, generic_claims, jwk, refused, sign

ALGORITHMS = ("RS256", "PS256", "ES256")
GOOD = sign(generic_claims())


def opened(token, algorithms=ALGORITHMS, types=("jwt",)):
    return open_signed(token, KEYS, algorithms, types, NOW)


@pytest.mark.parametrize(
    ("token", "kid"),
    [
        (GOOD, "k1"),
        (sign(generic_claims(), algorithm="PS256"), "k1"),
        (sign(generic_claims(), algorithm="PS256", kid="ps"), "ps"),
        (sign(generic_claims(), EC_KEY, "ES256", kid="e1"), "e1"),
        (sign(generic_claims(), typ="jwt"), "k1"),
        (sign(generic_claims(), typ=None), "k1"),
        (sign(generic_claims(), x5t="abc"), "k1"),
    ],
    ids=["RS256", "PS256", "PS256 alone", "ES256", "typ in lower case", "no typ", "x5t"],
)
def test_good_envelopes(token, kid):
    claims, key = opened(token)
    assert (claims, key.kid) == (generic_claims(), kid)


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
    ("one letter too long", "e30." + "A" * (262_144 - 6) + ".AA", "format"),
    ("the longest", "e30." + "A" * (262_144 - 7) + ".AA", "alg_not_allowed"),
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
    assert refused(opened, token) == reason


def test_the_row_of_the_swapped_algorithm_swaps_it():
    assert [row[1] for row in HEADERS][-1].startswith(GOOD.partition(".")[0])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "claims_malformed"),
        (b"claims", "claims_malformed"),
        (b'{"exp": NaN}', "claims_malformed"),
        (b'{"name": "\\ud800"}', "claims_malformed"),
        (b'{"iss": "a", "iss": "b"}', "json_duplicate"),
    ],
    ids=["no object", "no JSON", "NaN", "half a surrogate pair", "iss twice"],
)
def test_what_is_inside_is_one_json_object(body, reason):
    assert refused(opened, sign(body)) == reason


@pytest.mark.parametrize(
    ("typ", "types", "reason"),
    [
        ("logout+jwt", ("logout+jwt", "jwt"), None),
        ("Logout+JWT", ("logout+jwt", "jwt"), None),
        ("JWT", ("logout+jwt", "jwt"), None),
        (None, ("logout+jwt", "jwt"), None),
        ("JWT", ("logout+jwt",), "typ"),
        (None, ("logout+jwt",), "typ"),
        ("at+jwt", ("logout+jwt", "jwt"), "typ"),
        ("", ("jwt",), "typ"),
    ],
)
def test_the_caller_says_which_types_it_takes(typ, types, reason):
    token = resigned(json.dumps({"alg": "RS256", "kid": "k1"} | ({} if typ is None else {"typ": typ})).encode())
    if reason:
        assert refused(opened, token, types=types) == reason
    else:
        assert opened(token, types=types)[0]["sub"] == "user-1"


def test_algorithms_are_the_providers():
    assert refused(opened, GOOD, ("ES256",)) == "alg_not_allowed"


def test_no_key_is_looked_for_before_the_envelope_is_judged():
    class Nobody:
        def find(self, kid, now):
            raise AssertionError("asked for a key")

    for token in (unsigned({"alg": "none", "kid": "k1"}), hmac_by_public_key(), sign({}, jku="https://evil.example")):
        assert refused(open_signed, token, Nobody(), ALGORITHMS, ("jwt",), NOW)


def test_claims_are_told_by_nobody_before_the_signature_holds():
    assert refused(opened, sign(b"no JSON at all", OTHER_RSA_KEY)) == "signature"


def is_judged(token):
    with contextlib.suppress(SignInError):
        assert opened(token)[0] == generic_claims()


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
