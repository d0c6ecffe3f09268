"""Fills in what the file only names: `${NAME}` from the environment, `file:PATH` from a file.

`${NAME}` may stand anywhere in a value, never in a key. What it stands for is text, and not looked into again;
only where it is the whole of an unquoted value do `true` and `false` count as such.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File

from glassgate.config.problems import Path, Problem
from glassgate.config.source import Source

MAX_SECRET = 1 << 16  # bytes of a secret's file

_NAMED = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FLAGS = {"true": True, "false": False}


@dataclass(slots=True)
class Filled:
    """The data with everything filled in, the paths of secrets that stand in the file itself, and what was wrong."""

    tree: object = None
    literal_secrets: set[Path] = field(default_factory=set)
    files: list[File] = field(default_factory=list)  # that values were read from
    problems: list[Problem] = field(default_factory=list)


def fill(source: Source, environ: Mapping[str, str], base: File) -> Filled:
    """Fill in the source's values. `base` is the folder that the paths of secrets are relative to."""
    filled = Filled()

    def visit(value: object, path: Path) -> object:
        if isinstance(value, dict):
            return {key: visit(part, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [visit(part, (*path, index)) for index, part in enumerate(value)]
        if not isinstance(value, str):
            return value
        return scalar(value, path)

    def scalar(text: str, path: Path) -> object:
        value = _NAMED.sub(lambda named: _look_up(named, environ, path, filled), text)
        if _is_secret(path):
            if value.startswith("file:"):
                return _from_file(base, value.removeprefix("file:"), path, filled)
            if value == text:
                filled.literal_secrets.add(path)
        elif path in source.unquoted and _NAMED.fullmatch(text):
            return _FLAGS.get(value, value)
        return value

    filled.tree = visit(source.tree, ())
    return filled


def _is_secret(path: Path) -> bool:
    return len(path) in (3, 4) and path[0] == "identity_providers" and path[2] == "client_secret"


def _look_up(named: re.Match[str], environ: Mapping[str, str], path: Path, filled: Filled) -> str:
    name = named[1]
    if not _NAME.fullmatch(name):
        what, mend = "what stands in `${…}` is no name of a variable", "write it as `${ENTRA_CLIENT_SECRET}`"
    elif name not in environ:
        what, mend = f"`${{{name}}}` is not set in the environment", f"set {name} where glassgate is started"
    elif not environ[name]:
        what, mend = f"`${{{name}}}` is set in the environment, but empty", f"give {name} a value"
    else:
        return environ[name]
    filled.problems.append(Problem(path, what, mend, covers=True))
    return named[0]


def _from_file(base: File, name: str, path: Path, filled: Filled) -> str:
    filled.files.append(base / name)
    try:
        with (base / name).open("rb") as file:
            raw = file.read(MAX_SECRET + 1)
        if len(raw) > MAX_SECRET:
            raise ValueError("it is larger than 64 KiB")
        secret = raw.decode("utf-8").strip()
        if not secret:
            raise ValueError("it is empty")
    except UnicodeDecodeError:
        reason = "it is not text in UTF-8"
    except OSError as error:
        reason = error.strerror or "it is not there"
    except ValueError as error:
        reason = str(error)
    else:
        return secret
    what = f"the file `{base / name}` cannot be used: {reason}"
    filled.problems.append(Problem(path, what, "write the secret into it, and nothing else", covers=True))
    return "file:"
