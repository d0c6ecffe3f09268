import pytest

from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.refusal import check_answer, refusal
from oidc.scripted import answer, refused

DESCRIPTION = (
    "AADSTS50105: The administrator has not assigned the user.\r\nTrace ID: 5a5a5a5a-0000-1111-2222-333333333333"
    "\r\nCorrelation ID: 6b6b6b6b-0000-1111-2222-333333333333\r\nTimestamp: 2027-01-15 08:00:00Z"
)


def test_microsofts_codes_are_found_in_the_description():
    said = refusal({"error": "access_denied", "error_description": DESCRIPTION})
    assert isinstance(said, ProviderRefused)
    assert (said.error, said.code) == ("access_denied", "AADSTS50105")
    assert said.timestamp == "2027-01-15 08:00:00Z"
    assert said.trace_id == "5a5a5a5a-0000-1111-2222-333333333333"
    assert said.correlation_id == "6b6b6b6b-0000-1111-2222-333333333333"
    assert "\r" not in said.description
    assert "\n" not in said.description


def test_a_long_text_loses_none_of_the_ids_at_its_end():
    said = refusal({"error": "x", "error_description": DESCRIPTION.replace("the user", "the user " * 1000)})
    assert len(said.description) <= 1000
    assert (said.code, said.trace_id[:8], said.correlation_id[:8]) == ("AADSTS50105", "5a5a5a5a", "6b6b6b6b")
    assert said.timestamp == "2027-01-15 08:00:00Z"


def test_all_that_the_token_endpoint_says_is_kept():
    """As in Entra's answer to a code whose user has a second factor to show."""
    claims = '{"access_token":{"capolids":{"essential":true,"values":["0a1b"]}}}'
    body = {
        "error": "invalid_grant", "error_description": "Words.", "error_codes": [50076], "suberror": "basic_action",
        "claims": claims, "timestamp": "2027-01-15 08:00:01Z", "trace_id": "t-1", "correlation_id": "c-1",
    }  # fmt: skip
    with pytest.raises(ProviderRefused) as caught:
        check_answer(answer(body, 400), Reason.TOKEN_NOT_JSON)
    said = caught.value
    assert (said.code, said.suberror, said.claims) == ("AADSTS50076", "basic_action", claims)
    assert (said.trace_id, said.correlation_id, said.timestamp) == ("t-1", "c-1", "2027-01-15 08:00:01Z")


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([50105], "AADSTS50105"), ([50105, 1], "AADSTS50105"), ([True, 7000215], "AADSTS7000215"), ([], None),
        (["50105"], None), ([999], None), ([10**9], None), ([50105.5], None), ([50105.0], None),
        ({"0": 50105}, None), (50105, None), (None, None),
    ],
)  # fmt: skip
def test_a_code_that_stands_in_a_member_alone(numbers, code):
    assert refusal({"error": "x", "error_description": "no number", "error_codes": numbers}).code == code


def test_the_code_in_the_text_wins():
    assert refusal({"error": "x", "error_description": DESCRIPTION, "error_codes": [1234]}).code == "AADSTS50105"


@pytest.mark.parametrize(
    ("claims", "kept"),
    [
        pytest.param('{"a":1}', True, id="a string"),
        pytest.param("c" * 4096, True, id="the longest"),
        pytest.param("c" * 4097, False, id="too long"),
        pytest.param("", False, id="empty"),
        pytest.param('{"a":\n1}', False, id="a line break"),
        pytest.param("\u00e9", False, id="not ASCII"),
        pytest.param("\ud800", False, id="half a pair"),
        pytest.param({"a": 1}, False, id="an object"),
        pytest.param(None, False, id="none"),
    ],
)
def test_claims_are_sent_back_whole_or_not_at_all(claims, kept):
    assert refusal({"error": "x", "claims": claims}).claims == (claims if kept else None)


@pytest.mark.parametrize(
    ("suberror", "kept"),
    [
        ("basic_action", "basic_action"),
        ("a\r\nb", "a  b"),
        ("s" * 500, "s" * 100),
        (["x"], None),
        ("", None),
        (None, None),
    ],
)
def test_a_suberror_is_bounded(suberror, kept):
    assert refusal({"error": "x", "suberror": suberror}).suberror == kept


