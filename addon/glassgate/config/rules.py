"""What the rules of a file mean, and where they may stand: which selectors suit which decision, which groups exist."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File

from glassgate.access import selectors
from glassgate.access.app import default_aud
from glassgate.access.policy import Decision, Rule
from glassgate.access.rule_values import Linked, Listed, refuse
from glassgate.access.selectors import GROUP, Judged, Source
from glassgate.config import addresses
from glassgate.config.lists import read_list
from glassgate.config.problems import BadValueError, Path, Problem, shown
from glassgate.config.tree import Tree, decisions, entries, rules, sources
from glassgate.errors import GlassgateError, did_you_mean

LISTS = ("email_list", "ip_list")
LINKED = "linked_app_token"
EVALUATION = "external_evaluation"
OF_MACHINES = frozenset(("service_token", "any_valid_service_token", LINKED))


@dataclass(frozen=True, slots=True)
class Meanings:
    """Makes rules of what is written. `base` is the folder that lists are relative to; `apps` has the AUD tag of each
    app by its name. What was read once is not read again."""

    base: File
    apps: Mapping[str, str]
    _lists: dict[tuple[str, str], Rule] = field(default_factory=dict, repr=False)

    def rule(self, name: str, value: object, known: tuple[Source, ...]) -> Rule:
        """The rule of a selector and its value, groups apart. Raises GlassgateError, without a place."""
        if name in LISTS and isinstance(value, str):
            if (name, value) not in self._lists:
                self._lists[name, value] = selectors.make(name, self._list(value), known)
            return self._lists[name, value]
        if name == LINKED:
            value = self._app(value)
        if name == EVALUATION:
            _check_addresses(value)
        return selectors.make(name, value, known)

    def _list(self, name: str) -> Listed:
        return read_list(self.base, name)

    def _app(self, value: object) -> object:
        name = value.get("app_uid") if isinstance(value, dict) and value.keys() == {"app_uid"} else value
        if not isinstance(name, str):
            return value
        if name in self.apps.values():
            return Linked(name, name)
        if name not in self.apps:
            raise refuse(f"{shown(name)} is no app here", did_you_mean(name, self.apps))
        return Linked(name, self.apps[name])


def _check_addresses(value: object) -> None:
    for part in value.values() if isinstance(value, dict) else ():
        if isinstance(part, str):
            try:
                addresses.evaluation(part)
            except BadValueError as error:
                raise refuse(error.what, error.mend) from None


# --- the checks -------------------------------------------------------------------------------------------


def check(tree: object, base: File) -> list[Problem]:
    """Every problem with the rules of a file, in no order. Reads the lists that they name."""
    if not isinstance(tree, dict):
        return []
    team = str(tree.get("team")).partition(":")[0]
    named = [app for _, app in entries(tree, ("apps",)) if isinstance(app.get("name"), str)]
    meanings = Meanings(base, {app["name"]: str(app.get("aud") or default_aud(team, app["name"])) for app in named})
    return [*_rules_mean_something(tree, meanings), *_no_circles(tree), *_rules_suit_the_decision(tree)]


def lists_of(tree: object, base: File) -> tuple[File, ...]:
    """The files of the lists that rules name."""
    named = (value for _, name, value in rules(tree) if name in LISTS) if isinstance(tree, dict) else ()
    return tuple(dict.fromkeys(base / value for value in named if isinstance(value, str)))


def _rules_mean_something(tree: Tree, meanings: Meanings) -> Iterator[Problem]:
    known = sources(tree)
    groups = tree.get("groups")
    names = [name for name in groups if isinstance(name, str)] if isinstance(groups, dict) else []
    for path, name, value in rules(tree):
        try:
            if name == GROUP:
                _group(value, names)
            elif known is not None or not selectors.find(name).of_provider:
                meanings.rule(name, value, known or ())
        except GlassgateError as error:
            yield Problem((*path, name) if name in selectors.BY_NAME else path, error.what, error.mend)


def _group(value: object, names: list[str]) -> None:
    if not isinstance(value, str):
        raise GlassgateError("the value is not text", mend="write the name of a group of `groups`")
    if value not in names:
        raise GlassgateError(
            f"{shown(value)} is no group here", mend=did_you_mean(value, names) or "add it to `groups`"
        )


def _no_circles(tree: Tree) -> Iterator[Problem]:
    uses: dict[object, list[str]] = {}
    for path, name, value in rules(tree):
        if path[0] == "groups" and name == GROUP and isinstance(value, str):
            uses.setdefault(path[1], []).append(value)
    for group in uses:
        circle = _way_back(group, uses)
        if circle:
            way = " → ".join(shown(step) for step in circle)
            yield Problem(("groups", str(group)), f"the group asks itself: {way}", "take one of these out")


def _way_back(start: object, uses: dict[object, list[str]]) -> list[object]:
    """The way from a group back to itself by the groups that it uses, or nothing."""
    ways: list[list[object]] = [[start]]
    seen = set()
    while ways:
        way = ways.pop()
        for used in uses.get(way[-1], []):
            if used == start:
                return [*way, used]
            if used not in seen:
                seen.add(used)
                ways.append([*way, used])
    return []


def _rules_suit_the_decision(tree: Tree) -> Iterator[Problem]:
    asked: dict[object, list[tuple[str, object]]] = {}
    of_policy: dict[Path, list[tuple[Path, str, object]]] = {}
    for path, name, value in rules(tree):
        if path[0] == "groups":
            asked.setdefault(path[1], []).append((name, value))
        of_policy.setdefault(path[:-2], []).append((path, name, value))
    for policy, decision in decisions(tree):
        unsuited = UNSUITED[decision]
        for path, name, value in of_policy.get(policy, []):
            for inner in _selectors(name, value, asked):
                found = unsuited(inner)
                if found:
                    by = f"the group {shown(value)} asks by `{inner}`: " if name == GROUP else ""
                    yield Problem((*path, name), f"{by}{found[0]}", found[1])
                    break


def _selectors(name: str, value: object, asked: Mapping[object, list[tuple[str, object]]]) -> Iterator[str]:
    """The selectors behind a rule, by the groups that it names."""
    left, seen = [(name, value)], set()
    while left:
        name, value = left.pop()
        if name != GROUP:
            yield name
        elif isinstance(value, str) and value not in seen:
            seen.add(value)
            left += asked.get(value, [])


type Unsuited = tuple[str, str] | None


def _for_people(name: str) -> Unsuited:
    if name in OF_MACHINES:
        return "people sign in, and have no such token", "put it into a policy with `decision: service_auth`"
    return None


def _for_services(name: str) -> Unsuited:
    row = selectors.BY_NAME.get(name)
    if row is not None and row.judged is Judged.SIGN_IN:
        return "nobody signs in where this is asked", "write `decision: allow`, or ask by what a request brings"
    return None


def _for_anybody(name: str) -> Unsuited:
    if name in OF_MACHINES:
        return "a bypass lets in without looking at tokens", "write `decision: service_auth`"
    if name == EVALUATION:
        return "a bypass asks nobody", "write `decision: allow` or `decision: service_auth`"
    return _for_services(name)


UNSUITED: Mapping[Decision, Callable[[str], Unsuited]] = {
    Decision.ALLOW: _for_people,
    Decision.DENY: _for_people,
    Decision.SERVICE_AUTH: _for_services,
    Decision.BYPASS: _for_anybody,
}
