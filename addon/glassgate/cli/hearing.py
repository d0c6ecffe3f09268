"""Hears what was done to a running gate from outside: sessions that were ended, keys that were rotated.

Administration goes through the store and the key ring's folder, and there is no port for it.
"""

import logging
from collections.abc import Callable

from glassgate.errors import StartError, StoreError
from glassgate.gate.sessions import NEWS
from glassgate.state.keyring import KeyRing
from glassgate.state.store import Store

EVERY = 0.2  # seconds

logger = logging.getLogger("glassgate")


class Hearing:
    """Looks whether there is news. `sessions_ended` and `keys_changed` are called from the thread that looks."""

    def __init__(
        self, store: Store, keys: KeyRing, sessions_ended: Callable[[], None], keys_changed: Callable[[], None]
    ) -> None:
        self._store = store
        self._keys = keys
        self._sessions_ended = sessions_ended
        self._keys_changed = keys_changed
        self._news: bytes | None = None
        self._again = False
        self._told = ""

    def look(self, now: float) -> None:
        """Look once. Cheap where nothing happened: one read of the store, and one of a file's times."""
        self._look_for_ended(now)
        self._look_for_keys()

    def _look_for_ended(self, now: float) -> None:
        try:
            news = self._store.get(*NEWS, now)
        except StoreError:
            return  # whoever asks it for a session meanwhile is refused
        if news != self._news:
            self._news = news
            self._sessions_ended()

    def _look_for_keys(self) -> None:
        try:
            changed = self._keys.reload()
        except StartError as fault:
            # It is written whole, so this is none of ours; the keys that were read before stay in force.
            if str(fault) != self._told:
                logger.error("The keys cannot be read anew: %s", fault)
            self._told = str(fault)
            return
        if changed or self._again:
            # Once more at the next look: a token whose check was under way may have been remembered since.
            self._again = changed
            self._keys_changed()
