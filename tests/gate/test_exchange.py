"""Requests as values, and steps that are driven by whoever runs them."""

import pytest

from gate.site import request_of
from glassgate.gate.exchange import Lane, ask, run

TARGETS = [
    ("/", "/", ""),
    ("/a?b=c", "/a", "b=c"),
    ("/a?b?c", "/a", "b?c"),
    ("/a?", "/a", ""),
    ("/%3F?x", "/%3F", "x"),
]


@pytest.mark.parametrize(("target", "path", "query"), TARGETS, ids=[row[0] for row in TARGETS])
def test_path_and_query(target, path, query):
    request = request_of(target)
    assert (request.path, request.query) == (path, query)


def test_headers_are_found_in_any_case_and_in_order():
    request = request_of("/", headers=[("X-One", "1"), ("x-ONE", "2"), ("X-One-More", "3")])
    assert request.values(b"x-one") == [b"1", b"2"]
    assert request.values(b"x") == []


def test_a_header_that_is_sent_twice_says_nothing():
    request = request_of("/", headers=[("A", "1"), ("B", "1"), ("B", "1")])
    assert (request.value(b"a"), request.value(b"b"), request.value(b"c")) == (b"1", b"", b"")


def lines(*calls):
    """Steps that ask each call, and write down what they are answered."""
    heard = []
    for call in calls:
        try:
            heard.append((yield from ask(Lane.STORE, call)))
        except LookupError as fault:
            heard.append(str(fault))
    return heard


def raising(fault):
    def call():
        raise fault

    return call


def test_each_answer_comes_back_to_where_it_was_asked():
    assert run(lines(lambda: 1, lambda: None, lambda: "x")) == [1, None, "x"]


def test_steps_that_ask_nothing_end_at_once():
    assert run(lines()) == []


def test_what_a_call_raises_is_raised_where_it_was_asked():
    assert run(lines(lambda: 1, raising(LookupError("gone")), lambda: 2)) == [1, "gone", 2]


def test_what_the_steps_do_not_meet_ends_them():
    asked = []
    with pytest.raises(OSError, match="broken"):
        run(lines(raising(OSError("broken")), lambda: asked.append(1)))
    assert asked == []


def test_a_call_says_in_which_lane_it_may_block():
    wanted = next(ask(Lane.PROVIDER, lambda: 7))
    assert (wanted.lane, wanted.call()) == (Lane.PROVIDER, 7)
