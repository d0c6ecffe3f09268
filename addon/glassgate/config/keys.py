"""Holds the data against the schema, and says in plain words which keys and types are wrong."""

from dataclasses import replace
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from glassgate.config.kinds import TENANT_TAGS
from glassgate.config.part import Part
from glassgate.config.problems import BadValueError, Path, Problem, child, shown
from glassgate.config.schema import PARTS, PROVIDERS, Config
from glassgate.errors import did_you_mean

_KINDS = {  # pydantic's error types: what is wrong, the mend
    "bool_type": ("wants true or false", "write `true` or `false`, without quotes"),
    "list_type": ("wants a list", "begin each entry with `- `, or write `[one, two]`"),
    "dict_type": ("wants keys with values", "write `key: value` lines below it"),
    "model_type": ("wants keys with values", "write `key: value` lines below it"),
    "model_attributes_type": ("wants keys with values", "write `key: value` lines below it"),
    "too_long": ("has too many entries", "two are enough while one follows the other"),
    "too_short": ("is an empty list", "write at least one entry, or leave the key out"),
    "union_tag_not_found": ("has no `type`", "write `type: entra` or `type: oidc`"),
    "union_tag_invalid": ("has a `type` that is not known", "write `type: entra` or `type: oidc`"),
}


def hold_against_schema(tree: object) -> tuple[Config | None, list[Problem]]:
    """The configuration as the schema reads it, or None, and every problem with its keys and types."""
    if not isinstance(tree, dict):
        return None, [Problem((), "the file holds no keys with values", "see the demo's config.yaml for a small one")]
    try:
        return Config.model_validate(tree), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, [_placed(_problem(detail, tree), tree) for detail in details]


def _problem(detail: ErrorDetails, tree: object) -> Problem:
    path = _without_tags(detail["loc"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        part = _part_at(path[:-1], tree)
        what = f"{shown(path[-1])} is no key of {part.called}"
        return Problem(path[:-1], what, did_you_mean(str(path[-1]), part.model_fields), key=path)
    if kind == "missing":
        field = _part_at(path[:-1], tree).model_fields[str(path[-1])]
        return Problem(path[:-1], f"{shown(path[-1])} is missing", f"add it: {field.description}")
    if kind == "literal_error":
        return Problem(path, "is none of its values", f"known: {_literals(path, tree)}")
    error = detail.get("ctx", {}).get("error")
    if isinstance(error, BadValueError):
        return Problem(path, error.what, error.mend)
    what, mend = _KINDS.get(kind, ("is not what this key takes", "see the reference for what it does"))
    return Problem(path, what, mend)


def _placed(problem: Problem, tree: object) -> Problem:
    """The problem at its place in the file, where the one entry of a list may be written without the list."""

    def place(path: Path) -> Path:
        found: list[str | int] = []
        at = tree
        for key in path:
            if isinstance(at, list) or not isinstance(key, int):
                found.append(key)
                at = child(at, key)
        return tuple(found)

    return replace(problem, path=place(problem.path), key=problem.key and place(problem.key))


def _without_tags(loc: tuple[str | int, ...]) -> Path:
    # pydantic puts the kind of what has several kinds into the place of whatever is wrong with it.
    if loc[:1] != ("identity_providers",):
        return loc
    if loc[2:3] and loc[2] in PROVIDERS:
        loc = loc[:2] + loc[3:]
    if loc[2:3] == ("email_domains",) and loc[3:4] and loc[3] in TENANT_TAGS:
        loc = loc[:3] + loc[4:]
        return loc[:-1] if loc[-1] == "[key]" else loc
    return loc


def _part_at(path: Path, tree: object) -> type[Part]:
    """The part of the schema that stands at a place."""
    if path[:1] == ("identity_providers",) and len(path) == 2:
        entry: Any = tree["identity_providers"][path[1]]  # type: ignore[index]
        return PROVIDERS[entry["type"]]
    fitting = (
        part
        for pattern, part in PARTS.items()
        if len(pattern) == len(path) and all(want in ("*", got) for want, got in zip(pattern, path, strict=True))
    )
    return next(fitting)


def _literals(path: Path, tree: object) -> str:
    field = _part_at(path[:-1], tree).model_fields[str(path[-1])]
    inner = next((arg for arg in get_args(field.annotation) if get_args(arg)), field.annotation)
    return ", ".join(f"`{value}`" for value in get_args(inner))
