"""`glassgate sessions`: who is signed in, and how that is ended while the gate runs."""

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from glassgate.cli.beside import caller, opened, write_down
from glassgate.cli.explained import readable
from glassgate.cli.options import config_option, json_option, named_app
from glassgate.cli.table import table
from glassgate.cli.times import for_people, for_programs
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.gate.roll import Enrolled, enrolled, revoke
from glassgate.record.events import Action, Event


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which sessions are meant; of nothing said, all."""

    user: str | None = None
    app: str | None = None  # its AUD tag
    id: str | None = None

    def takes(self, one: Enrolled) -> bool:
        """Whether a session is meant."""
        return (
            (self.user is None or one.is_of(self.user))
            and (self.app is None or self.app in one.audiences)
            and (self.id is None or one.session.id == self.id)
        )


def _choice[F: Callable[..., Any]](command: F) -> F:
    """--user, --app and --id: with several of them, sessions that are all of it."""
    user = click.option("--user", metavar="EMAIL", help="Of this user: their e-mail address, or their user id.")
    app = click.option("--app", "name", metavar="NAME", help="Those that have this app open.")
    one = click.option("--id", "key", metavar="ID", help="The one of this id.")
    return user(app(one(command)))


@click.group(short_help="See who is signed in, and end sessions.")
def sessions() -> None:
    """See who is signed in, and end sessions. A gate that runs heeds at once."""


@sessions.command("list", short_help="List the sessions that live.")
@config_option
@json_option
@_choice
def list_sessions(path: Path, as_json: bool, user: str | None, name: str | None, key: str | None) -> None:
    """List the sessions that live: whose, since when, until when, and which apps they have open."""
    settings, now = load(path, os.environ), time.time()
    chosen = Chosen(user, _aud(settings, name), key)
    with opened(settings, make=False) as store:
        found = sorted(filter(chosen.takes, enrolled(store, now)), key=lambda one: one.session.created)
    apps = {app.aud: app.name for app in settings.apps}
    if as_json:
        click.echo(json.dumps([_told(one, apps) for one in found], indent=2))
    else:
        click.echo(_as_text(found, apps))


@sessions.command("revoke", short_help="End sessions, by user, app, id, or all.")
@config_option
@json_option
@_choice
@click.option("--all", "everything", is_flag=True, help="Every session there is.")
def revoke_sessions(
    path: Path, as_json: bool, user: str | None, name: str | None, key: str | None, everything: bool
) -> None:
    """End sessions: their next request is refused, their WebSockets close within five seconds, and the browser has
    to prove its user anew at the identity provider, password and all.

    A session is one browser's sign-in, for all its apps: with --app it ends for those who have that app open.
    """
    if everything == any((user, name, key)):
        raise click.UsageError("Say whose sessions shall end: --user, --app or --id; or --all.")
    settings, now = load(path, os.environ), time.time()
    chosen = Chosen(user, _aud(settings, name), key)
    with opened(settings, make=False) as store:
        found = list(filter(chosen.takes, enrolled(store, now)))
        revoke(store, (one.session for one in found), now, secrets.token_urlsafe(9))
    write_down(settings, *(_ended(one, now) for one in found))
    apps = {app.aud: app.name for app in settings.apps}
    if as_json:
        click.echo(json.dumps([_told(one, apps) for one in found], indent=2))
    else:
        click.echo(f"{_counted(found)} ended." if found else "There is no such session.")


def _aud(settings: Settings, name: str | None) -> str | None:
    return None if name is None else named_app(settings, name).aud


def _ended(one: Enrolled, now: float) -> Event:
    """What the audit log is told of it."""
    identity = one.session.identity
    return Event(
        Action.REVOKED, now, "", user_id=identity.user_id, email=identity.email, provider=identity.provider,
        details=(f"session {one.session.id}", caller("sessions revoke")),
    )  # fmt: skip


def _told(one: Enrolled, apps: dict[str, str]) -> dict[str, Any]:
    session, identity = one.session, one.session.identity
    return {
        "id": session.id,
        "email": identity.email,
        "unverified_email": identity.unverified_email,
        "user_id": identity.user_id,
        "name": identity.name,
        "provider": identity.provider,
        "created": for_programs(session.created),
        "expires": for_programs(session.expires),
        "last_used": for_programs(one.used),
        "waits_for_sign_in": not session.stands,
        "apps": _apps(one, apps),
    }


def _apps(one: Enrolled, apps: dict[str, str]) -> list[str]:
    # An app that left the configuration has a tag and no name.
    return sorted(apps.get(aud, aud[:12]) for aud in one.audiences)


def _as_text(found: list[Enrolled], apps: dict[str, str]) -> str:
    rows = [("ID", "USER", "PROVIDER", "SINCE (UTC)", "UNTIL (UTC)", "APPS")]
    for one in found:
        session, identity = one.session, one.session.identity
        who = identity.email or identity.unverified_email or identity.name or identity.user_id
        since, until = for_people(session.created), for_people(session.expires)
        rows.append((session.id, readable(who), identity.provider, since, until, ", ".join(_apps(one, apps)) or "-"))
    return "\n".join([*table(rows), "", f"{_counted(found)}."]) if found else "Nobody is signed in."


def _counted(found: list[Enrolled]) -> str:
    return f"{len(found)} session{'' if len(found) == 1 else 's'}"
