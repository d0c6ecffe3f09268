"""`glassgate service-tokens`: what programs show of themselves, made and ended while the gate runs."""

import json
import math
import os
import secrets
import shlex
import time
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import click

from glassgate.access.app import App
from glassgate.access.domain import Domain
from glassgate.access.facts import Facts
from glassgate.access.facts import ServiceToken as Shown
from glassgate.access.policy import Decision
from glassgate.access.service_token import FOREVER, Credentials, ServiceToken, made
from glassgate.cli.beside import caller, opened, write_down
from glassgate.cli.options import as_typed, config_option, json_option
from glassgate.cli.table import table
from glassgate.cli.times import for_people, for_programs
from glassgate.config import values
from glassgate.config.load import load
from glassgate.config.problems import BadValueError
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError, did_you_mean
from glassgate.gate import service_tokens as kept
from glassgate.oidc.http import is_loopback_name
from glassgate.record.events import Action, Event

SHORTEST = 60  # seconds that a token lives
LONGEST_GRACE = 30 * 86400  # as Cloudflare Access has it


def _life(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """How long a token lives, in seconds: `8760h`, `365d` or `forever`; None where nothing is said."""
    if value is None or value == "forever":
        return None if value is None else math.inf
    seconds = _seconds(value)
    if seconds < SHORTEST:
        raise click.BadParameter(f"`{value}` is too short: a token lives for a minute at least.")
    return seconds


def _grace(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """How long a secret counts beside the next one, in seconds."""
    seconds = _seconds(value)
    if seconds > LONGEST_GRACE:
        raise click.BadParameter(f"`{value}` is too long: both secrets count for `30d` at most.")
    return seconds


def _seconds(value: str) -> int:
    try:
        return values.duration(value)
    except BadValueError as fault:
        raise click.BadParameter(f"{fault.what}: {fault.mend}.") from None


@click.group("service-tokens", short_help="Make, list, rotate, delete tokens of programs.")
def service_tokens() -> None:
    """Make, list, rotate and delete the tokens of programs. A gate that runs heeds at once."""


@service_tokens.command(short_help="Make one, and show its secret this once.")
@config_option
@json_option
@click.argument("name")
@click.option("--duration", "life", callback=_life, default="8760h", show_default=True, metavar="TIME",
              help="How long it lives: `8760h`, `90d`, or `forever`.")  # fmt: skip
def create(path: Path, as_json: bool, name: str, life: float) -> None:
    """Make a service token by the name of the program that it is for. Its secret is shown this once, and kept nowhere.

    What it opens is for policies to say: `decision: service_auth`, with `service_token: NAME`.
    """
    settings, now = load(path, os.environ), time.time()
    with opened(settings, make=True) as store:
        known = kept.every(store, now)
        _check_new(name, known)
        token, shown = made(name, now, min(now + life, FOREVER), secrets.token_hex)
        kept.add(store, token)
    write_down(settings, _done(token, "created", now))
    _show(settings, token, shown, as_json, f"The service token `{name}` is made.")


@service_tokens.command("list", short_help="List them, with their last use.")
@config_option
@json_option
def list_tokens(path: Path, as_json: bool) -> None:
    """List the service tokens: until when each lives, and when it was used last (to a minute)."""
    settings, now = load(path, os.environ), time.time()
    with opened(settings, make=False) as store:
        known = kept.every(store, now)
        used = kept.last_used(store, known, now)
    if as_json:
        click.echo(json.dumps([_told(token, used.get(token.client_id), now) for token in known], indent=2))
    else:
        click.echo(_as_text(known, used, now))


@service_tokens.command(short_help="Give one a new secret.")
@config_option
@json_option
@click.argument("name")
@click.option("--grace", callback=_grace, default="24h", show_default=True, metavar="TIME",
              help="How long the old secret counts, too; `0s` for not at all.")  # fmt: skip
@click.option("--duration", "life", callback=_life, metavar="TIME", help="Let it live for so long from now on.")
def rotate(path: Path, as_json: bool, name: str, grace: int, life: float | None) -> None:
    """Give a service token, by its name or client id, a new secret, and show that this once."""
    settings, now = load(path, os.environ), time.time()
    with opened(settings, make=False) as store:
        old = _named(name, kept.every(store, now))
        expires = min(now + life, FOREVER) if life else old.expires
        if expires <= now:
            raise GlassgateError(
                f"The service token `{name}` has expired.", mend="give it a new life: --duration 8760h"
            )
        shown = Credentials(old.client_id, secrets.token_hex(32))
        new = changed(old.rotated(shown.secret, now, grace), expires=expires)
        if not kept.replace(store, old, new, now):
            raise GlassgateError(f"The service token `{name}` was changed by somebody else just now.", mend="try again")
    write_down(settings, _done(new, "rotated", now))
    until = f" The old secret counts until {for_people(new.previous_until)} UTC." if grace else ""
    _show(settings, new, shown, as_json, f"The service token `{name}` has a new secret.{until}")


@service_tokens.command(short_help="Delete one: it is refused at once.")
@config_option
@json_option
@click.argument("name")
def delete(path: Path, as_json: bool, name: str) -> None:
    """Delete a service token, by its name or client id. A gate that runs refuses it at once."""
    settings, now = load(path, os.environ), time.time()
    with opened(settings, make=False) as store:
        token = _named(name, kept.every(store, now))
        kept.remove(store, token)
    write_down(settings, _done(token, "deleted", now))
    said = f"The service token `{token.name}` is deleted."
    click.echo(json.dumps({"deleted": token.client_id, "name": token.name}, indent=2) if as_json else said)


def _done(token: ServiceToken, what: str, now: float) -> Event:
    """What the audit log is told of it."""
    details = (f"{token.name}, client id {token.client_id}", caller("service-tokens"))
    return Event(Action.SERVICE_TOKEN, now, "", allowed=True, reason=what, details=details)


def _check_new(name: str, known: list[ServiceToken]) -> None:
    try:
        values.name(name)
    except BadValueError as fault:
        raise click.UsageError(f"{fault.what}: {fault.mend}.") from None
    if any(token.name == name for token in known):
        raise GlassgateError(
            f"There is a service token `{name}` already.", mend="rotate or delete that one, or choose another name"
        )
    if len(known) >= kept.MOST:
        raise GlassgateError(f"There are {kept.MOST} service tokens, the most there can be.", mend="delete some")


def _named(name: str, known: list[ServiceToken]) -> ServiceToken:
    found = [token for token in known if name in (token.name, token.client_id)]
    if not found:
        mend = did_you_mean(name, [token.name for token in known]) or "make one: service-tokens create"
        raise GlassgateError(f"There is no service token `{name}`.", mend=mend)
    if len(found) > 1:
        raise GlassgateError(f"There are {len(found)} service tokens `{name}`.", mend="say which by its client id")
    return found[0]


def _show(settings: Settings, token: ServiceToken, shown: Credentials, as_json: bool, said: str) -> None:
    if as_json:
        told = _told(token, None, token.created) | {"client_secret": shown.secret}
        del told["last_used"], told["state"]
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(said)
    click.echo("The secret is shown this once, and kept nowhere: put it where the program finds it.\n")
    click.echo(f"  CF-Access-Client-Id: {shown.client_id}\n  CF-Access-Client-Secret: {shown.secret}\n")
    click.echo(f"It lives {_until(token)}. {_to_try(settings, token, shown)}")


def _to_try(settings: Settings, token: ServiceToken, shown: Credentials) -> str:
    """A line to paste: at the first app that lets the token in, or at the first once it does."""
    app = next((app for app in settings.apps if _lets_in(app, token)), None)
    said = f"To try it, at {app.name}:" if app else (
        f"No app lets it in yet. Give one this policy:\n\n  {_policy(token.name)}\n\n"
        f"Then try it, at {settings.apps[0].name} for instance:"
    )  # fmt: skip
    domain = Domain.read((app or settings.apps[0]).domains[0])
    trust = settings.ca if is_loopback_name(domain.some_host) and settings.ca.exists() else None
    words = [
        *(("--cacert", as_typed(trust)) if trust else ()),
        "-H", f"CF-Access-Client-Id: {shown.client_id}", "-H", f"CF-Access-Client-Secret: {shown.secret}",
        settings.origin_of(domain.some_host) + domain.root,
    ]  # fmt: skip
    return f"{said}\n\n  {shlex.join(['curl', *words])}"


def _lets_in(app: App, token: ServiceToken) -> bool:
    """Whether a policy of an app names the token, or any."""
    facts = Facts(service_token=Shown(token.client_id, token.name))
    policies = (policy for policy in app.policies if policy.decision is Decision.SERVICE_AUTH)
    return any(rule.matches(facts) for policy in policies for rule in policy.include)


def _policy(name: str) -> str:
    """A policy for a token, as a line of the configuration: what is JSON is YAML, too."""
    made = {"name": name, "decision": "service_auth", "include": [{"service_token": name}]}
    return "- " + json.dumps(made, ensure_ascii=False)


def _until(token: ServiceToken) -> str:
    return "for ever" if token.expires >= FOREVER else f"until {for_people(token.expires)} UTC"


def _told(token: ServiceToken, used: float | None, now: float) -> dict[str, Any]:
    return {
        "name": token.name,
        "client_id": token.client_id,
        "state": "good" if now < token.expires else "expired",
        "created": for_programs(token.created),
        "expires": None if token.expires >= FOREVER else for_programs(token.expires),
        "previous_secret_until": for_programs(token.previous_until or None),
        "last_used": for_programs(used),
    }


def _as_text(known: list[ServiceToken], used: dict[str, float], now: float) -> str:
    if not known:
        return "There are no service tokens. Make one: glassgate service-tokens create NAME"
    rows = [("NAME", "CLIENT ID", "EXPIRES (UTC)", "LAST USED (UTC)")]
    for token in known:
        expires = "never" if token.expires >= FOREVER else for_people(token.expires)
        expires += "" if now < token.expires else " expired"
        at = used.get(token.client_id)
        rows.append((token.name, token.client_id, expires, for_people(at) if at else "-"))
    return "\n".join(table(rows))
