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
    assert said.trace_id == "5a5a5a5a-0000-1111-2222-333333333333"
    assert said.correlation_id == "6b6b6b6b-0000-1111-2222-333333333333"
    assert "\r" not in said.description
    assert "\n" not in said.description


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
    assert isinstance(refusal({"error": error}), ProviderUnavailable)


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
