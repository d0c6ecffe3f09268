"""`glassgate check`: is a configuration good, and what in it is unwise?"""

import json
import os
import sys
from pathlib import Path

import click

from glassgate.cli.options import config_option, json_option
from glassgate.config.load import load
from glassgate.config.safety import warnings
from glassgate.config.settings import Settings
from glassgate.errors import ConfigError, GlassgateError


@click.command()
@config_option
@json_option
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
def check(path: Path, as_json: bool, strict: bool) -> None:
    """Check a configuration: every error at once, then what is unwise."""
    try:
        settings = load(path, os.environ)
    except ConfigError as fault:
        if not as_json:
            raise
        click.echo(json.dumps({"good": False, "errors": [_told(problem) for problem in fault.problems]}, indent=2))
        sys.exit(1)
    found = warnings(settings)
    good = not (strict and found)
    click.echo(_as_json(settings, found, good) if as_json else _as_text(settings, found))
    sys.exit(0 if good else 1)


def _as_text(settings: Settings, found: tuple[GlassgateError, ...]) -> str:
    team = settings.origin_of(settings.team.host)
    lines = [f"{settings.path} is good.", "", f"  team  {team}", f"  register {team}/cdn-cgi/access/callback", ""]
    for app in settings.apps:
        lines += [f"  app   {app.name}", f"        {', '.join(map(settings.origin_of, app.domains))}"]
        lines += [f"        origin {app.origin.scheme}://{app.origin.host}:{app.origin.port}", f"        aud {app.aud}"]
    lines += ["", f"{len(found)} warnings" if found else "No warnings."]
    lines += [f"  {warning}" for warning in found]
    return "\n".join(lines)


def _as_json(settings: Settings, found: tuple[GlassgateError, ...], good: bool) -> str:
    apps = [
        {"name": app.name, "domains": list(app.domains), "aud": app.aud, "policies": [p.name for p in app.policies]}
        for app in settings.apps
    ]
    team = settings.origin_of(settings.team.host)
    told = {"good": good, "errors": [], "warnings": [_told(warning) for warning in found], "team": team, "apps": apps}
    return json.dumps(told, indent=2)


def _told(problem: GlassgateError) -> dict[str, str]:
    return {"where": problem.where, "what": problem.what, "mend": problem.mend}
