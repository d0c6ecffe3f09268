"""A running gate hears of ended sessions and new keys, and of nothing where there is nothing."""

import pytest

from glassgate.cli.hearing import Hearing
from glassgate.errors import StoreError
from glassgate.gate.roll import revoke
from glassgate.gate.sessions import NEWS
from glassgate.state.keyring import KeyRing
from glassgate.state.memory import MemoryStore

NOW = 1_800_000_000.0


class Away(MemoryStore):
    """A store that can be away."""

    is_away = False

    def get(self, space, key, now):
        if self.is_away:
            raise StoreError("away")
        return super().get(space, key, now)


@pytest.fixture
def heard(tmp_path):
    """A gate's ear, what it heard, its store, and another process's key ring."""
    said, store = [], Away()
    keys = KeyRing.open(tmp_path / "keys", NOW)
    ear = Hearing(store, keys, lambda: said.append("sessions"), lambda: said.append("keys"))
    ear.look(NOW)
    return ear, said, store, KeyRing.open(tmp_path / "keys", NOW), keys


def test_where_nothing_happens_nothing_is_heard(heard):
    ear, said, *_ = heard
    for second in range(5):
        ear.look(NOW + second)
    assert said == []


def test_ended_sessions_are_heard_of_once(heard):
    ear, said, store, *_ = heard
    store.put(*NEWS, b"one", NOW + 60)
    ear.look(NOW)
    ear.look(NOW)
    assert said == ["sessions"]
    store.put(*NEWS, b"two", NOW + 60)
    ear.look(NOW)
    assert said == ["sessions"] * 2


def test_nothing_that_was_revoked_is_nothing_new(heard):
    ear, said, store, *_ = heard
    revoke(store, [], NOW, "news")
    ear.look(NOW)
    assert said == []


def test_a_store_that_is_away_is_asked_again(heard):
    ear, said, store, *_ = heard
    store.put(*NEWS, b"one", NOW + 60)
    store.is_away = True
    ear.look(NOW)
    assert said == []
    store.is_away = False
    ear.look(NOW)
    assert said == ["sessions"]


def test_new_keys_are_taken_and_what_was_verified_is_forgotten_twice(heard):
    ear, said, _, other, keys = heard
    other.rotate(NOW + 1, compromised=True)
    for _ in range(4):
        ear.look(NOW)
    assert keys.signing.kid == other.signing.kid
    assert said == ["keys", "keys"], "a check that was under way may have been remembered in between"


def test_a_ring_that_cannot_be_read_leaves_the_one_before(heard, tmp_path, caplog):
    ear, said, _, _, keys = heard
    path = tmp_path / "keys" / "keyring.json"
    kid, whole = keys.signing.kid, path.read_bytes()
    path.write_bytes(b"{")
    for _ in range(3):
        ear.look(NOW)
    assert (keys.signing.kid, said) == (kid, [])
    assert len([line for line in caplog.records if "cannot be read anew" in line.message]) == 1
    path.write_bytes(whole)
    ear.look(NOW)
    assert keys.signing.kid == kid
