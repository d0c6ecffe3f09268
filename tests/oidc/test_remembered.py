import threading
import time

import pytest

from glassgate.oidc.errors import ProviderUnavailable, Reason
from glassgate.oidc.remembered import Remembered
from oidc.scripted import NOW, at_once

AWAY = ProviderUnavailable(Reason.TIMEOUT, "no answer")


class Source:
    """What is remembered: counts up, or fails while `away`; `during` runs while it is asked."""

    def __init__(self, during=lambda: None):
        self.asked = 0
        self.away = False
        self.during = during

    def __call__(self):
        self.asked += 1
        self.during()
        if self.away:
            raise AWAY
        return self.asked, 100.0


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def held(source):
    return Remembered(source, keep=1000.0)


def test_it_is_asked_when_first_needed_and_when_no_longer_fresh(source, held):
    assert source.asked == 0
    assert [held.get(NOW + after) for after in (0, 99.9, 100, 199.9, 200)] == [1, 1, 2, 2, 3]


def test_an_older_value_is_used_while_the_provider_is_away(source, held):
    held.get(NOW)
    source.away = True
    assert held.get(NOW + 500) == 1
    assert held.get(NOW + 999) == 1
    with pytest.raises(ProviderUnavailable):
        held.get(NOW + 1000)
    source.away = False
    assert held.get(NOW + 1005) == 4


def test_a_failure_is_not_tried_again_at_once(source, held):
    source.away = True
    for after in (0, 1, 4.9):
        with pytest.raises(ProviderUnavailable):
            held.get(NOW + after)
    assert source.asked == 1
    source.away = False
    assert held.get(NOW + 5) == 2


def test_nor_with_an_older_value_at_hand(source, held):
    held.get(NOW)
    source.away = True
    assert [held.get(NOW + after) for after in (100, 104, 105)] == [1, 1, 1]
    assert source.asked == 3


def test_a_newer_value_is_asked_for_once_a_minute(source, held):
    assert held.get(NOW) == 1
    assert [held.renewed(NOW + after) for after in (1, 2, 60.9, 61)] == [2, 2, 2, 3]


def test_a_newer_value_that_cannot_be_had_is_told_for_that_minute(source, held):
    held.get(NOW)
    source.away = True
    for after in (1, 30):
        with pytest.raises(ProviderUnavailable):
            held.renewed(NOW + after)
    assert (source.asked, held.get(NOW + 31)) == (2, 1)


def test_many_threads_ask_once():
    source = Source()
    held = Remembered(source, keep=1000.0)
    assert at_once(20, lambda: held.get(NOW)) == [1] * 20
    assert source.asked == 1


def test_many_threads_renew_once(source, held):
    held.get(NOW)
    assert at_once(20, lambda: held.renewed(NOW + 1)) == [2] * 20
    assert source.asked == 2


def test_many_threads_hear_of_one_failure():
    source = Source()
    held = Remembered(source, keep=1000.0)
    source.away = True
    assert at_once(20, lambda: held.get(NOW)) == [AWAY] * 20
    assert source.asked == 1


def test_those_who_waited_through_a_failure_do_not_ask_again():
    # They came while the one call hung, so long after it began that its failure is old news to their clock.
    waiting = []

    def more_come():
        thread = threading.Thread(target=lambda: waiting.append(at_once(5, lambda: held.get(NOW + 9))))
        thread.start()
        threads.append(thread)
        time.sleep(0.3)

    threads = []
    source = Source(more_come)
    held = Remembered(source, keep=1000.0)
    source.away = True
    with pytest.raises(ProviderUnavailable):
        held.get(NOW)
    source.during = lambda: None
    threads[0].join(10)
    assert (waiting, source.asked) == ([[AWAY] * 5], 1)
    with pytest.raises(ProviderUnavailable):
        held.get(NOW + 13)
    assert source.asked == 1


def test_nobody_waits_for_a_newer_value_where_an_older_one_will_do():
    seen = []
    source = Source()
    held = Remembered(source, keep=1000.0)
    held.get(NOW)
    source.during = lambda: seen.append(at_once(3, lambda: held.get(NOW + 100)))
    assert held.get(NOW + 100) == 2
    assert seen == [[1, 1, 1]]


def test_an_error_of_ours_leaves_no_lock_behind(source, held):
    def broken():
        raise ZeroDivisionError

    source.during = broken
    with pytest.raises(ZeroDivisionError):
        held.get(NOW)
    source.during = lambda: None
    assert held.get(NOW) == 2
