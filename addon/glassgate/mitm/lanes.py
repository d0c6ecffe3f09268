"""Drives the steps of a journey: what may block runs in a bounded pool of its own, under a time limit."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from glassgate.errors import StoreError
from glassgate.gate.exchange import Ask, Ended, Lane, Steps, advance
from glassgate.oidc.errors import ProviderUnavailable, Reason
from glassgate.record.events import Event


@dataclass(frozen=True, slots=True)
class Width:
    """How much one lane takes: threads, calls that run or wait, and seconds that one may take."""

    threads: int
    waiting: int
    seconds: float
    fault: Callable[[str], Exception]  # what the journey meets when the lane is full or slow


WIDTHS = {
    Lane.STORE: Width(8, 512, 5.0, lambda said: StoreError(f"The store {said}.")),
    Lane.RECHECK: Width(4, 64, 20.0, lambda said: ProviderUnavailable(Reason.TIMEOUT, f"the provider {said}")),
    Lane.EVALUATION: Width(16, 128, 8.0, lambda said: ProviderUnavailable(Reason.TIMEOUT, f"the service {said}")),
    Lane.PROVIDER: Width(16, 256, 20.0, lambda said: ProviderUnavailable(Reason.TIMEOUT, f"the provider {said}")),
}


class Lanes:
    """The pools. One for each kind of call, so that a provider that hangs does not hold up the store."""

    def __init__(self, widths: dict[Lane, Width] = WIDTHS) -> None:
        self._widths = widths
        self._pools = {lane: ThreadPoolExecutor(width.threads, f"glassgate-{lane}") for lane, width in widths.items()}
        self._inside = dict.fromkeys(widths, 0)

    async def drive[T](
        self, steps: Steps[T], heard: Callable[[Event], object], reached: Ask | Ended[T] | None = None
    ) -> T:
        """Run `steps` to their end; `heard` gets what they tell on the way. Raises what they raise.

        `reached` is where they stand, if they were begun already. Steps that block nowhere never leave this task.
        """
        reached = reached or advance(steps, heard)
        while isinstance(reached, Ask):
            try:
                answer = await self._call(reached)
            except Exception as fault:  # noqa: BLE001 - thrown into the journey, which must meet it
                reached = advance(steps, heard, fault=fault)
            else:
                reached = advance(steps, heard, answer)
        return reached.result

    async def _call(self, wanted: Ask) -> Any:
        width = self._widths[wanted.lane]
        if self._inside[wanted.lane] >= width.waiting:
            raise width.fault("is asked more than it can answer")
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._pools[wanted.lane], wanted.call)
        self._inside[wanted.lane] += 1
        # Counted until the thread is free again, also where nobody waits for its answer any more.
        running.add_done_callback(lambda _: self._left(wanted.lane))
        running.add_done_callback(_heard)
        done, _ = await asyncio.wait((running,), timeout=width.seconds)
        if not done:
            raise width.fault("did not answer in time")
        return running.result()

    def _left(self, lane: Lane) -> None:
        self._inside[lane] -= 1

    def close(self) -> None:
        """Take no more calls; do not wait for those that hang."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


def _heard(late: "asyncio.Future[Any]") -> None:
    # An exception that comes when nobody waits any more would be logged with its values.
    if not late.cancelled():
        late.exception()
