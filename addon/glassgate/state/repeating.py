"""A thread that does one small thing again and again, until it is closed."""

import threading
from collections.abc import Callable


class Repeating:
    """Calls `work` every so many seconds. It must raise nothing: the thread would end."""

    def __init__(self, name: str, every: float, work: Callable[[], None]) -> None:
        self._every = every
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"glassgate-{name}", daemon=True)

    def start(self) -> None:
        """Begin, with a pause."""
        self._thread.start()

    def close(self) -> None:
        """End, after the work under way."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            self._work()
