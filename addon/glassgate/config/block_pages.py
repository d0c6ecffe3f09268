"""Reads the pages of an operator's own for whoever an app keeps out."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from glassgate.access.app import App
from glassgate.access.block_page import LARGEST, BlockPage, checked
from glassgate.config.checked_file import read_checked


def read_block_page(path: Path) -> BlockPage:
    """The page at `path`. Raises StartError."""
    return read_checked(path, LARGEST, checked, "the page")


def read_block_pages(apps: Iterable[App]) -> Mapping[str, BlockPage]:
    """Every app's page, by its AUD tag. Raises StartError."""
    return {app.aud: read_block_page(app.deny_page) for app in apps if app.deny_page}
