import pytest

from glassgate.oidc.errors import Reason, SignInError
from glassgate.oidc.strict_json import read_object
from oidc.scripted import refused


def test_an_object_is_read():
    assert read_object('{"a": [1, {"b": "ü"}]}'.encode(), Reason.CLAIMS_MALFORMED) == {"a": [1, {"b": "ü"}]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a": 1, "a": 1}', "json_duplicate"),
        (b'{"a": {"b": 1, "b": 2}}', "json_duplicate"),
        (b'{"iss": 1, "\\u0069ss": 2}', "json_duplicate"),
        (b"[]", "claims_malformed"),
        (b'"text"', "claims_malformed"),
        (b"null", "claims_malformed"),
        (b"", "claims_malformed"),
        (b"{", "claims_malformed"),
        (b'{"a": NaN}', "claims_malformed"),
        (b'{"a": -Infinity}', "claims_malformed"),
        (b'{"a": 1e999}', "claims_malformed"),
        (b'{"a": "\\ud800"}', "claims_malformed"),
        (b'{"a": "\xff"}', "claims_malformed"),
        ('{"a": 1}'.encode("utf-16"), "claims_malformed"),
        (b'{"a": ' + b"9" * 5000 + b"}", "claims_malformed"),
        (b'{"a": ' + b"[" * 100_000, "claims_malformed"),
    ],
    ids=[
        "twice", "twice inside", "twice, one escaped", "list", "text", "null", "nothing", "cut off", "NaN",
        "infinity", "overflow", "half a surrogate pair", "not UTF-8", "UTF-16", "huge number", "deep",
    ],
)  # fmt: skip
def test_what_has_no_single_meaning_is_refused(body, reason):
    assert refused(read_object, body, Reason.CLAIMS_MALFORMED) == reason


def test_the_refusal_does_not_quote_the_body():
    with pytest.raises(SignInError) as caught:
        read_object(b'{"access_token": "very-secret" oops}', Reason.TOKEN_NOT_JSON)
    assert "very-secret" not in str(caught.value)
