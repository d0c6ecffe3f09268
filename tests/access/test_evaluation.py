"""The question that another service is asked: who can check it, and what it cannot be taken for; and the answer."""

import jwt
import pytest

from glassgate.access.evaluation import EvaluationError, public_keys, read, sign

NOW = 1_800_000_000.0
SECRETS = (b"s" * 32, b"t" * 32)
QUESTION = {
    "issuer": "https://team.example", "audience": "https://a.example/ask", "nonce": "n1",
    "identity": {"email": "alice@contoso.example"}, "now": NOW,
}  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_who_has_our_public_keys_can_check_it(secret):
    token = sign(secret, **QUESTION)
    keys = {key["kid"]: jwt.PyJWK(key) for key in public_keys(SECRETS)["keys"]}
    claims = jwt.decode(
        token, keys[jwt.get_unverified_header(token)["kid"]], algorithms=["EdDSA"], audience="https://a.example/ask",
        issuer="https://team.example", options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )  # fmt: skip
    assert (claims["nonce"], claims["identity"]["email"]) == ("n1", "alice@contoso.example")
    assert claims["exp"] - claims["iat"] == 60


def test_the_public_keys_hold_nothing_secret():
    assert all(set(key) == {"kid", "kty", "crv", "x", "use", "alg"} for key in public_keys(SECRETS)["keys"])


def test_it_says_what_it_is():
    header = jwt.get_unverified_header(sign(SECRETS[0], **QUESTION))
    assert (header["typ"], header["alg"]) == ("glassgate-evaluation+jwt", "EdDSA")


GOOD = {"success": True, "nonce": "n1", "iat": NOW, "exp": NOW + 30}
READ = [
    ("a yes", {}, True, NOW + 30),
    ("a no", {"success": False}, False, NOW + 30),
    ("believed for a minute at the most", {"exp": NOW + 9000}, True, NOW + 60),
    ("a clock that is a little ahead", {"iat": NOW + 60}, True, NOW + 30),
]


@pytest.mark.parametrize(("changes", "success", "until"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_an_answer_counts_for_a_while(changes, success, until):
    said = read(GOOD | changes, "n1", NOW)
    assert (said.success, said.until) == (success, until)


BAD = [
    ("another question's", {"nonce": "n2"}), ("nobody's", {"nonce": None}), ("not ASCII", {"nonce": "n\xfc"}),
    ("a yes in words", {"success": "true"}), ("a yes in numbers", {"success": 1}), ("no word", {"success": None}),
    ("over", {"exp": NOW}), ("without an end", {"exp": None}), ("true till then", {"exp": True}),
    ("endless", {"exp": float("inf")}), ("without a beginning", {"iat": None}), ("of tomorrow", {"iat": NOW + 61}),
]  # fmt: skip


@pytest.mark.parametrize("changes", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_an_answer_does_not_count(changes):
    with pytest.raises(EvaluationError):
        read(GOOD | changes, "n1", NOW)
