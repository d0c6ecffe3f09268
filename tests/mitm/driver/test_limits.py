"""The bounds that hold unless somebody says otherwise: each leaves room for what it is to bound."""

from dataclasses import FrozenInstanceError, fields

import pytest

from glassgate.mitm.driver.limits import LIMITS

LESS = [
    ("one address cannot take every place", "of_one_address", "connections"),
    ("one origin's connections leave places for clients", "to_origin", "connections"),
    ("some of an origin's connections may be idle", "kept_idle", "to_origin"),
    ("a connection is made sooner than an answer is given up", "connect_time", "answer_time"),
    ("a head is no slower than a pause of a body", "head_time", "body_pause"),
    ("a client may think for longer than its head may take", "head_time", "idle_time"),
    ("origins' connections go before clients' do", "kept_time", "idle_time"),
    ("a WebSocket may be silent for longest", "answer_time", "websocket_idle"),
]


@pytest.mark.parametrize(("less", "more"), [row[1:] for row in LESS], ids=[row[0] for row in LESS])
def test_one_bound_is_below_another(less, more):
    assert 0 < getattr(LIMITS, less) < getattr(LIMITS, more)


def test_everything_is_bounded_and_nothing_changes_it():
    assert all(0 < getattr(LIMITS, one.name) < 1e5 for one in fields(LIMITS))
    with pytest.raises(FrozenInstanceError):
        LIMITS.connections = 0
