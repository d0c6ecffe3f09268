"""`glassgate lab`: what goes wrong in the lab's tenant, and what becomes of its users and keys. Kept until undone."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glassgate.cli.lab_switched import Switched, as_lines, switched
from glassgate.cli.options import config_option, json_option
from glassgate.cli.table import table
from glassgate.config.lab_values import AADSTS_EXAMPLES, LAB_FAULTS, lab_fault, says
from glassgate.config.load import load
from glassgate.config.problems import BadValueError
from glassgate.config.settings import LabSettings
from glassgate.config.values import object_id
from glassgate.errors import did_you_mean
from glassgate.state.open import open_store

if TYPE_CHECKING:
    from glassgate.lab.tenant.directory import Person
    from glassgate.lab.tenant.switches import Switchboard, UserSwitch

FAULTS = "\b\nFaults:\n" + "\n".join(
    [
        *(f"  {name:<21} {what}" for name, what in LAB_FAULTS.items()),
        *(f"  {name:<21} {says(name)}, or any other" for name in AADSTS_EXAMPLES),
    ]
)


@click.group(short_help="Turn the lab's tenant: faults, users, keys.")
def lab() -> None:
    """Turn the lab's tenant: its faults, its users, its keys.

    A lab that runs heeds at once. What is switched stays so, over restarts too, until it is undone: `lab list` shows
    it, `lab reset` undoes it all.
    """


@lab.command("list", short_help="List what is switched, and how to undo it.")
@config_option
@json_option
def list_switched(path: Path, as_json: bool) -> None:
    """List what is switched, each with the command that undoes it."""
    with _reached(path) as reached:
        found = _switched(reached)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        click.echo("\n".join(as_lines(found)) if found else "Nothing is switched.")


@lab.command(short_help="Undo all that is switched.")
@config_option
def reset(path: Path) -> None:
    """Undo all that is switched: the lab is as the configuration says again. Keys that were rotated stay."""
    from glassgate.lab.tenant.switches import Switches

    with _reached(path) as reached:
        before = _switched(reached)
        reached.board.change(lambda _: Switches(), reached.now)
        after = _switched(reached)
    undone = [one.what for one in before if one not in after]
    click.echo("\n".join(f"Undone: {what}." for what in undone) if undone else "There was nothing to undo.")
    _say_standing(reached)


@lab.group()
def fault() -> None:
    """Let the tenant do something wrong, to see what comes of it."""


@lab.group()
def user() -> None:
    """Do to a user what an administrator could do in Entra.

    NAME is `alice`, or whole where another tenant is meant: `dave@fabrikam.example`.
    """


@lab.group()
def keys() -> None:
    """Look after the keys that the tenant signs with."""


def _read_fault(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _read(lab_fault, text)


def _read_groups(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_read(object_id, text) for text in texts)


def _read(reader: Callable[[str], str], text: str) -> str:
    try:
        return reader(text)
    except BadValueError as no:
        raise click.BadParameter(f"{no.what}: {no.mend}" if no.mend else no.what) from no


@fault.command("set", short_help="Let one thing go wrong from now on.", epilog=FAULTS)
@config_option
@click.argument("name", callback=_read_fault)
@click.option("--seconds", type=click.FloatRange(0, 60), help="How slow; for graph429, its Retry-After.")
@click.option("--times", type=click.IntRange(1, 10_000), help="How often. Default: until it is cleared.")
def set_fault(path: Path, name: str, seconds: float | None, times: int | None) -> None:
    """Let one thing go wrong from now on."""
    from glassgate.lab.tenant.switches import SECONDS, Fault

    if seconds is not None and name not in SECONDS:
        raise click.UsageError(f"`{name}` takes no --seconds: only {' and '.join(SECONDS)} do.")
    with _reached(path) as reached:
        reached.board.change(lambda switches: switches.with_fault(Fault(name, seconds, times)), reached.now)
    often = "until it is cleared" if times is None else "once" if times == 1 else f"{times} times"
    click.echo(f"From now on {says(name)}, {often}.")


@fault.command("list", short_help="List what goes wrong now.")
@config_option
@json_option
def list_faults(path: Path, as_json: bool) -> None:
    """List what goes wrong now."""
    with _reached(path) as reached:
        commanded = reached.board.commanded(reached.now).faults
        found = [
            {
                "name": one.name,
                "seconds": one.pause or None,
                "times": one.times,
                "from": "command" if one.name in commanded else str(path),
                "says": says(one.name),
            }
            for one in reached.board.read(reached.now).faults.values()
        ]
    click.echo(json.dumps(found, indent=2) if as_json else _as_table(found))


@fault.command("clear", short_help="Let it go right again: one fault, or all.")
@config_option
@click.argument("name", required=False, callback=_read_fault)
def clear_fault(path: Path, name: str | None) -> None:
    """Let it go right again: one fault, or all of them."""
    with _reached(path) as reached:
        there = [one for one in reached.board.commanded(reached.now).faults if name in (None, one)]
        reached.board.change(lambda switches: switches.without_faults(there), reached.now)
    click.echo(f"Cleared: {', '.join(there)}." if there else "There was nothing to clear.")
    _say_standing(reached, name)


@user.command(short_help="Take no sign-in and no refresh token of a user.")
@config_option
@click.argument("name")
def disable(path: Path, name: str) -> None:
    """Take no sign-in and no refresh token of a user any more."""
    who = _switch(path, name, lambda switch, now: replace(switch, disabled=True))
    click.echo(f"{who.upn} is disabled: no sign-in and no refresh token of theirs is taken.")


@user.command(short_help="Let a user sign in again.")
@config_option
@click.argument("name")
def enable(path: Path, name: str) -> None:
    """Let a user sign in again, and take their refresh tokens."""
    who = _switch(path, name, lambda switch, now: replace(switch, disabled=False))
    click.echo(f"{who.upn} may sign in.")


@user.command(short_help="End a user's sessions and refresh tokens.")
@config_option
@click.argument("name")
def revoke(path: Path, name: str) -> None:
    """End what a user was granted up to now: sessions at the tenant, and refresh tokens."""
    who = _switch(path, name, lambda switch, now: replace(switch, revoked=now))
    click.echo(f"What {who.upn} was granted up to now is good no more.")


@user.command(short_help="Put a user into groups, or take them out.")
@config_option
@click.argument("name")
@click.option("--add", multiple=True, metavar="ID", callback=_read_groups, help="A group's object id; repeatable.")
@click.option("--remove", multiple=True, metavar="ID", callback=_read_groups, help="Likewise.")
def groups(path: Path, name: str, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    """Put a user into groups, or take them out."""
    if not add and not remove:
        raise click.UsageError("Say which: --add ID, --remove ID, or both.")
    who = _switch(path, name, lambda switch, now: switch.with_groups(add, remove))
    count = len(who.groups)
    click.echo(f"{who.upn} is in {count} group{'' if count == 1 else 's'} now.")


@keys.command(short_help="Let the next key sign.")
@config_option
def rotate(path: Path) -> None:
    """Let the next key sign, which clients know already, and publish another one ahead.

    Clients that keep keys meet one that they do not know when this is done twice.
    """
    from glassgate.lab.tenant.keys import SigningKeys

    with _reached(path) as reached:
        ring = SigningKeys.open(reached.folder, reached.now)
        ring.rotate(reached.now)
        click.echo(f"The tenant signs with {ring.published[0].kid} now, and next with {ring.published[1].kid}.")


@dataclass(frozen=True, slots=True)
class Reached:
    """A lab, whether it runs now or not: its switches, reached through its store, and its folder."""

    path: Path
    lab: LabSettings
    board: "Switchboard"
    folder: Path
    now: float

    @property
    def people(self) -> "list[Person]":
        """Everyone who has an account, the main tenant's first."""
        from glassgate.lab.tenant.tenants import make_tenants

        return [person for tenant in make_tenants(self.lab) for person in tenant.people.values()]


