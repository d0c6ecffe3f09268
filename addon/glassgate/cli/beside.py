"""What commands share that work beside a gate that runs: its store, and lines in its audit log."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from glassgate.config.settings import Settings
from glassgate.record.audit import AuditLog
from glassgate.record.events import Event
from glassgate.state.open import open_store
from glassgate.state.store import Store

IN_MEMORY = (
    "The store is in the gate's own memory (`store: memory:`), where no other program reaches it. "
    "Write `store: sqlite:state/glassgate.db` and restart the gate; with memory, a restart ends all sessions."
)


@contextmanager
def opened(settings: Settings, *, make: bool) -> Iterator[Store]:
    """The store of a gate. Of one that has never run an empty one is made, or nothing, as `make` says."""
    if settings.store == "memory:":
        raise click.UsageError(IN_MEMORY)
    kind, _, place = settings.store.partition(":")
    never_ran = kind == "sqlite" and not Path(place).exists()
    store = open_store("memory:" if never_ran and not make else settings.store)
    try:
        yield store
    finally:
        store.close()


def write_down(settings: Settings, *events: Event) -> None:
    """Add lines to the audit log, where there is one."""
    if settings.audit is None or not events:
        return
    audit = AuditLog(settings.audit, queue_size=len(events))
    for event in events:
        audit.write(event)
    audit.close()


def caller(command: str) -> str:
    """Who called a command, for the audit log."""
    return f"by {getpass.getuser()}, `glassgate {command}`"
