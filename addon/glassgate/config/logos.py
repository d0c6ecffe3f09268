"""Reads the pictures of apps that the configuration names."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from glassgate.access.app import App
from glassgate.access.logo import LARGEST, Logo, checked
from glassgate.config.checked_file import read_checked


def read_logo(path: Path) -> Logo:
    """The picture at `path`. Raises StartError."""
    return read_checked(path, LARGEST, checked, "the picture")


def read_logos(apps: Iterable[App]) -> Mapping[str, Logo]:
    """Every app's picture, by its AUD tag. Raises StartError."""
    return {app.aud: read_logo(app.launcher.logo) for app in apps if app.launcher.logo}
