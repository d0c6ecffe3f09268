"""The store in memory: its bound."""

import pytest

from glassgate.errors import StoreError
from glassgate.state.memory import MemoryStore


def full(expires=100.0):
    store = MemoryStore(limit=3)
    for key in "abc":
        store.put("once", key, b"x", expires)
    return store


@pytest.mark.parametrize(
    "write",
    [lambda store: store.put("once", "d", b"x", 200), lambda store: store.add("once", "d", b"x", 200, 50)],
    ids=["put", "add"],
)
def test_a_full_store_says_so_and_keeps_what_lives(write):
    store = full()
    with pytest.raises(StoreError, match=r"full \(3 entries\).*sqlite:"):
        write(store)
    assert [store.get("once", key, 50) for key in "abcd"] == [b"x", b"x", b"x", None]


def test_a_full_store_still_takes_new_values_of_old_names():
    store = full()
    store.put("once", "a", b"y", 200)
    assert store.get("once", "a", 150) == b"y"


def test_what_ended_makes_room_without_a_sweep():
    store = full()
    assert store.add("once", "d", b"x", 200, 100)
    assert store.get("once", "d", 150) == b"x"


def test_what_it_keeps_for_sweeping_stays_small():
    store = MemoryStore()
    for turn in range(10_000):
        store.put("session", "one", b"x", 1e9 + turn)
    assert len(store._ends) < 200
    assert store.sweep(2e9) == 1


def test_a_value_is_a_copy():
    value = bytearray(b"x")
    store = MemoryStore()
    store.put("session", "a", value, 10)
    value[:] = b"y"
    assert store.get("session", "a", 0) == b"x"
