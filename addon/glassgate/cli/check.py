"""`glassgate check`: is a configuration good, and what in it is unwise?"""

import json
import os
import sys
import time
from pathlib import Path

import click

from glassgate.access.app import Origin
from glassgate.cli.materials import materials
from glassgate.cli.options import config_option, json_option
from glassgate.config.load import load
from glassgate.config.safety import notes, warnings
from glassgate.config.settings import Endpoint, Settings
from glassgate.errors import ConfigError, GlassgateError
from glassgate.gate.callback import CALLBACK_PATH


@click.command(short_help="Check a configuration: its errors, then what is unwise.")
@config_option
@json_option
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
def check(path: Path, as_json: bool, strict: bool) -> None:
    """Check a configuration: every error at once, then what is unwise."""
    try:
        settings = load(path, os.environ)
        tried = materials(settings, time.time())
        if tried.problems:
            raise ConfigError(tried.problems)
    except ConfigError as fault:
        if not as_json:
            raise
        click.echo(json.dumps({"good": False, "errors": _told(fault.problems)}, indent=2))
        sys.exit(1)
    found = (*warnings(settings), *(GlassgateError(said) for said in tried.warnings))
    good = not (strict and found)
    click.echo(_as_json(settings, found, good) if as_json else _as_text(settings, found))
    sys.exit(0 if good else 1)


def _callback(settings: Settings) -> str:
    return settings.origin_of(settings.team.host) + CALLBACK_PATH


def _address(origin: Origin) -> str:
    return f"{origin.scheme}://{Endpoint(origin.host, origin.port)}"


def _as_text(settings: Settings, found: tuple[GlassgateError, ...]) -> str:
    lines = [f"{settings.path} is good.", "", f"  team      {settings.origin_of(settings.team.host)}"]
    lines += [f"  callback  {_callback(settings)}", "            the redirect URI to register at the identity provider"]
    for app in settings.apps:
        lines += ["", f"  app       {app.name}"]
        lines += [f"            {settings.address_of(domain)}" for domain in app.domains]
        lines += [f"  origin    {_address(app.origin)}", f"  aud       {app.aud}"]
    lines += ["", _counted(found), *(f"  {warning}" for warning in found)]
    if said := notes(settings):
        lines += ["", "Good to know:", *(f"  {note}" for note in said)]
    return "\n".join(lines)


def _counted(found: tuple[GlassgateError, ...]) -> str:
    if not found:
        return "No warnings."
    return f"{len(found)} warning{'s' if len(found) > 1 else ''}:"


def _as_json(settings: Settings, found: tuple[GlassgateError, ...], good: bool) -> str:
    apps = [
        {
            "name": app.name,
            "domains": list(app.domains),
            "origin": _address(app.origin),
            "aud": app.aud,
            "policies": [policy.name for policy in app.policies],
        }
        for app in settings.apps
    ]
    told = {
        "good": good,
        "errors": [],
        "warnings": _told(found),
        "notes": _told(notes(settings)),
        "team": settings.origin_of(settings.team.host),
        "callback": _callback(settings),
        "apps": apps,
    }
    return json.dumps(told, indent=2)


def _told(problems: tuple[GlassgateError, ...]) -> list[dict[str, str]]:
    return [{"where": problem.where, "what": problem.what, "mend": problem.mend} for problem in problems]
