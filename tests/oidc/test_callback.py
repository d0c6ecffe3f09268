import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.oidc.callback import Callback, read_callback
from glassgate.oidc.errors import SignInError
from oidc.scripted import refused


@pytest.mark.parametrize(
    ("query", "callback"),
    [
        ("code=c&state=s", Callback("s", "c")),
        ("state=s&code=c&session_state=x&x=1&x=2", Callback("s", "c")),
        ("code=c&state=s&iss=https%3A%2F%2Fop.example", Callback("s", "c", iss="https://op.example")),
        ("code=c&state=s&error=", Callback("s", "c")),
        (
            "error=access_denied&error_description=No%20%C3%BC&state=s",
            Callback("s", error="access_denied", error_description="No ü"),
        ),
        ("error=a&error_description=%ff&state=s", Callback("s", error="a", error_description="\ufffd")),
    ],
    ids=["code", "others' parameters", "iss", "empty is absent", "error", "error in another charset"],
)
def test_what_is_read(query, callback):
    assert read_callback(query) == callback


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("code=a&code=b&state=s", "parameter_repeated"),
        ("code=a&state=s&state=s", "parameter_repeated"),
        ("code=a&state=s&iss=a&iss=b", "parameter_repeated"),
        ("code=a&code=&state=s", "parameter_repeated"),
        ("code=a&error=b&state=s", "response_ambiguous"),
        ("state=s", "response_empty"),
        ("state=s&code=", "response_empty"),
        ("code=a", "state_missing"),
        ("code=a&state=", "state_missing"),
        ("", "state_missing"),
        ("code=a&state=s&id_token=x", "response_type"),
        ("state=s&access_token=x", "response_type"),
        ("code=" + "a" * 20_000 + "&state=s", "callback_malformed"),
        ("&".join(f"a{n}=1" for n in range(100)) + "&code=a&state=s", "callback_malformed"),
        ("code=%ff&state=s", "callback_malformed"),
        ("code=a%0d%0ab&state=s", "callback_malformed"),
        ("code=a&state=%C3%BC", "callback_malformed"),
        ("error=%1b&state=s", "callback_malformed"),
    ],
)
def test_what_is_refused(query, reason):
    assert refused(read_callback, query) == reason


def test_code_and_state_are_in_no_repr():
    assert "hidden" not in repr(read_callback("code=hidden-code&state=hidden-state"))


@given(st.text() | st.lists(st.sampled_from(["code=", "state=", "error=", "&", "%", "a", "="])).map("".join))
def test_any_query_is_read_or_refused(query):
    try:
        said = read_callback(query)
    except SignInError:
        return
    assert said.state
    assert (said.code is None) != (said.error is None)
