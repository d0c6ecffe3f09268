"""Reads the pictures of apps that the configuration names."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from glassgate.access.app import App
from glassgate.access.logo import LARGEST, Logo, checked
from glassgate.errors import GlassgateError, StartError


def read_logo(path: Path) -> Logo:
    """The picture at `path`. Raises StartError."""
    try:
        with path.open("rb") as file:
            return checked(file.read(LARGEST + 1))
    except OSError as fault:
        raise StartError(f"the picture cannot be read: {fault.strerror}", where=str(path)) from None
    except GlassgateError as fault:
        raise StartError(fault.what, where=str(path), mend=fault.mend) from None


def read_logos(apps: Iterable[App]) -> Mapping[str, Logo]:
    """Every app's picture, by its AUD tag. Raises StartError."""
    return {app.aud: read_logo(app.launcher.logo) for app in apps if app.launcher.logo}
