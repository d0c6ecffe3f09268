"""What has ended does not stay in the store for ever."""

import threading

from glassgate.errors import StoreError
from glassgate.state.memory import MemoryStore
from glassgate.state.sweeper import sweeper


class Watched(MemoryStore):
    """A store that tells when it was swept, and is away the first time."""

    def __init__(self):
        super().__init__()
        self.swept, self.times = threading.Event(), 0

    def sweep(self, now):
        self.times += 1
        if self.times == 1:
            raise StoreError("away")
        removed = super().sweep(now)
        self.swept.set()
        return removed


def test_it_sweeps_again_after_a_failure_and_ends():
    store = Watched()
    store.put("once", "old", b"", 10)
    store.put("once", "new", b"", 1000)
    sweeping = sweeper(store, lambda: 100, every=0.01)
    sweeping.start()
    assert store.swept.wait(10)
    sweeping.close()
    assert store.get("once", "old", 0) is None
    assert store.get("once", "new", 0) == b""
