"""`glassgate keys`: the keys that sign application tokens, and new ones in their place while the gate runs."""

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from glassgate.cli.beside import caller, write_down
from glassgate.cli.options import config_option, json_option
from glassgate.cli.times import for_people, for_programs
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.errors import StartError
from glassgate.record.events import Action, Event
from glassgate.state.keyring import FILE, KEEP, KeyRing, SigningKey


@click.group(short_help="See and rotate the keys of application tokens.")
def keys() -> None:
    """See and rotate the keys that sign application tokens."""


@keys.command("list", short_help="List the keys whose tokens count.")
@config_option
@json_option
def list_keys(path: Path, as_json: bool) -> None:
    """List the keys whose tokens count: the one that signs, then those before it."""
    ring, _ = _ring(path)
    _print(ring, as_json)


@keys.command(short_help="Have a new key sign from now on.")
@config_option
@json_option
@click.option("--compromised", is_flag=True, help="Let nothing count any more that the keys before signed or sealed.")
def rotate(path: Path, as_json: bool, compromised: bool) -> None:
    """Have a new key sign from now on. A gate that runs takes it at once.

    The keys before stay until the last token that they signed has ended, so nobody notices. With --compromised they go
    at once: browsers fetch new tokens by their sessions, which stand; sign-ins under way begin anew, and who is asked
    for again at a provider signs in there once.
    """
    ring, settings = _ring(path)
    now = time.time()
    ring.rotate(now, compromised=compromised)
    details = (f"kid {ring.signing.kid}", *(("compromised",) if compromised else ()), caller("keys rotate"))
    write_down(settings, Event(Action.KEYS_ROTATED, now, "", details=details))
    _print(ring, as_json)


def _ring(path: Path) -> tuple[KeyRing, Settings]:
    settings = load(path, os.environ)
    folder = settings.state / "keys"
    if not (folder / FILE).exists():
        raise StartError("there are no keys yet", where=str(folder), mend="start the gate once: it makes them")
    return KeyRing.open(folder, time.time()), settings


def _print(ring: KeyRing, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_told(key) for key in ring.verifying], indent=2))
        return
    for key in ring.verifying:
        click.echo(f"{key.kid}  made {for_people(key.created)} UTC, {_state(key)}")


def _state(key: SigningKey) -> str:
    if key.retired_at is None:
        return "signs"
    return f"signed until {for_people(key.retired_at)}, counts until {for_people(key.retired_at + KEEP)}"


def _told(key: SigningKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "signs": key.retired_at is None,
        "created": for_programs(key.created),
        "retired": for_programs(key.retired_at),
    }
