"""Opens the store that an address names."""

from pathlib import Path

from glassgate.errors import StartError
from glassgate.state.memory import MemoryStore
from glassgate.state.sqlite import SqliteStore
from glassgate.state.store import Store


def open_store(url: str) -> Store:
    """Open "memory:" or "sqlite:/absolute/path". Raises StartError where that cannot be."""
    if url == "memory:":
        return MemoryStore()
    kind, _, place = url.partition(":")
    if kind == "sqlite" and Path(place).is_absolute():
        return SqliteStore(Path(place))
    # The address may hold a password, so it is not repeated.
    raise StartError("the store's address is not known", where="store", mend="memory: or sqlite:/absolute/path")
