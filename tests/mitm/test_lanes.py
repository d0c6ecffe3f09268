"""Steps driven off the event loop: answered, raised, too slow, too many; and nothing is left behind."""

import asyncio
import gc
import threading
from dataclasses import replace

import pytest

from glassgate.errors import StoreError
from glassgate.gate.exchange import Lane, ask
from glassgate.mitm.lanes import WIDTHS, Lanes
from glassgate.oidc.errors import ProviderUnavailable

PATIENCE = 10  # seconds that a test's own waiting may take at most


def quiet(event):
    """Nobody listens."""


def widths(**change):
    return {lane: replace(width, **change) for lane, width in WIDTHS.items()}


def steps(*calls, lane=Lane.STORE):
    heard = []
    for call in calls:
        try:
            heard.append((yield from ask(lane, call)))
        except (LookupError, StoreError, ProviderUnavailable) as fault:
            heard.append(str(fault))
    return heard


def raising(fault):
    def call():
        raise fault

    return call


def drive(*calls, lane=Lane.STORE, **change):
    async def main():
        lanes = Lanes(widths(**change))
        try:
            return await lanes.drive(steps(*calls, lane=lane), quiet)
        finally:
            lanes.close()

    return asyncio.run(main())


def test_each_answer_comes_back_to_where_it_was_asked():
    assert drive(lambda: 1, lambda: None, lambda: "x") == [1, None, "x"]


def test_what_a_call_raises_is_raised_where_it_was_asked():
    assert drive(raising(LookupError("gone")), lambda: 2) == ["gone", 2]


def test_what_the_steps_do_not_meet_ends_them():
    with pytest.raises(OSError, match="broken"):
        drive(raising(OSError("broken")), lambda: pytest.fail("asked"))


def test_steps_that_ask_nothing_never_leave_the_task():
    assert drive() == []


def test_calls_run_in_a_thread_of_their_lane():
    names = drive(lambda: threading.current_thread().name) + drive(
        lambda: threading.current_thread().name, lane=Lane.PROVIDER
    )
    assert [name.rpartition("_")[0] for name in names] == ["glassgate-store", "glassgate-provider"]


@pytest.mark.parametrize(
    ("lane", "said"),
    [
        (Lane.STORE, "The store did not answer in time."),
        (Lane.PROVIDER, "timeout: the provider did not answer in time"),
    ],
    ids=["store", "provider"],
)
def test_a_slow_call_is_given_up(lane, said):
    free = threading.Event()
    try:
        assert said in drive(lambda: free.wait(PATIENCE), lambda: 2, lane=lane, seconds=0.05)[0]
    finally:
        free.set()


class Held:
    """A lane of one place, taken by a call that a test lets go."""

    def __init__(self, **change):
        self.free = threading.Event()
        self.lanes = Lanes(widths(**{"threads": 1, "waiting": 1, "seconds": 0.05, **change}))

    def call(self, fault=None):
        self.free.wait(PATIENCE)
        if fault:
            raise fault

    async def freed(self):
        """Wait till the lane takes calls again."""
        self.free.set()
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.lanes.drive(steps(lambda: "in"), quiet)) != ["in"]:
                assert answer == ["The store is asked more than it can answer."]
                await asyncio.sleep(0.005)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.free.set()
        self.lanes.close()


def test_a_thread_that_hangs_keeps_its_place_till_it_is_free():
    async def main():
        async with Held() as held:
            assert await held.lanes.drive(steps(held.call), quiet) == ["The store did not answer in time."]
            assert await held.lanes.drive(steps(lambda: 1), quiet) == ["The store is asked more than it can answer."]
            await held.freed()

    asyncio.run(main())


def test_a_lane_that_is_full_holds_up_no_other():
    async def main():
        async with Held() as held:
            await held.lanes.drive(steps(held.call), quiet)
            assert await held.lanes.drive(steps(lambda: 1, lane=Lane.PROVIDER), quiet) == [1]

    asyncio.run(main())


def test_places_come_back_after_every_kind_of_end():
    async def main():
        async with Held(seconds=PATIENCE) as held:
            held.free.set()
            for _ in range(20):
                assert await held.lanes.drive(steps(lambda: 1, raising(LookupError("gone"))), quiet) == [1, "gone"]

    asyncio.run(main())


@pytest.mark.parametrize("cancelled", [False, True], ids=["too slow", "nobody waits any more"])
def test_an_exception_that_comes_too_late_is_not_logged_with_its_values(cancelled):
    async def main():
        loop, told = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: told.append(context))
        async with Held(seconds=PATIENCE if cancelled else 0.05) as held:
            driven = asyncio.ensure_future(held.lanes.drive(steps(lambda: held.call(OSError("a secret"))), quiet))
            if cancelled:
                await asyncio.sleep(0.05)
                driven.cancel()
            await asyncio.wait([driven], timeout=PATIENCE)
            await held.freed()
            del driven
            gc.collect()
            await asyncio.sleep(0)
            return told

    assert asyncio.run(main()) == []


def test_a_journey_that_is_given_up_ends_at_its_next_step():
    async def main():
        ended = []

        def watched():
            try:
                yield from ask(Lane.STORE, held.call)
            finally:
                ended.append(True)

        async with Held(seconds=PATIENCE) as held:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await held.lanes.drive(watched(), quiet)
            gc.collect()
            return ended

    assert asyncio.run(main()) == [True]


def test_closed_it_takes_no_more_and_waits_for_nobody():
    async def main():
        ended = []
        async with Held() as held:
            await held.lanes.drive(steps(lambda: ended.append(held.call())), quiet)
            held.lanes.close()
            assert ended == []
            with pytest.raises(RuntimeError):
                await held.lanes.drive(steps(lambda: 1, lane=Lane.PROVIDER), quiet)

    asyncio.run(main())
