"""What any call does first: certificates that are missing are made."""

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from glassgate.cli.options import DEFAULT
from glassgate.config.load import load
from glassgate.errors import GlassgateError
from glassgate.state.certificates import ensure_edge_certificate


def prepare(arguments: Sequence[str]) -> None:
    """Make the certificates of the configuration that `arguments` name, quietly.

    What is wrong with it is for the command to tell: asking for help must work with a broken file too.
    """
    with contextlib.suppress(GlassgateError, OSError):
        settings = load(_named(arguments), os.environ)
        ensure_edge_certificate(settings.ca, settings.certificates[0], settings.public_hosts, time.time())


def _named(arguments: Sequence[str]) -> Path:
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if before in ("-c", "--config"):
            return Path(argument)
        if argument.startswith("--config="):
            return Path(argument.removeprefix("--config="))
    return DEFAULT
