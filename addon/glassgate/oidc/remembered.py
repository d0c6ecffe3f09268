"""Keeps one value that a provider publishes: asks once for all threads, outlives the provider's outages."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError

RETRY = 5.0  # seconds for which a failure is not tried again, so that a dead provider stacks up no threads
FORCED = 60.0  # seconds between two calls that unsigned input may cause


@dataclass(frozen=True, slots=True)
class _Held[T]:
    value: T
    since: float
    fresh: float  # seconds for which it is used without asking


class Remembered[T]:
    """One published value, loaded when it is first needed. Thread-safe.

    `load` returns the value and the seconds it is fresh for, or raises SignInError. What is no longer fresh
    is used on while the provider is away, `keep` seconds at most from when it was loaded.
    """

    def __init__(self, load: Callable[[], tuple[T, float]], keep: float) -> None:
        self._load = load
        self._keep = keep
        self._lock = threading.Lock()  # held while the provider is asked
        self._held: _Held[T] | None = None
        self._attempts = 0  # tells those who waited for the lock that their question was answered meanwhile
        self._failure: SignInError | None = None
        self._failed_at = 0.0
        self._forced_at: float | None = None

    def get(self, now: float) -> T:
        """Return the value. Raises what `load` raises where there is none that may still be used."""
        held = self._held
        if held and now < held.since + held.fresh:
            return held.value
        usable = held is not None and now < held.since + self._keep
        before = self._attempts
        # Where an older value will do, nobody but the one who asks waits for the answer.
        if self._lock.acquire(blocking=not usable):
            try:
                self._refresh(before, now)
            finally:
                self._lock.release()
        return self._current(now)

    def renewed(self, now: float) -> T:
        """Ask for a newer value, at most once a minute whoever calls; return the newest there is.

        Raises what `load` raised where that one call failed: the value held may lack what the caller misses.
        """
        with self._lock:
            if self._forced_at is None or now >= self._forced_at + FORCED:
                self._forced_at = now
                self._ask(now)
            if self._failure:
                raise self._failed()
            return self._current(now)

    def age(self, now: float) -> float | None:
        """Seconds since the value was loaded; None where there is none."""
        held = self._held
        return now - held.since if held else None

    @property
    def attempts(self) -> int:
        """How often the provider was asked until now."""
        return self._attempts

    def _refresh(self, before: int, now: float) -> None:
        if self._attempts != before:
            # Someone asked while we waited. A failure counts from when it was last heard of, not from when
            # the call began: one that hung for ten seconds would be forgotten before it was known.
            self._failed_at = max(self._failed_at, now)
        elif not (self._failure and now < self._failed_at + RETRY):
            self._ask(now)

    def _ask(self, now: float) -> None:
        try:
            value, fresh = self._load()
        except SignInError as error:
            self._failure, self._failed_at = error, now
        else:
            self._held, self._failure = _Held(value, now, fresh), None
        finally:
            self._attempts += 1

    def _current(self, now: float) -> T:
        held = self._held
        if held and now < held.since + self._keep:
            return held.value
        raise self._failed()

    def _failed(self) -> SignInError:
        if self._failure is None:
            return ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "what the provider published has grown too old")
        # Many threads raise this one object: each begins its own traceback.
        return self._failure.with_traceback(None)
