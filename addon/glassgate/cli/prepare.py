"""What any call does first: certificates that are missing are made."""

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import click

from glassgate.cli.options import DEFAULT, config_option
from glassgate.config.load import load
from glassgate.errors import GlassgateError
from glassgate.state.certificates import ensure_edge_certificate


def prepare(arguments: Sequence[str]) -> None:
    """Make the certificates of the configuration that `arguments` name, quietly.

    What is wrong with it is for the command to tell: asking for help must work with a broken file too.
    """
    with contextlib.suppress(GlassgateError, OSError):
        settings = load(config_named(arguments), os.environ)
        ensure_edge_certificate(settings.ca, settings.certificates[0], settings.public_hosts, time.time())


def config_named(arguments: Sequence[str]) -> Path:
    """The file that -c names among the arguments of whatever command; the default where none does."""
    try:
        context = _any.make_context("glassgate", list(arguments), resilient_parsing=True)
    except click.ClickException:
        return DEFAULT
    path: Path = context.params.get("path") or DEFAULT
    return path


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@config_option
def _any(path: Path) -> None:
    """Stand for every command: of their options only -c is read."""
