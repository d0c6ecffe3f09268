"""A refusal by its standard names: every name has an answer, and each answer is for somebody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.oidc.explanation import ERRORS, SUBERRORS, UNKNOWN, Explanation, Move, by_name
from glassgate.oidc.refusal import PASSING

STANDARD = {
    "RFC 6749, 4.1.2.1": [
        "invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
        "server_error", "temporarily_unavailable",
    ],
    "RFC 6749, 5.2": ["invalid_client", "invalid_grant", "unsupported_grant_type"],
    "OpenID Connect Core 1.0, 3.1.2.6": [
        "interaction_required", "login_required", "account_selection_required", "consent_required",
        "invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported",
        "registration_not_supported",
    ],
    "RFC 8707, 2": ["invalid_target"],
}  # fmt: skip


@pytest.mark.parametrize("names", STANDARD.values(), ids=STANDARD)
def test_every_standard_error_has_words_of_its_own(names):
    assert [name for name in names if by_name(name) is UNKNOWN] == []


@pytest.mark.parametrize(
    ("error", "suberror", "move"),
    [
        ("access_denied", None, Move.USER),
        ("interaction_required", None, Move.USER),
        ("invalid_grant", None, Move.USER),
        ("invalid_client", None, Move.DEPLOYER),
        ("invalid_scope", None, Move.DEPLOYER),
        ("temporarily_unavailable", None, Move.WAIT),
        ("server_error", None, Move.WAIT),
        ("never_seen", None, Move.ADMINISTRATOR),
        ("invalid_grant", "message_only", Move.ADMINISTRATOR),
        ("invalid_client", "basic_action", Move.USER),
        ("invalid_client", "never_seen", Move.DEPLOYER),
    ],
)
def test_whose_move_it_is(error, suberror, move):
    assert by_name(error, suberror).move is move


@pytest.mark.parametrize(
    ("suberror", "words"),
    [("basic_action", "One more step"), ("consent_required", "not agreed"), ("user_password_expired", "password has")],
)
def test_entras_finer_names_win(suberror, words):
    assert words in by_name("invalid_grant", suberror).title


@given(st.text(), st.none() | st.text())
def test_any_name_has_an_answer(error, suberror):
    found = by_name(error, suberror)
    assert isinstance(found, Explanation)
    assert found.title
    assert found.what
    assert found.mend


def test_what_passes_is_for_nobody():
    """Only an error that the gate itself takes for passing may be shown as such."""
    assert {name for name, found in ERRORS.items() if found.move is Move.WAIT} == PASSING
    assert [name for name, found in SUBERRORS.items() if found.move is Move.WAIT] == []
