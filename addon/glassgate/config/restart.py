"""What of a configuration cannot change while the gate runs: where it listens, who it is, what it remembers."""

from collections.abc import Iterator

from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError

# Names of keys at the top of the file, which are names of settings, too.
AT_START = ("team", "listen", "state", "store", "audit", "metrics", "lab")


def need_restart(old: Settings, new: Settings) -> Iterator[GlassgateError]:
    """What differs and must not, each with its place."""
    for key in AT_START:
        if getattr(old, key) != getattr(new, key):
            where = new.places.get((key,), str(new.path))
            what = f"`{key}` cannot change while the gate runs"
            yield GlassgateError(what, where=where, mend="restart the gate, or take this change back")


def changed(old: Settings, new: Settings) -> tuple[str, ...]:
    """What differs and may, by the names of settings."""
    names = ("apps", "providers", "session_duration", "idle_timeout", "trusted_proxies", "certificates", "limits")
    return tuple(name for name in names if getattr(old, name) != getattr(new, name))
