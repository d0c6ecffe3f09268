"""What is switched while the lab runs: faults, and what becomes of its users. Kept in the store, so that anyone may.

All of it is one entry of the store, so that a request of the tenant reads it once.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from glassgate.config.lab_values import AADSTS
from glassgate.errors import StoreError
from glassgate.state.store import Store

SPACE, KEY = "lab_switch", "all"
FOR_EVER = 4_102_444_800.0  # 2100: a switch stays until it is switched back
TRIES = 50  # of a change that others came before
SECONDS = {"slow": 3.0, "graph429": 2.0}  # what takes a number of seconds, and which, where none is said


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `times`: how often it still happens; None: until it is cleared."""

    name: str
    seconds: float | None = None
    times: int | None = None

    @property
    def pause(self) -> float:
        """The seconds that it is about: a delay, or what Retry-After says."""
        return SECONDS.get(self.name, 0.0) if self.seconds is None else self.seconds


@dataclass(frozen=True, slots=True)
class UserSwitch:
    """What was done to one user."""

    disabled: bool = False
    revoked: float | None = None  # what was granted before this time, Unix seconds, is good no more
    added: tuple[str, ...] = ()  # group ids
    removed: tuple[str, ...] = ()

    def groups(self, configured: Iterable[str]) -> tuple[str, ...]:
        """The user's groups by now."""
        return tuple(one for one in dict.fromkeys((*configured, *self.added)) if one not in self.removed)

    def with_groups(self, add: Iterable[str], remove: Iterable[str]) -> "UserSwitch":
        """The same user in other groups. What was done before is taken back where it says the opposite."""
        add, remove = tuple(add), tuple(remove)
        added = dict.fromkeys([*(one for one in self.added if one not in remove), *add])
        removed = dict.fromkeys([*(one for one in self.removed if one not in add), *remove])
        return replace(self, added=tuple(added), removed=tuple(removed))


UNTOUCHED = UserSwitch()


@dataclass(frozen=True, slots=True)
class Switches:
    """Everything that is switched. `users` are named by `name@domain`, in lower case."""

    faults: Mapping[str, Fault] = field(default_factory=dict)
    users: Mapping[str, UserSwitch] = field(default_factory=dict)

    def user(self, upn: str) -> UserSwitch:
        """What was done to a user."""
        return self.users.get(upn, UNTOUCHED)

    def aadsts(self, *, at_token: bool) -> Fault | None:
        """The AADSTS error that is to be given at sign-in, or for tokens."""
        return next((one for name, one in self.faults.items() if _is_aadsts(name, at_token)), None)

    def with_fault(self, fault: Fault) -> "Switches":
        """These and one more fault."""
        return replace(self, faults={**self.faults, fault.name: fault})

    def without_faults(self, names: Iterable[str]) -> "Switches":
        """These without some faults."""
        gone = set(names)
        return replace(self, faults={name: one for name, one in self.faults.items() if name not in gone})

    def with_user(self, upn: str, switch: UserSwitch) -> "Switches":
        """These with another state of a user."""
        return replace(self, users={**self.users, upn: switch})


class Switchboard:
    """The switches in the store. `standing` are the faults of the configuration, which are there in any case."""

    def __init__(self, store: Store, standing: Iterable[str] = ()) -> None:
        self._store = store
        self.standing = {name: Fault(name) for name in standing}

    def read(self, now: float) -> Switches:
        """What is switched at this moment. Reads the store once."""
        switches = self.commanded(now)
        return replace(switches, faults={**self.standing, **switches.faults}) if self.standing else switches

    def commanded(self, now: float) -> Switches:
        """The same, without the faults of the configuration."""
        return _parsed(self._store.get(SPACE, KEY, now))

    def change(self, edit: Callable[[Switches], Switches], now: float) -> Switches:
        """Change what is switched; of several changes at once none is lost. Raises StoreError."""
        for _ in range(TRIES):
            before = self._store.get(SPACE, KEY, now)
            after = edit(_parsed(before))
            if self._write(before, _written(after), now):
                return after
        raise StoreError("the lab's switches are being changed all the time")

    def happens(self, fault: Fault | None, now: float) -> Fault | None:
        """The fault, where it is to happen once more; one time less is left of it then."""
        if fault is None or fault.times is None:
            return fault
        spent = False

        def spend(switches: Switches) -> Switches:
            nonlocal spent
            left = switches.faults.get(fault.name)
            spent = left is not None and left.times is not None
            if left is None or left.times is None:
                return switches
            if left.times <= 1:
                return switches.without_faults([left.name])
            return switches.with_fault(replace(left, times=left.times - 1))

        self.change(spend, now)
        return fault if spent else None

    def _write(self, before: bytes | None, after: bytes, now: float) -> bool:
        if before is None:
            return self._store.add(SPACE, KEY, after, FOR_EVER, now)
        return self._store.swap(SPACE, KEY, before, after, FOR_EVER, now)


def _is_aadsts(name: str, at_token: bool) -> bool:
    found = AADSTS.fullmatch(name)
    return found is not None and (found[2] is not None) is at_token


def aadsts_code(fault: Fault) -> int:
    """The number of an AADSTS fault."""
    return int(fault.name.removeprefix("aadsts:").removesuffix("@token"))


def _parsed(value: bytes | None) -> Switches:
    if value is None:
        return Switches()
    said: dict[str, Any] = json.loads(value)
    faults = {one["name"]: Fault(**one) for one in said["faults"]}
    users = {
        upn: UserSwitch(one["disabled"], one["revoked"], tuple(one["added"]), tuple(one["removed"]))
        for upn, one in said["users"].items()
    }
    return Switches(faults, users)


def _written(switches: Switches) -> bytes:
    said = {
        "faults": [asdict(fault) for fault in switches.faults.values()],
        "users": {upn: asdict(switch) for upn, switch in switches.users.items() if switch != UNTOUCHED},
    }
    return json.dumps(said, separators=(",", ":")).encode()