@contextlib.contextmanager
def _reached(path: Path) -> Iterator[Reached]:
    from glassgate.lab.tenant.switches import Switchboard

    settings = load(path, os.environ)
    if settings.lab is None:
        raise click.UsageError(f"There is no lab in {path}: write `lab: {{enabled: true}}`, or name another with -c.")
    if settings.store == "memory:":
        raise click.UsageError(
            f"The store of {path} is memory:, which no other program reaches: write `store: sqlite:state/glassgate.db`."
        )
    store = open_store(settings.store)
    try:
        yield Reached(path, settings.lab, Switchboard(store, settings.lab.faults), settings.state / "lab", time.time())
    finally:
        store.close()


def _switch(path: Path, name: str, edit: "Callable[[UserSwitch, float], UserSwitch]") -> "Person":
    """Do something to a user. The answer has the groups that they are in then."""
    with _reached(path) as reached:
        who = _named(reached, name)
        after = reached.board.change(
            lambda switches: switches.with_user(who.upn, edit(switches.user(who.upn), reached.now)), reached.now
        )
    return replace(who, groups=after.user(who.upn).groups(who.groups))


def _named(reached: Reached, name: str) -> "Person":
    everyone, wanted = reached.people, name.lower()
    for person in everyone:
        if person.upn == wanted:
            return person
    bare = [person for person in everyone if person.upn.partition("@")[0] == wanted]
    if len({person.account for person in bare}) > 1:
        raise click.UsageError(f"The lab has several `{name}`: write {' or '.join(person.upn for person in bare)}.")
    for person in bare:  # a guest here comes before the same account at home
        return person
    names = [person.upn if "@" in wanted else person.upn.partition("@")[0] for person in everyone]
    mend = did_you_mean(wanted, dict.fromkeys(names))
    raise click.UsageError(f"The lab has no user `{name}`: {mend or 'it has none at all'}")


def _switched(reached: Reached) -> tuple[Switched, ...]:
    return switched(reached.board, reached.people, reached.path, reached.now)


def _say_standing(reached: Reached, name: str | None = None) -> None:
    """Where faults of the file go on happening, say so, and end with 1."""
    standing = [one for one in reached.board.standing if name in (None, one)]
    if standing:
        click.echo(f"{', '.join(standing)}: stands in {reached.path}. Take it out of `lab.faults` there.", err=True)
        sys.exit(1)


def _as_table(found: list[dict[str, Any]]) -> str:
    if not found:
        return "Nothing goes wrong."
    rows = [("FAULT", "SECONDS", "TIMES", "FROM", "")]
    for one in found:
        seconds = "" if one["seconds"] is None else f"{one['seconds']:g}"
        rows.append((one["name"], seconds, str(one["times"] or ""), one["from"], one["says"]))
    return "\n".join(table(rows))
