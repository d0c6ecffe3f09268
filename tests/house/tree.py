"""The files of this project, without what is made from them."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "addon" / "glassgate"
TESTS = ROOT / "tests"

MADE = {".git", ".venv", "node_modules", "__pycache__"}


def files(top: Path, *suffixes: str) -> Iterator[Path]:
    """Every file below `top` that ends so, in a steady order, without caches and what a run made."""
    for path in sorted(top.iterdir()):
        if path.name in MADE or path.name.endswith("_cache") or path == ROOT / "state":
            continue
        if path.is_dir():
            yield from files(path, *suffixes)
        elif not suffixes or path.suffix in suffixes:
            yield path


def place(path: Path, line: int = 0) -> str:
    """How a finding names its file."""
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text("utf-8"), str(path))