def test_ids_of_their_own_win():
    said = refusal({"error": "x", "error_description": DESCRIPTION, "trace_id": "t-1", "correlation_id": "c-1"})
    assert (said.trace_id, said.correlation_id) == ("t-1", "c-1")


@pytest.mark.parametrize(
    ("fields", "error", "description"),
    [
        ({"error": "a" * 5000, "error_description": "b" * 5000}, "a" * 100, "b" * 1000),
        ({"error": "x", "error_description": "a\x1b[2Jb\u202ec"}, "x", "a [2Jb c"),
        ({"error": "x", "error_description": ["list"]}, "x", ""),
        ({"error": 7}, "unnamed error", ""),
        ({"error": "x", "error_description": "<script>"}, "x", "<script>"),  # escaped where it is shown
    ],
    ids=["cut", "control characters", "no text", "no name", "markup"],
)
def test_the_providers_words_are_bounded(fields, error, description):
    said = refusal(fields)
    assert (said.error, said.description, said.code, said.trace_id) == (error, description, None, None)


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
def test_passing_faults_are_no_refusal(error):
    fault = refusal({"error": error, "error_description": DESCRIPTION})
    assert isinstance(fault, ProviderUnavailable)
    assert (fault.said.error, fault.said.code, fault.said.trace_id[:8]) == (error, "AADSTS50105", "5a5a5a5a")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_providers_words_are_kept(status):
    with pytest.raises(ProviderUnavailable) as caught:
        check_answer(answer({"error": "x", "error_description": DESCRIPTION}, status), Reason.TOKEN_NOT_JSON)
    assert (caught.value.said.error, caught.value.said.code) == ("x", "AADSTS50105")


@pytest.mark.parametrize("body", [b"<html>", {}, {"error": 7}, []])
def test_a_busy_provider_may_say_nothing(body):
    with pytest.raises(ProviderUnavailable) as caught:
        check_answer(answer(body, 503), Reason.TOKEN_NOT_JSON)
    assert caught.value.said is None


@pytest.mark.parametrize(
    ("response", "kind", "reason"),
    [
        (answer({"error": "invalid_grant"}, 400), ProviderRefused, "provider_refused"),
        (answer({"error": "invalid_client"}, 401), ProviderRefused, "provider_refused"),
        (answer({"error": "temporarily_unavailable"}, 400), ProviderUnavailable, "provider_unavailable"),
        (answer(b"<html>", 404), SignInError, "discovery_malformed"),
        (answer({"error": 1}, 400), SignInError, "discovery_malformed"),
        (answer([], 400), SignInError, "discovery_malformed"),
        (answer({}, 302), SignInError, "discovery_malformed"),
        (answer({}, 204), SignInError, "discovery_malformed"),
        (answer({"error": "x"}, 500), ProviderUnavailable, "provider_unavailable"),
        (answer(b"", 503), ProviderUnavailable, "provider_unavailable"),
        (answer(b"", 429), ProviderUnavailable, "provider_unavailable"),
        (answer(b"", 408), ProviderUnavailable, "provider_unavailable"),
    ],
)
def test_only_a_200_passes(response, kind, reason):
    with pytest.raises(SignInError) as caught:
        check_answer(response, Reason.DISCOVERY_MALFORMED)
    assert (type(caught.value), caught.value.reason) == (kind, reason)


def test_a_200_passes():
    assert check_answer(answer({}), Reason.DISCOVERY_MALFORMED) is None
    assert refused(check_answer, answer({}, 201), Reason.TOKEN_NOT_JSON) == "token_not_json"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), (" 7 ", 7), ("999999", 3600), ("-1", None), ("1.5", None), ("\u0663", None), ("9" * 5000, None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_how_long_to_wait(said, seconds):
    with pytest.raises(ProviderUnavailable) as caught:
        check_answer(answer(b"", 429, Retry_After=said), Reason.TOKEN_NOT_JSON)
    assert caught.value.retry_after == seconds
