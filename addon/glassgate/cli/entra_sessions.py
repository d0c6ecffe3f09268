"""Lends what a live session keeps of its provider, and puts it back as it came of it."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from glassgate.access.seal import Purpose, Seal, SealError
from glassgate.access.session import Session
from glassgate.config.settings import Settings
from glassgate.gate.exchange import run
from glassgate.gate.recheck import LEASE
from glassgate.gate.sessions import Sessions
from glassgate.oidc.doctor.case import Lent, NothingLentError
from glassgate.oidc.kept import Kept
from glassgate.oidc.provider import Provider
from glassgate.state.keyring import FILE, KeyRing
from glassgate.state.open import open_store
from glassgate.state.store import Store

SIGN_IN = "Sign in once, and ask again."


class Lender:
    """Lends from the sessions of a configuration. The store is opened when it is first asked, and nothing is made."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._store: Store | None = None

    def borrow(self, provider: Provider) -> Lent:
        """What some live session of the provider's keeps. No gate asks for that session meanwhile.

        Raises NothingLentError, and StoreError and StartError where keys or store cannot be read.
        """
        self._check_there()
        self._store = self._store or open_store(self._settings.store)
        seal = Seal(KeyRing.open(self._settings.state / "keys", self._clock()).secrets)
        for session in self._live(self._store, provider):
            if lent := self._lent(Sessions(self._store), seal, session):
                return lent
        raise NothingLentError(f"nobody is signed in through {provider.id} with a refresh token", SIGN_IN)

    def close(self) -> None:
        """Let go of the store."""
        if self._store:
            self._store.close()

    def _check_there(self) -> None:
        kind, _, place = self._settings.store.partition(":")
        if kind == "memory":
            raise NothingLentError(
                "the sessions are in the gate's memory (`store: memory:`), where nobody else can look",
                "Name a store that is on disk, `sqlite:state/glassgate.db`, restart the gate and sign in once.",
            )
        keys = self._settings.state / "keys" / FILE
        if not keys.exists() or (kind == "sqlite" and not Path(place).exists()):
            raise NothingLentError("no gate has run with this configuration yet", f"Start it. {SIGN_IN}")

    def _live(self, store: Store, provider: Provider) -> Iterator[Session]:
        now = self._clock()
        for key in store.find("session", "", now):
            session = run(Sessions(store).by_id(key, now))
            if session and session.identity.provider == provider.id and session.asking and session.stands:
                yield session

    def _lent(self, sessions: Sessions, seal: Seal, session: Session) -> Lent | None:
        """The loan, or None where somebody else asks for that session just now."""
        now = self._clock()
        owner = secrets.token_urlsafe(9)
        if not run(sessions.lease(session.id, owner, now + LEASE, now)):
            return None
        # It may have been asked for since it was read.
        current = run(sessions.by_id(session.id, now))
        kept = self._opened(seal, current, now)
        if current is None or kept is None:
            run(sessions.let_go(session.id, owner, now))
            return None

        def give_back(newer: Kept) -> None:
            at = self._clock()
            if newer != kept and current.asking:
                sealed = seal.close(Purpose.KEPT, newer.to_json(), at)
                # Where it changed meanwhile, somebody signed in anew: that one has the newer token.
                run(sessions.replace(current, replace(current, asking=replace(current.asking, kept=sealed)), at))
            run(sessions.let_go(current.id, owner, at))

        return Lent(kept, current.identity.name or current.identity.subject, give_back)

    def _opened(self, seal: Seal, session: Session | None, now: float) -> Kept | None:
        if session is None or session.asking is None:
            return None
        lifetime = self._settings.session_duration + 60
        try:
            return Kept.from_json(seal.open(Purpose.KEPT, session.asking.kept, now, lifetime))
        except (SealError, TypeError):
            return None
