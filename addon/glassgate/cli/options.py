"""Options that commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DEFAULT = Path("config.yaml")


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
