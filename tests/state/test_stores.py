"""What every store promises, asked of every store."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from glassgate.errors import StoreError
from glassgate.state.memory import LIMIT, MemoryStore
from glassgate.state.open import open_store
from glassgate.state.store import MOST_FOUND, Change

KINDS = ("memory", "sqlite")
NOW = 1_000.0


def opened(kind, folder):
    return open_store("memory:" if kind == "memory" else f"sqlite:{folder}/state/store.db")


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    store = opened(request.param, tmp_path)
    yield store
    store.close()


def test_what_was_put_is_there(store):
    store.put("session", "a", b"one", NOW + 10)
    assert store.get("session", "a", NOW) == b"one"


def test_of_many_those_are_read_that_are_there(store):
    for space, key, end in (("session", "a", 10), ("session", "b", 10), ("session", "old", 0), ("grant", "c", 10)):
        store.put(space, key, f"{space} {key}".encode(), NOW + end)
    assert store.get_all("session", ["b", "a", "old", "c", "never", "a"], NOW) == {"a": b"session a", "b": b"session b"}
    assert store.get_all("session", [], NOW) == {}


def test_many_are_many(store):
    keys = [f"{number:064x}" for number in range(3000)]
    for key in keys[::100]:
        store.put("session", key, key.encode(), NOW + 10)
    assert store.get_all("session", keys, NOW) == {key: key.encode() for key in keys[::100]}


def test_the_last_put_counts(store):
    store.put("session", "a", b"one", NOW + 10)
    store.put("session", "a", b"two", NOW + 20)
    assert store.get("session", "a", NOW + 15) == b"two"


def test_a_later_put_may_end_sooner(store):
    store.put("session", "a", b"one", NOW + 20)
    store.put("session", "a", b"two", NOW + 10)
    assert store.get("session", "a", NOW + 15) is None
    assert store.sweep(NOW + 15) == 1


@pytest.mark.parametrize(
    ("expires", "there"),
    [(NOW + 0.001, True), (NOW, False), (NOW - 1, False), (math.inf, True)],
    ids=["a moment left", "ends now", "ended", "never ends"],
)
def test_an_entry_is_there_until_its_end(store, expires, there):
    store.put("once", "a", b"x", expires)
    assert (store.get("once", "a", NOW) is not None) is there
    assert store.add("once", "a", b"y", NOW + 5, NOW) is not there


@pytest.mark.parametrize(
    ("space", "key"),
    [("session", "b"), ("grant", "a"), ("sessio", "na"), ("session", "A"), ("session", "a "), ("session", "")],
)
def test_names_are_apart(store, space, key):
    store.put("session", "a", b"x", NOW + 10)
    assert store.get(space, key, NOW) is None


@pytest.mark.parametrize(
    "value", [b"", b"\x00", bytes(range(256)), b"x" * 200_000], ids=["empty", "nul", "all", "long"]
)
def test_values_come_back_byte_for_byte(store, value):
    store.put("session", "a", value, NOW + 10)
    found = store.get("session", "a", NOW)
    assert (type(found), found) == (bytes, value)


@pytest.mark.parametrize("key", ["", "é", "日本", "a\x00b", "' OR 1=1 --", "%", "x" * 5000])
def test_any_text_is_a_key(store, key):
    store.put("session", key, b"x", NOW + 10)
    assert store.get("session", key, NOW) == b"x"
    assert store.get_all("session", [key], NOW) == {key: b"x"}
    store.delete("session", key)
    assert store.get("session", key, NOW) is None


def test_add_is_for_the_first_alone(store):
    assert store.add("once", "code", b"first", NOW + 60, NOW) is True
    assert store.add("once", "code", b"second", NOW + 60, NOW) is False
    assert store.get("once", "code", NOW) == b"first"


def test_add_takes_the_place_of_what_ended_and_was_not_swept(store):
    store.add("once", "code", b"old", NOW + 60, NOW)
    assert store.add("once", "code", b"new", NOW + 200, NOW + 60) is True
    assert store.get("once", "code", NOW + 61) == b"new"


SWAPS = [
    ("as it was", b"old", NOW, True),
    ("changed meanwhile", b"older", NOW, False),
    ("ended", b"old", NOW + 60, False),
]


@pytest.mark.parametrize(("old", "now", "done"), [row[1:] for row in SWAPS], ids=[row[0] for row in SWAPS])
def test_swap_is_for_what_did_not_change(store, old, now, done):
    store.put("session", "a", b"old", NOW + 60)
    assert store.swap("session", "a", old, b"new", NOW + 100, now) is done
    assert store.get("session", "a", NOW) == (b"new" if done else b"old")
    assert (store.get("session", "a", NOW + 61) is not None) is done


def test_swap_brings_nothing_back(store):
    assert store.swap("session", "a", b"", b"new", NOW + 60, NOW) is False
    store.put("session", "a", b"old", NOW + 60)
    store.delete("session", "a")
    assert store.swap("session", "a", b"old", b"new", NOW + 60, NOW) is False
    assert store.get("session", "a", NOW) is None


def test_find_has_the_live_keys_that_begin_so_in_their_order(store):
    for space, key, end in (
        ("sid", "p/b", 60), ("sid", "p/a", 60), ("sid", "p", 60), ("sid", "p/\U0010fffe", 60), ("sid", "p/old", 0),
        ("sid", "q/a", 60), ("other", "p/c", 60), ("sid", "P/a", 60),
    ):  # fmt: skip
        store.put(space, key, b"x", NOW + end)
    assert store.find("sid", "p/", NOW) == ["p/a", "p/b", "p/\U0010fffe"]
    assert store.find("sid", "", NOW) == ["P/a", "p", "p/a", "p/b", "p/\U0010fffe", "q/a"]
    assert store.find("sid", "%", NOW) == []


def test_find_is_bounded(store):
    for number in range(MOST_FOUND + 5):
        store.put("sid", f"{number:05}", b"", NOW + 60)
    assert store.find("sid", "", NOW) == [f"{number:05}" for number in range(MOST_FOUND)]


def test_find_goes_on_where_it_ended(store):
    keys = [f"{number:05}" for number in range(2 * MOST_FOUND + 5)]
    store.change([Change("sid", key, b"", NOW + 60) for key in keys])
    found, last = [], ""
    while page := store.find("sid", "", NOW, last):
        found += page
        last = page[-1]
    assert found == keys
    assert store.find("sid", "0000", NOW, "00007") == ["00008", "00009"]
    assert store.find("sid", "0001", NOW, "00007") == [f"{number:05}" for number in range(10, 20)]
    assert store.find("sid", "0000", NOW, "00009") == []


def test_the_key_without_letters_is_found_first(store):
    store.change([Change("sid", key, b"", NOW + 60) for key in ("", "a")])
    assert store.find("sid", "", NOW) == ["", "a"]


def test_changes_are_made_in_their_order(store):
    store.put("session", "a", b"old", NOW + 10)
    store.change(
        [Change("session", "b", b"one", NOW + 10), Change("session", "a"), Change("session", "never was"),
         Change("session", "b", b"two", NOW + 20)]
    )  # fmt: skip
    assert store.get("session", "a", NOW) is None
    assert store.get("session", "b", NOW + 15) == b"two"
    store.change([])


def test_of_changes_that_cannot_all_be_made_none_is(store):
    store.put("session", "a", b"old", NOW + 10)
    with pytest.raises(StoreError):
        store.change([Change("session", "a"), *unmakeable(store)])
    assert store.get("session", "a", NOW) == b"old"
    store.change([Change("session", "b", b"new", NOW + 10)])
    assert store.get("session", "b", NOW) == b"new"


def unmakeable(store):
    """Changes that this kind of store cannot make."""
    if isinstance(store, MemoryStore):
        return [Change("once", str(number), b"", NOW + 10) for number in range(LIMIT + 1)]
    return [Change("once", "\ud800", b"", NOW + 10)]  # no text that UTF-8 has


def test_add_after_delete_is_first_again(store):
    store.add("once", "code", b"old", NOW + 60, NOW)
    store.delete("once", "code")
    assert store.add("once", "code", b"new", NOW + 60, NOW) is True


def test_delete_of_nothing_is_nothing(store):
    store.delete("session", "never was")


def test_sweep_takes_what_ended_and_nothing_else(store):
    for number in range(1200):
        store.put("once", str(number), b"x", NOW + (1 if number % 2 else 100))
    assert store.sweep(NOW + 1) == 600
    assert store.sweep(NOW + 1) == 0
    assert all(store.get("once", str(number), NOW + 1) for number in range(0, 1200, 2))


def test_of_many_threads_one_adds(store):
    together = threading.Barrier(8)

    def race(number):
        together.wait()
        return [store.add("once", f"code {code}", b"%d" % number, NOW + 60, NOW) for code in range(25)]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(race, range(8)))
    assert [sum(column) for column in zip(*results, strict=True)] == [1] * 25


def test_threads_read_and_write_side_by_side(store):
    def work(number):
        for turn in range(40):
            store.put("session", str(number), b"%d" % turn, NOW + 60)
            assert store.get("session", str(number), NOW) == b"%d" % turn
        return store.get("session", str(number), NOW)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [b"39"] * 6


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.get("a", "b", NOW),
        lambda store: store.get_all("a", ["b"], NOW),
        lambda store: store.put("a", "b", b"", NOW),
        lambda store: store.add("a", "b", b"", NOW, NOW),
        lambda store: store.delete("a", "b"),
        lambda store: store.change([Change("a", "b", b"", NOW)]),
        lambda store: store.find("a", "", NOW),
        lambda store: store.sweep(NOW),
    ],
    ids=["get", "get_all", "put", "add", "delete", "change", "find", "sweep"],
)
def test_a_closed_store_answers_nothing(store, call):
    store.put("a", "b", b"x", NOW + 10)
    store.close()
    store.close()
    with pytest.raises(StoreError):
        call(store)


KEYS = st.sampled_from(["a", "b", "c"])
ENDS = st.integers(-2, 5)


class Contract(RuleBasedStateMachine):
    """Any calls in any order: the store answers as a dictionary with ends would."""

    kind = ""
    folder = None
    number = 0

    @initialize()
    def start(self):
        Contract.number += 1
        self.store = opened(self.kind, f"{self.folder}/{Contract.number}")
        self.model = {}
        self.now = 100

    def live(self, key):
        value, end = self.model.get(key, (None, 0))
        return value if end > self.now else None

    @rule(key=KEYS, value=st.binary(max_size=3), end=ENDS)
    def put(self, key, value, end):
        self.store.put("s", key, value, self.now + end)
        self.model[key] = (value, self.now + end)

    @rule(key=KEYS, value=st.binary(max_size=3), end=ENDS)
    def add(self, key, value, end):
        first = self.live(key) is None
        assert self.store.add("s", key, value, self.now + end, self.now) is first
        if first:
            self.model[key] = (value, self.now + end)

    @rule(key=KEYS)
    def get(self, key):
        assert self.store.get("s", key, self.now) == self.live(key)

    @rule(key=KEYS)
    def delete(self, key):
        self.store.delete("s", key)
        self.model.pop(key, None)

    @rule(changes=st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=3), ENDS), max_size=4))
    def change(self, changes):
        self.store.change([Change("s", key, value, self.now + end) for key, value, end in changes])
        for key, value, end in changes:
            self.model.pop(key, None)
            if value is not None:
                self.model[key] = (value, self.now + end)

    @rule(after=st.just("") | KEYS)
    def find(self, after):
        live = sorted(key for key in self.model if self.live(key) is not None and key > after)
        assert self.store.find("s", "", self.now, after) == live

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def sweep(self):
        ended = [key for key in self.model if self.live(key) is None]
        assert self.store.sweep(self.now) == len(ended)
        for key in ended:
            del self.model[key]

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_any_calls_in_any_order(kind, tmp_path_factory):
    machine = type("Machine", (Contract,), {"kind": kind, "folder": tmp_path_factory.mktemp("machine")})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
