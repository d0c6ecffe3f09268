"""The order of things: cores, and turns."""

import os

import pytest

from bench import machine, rounds, stage


@pytest.mark.parametrize(
    ("there", "load", "origin", "candidate"),
    [([0], (), (), ()), ([0, 1], (0,), (0,), (1,)), ([2, 3, 5, 7], (2,), (3,), (7,))],
    ids=["one core", "two", "more"],
)
def test_a_candidate_has_a_core_for_itself_where_there_are_two(there, load, origin, candidate):
    assert stage.Cores.of(there) == stage.Cores(load, origin, candidate)


def test_each_round_has_everybody_in_another_order():
    orders = [tuple(rounds.turned("abcd", number)) for number in range(6)]
    assert {"".join(sorted(order)) for order in orders} == {"abcd"}
    assert len(set(orders)) == 6
    assert orders[0][0] == "a"


def test_how_quiet_it_was():
    cores = os.cpu_count() or 1
    before, after = machine.Busy(100.0, 1.0), machine.Busy(100.0 + 6.0 * cores, 1.0 + 0.5 * cores)
    said = machine.quiet(before, after, ours=5.0 * cores, seconds=10.0)
    assert said == "other processes took 10% of the machine, its host 5%"
