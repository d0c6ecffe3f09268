"""What is to be done again and again is, till it is closed."""

import threading

from glassgate.state.repeating import Repeating


def test_it_works_again_and_again_and_ends():
    done, times = threading.Event(), []

    def work():
        times.append(threading.current_thread().name)
        if len(times) == 3:
            done.set()

    repeating = Repeating("test", 0.001, work)
    repeating.start()
    assert done.wait(10)
    repeating.close()
    count = len(times)
    assert set(times) == {"glassgate-test"}
    assert not done.wait(0) or count == len(times)


def test_one_that_was_never_started_is_closed_at_once():
    Repeating("test", 60, lambda: None).close()
