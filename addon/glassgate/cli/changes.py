"""A configuration that changes while the gate runs: checked as at a start, then taken whole, or refused and told."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from glassgate.cli.materials import materials
from glassgate.config.load import load
from glassgate.config.restart import changed, need_restart
from glassgate.config.settings import Settings
from glassgate.config.watched import Stamps, Watched, stamps_of
from glassgate.errors import ConfigError, GlassgateError
from glassgate.mitm.core import Core
from glassgate.record.events import Action, Event
from glassgate.record.recorder import Recorder

EVERY = 0.5  # seconds between two looks at the files
AGAIN = 20  # looks after which what was refused is tried again: what was missing may be there by now

logger = logging.getLogger("glassgate")

type Make = Callable[[Settings], Core]  # raises GlassgateError


class Changes:
    """Looks whether the files of a configuration changed. `take` gets what was made of a change."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], make: Make, recorder: Recorder) -> None:
        self._settings = settings
        self._environ = environ
        self._make = make
        self._recorder = recorder
        self._in_force = stamps_of(settings.files)
        self._watched = Watched(self._in_force)
        self._refused: tuple[str, ...] = ()
        self._looks = 0  # since it was refused

    def look(self, take: Callable[[Core], None]) -> None:
        """Look once. Cheap where nothing changed: the times of some files."""
        self._looks += 1
        stamps = stamps_of(self._in_force)
        has_changed = self._watched.have_changed(stamps)
        if not has_changed and (not self._refused or self._looks % AGAIN):
            return
        if problems := self._tried(stamps, take):
            # A certificate that was made for it is no change.
            self._watched = Watched(stamps | stamps_of(self._settings.certificates))
            self._refuse(problems, is_new=has_changed)

    def _tried(self, stamps: Stamps, take: Callable[[Core], None]) -> tuple[GlassgateError, ...]:
        """Take what the files say; else every reason why not."""
        try:
            self._try(stamps, take)
        except ConfigError as fault:
            return fault.problems
        except GlassgateError as fault:
            return (fault,)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the next change must be looked at
            return (GlassgateError(f"it could not be read: {type(fault).__name__}"),)
        return ()

    def _try(self, stamps: Stamps, take: Callable[[Core], None]) -> None:
        """Take what the files say. `stamps`: how they looked before. Raises GlassgateError."""
        fresh = replace(load(self._settings.path, self._environ), worker=self._settings.worker)
        if problems := tuple(need_restart(self._settings, fresh)):
            raise ConfigError(problems)
        found = materials(fresh, time.time())
        if found.problems:
            raise ConfigError(found.problems)
        # A file that was looked at before it was read, for it may have changed since; but what we made is no change.
        known = {path: stamp for path, stamp in stamps.items() if path not in fresh.certificates}
        stamps = {path: known.get(path, stamp) for path, stamp in stamps_of(fresh.files).items()}
        take(self._make(fresh))
        others = [path.name for path in fresh.files if path != fresh.path and stamps[path] != self._in_force.get(path)]
        what = ", ".join((*changed(self._settings, fresh), *others)) or "nothing of it is new"
        self._settings, self._in_force, self._watched, self._refused = fresh, stamps, Watched(stamps), ()
        for warning in found.warnings:
            logger.warning("%s", warning)
        logger.warning("The configuration has changed, and is in force: %s.", what)
        self._recorder.tell(Event(Action.CONFIG_TAKEN, time.time(), "", allowed=True, details=(what,)))

    def _refuse(self, problems: tuple[GlassgateError, ...], *, is_new: bool) -> None:
        said = tuple(map(str, problems))
        if said == self._refused and not is_new:
            return
        self._refused, self._looks = said, 0
        for line in said:
            logger.error("%s", line)
        logger.error("The configuration has changed, and is not taken: the one before stays in force.")
        self._recorder.tell(Event(Action.CONFIG_REFUSED, time.time(), "", details=said))
