"""The bounds that hold unless somebody says otherwise: each leaves room for what it is to bound."""

from dataclasses import FrozenInstanceError, fields

import pytest

from glassgate.config.limits import LIMITS, MIB, Limits

LESS = [
    ("one address cannot take every place", "of_one_address", "connections"),
    ("one origin's connections leave places for clients", "to_origin", "connections"),
    ("some of an origin's connections may be idle", "kept_idle", "to_origin"),
    ("a connection is made sooner than an answer is given up", "connect_time", "answer_time"),
    ("a head is no slower than a pause of a body", "head_time", "body_pause"),
    ("a client may think for longer than its head may take", "head_time", "idle_time"),
    ("origins' connections go before clients' do", "kept_time", "idle_time"),
    ("a WebSocket may be silent for longest", "answer_time", "websocket_idle"),
    ("a head is read to its end", "head", "unread"),
    ("what waits pauses the client before it ends the connection", "unread", "most_unread"),
    ("likewise what it does not take", "unsent", "most_unsent"),
    ("a body that nobody wants is no longer than what is dropped after it", "refused_body", "lingering"),
    ("one request's body leaves room for others'", "stream_window", "connection_window"),
]


@pytest.mark.parametrize(("less", "more"), [row[1:] for row in LESS], ids=[row[0] for row in LESS])
def test_one_bound_is_below_another(less, more):
    assert 0 < getattr(LIMITS, less) < getattr(LIMITS, more)


def test_everything_is_bounded_and_nothing_changes_it():
    assert all(0 < getattr(LIMITS, one.name) <= 256 * MIB for one in fields(LIMITS))
    with pytest.raises(FrozenInstanceError):
        LIMITS.connections = 0


def test_they_are_such_as_an_operator_expects():
    assert Limits() == LIMITS
    assert (LIMITS.connections, LIMITS.of_one_address, LIMITS.head, LIMITS.head_time) == (8192, 6000, 65536, 10)
    assert (LIMITS.refused_body, LIMITS.streams, LIMITS.websocket_message) == (65536, 100, 16 * MIB)
