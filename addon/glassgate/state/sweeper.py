"""Removes from a store what has ended, once a minute, in a thread of its own."""

import logging
from collections.abc import Callable

from glassgate.errors import StoreError
from glassgate.state.repeating import Repeating
from glassgate.state.store import Store

EVERY = 60.0  # seconds

logger = logging.getLogger(__name__)


def sweeper(store: Store, clock: Callable[[], float], every: float = EVERY) -> Repeating:
    """Sweeps a store until it is closed. A store that is away is asked again at the next turn."""

    def sweep() -> None:
        try:
            store.sweep(clock())
        except StoreError as fault:
            logger.warning("What has ended could not be swept away: %s", fault)

    return Repeating("sweeper", every, sweep)
