"""A store with very many sessions, and the gate over it in this process."""

import contextlib
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import cast

from bench.signed_in import GROUPS, Gate, person
from glassgate.access.seal import Seal
from glassgate.gate.apps import Apps
from glassgate.gate.evaluations import Evaluations
from glassgate.gate.kept_forms import KeptForms
from glassgate.gate.pace import Pace
from glassgate.gate.service_tokens import ServiceTokens
from glassgate.gate.sessions import Sessions
from glassgate.gate.site import Site
from glassgate.oidc.http import open_http
from glassgate.state.memory import MemoryStore
from glassgate.state.open import open_store
from glassgate.state.store import Change, Store

VISITORS = 200  # of those sessions, how many are of browsers that ask
INSERT = "INSERT INTO entries (space, key, value, expires) VALUES (?, ?, ?, ?)"
AT_ONCE = 1000  # sessions in a transaction; one for each would be a sync to the disk for each


@dataclass
class Noted:
    """Takes down what the gate writes, so that very much of it can be written at once."""

    entries: list[tuple[str, str, bytes, float]] = field(default_factory=list)

    def put(self, space: str, key: str, value: bytes, expires: float) -> None:
        """Note it."""
        self.entries.append((space, key, value, expires))

    def change(self, changes: Sequence[Change]) -> None:
        """Note them: of a session that begins nothing is forgotten."""
        self.entries += [(one.space, one.key, one.value or b"", one.expires) for one in changes]


def fill(gate: Gate, count: int, now: float) -> list[str]:
    """Begin so many sessions in the store; the cookies of the last VISITORS of them. Those are in 50 groups each, the
    others in 5."""
    open_store(gate.settings.store).close()  # makes the file
    cookies: list[str] = []
    with contextlib.closing(sqlite3.connect(gate.settings.store.partition(":")[2])) as connection:
        for numbers in batched(range(count), AT_ONCE):
            noted = Noted()
            for number in numbers:
                visits = number >= count - VISITORS
                who = person(f"user-{number}", GROUPS if visits else 5)
                nonce = gate.begin(cast(Store, noted), who, now)
                if visits:
                    cookies.append(gate.cookie(who, nonce, now))
            with connection:
                connection.executemany(INSERT, noted.entries)
    return cookies


def site_of(gate: Gate, sessions: Sessions) -> Site:
    """The gate of a configuration, without a provider: who is signed in needs none."""
    settings = gate.settings
    return Site(
        team=settings.team.host,
        port=settings.team.port,
        apps=Apps(settings.apps),
        lab_hosts=frozenset(),
        parties={},
        session_duration=settings.session_duration,
        trusted_proxies=settings.trusted_proxies,
        keys=gate.keys,
        seal=Seal(gate.keys.secrets),
        sessions=sessions,
        evaluations=Evaluations("", gate.keys.secrets, open_http(None), secrets.token_urlsafe),
        service_tokens=ServiceTokens(MemoryStore()),
        forms=KeptForms(MemoryStore()),
        pace=Pace(),
        verified={},
        chance=secrets.token_urlsafe,
    )
