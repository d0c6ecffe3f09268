"""An application token counts only as what it was minted for."""

import jwt
import pytest

from gate.site import NOW, Keys, rsa_key
from glassgate.access.token import Reason, TokenError, claimed_audiences, mint, verify

KEYS = Keys()
FACTS = {"issuer": "https://team.localhost:8443", "audience": "a" * 64}
CLAIMS = {
    "aud": ["a" * 64], "iss": "https://team.localhost:8443", "type": "app", "sub": "s", "identity_nonce": "n",
    "iat": NOW, "nbf": NOW, "exp": NOW + 60, "email": "e",
}  # fmt: skip


def signed(claims=None, header=None, key=None, algorithm="RS256"):
    return jwt.encode(
        {**CLAIMS, **(claims or {})}, key or KEYS.signing.private_key, algorithm=algorithm,
        headers={"kid": KEYS.signing.kid, **(header or {})},
    )  # fmt: skip


def without(name):
    return jwt.encode(
        {k: v for k, v in CLAIMS.items() if k != name}, KEYS.signing.private_key, "RS256", {"kid": KEYS.signing.kid}
    )


ROWS = [
    ("nothing", lambda: "", Reason.MALFORMED),
    ("no JWT", lambda: "abc", Reason.MALFORMED),
    ("endless", lambda: "a" * 10_000, Reason.MALFORMED),
    ("alg none", lambda: jwt.encode(CLAIMS, None, "none", {"kid": KEYS.signing.kid}), Reason.ALGORITHM),
    ("HMAC", lambda: signed(key="x" * 64, algorithm="HS256"), Reason.ALGORITHM),
    ("RS512", lambda: signed(algorithm="RS512"), Reason.ALGORITHM),
    ("another typ", lambda: signed(header={"typ": "logout+jwt"}), Reason.TYPE),
    ("unknown kid", lambda: signed(header={"kid": "f" * 64}), Reason.KEY_UNKNOWN),
    ("no kid", lambda: signed(header={"kid": ""}), Reason.KEY_UNKNOWN),
    ("another key under our kid", lambda: signed(key=rsa_key("other")), Reason.SIGNATURE),
    ("one byte changed", lambda: signed()[:-8] + "AAAAAAAA", Reason.SIGNATURE),
    ("crit", lambda: signed(header={"crit": ["x"], "x": 1}), Reason.MALFORMED),
    ("type org", lambda: signed({"type": "org"}), Reason.TYPE),
    ("type meta", lambda: signed({"type": "meta"}), Reason.TYPE),
    ("another team", lambda: signed({"iss": "https://evil.example"}), Reason.ISSUER),
    ("another app", lambda: signed({"aud": ["b" * 64]}), Reason.AUDIENCE),
    ("two apps", lambda: signed({"aud": ["a" * 64, "b" * 64]}), Reason.AUDIENCE),
    ("aud as text", lambda: signed({"aud": "a" * 64}), Reason.AUDIENCE),
    ("ended", lambda: signed({"exp": NOW}), Reason.EXPIRED),
    ("not yet", lambda: signed({"nbf": NOW + 60}), Reason.NOT_YET_VALID),
    ("no exp", lambda: without("exp"), Reason.MALFORMED),
    ("exp as text", lambda: signed({"exp": "9999999999"}), Reason.MALFORMED),
    ("exp true", lambda: signed({"exp": True}), Reason.MALFORMED),
    ("no sub", lambda: without("sub"), Reason.MALFORMED),
    ("no nonce", lambda: without("identity_nonce"), Reason.MALFORMED),
]


@pytest.mark.parametrize(("made", "reason"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_failure_has_its_own_name(made, reason):
    with pytest.raises(TokenError) as refused:
        verify(made(), KEYS.verifying, now=NOW, **FACTS)
    assert refused.value.reason is reason


def test_what_is_minted_is_taken_and_small():
    text = mint(KEYS.signing, subject="s", email="alice@contoso.example", nonce="n", now=NOW, expires=NOW + 60, **FACTS)
    token = verify(text, KEYS.verifying, now=NOW + 59, **FACTS)
    assert (token.email, token.subject, token.nonce, token.expires) == ("alice@contoso.example", "s", "n", NOW + 60)
    assert len(text) < 1500


def test_the_claims_are_cloudflares():
    text = mint(KEYS.signing, subject="s", email="e@x", nonce="n", now=NOW, expires=NOW + 60, **FACTS)
    assert jwt.get_unverified_header(text) == {"alg": "RS256", "kid": KEYS.signing.kid, "typ": "JWT"}
    claims = jwt.decode(text, options={"verify_signature": False})
    assert {"aud", "email", "exp", "iat", "nbf", "iss", "type", "identity_nonce", "sub", "country", "custom"} == set(
        claims
    )


def test_ended_tokens_still_tell_whose_they_were():
    assert verify(signed({"exp": NOW - 1}), KEYS.verifying, now=NOW, ended_too=True, **FACTS).subject == "s"


CLAIMED = [
    ("for one", signed(), {"a" * 64}),
    ("for two", signed({"aud": ["b", "c"]}), {"b", "c"}),
    ("signed by nobody", signed(key=rsa_key("two")), {"a" * 64}),
    ("as text", signed({"aud": "b"}), set()),
    ("of other things", signed({"aud": [1, None, "b"]}), {"b"}),
    ("for nobody", without("aud"), set()),
    ("no token", "a.b.c", set()),
    ("nothing", "", set()),
    ("too long", signed({"pad": "x" * 5000}), set()),
]


@pytest.mark.parametrize(("text", "claimed"), [row[1:] for row in CLAIMED], ids=[row[0] for row in CLAIMED])
def test_for_whom_a_token_says_that_it_is(text, claimed):
    assert claimed_audiences(text) == claimed
