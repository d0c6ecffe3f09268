"""What is switched in the lab, each thing with what undoes it: switches stay, over restarts too, until undone."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glassgate.cli.options import DEFAULT, as_typed
from glassgate.config.lab_values import says

if TYPE_CHECKING:
    from glassgate.lab.tenant.directory import Person
    from glassgate.lab.tenant.switches import Fault, Switchboard, UserSwitch


@dataclass(frozen=True, slots=True)
class Switched:
    """One thing that is switched, in words. `undo` is a command, or what else to do."""

    what: str
    undo: str


def switched(board: "Switchboard", people: Iterable["Person"], path: Path, now: float) -> tuple[Switched, ...]:
    """What is switched now: faults first, then users. `path` is the configuration that the commands shall name."""
    commanded, everything = board.commanded(now), board.read(now)
    groups = {person.upn: person.groups for person in people}
    found = [_fault(fault, path, commanded.faults) for fault in everything.faults.values()]
    for upn, switch in sorted(commanded.users.items()):
        found += _user(upn, switch, groups.get(upn, ()), path)
    return tuple(found)


def command(path: Path, *words: str) -> str:
    """A command of `lab`, as one would type it in a checkout."""
    here = as_typed(path)
    return " ".join(("./run.sh lab", *words, *(() if here == str(DEFAULT) else ("-c", here))))


def as_lines(found: Sequence[Switched]) -> list[str]:
    """The list in two columns, what and how to undo it."""
    wide = max((len(one.what) for one in found), default=0)
    return [f"{one.what.ljust(wide)}  {one.undo}" for one in found]


def _fault(fault: "Fault", path: Path, commanded: Mapping[str, "Fault"]) -> Switched:
    if fault.name not in commanded:
        return Switched(says(fault.name), f"take `{fault.name}` out of `lab.faults` in {as_typed(path)}")
    often = "" if fault.times is None else f", {fault.times} time{'' if fault.times == 1 else 's'} more"
    return Switched(says(fault.name) + often, command(path, "fault", "clear", fault.name))


def _user(upn: str, switch: "UserSwitch", configured: tuple[str, ...], path: Path) -> Iterator[Switched]:
    if switch.disabled:
        yield Switched(f"{upn} is disabled", command(path, "user", "enable", upn))
    if switch.revoked is not None:
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(switch.revoked))
        yield Switched(f"what {upn} was granted till {until} is revoked", "signing in again is enough")
    # What was put in and taken out again, or was never in, makes no difference.
    added = [one for one in switch.added if one not in configured]
    removed = [one for one in switch.removed if one in configured]
    if added or removed:
        back = [*(f"--remove {one}" for one in added), *(f"--add {one}" for one in removed)]
        told = [f"{len(added)} more"] if added else []
        told += [f"{len(removed)} less"] if removed else []
        yield Switched(f"{upn} has groups: {' and '.join(told)}", command(path, "user", "groups", upn, *back))
