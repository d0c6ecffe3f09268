"""Events."""

import dataclasses

import pytest

from glassgate.record.events import Action, Event


def test_only_what_happened_when_and_where_must_be_said():
    event = Event(Action.REFUSED, 1.0, "ray")
    rest = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)[3:]}
    assert {name for name, value in rest.items() if value} == set()


def test_an_event_is_not_allowed_unless_said():
    assert Event(Action.SIGN_IN, 1.0, "ray").allowed is False


def test_an_event_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Event(Action.ALLOWED, 1.0, "ray").allowed = True
