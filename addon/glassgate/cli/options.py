"""Options that commands share."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import click

from glassgate.access.app import App
from glassgate.config.settings import Settings
from glassgate.errors import did_you_mean

DEFAULT = Path("config.yaml")


def ip(text: str) -> IPv4Address | IPv6Address:
    """The value of an option that is an IP address."""
    try:
        return ip_address(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no IP address.") from None


def config_option[F: Callable[..., Any]](command: F) -> F:
    """-c FILE."""
    option = click.option(
        "-c", "--config", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True,
        metavar="FILE", help="The configuration file.",
    )  # fmt: skip
    return option(command)


def as_typed(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def json_option[F: Callable[..., Any]](command: F) -> F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def named_app(settings: Settings, name: str) -> App:
    """The app of a name, or of a host; a wrong call where there is none."""
    names = {app.name: app for app in settings.apps}
    hosts = {domain: app for app in settings.apps for domain in app.domains}
    app = names.get(name) or hosts.get(name)
    if app is None:
        raise click.UsageError(f"There is no app `{name}` in {settings.path}: {did_you_mean(name, names)}")
    return app
