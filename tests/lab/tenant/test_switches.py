import threading

import pytest

from glassgate.config.lab_values import LAB_FAULTS
from glassgate.errors import StoreError
from glassgate.lab.tenant.switches import Fault, Switchboard, Switches, UserSwitch, aadsts_code
from glassgate.state.memory import MemoryStore
from glassgate.state.sqlite import SqliteStore

NOW = 1_800_000_000.0


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "store.db")
    yield store
    store.close()


@pytest.fixture
def board(store):
    return Switchboard(store)


def test_nothing_is_switched_at_first(board):
    assert board.read(NOW) == Switches()


@pytest.mark.parametrize("fault", [Fault("slow", 2.5), Fault("down", times=3), Fault("aadsts:50105")])
def test_a_fault_is_set_and_cleared(board, store, fault):
    board.change(lambda switches: switches.with_fault(fault), NOW)
    assert Switchboard(store).read(NOW + 1e8).faults == {fault.name: fault}
    board.change(lambda switches: switches.without_faults([fault.name]), NOW)
    assert board.read(NOW) == Switches()


def test_a_user_is_switched_and_back(board):
    switch = UserSwitch(disabled=True, revoked=NOW, added=("a",), removed=("b",))
    board.change(lambda switches: switches.with_user("alice@contoso.example", switch), NOW)
    assert board.read(NOW).user("alice@contoso.example") == switch
    assert board.read(NOW).user("bob@contoso.example") == UserSwitch()
    board.change(lambda switches: switches.with_user("alice@contoso.example", UserSwitch()), NOW)
    assert board.read(NOW) == Switches()


@pytest.mark.parametrize(
    ("steps", "groups"),
    [
        ([(["c"], [])], ("a", "b", "c")),
        ([(["a"], [])], ("a", "b")),
        ([([], ["a"])], ("b",)),
        ([(["c"], []), ([], ["c"])], ("a", "b")),
        ([([], ["a"]), (["a"], [])], ("a", "b")),
        ([(["c"], ["a"])], ("b", "c")),
    ],
    ids=["added", "there already", "removed", "added and removed", "removed and added", "both"],
)
def test_groups_come_and_go(steps, groups):
    switch = UserSwitch()
    for add, remove in steps:
        switch = switch.with_groups(add, remove)
    assert switch.groups(("a", "b")) == groups


def test_a_fault_of_the_configuration_stands_whatever_is_cleared(store):
    board = Switchboard(store, ["slow"])
    assert board.read(NOW).faults == {"slow": Fault("slow")}
    board.change(lambda switches: switches.without_faults(["slow"]), NOW)
    assert board.read(NOW).faults == {"slow": Fault("slow")}
    assert board.commanded(NOW) == Switches()
    board.change(lambda switches: switches.with_fault(Fault("slow", 9.0)), NOW)
    assert board.read(NOW).faults["slow"].seconds == 9.0


def test_a_fault_happens_so_many_times(board):
    board.change(lambda switches: switches.with_fault(Fault("down", times=2)), NOW)
    fault = board.read(NOW).faults["down"]
    assert [board.happens(fault, NOW) is not None for _ in range(4)] == [True, True, False, False]
    assert board.read(NOW).faults == {}


def test_a_fault_without_a_number_writes_nothing(store):
    before = store.get("lab_switch", "all", NOW)
    assert Switchboard(store).happens(Fault("down"), NOW) == Fault("down")
    assert store.get("lab_switch", "all", NOW) == before


def test_of_many_at_once_a_fault_meets_so_many(board):
    board.change(lambda switches: switches.with_fault(Fault("down", times=5)), NOW)
    fault, met = board.read(NOW).faults["down"], []
    threads = [threading.Thread(target=lambda: met.append(board.happens(fault, NOW))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in met if one]) == 5


class Busy:
    """A store in which somebody else is always first."""

    def get(self, space, key, now):
        return None

    def add(self, *_):
        return False


def test_a_change_that_never_comes_through_is_told():
    with pytest.raises(StoreError):
        Switchboard(Busy()).change(lambda switches: switches, NOW)


def test_the_aadsts_error_of_each_endpoint():
    both = Switches().with_fault(Fault("aadsts:50105")).with_fault(Fault("aadsts:7000222@token"))
    assert aadsts_code(both.aadsts(at_token=False)) == 50105
    assert aadsts_code(both.aadsts(at_token=True)) == 7000222
    assert Switches().with_fault(Fault("slow")).aadsts(at_token=True) is None


def test_a_pause_has_a_default_where_there_is_one():
    assert Fault("slow").pause > 0
    assert Fault("slow", 0.5).pause == 0.5
    assert {name for name in LAB_FAULTS if Fault(name).pause} == {"slow", "graph429"}
