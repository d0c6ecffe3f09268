"""What a call measures."""

import pytest

from bench import candidates, loads, options


def names(things):
    return [one.name for one in things]


def test_names_are_told_apart():
    every = names((*candidates.CANDIDATES, *loads.LOADS))
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("arguments", "measured", "under"),
    [
        ([], names(candidates.CANDIDATES), names(loads.LOADS)),
        (["--quick"], names(candidates.CANDIDATES), [one.name for one in loads.LOADS if one.core]),
        (["--only", "serve"], [candidates.BASE, "serve"], names(loads.LOADS)),
        (["--only", "websocket"], names(candidates.CANDIDATES), ["websocket"]),
        (["--quick", "--only", "serve", "--only", "up-10m"], [candidates.BASE, "serve"], ["up-10m"]),
    ],
    ids=["all", "quick", "a candidate", "a load", "both"],
)
def test_what_is_named_is_measured(arguments, measured, under):
    plan = options.read(arguments).plan
    assert (names(plan.candidates), names(plan.loads)) == (measured, under)
    assert plan.whole is (arguments == [])


def test_core_and_unsteady_loads_are_in_more_rounds():
    plan = options.plan([], quick=False)
    assert names(plan.in_round(0)) == names(loads.LOADS)
    assert names(plan.in_round(plan.rounds)) == [one.name for one in loads.LOADS if one.core or one.unsteady]
    assert plan.in_round(plan.core_rounds) == []


@pytest.mark.parametrize(
    "arguments", [["--only", "nginx"], ["--publish", "--quick"], ["--publish", "--only", "serve"], ["all"]]
)
def test_a_wrong_call_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        options.read(arguments)
    assert ended.value.code == 2
    assert "bench/run: error" in capsys.readouterr().err
