"""A binding is one session's, whichever of our keys made it."""

import pytest

from glassgate.access.binding import bound_to, is_bound

OLD, NEW = b"o" * 32, b"n" * 32

ROWS = [
    ("its own", bound_to("session", NEW), True),
    ("of the key before", bound_to("session", OLD), True),
    ("of another session", bound_to("other", NEW), False),
    ("of a foreign key", bound_to("session", b"x" * 32), False),
    ("nothing", "", False),
    ("the session's id", "session", False),
    ("no ASCII", "\xe4", False),
]


@pytest.mark.parametrize(("value", "good"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_whose_it_is(value, good):
    assert is_bound(value, "session", (NEW, OLD)) is good
