"""Removes from a store what has ended, once a minute, in a thread of its own."""

import logging
import threading
from collections.abc import Callable

from glassgate.errors import StoreError
from glassgate.state.store import Store

EVERY = 60.0  # seconds

logger = logging.getLogger(__name__)


class Sweeper:
    """Sweeps a store until it is closed. A store that is away is asked again at the next turn."""

    def __init__(self, store: Store, clock: Callable[[], float], every: float = EVERY) -> None:
        self._store = store
        self._clock = clock
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="glassgate-sweeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, after the sweep under way."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._store.sweep(self._clock())
            except StoreError as fault:
                logger.warning("What has ended could not be swept away: %s", fault)
