"""Writes what a run found into the documents, between marks."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "performance.svg"
FOLDER = Path(__file__).with_name("results")


def replaced(page: str, name: str, text: str) -> str:
    """A page with what stands between `<!-- bench: NAME -->` and `<!-- /bench -->` replaced. Raises KeyError where it
    has no such marks."""
    begin = f"<!-- bench: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?<!-- /bench -->", re.DOTALL)
    if not pattern.search(page):
        raise KeyError(name)
    return pattern.sub(lambda _: f"{begin}\n\n{text}\n<!-- /bench -->", page)


def write_part(name: str, text: str, page: Path = PAGE) -> None:
    """Replace one made part of the page."""
    page.write_text(replaced(page.read_text("utf-8"), name, text), "utf-8")
