"""Whose a target is: the app of a host and a path, in every reading that an origin may give it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from glassgate.access.app import App
from glassgate.access.domain import Domain
from glassgate.gate.target import BadRequestError, spellings

LONGEST_HOST = 253  # RFC 1035 section 2.3.4, as text
MOST_REMEMBERED = 4096  # hosts that patterns cover, of which visitors may make up as many as they like


class Apps(Mapping[str, App]):
    """Every app by each of its domains, as configured. Of each app that comes from here, `here` is that domain."""

    def __init__(self, apps: Iterable[App]) -> None:
        self._all = {text: replace(app, here=Domain.read(text)) for app in apps for text in app.domains}
        self._ranked = sorted(self._all.values(), key=lambda app: app.here.weight, reverse=True)
        self._patterns = any(app.here.is_pattern for app in self._ranked)
        named = {app.here.host for app in self._ranked if not app.here.is_pattern}
        self._by_host = {host: self._covering(host) for host in named}
        self._like = lru_cache(MOST_REMEMBERED)(self._covering)

    def __getitem__(self, domain: str) -> App:
        return self._all[domain]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def at(self, host: str) -> tuple[App, ...]:
        """The apps of a host (lower case), by each of their domains there, the most specific first."""
        found = self._by_host.get(host)
        if found is not None:
            return found
        return self._like(host) if self._patterns and len(host) <= LONGEST_HOST else ()

    def of(self, host: str, path: str) -> App | None:
        """The app of a path at a host; None where no app has it.

        Raises BadRequestError where one origin would take the path for one app's, and another for another's.
        """
        apps = self.at(host)
        if apps and not apps[0].here.path:
            return apps[0]
        found = _first(apps, path)
        for spelling in spellings(path):
            for other in (_first(apps, spelling), _in_any_case(apps, spelling)):
                if _aud(other) != _aud(found):
                    raise BadRequestError("target_ambiguous", "the address could be read as another application's")
        return found

    def each(self) -> tuple[App, ...]:
        """Every app once, by its first domain with an address of its own; by a pattern where it has no other."""
        by_aud: dict[str, App] = {}
        for app in sorted(self._all.values(), key=lambda app: app.here.is_pattern):
            by_aud.setdefault(app.aud, app)
        return tuple(by_aud[aud] for aud in dict.fromkeys(app.aud for app in self._all.values()))

    def _covering(self, host: str) -> tuple[App, ...]:
        return tuple(app for app in self._ranked if app.here.covers_host(host))


def path_of(target: str) -> str:
    """A target without its query."""
    return target.partition("?")[0]


def _first(apps: tuple[App, ...], path: str) -> App | None:
    return next((app for app in apps if app.here.covers(path)), None)


def _in_any_case(apps: tuple[App, ...], path: str) -> App | None:
    return next((app for app in apps if app.here.covers_in_any_case(path)), None)


def _aud(app: App | None) -> str | None:
    return app.aud if app else None
