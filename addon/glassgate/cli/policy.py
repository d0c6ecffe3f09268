"""`glassgate policy`: what policies would decide, for whom, and what a new configuration would change."""

import json
import os
import sys
import time
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from glassgate.access.app import App
from glassgate.access.explain import Explanation, explain
from glassgate.access.turning import turns
from glassgate.cli import explained
from glassgate.cli.options import config_option, json_option, named_app
from glassgate.cli.table import table
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.config.visitors import Met, Visitor, meet, read_list
from glassgate.errors import GlassgateError

LATER = {"diff": "policy_diff", "import": "policy_import"}  # each in a module of its own


class PolicyCommands(click.Group):
    """`test`, and the commands of LATER, each loaded when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order."""
        return ["test", *LATER]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None where there is none."""
        if cmd_name not in LATER:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"glassgate.cli.{LATER[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(cls=PolicyCommands)
def policy() -> None:
    """Try policies: for a user, for many, on recorded traffic."""


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> float:
    """Unix seconds of a time as people write it; without a zone it is this machine's."""
    if text is None:
        return time.time()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise click.BadParameter("write it as `2026-11-25 09:30`, or `2026-11-25T09:30+01:00`") from None


def _claims(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    if wrong := [one for one in given if "=" not in one]:
        raise click.BadParameter(f"`{wrong[0]}` is not `NAME=VALUE`")
    return {name: _value(text) for name, _, text in (one.partition("=") for one in given)}


def _value(text: str) -> Any:
    """What a claim holds: a number or a list is written as JSON, anything else is text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


@policy.command(short_help="Say who would be let in, and by which rule.")
@config_option
@json_option
@click.option("--app", "name", metavar="APP", required=True, help="The app, by its name or a host of it.")
@click.option("--email", metavar="EMAIL", help="The user's e-mail address.")
@click.option("--group", "groups", metavar="ID", multiple=True, help="A group of the user's; as often as needed.")
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="An app role of the user's.")
@click.option("--context", "contexts", metavar="ID", multiple=True, help="An authentication context, such as c1.")
@click.option("--method", "methods", metavar="METHOD", multiple=True, help="A method of sign-in, such as mfa.")
@click.option("--claim", "claims", metavar="NAME=VALUE", multiple=True, callback=_claims, help="A claim.")
@click.option("--provider", metavar="ID", help="The identity provider. Default: the app's first.")
@click.option("--tenant", metavar="ID", help="The tenant of the user. Default: the provider's first.")
@click.option("--ip", metavar="ADDRESS", help="Where the request comes from.")
@click.option("--country", metavar="XX", help="The country that it comes from.")
@click.option("--service-token", metavar="NAME", help="The service token that comes with it.")
@click.option("--common-name", metavar="NAME", help="The common name of the client's certificate.")
@click.option("--at", "now", metavar="TIME", callback=_moment, help="When. Default: now.")
@click.option("--users", type=click.Path(path_type=Path), metavar="FILE", help="A list of users, CSV or JSON lines.")
def test(path: Path, as_json: bool, name: str, users: Path | None, **described: Any) -> None:
    """Say whether somebody would be let in, and rule by rule why.

    \b
    Exit codes: 0 let in (with --users: all of them), 1 not.
    A list of users is a CSV file with a head (email,groups,ip,…; several groups
    with `;` between them), or a JSON object a line with the same names.
    """
    settings = load(path, os.environ)
    app = named_app(settings, name)
    given = {key: value for key, value in described.items() if value}
    if users:
        sys.exit(_many(settings, app, users, given, as_json))
    try:
        met = meet(settings, app, Visitor(given))
    except GlassgateError as fault:
        raise click.UsageError(str(fault)) from None
    said = explain(app.policies, met.facts)
    click.echo(_as_json(said, met, settings, app) if as_json else "\n".join(_as_text(said, met, settings, app, given)))
    sys.exit(0 if said.verdict.lets_in else 1)


def _as_text(said: Explanation, met: Met, settings: Settings, app: App, given: dict[str, Any]) -> list[str]:
    by, let_in = said.verdict.policy, said.verdict.lets_in
    called, may = Visitor(given).called, "may open" if let_in else "may not open"
    policy = f"by the policy `{by.name}`" if by else "no policy lets them in"
    return [
        f"{called} {may} {app.name}: {policy}.",
        *(f"  Note: {remark}." for remark in met.remarks),
        *explained.policies(said, settings, app),
        *([] if let_in else explained.ways(turns(app.policies, met.facts), settings, app, in_now=let_in)),
    ]


def _as_json(said: Explanation, met: Met, settings: Settings, app: App) -> str:
    ways = () if said.verdict.lets_in else turns(app.policies, met.facts)
    told = explained.as_data(said, ways, settings, app)
    return json.dumps({"app": app.name, "let_in": said.verdict.lets_in, "remarks": met.remarks, **told}, indent=2)


def _many(settings: Settings, app: App, users: Path, given: dict[str, Any], as_json: bool) -> int:
    """Who of a list would get in; what was given besides holds for all of them."""
    try:
        visitors, unused = read_list(users.read_text("utf-8"), str(users))
        rows = [_row(settings, app, Visitor({**given, **one.described}, one.where)) for one in visitors]
    except (OSError, UnicodeDecodeError) as fault:
        raise click.UsageError(f"{users} cannot be read: {getattr(fault, 'strerror', None) or 'no UTF-8'}") from None
    except GlassgateError as fault:
        raise click.UsageError(str(fault)) from None
    let_in = sum(row["let_in"] for row in rows)
    if unused:
        click.echo(f"Not used: {', '.join(unused)}.", err=True)
    if as_json:
        click.echo(json.dumps({"app": app.name, "let_in": let_in, "of": len(rows), "users": rows}, indent=2))
    else:
        cells = [
            (row["user"], "yes" if row["let_in"] else "no", row["policy"] or "", "; ".join(row["remarks"]))
            for row in rows
        ]
        lines = table([("USER", "LET IN", "POLICY", ""), *cells])
        click.echo("\n".join([*lines, "", f"{let_in} of {len(rows)} would get into {app.name}."]))
    return 0 if let_in == len(rows) else 1


def _row(settings: Settings, app: App, visitor: Visitor) -> dict[str, Any]:
    met = meet(settings, app, visitor)
    said = explain(app.policies, met.facts)
    by = said.verdict.policy
    return {
        "user": visitor.called, "where": visitor.where, "let_in": said.verdict.lets_in,
        "policy": by.name if by else None, "remarks": list(met.remarks),
    }  # fmt: skip
