"""What is switched in the lab is told in words, each with what undoes it."""

import time
from pathlib import Path

import pytest

from glassgate.cli.lab_switched import as_lines, command, switched
from glassgate.config.settings import LabSettings, LabUser
from glassgate.lab.tenant.switches import Fault, Switchboard, Switches, UserSwitch
from glassgate.lab.tenant.tenants import make_tenants
from glassgate.state.memory import MemoryStore

NOW = 1_800_000_000.0
STAFF, FINANCE = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01", "7c0d9e1b-52a8-4d36-b1f4-08e6a2c3d902"
ALICE = "alice@contoso.example"
PEOPLE = list(
    make_tenants(LabSettings((LabUser("alice", "Alice", "password", groups=(STAFF,)),), ())).main.people.values()
)
SINCE = time.strftime("%Y-%m-%d %H:%M", time.localtime(NOW))


def told(switches, standing=(), path="config.yaml"):
    board = Switchboard(MemoryStore(), standing)
    board.change(lambda _: switches, NOW)
    return [(one.what, one.undo) for one in switched(board, PEOPLE, Path(path), NOW)]


ROWS = {
    "a fault": (
        Switches(faults={"slow": Fault("slow")}),
        [("every answer comes late", "./run.sh lab fault clear slow")],
    ),
    "a fault that ends by itself": (
        Switches(faults={"down": Fault("down", times=1)}),
        [("every address answers 503, 1 time more", "./run.sh lab fault clear down")],
    ),
    "disabled": (
        Switches(users={ALICE: UserSwitch(disabled=True)}),
        [(f"{ALICE} is disabled", f"./run.sh lab user enable {ALICE}")],
    ),
    "revoked": (
        Switches(users={ALICE: UserSwitch(revoked=NOW)}),
        [(f"what {ALICE} was granted till {SINCE} is revoked", "signing in again is enough")],
    ),
    "groups": (
        Switches(users={ALICE: UserSwitch(added=(FINANCE,), removed=(STAFF,))}),
        [
            (
                f"{ALICE} has groups: 1 more and 1 less",
                f"./run.sh lab user groups {ALICE} --remove {FINANCE} --add {STAFF}",
            )
        ],
    ),
    "groups, there and back": (Switches(users={ALICE: UserSwitch(added=(STAFF,), removed=(FINANCE,))}), []),
    "nothing": (Switches(), []),
}


@pytest.mark.parametrize("row", ROWS)
def test_each_switch_comes_with_what_undoes_it(row):
    switches, wanted = ROWS[row]
    assert told(switches) == wanted


def test_a_fault_of_the_file_is_undone_there():
    assert told(Switches(), ["alg_none"]) == [
        ("ID tokens are not signed", "take `alg_none` out of `lab.faults` in config.yaml")
    ]


@pytest.mark.parametrize(
    ("path", "end"),
    [(Path("config.yaml"), "list"), (Path.cwd() / "config.yaml", "list"), (Path("/etc/b.yaml"), "list -c /etc/b.yaml")],
)
def test_a_command_names_the_file_where_it_must(path, end):
    assert command(path, "list") == f"./run.sh lab {end}"


def test_the_list_has_two_columns():
    board = Switchboard(MemoryStore(), ["slow", "alg_none"])
    lines = as_lines(switched(board, PEOPLE, Path("config.yaml"), NOW))
    assert {line.index("take `") for line in lines} == {len("ID tokens are not signed") + 2}
    assert as_lines(()) == []
