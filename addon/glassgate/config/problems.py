"""What is wrong with a file, kept by the place in it until the line is looked up."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from glassgate.errors import GlassgateError

Path = tuple[str | int, ...]  # ("apps", 0, "policies", 1, "name")

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.\- ]{1,40}")


class BadValueError(ValueError):
    """A value that cannot be used: what is wrong with it, and the mend. Says no more of it than people may see."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at a place of the tree, with its line where that is not the place's own."""

    path: Path
    what: str
    mend: str = ""
    line: int | None = None
    key: Path | None = None  # the place whose line it is, where `path` names only what holds it
    covers: bool = False  # whatever else is wrong at or below this place only follows from it


def shown(key: object) -> str:
    """A key as a message may show it. One that looks odd may be a mistyped value, so perhaps a secret."""
    text = str(key)
    return f"`{text}`" if _PLAIN_KEY.fullmatch(text) else "a key"


def located(problem: Problem, tree: object, name: str, lines: Mapping[Path, int]) -> GlassgateError:
    """The problem as people read it: `config.yaml:41: apps[1] payroll: …`."""
    place = f"{name}:{_line(problem, lines)}"
    return GlassgateError(_spot(problem.path, tree) + problem.what, where=place, mend=problem.mend)


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """The line of the nearest part of the path that the file has."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def in_order(problems: Iterable[Problem], lines: Mapping[Path, int]) -> list[Problem]:
    """Each once, in the order of the file, without those that only follow from another."""
    found = list(dict.fromkeys(problems))
    covered = {problem.path for problem in found if problem.covers}

    def follows(problem: Problem) -> bool:
        parts = (problem.path[:end] for end in range(len(problem.path) + 1))
        return not problem.covers and any(part in covered for part in parts)

    return sorted(
        (problem for problem in found if not follows(problem)),
        key=lambda problem: _line(problem, lines),
    )


def _line(problem: Problem, lines: Mapping[Path, int]) -> int:
    return problem.line or line_of(problem.key or problem.path, lines)


def child(tree: object, key: str | int) -> object:
    """What stands at a key or an index of plain data, or None."""
    if isinstance(tree, dict):
        return tree.get(key)
    if isinstance(tree, list) and isinstance(key, int) and key < len(tree):
        return tree[key]
    return None


def _spot(path: Path, tree: object) -> str:
    """Say where in the tree: "apps[1] `payroll`: policies[0] `staff`: `decision`: "."""
    steps: list[str] = []
    for key in path:
        if isinstance(key, int) and not isinstance(tree, list):
            continue  # one entry, written without its list
        tree = child(tree, key)
        name = tree.get("id", tree.get("name")) if isinstance(tree, dict) else None
        label = f" {shown(name)}" if isinstance(name, str) and _PLAIN_KEY.fullmatch(name) else ""
        if not isinstance(key, int):
            steps.append(shown(key))
        elif steps:
            steps[-1] = f"{steps[-1].strip('`')}[{key}]{label}"
    return "".join(f"{step}: " for step in steps)
