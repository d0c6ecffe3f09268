"""How often one visitor may have something looked up."""

from ipaddress import ip_address

import pytest

from glassgate.gate.pace import AT_ONCE, MOST_KNOWN, Pace, of

NOW = 1_000.0


def asks(pace, times, *, who="a", at=NOW):
    asked = 0
    for _ in range(times):
        if pace.allows(who, at):
            asked += 1
            pace.count(who, at)
    return asked


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


def test_only_what_was_in_vain_is_counted():
    pace = Pace()
    assert all(pace.allows("a", NOW) for _ in range(1000))


NAMES = [
    ("two of one network", "2001:db8::1", "2001:db8::ffff:1", True),
    ("two networks", "2001:db8::1", "2001:db8:0:1::1", False),
    ("two IPv4 addresses", "192.0.2.1", "192.0.2.2", False),
]


@pytest.mark.parametrize(("one", "other", "alike"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_who_is_counted_as_one(one, other, alike):
    assert (of(ip_address(one), "x") == of(ip_address(other), "x")) is alike
    assert of(ip_address(one), "x") != of(ip_address(one), "y")
    assert of(None, "x") == "x unknown"


def test_it_remembers_a_bounded_number_of_visitors():
    pace = Pace()
    for number in range(MOST_KNOWN + 50):
        pace.allows(str(number), NOW)
    assert len(pace._buckets) == MOST_KNOWN
