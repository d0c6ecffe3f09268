"""How often one visitor may have something looked up."""

import pytest

from glassgate.gate.pace import AT_ONCE, MOST_KNOWN, Pace

NOW = 1_000.0


def asks(pace, times, *, who="a", at=NOW):
    return sum(pace.allows(who, at) for _ in range(times))


def test_some_at_once_and_then_one_a_second():
    pace = Pace()
    assert asks(pace, 100) == AT_ONCE
    assert asks(pace, 100, at=NOW + 1) == 1
    assert asks(pace, 100, at=NOW + 4) == 3


def test_patience_is_not_saved_up_for_ever():
    pace = Pace()
    asks(pace, 100)
    assert asks(pace, 100, at=NOW + 10_000) == AT_ONCE


def test_one_who_asks_too_often_takes_nothing_from_another():
    pace = Pace()
    asks(pace, 100)
    assert asks(pace, 1, who="b") == 1


@pytest.mark.parametrize("back", [1.0, 1e6])
def test_a_clock_that_goes_back_gives_nothing(back):
    pace = Pace()
    asks(pace, 100)
    assert asks(pace, 5, at=NOW - back) == 0


def test_it_remembers_a_bounded_number_of_visitors():
    pace = Pace()
    for number in range(MOST_KNOWN + 50):
        pace.allows(str(number), NOW)
    assert len(pace._buckets) == MOST_KNOWN
