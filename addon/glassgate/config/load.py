"""Loads a configuration file: all of it, or every reason why not."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as File

from glassgate.config import names, rules
from glassgate.config.build import Builder
from glassgate.config.environment import Filled, fill
from glassgate.config.keys import hold_against_schema
from glassgate.config.problems import in_order, line_of, located
from glassgate.config.settings import Settings
from glassgate.config.source import Source, read
from glassgate.config.tree import Tree, entries
from glassgate.errors import ConfigError

Places = dict[tuple[str, ...], str]


def load(path: File, environ: Mapping[str, str]) -> Settings:
    """Read, fill in and check the file at `path`, and make the settings of it.

    Relative paths in it are relative to the file. Reads the secrets and the lists that it names, and nothing else:
    certificates, state and providers may be missing or away. Raises ConfigError with every problem, in the order of
    the file.
    """
    base = File(path).absolute().parent
    source = read(File(path))
    filled = fill(source, environ, base)
    config, problems = hold_against_schema(filled.tree)
    checked = (*names.check(filled.tree), *rules.check(filled.tree, base))
    found = in_order([*source.problems, *filled.problems, *problems, *checked], source.lines)
    if found or config is None:
        raise ConfigError(located(problem, filled.tree, source.name, source.lines) for problem in found)
    settings = Builder(config, File(path).absolute(), base).settings(_literal_secrets(filled), _places(source, filled))
    return replace(settings, read=(*filled.files, *rules.lists_of(filled.tree, base)))


def _literal_secrets(filled: Filled) -> tuple[str, ...]:
    providers = {path[:2] for path in filled.literal_secrets}
    return tuple(str(one["id"]) for place, one in entries(filled.tree, ("identity_providers",)) if place in providers)


def _places(source: Source, filled: Filled) -> Places:
    """The places of what has a name and of its keys, by the names that lead there, and of every key at the top."""
    places: Places = {}

    def note(name: tuple[str, ...], path: tuple[str | int, ...]) -> None:
        places[name] = f"{source.name}:{line_of(path, source.lines)}"

    for key in filled.tree if isinstance(filled.tree, dict) else ():
        note((key,), (key,))

    def note_all(name: tuple[str, ...], path: tuple[str | int, ...], entry: Tree) -> None:
        note(name, path)
        for key in entry:
            note((*name, key), (*path, key))

    for place, provider in entries(filled.tree, ("identity_providers",)):
        note_all(("identity_providers", str(provider["id"])), place, provider)
    for place, app in entries(filled.tree, ("apps",)):
        note_all(("apps", str(app["name"])), place, app)
        for policy_place, policy in entries(filled.tree, (*place, "policies")):
            note(("apps", str(app["name"]), "policies", str(policy["name"])), policy_place)
    return places
