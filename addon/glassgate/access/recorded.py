"""Facts as plain data for the record, and back: what a policy judged, without secrets and bounded."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from ipaddress import ip_address
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from glassgate.access.facts import Facts
from glassgate.access.policy import Policy
from glassgate.access.questions import EntraGroup, every_question

MOST_GROUPS = 100
MOST_TEXT = 1024  # characters of one value, as JSON
MOST = 16 * 1024  # characters of all of it

# No rule asks for these. Of an e-mail that does not count nobody is told.
UNTOLD = frozenset(("unverified_email", "idp_session", "login_hint", "acrs_at", "name"))

type Plain = Mapping[str, Any]


def told(facts: Facts, policies: Iterable[Policy]) -> dict[str, Any]:
    """The facts as JSON can hold them. What would be too much is left out, and so is unknown to whoever reads it.

    Of many groups those are kept that the policies ask for, and `groups_asked` says that others are not known.
    """
    plain = _plain(facts)
    identity = plain.get("identity")
    if identity and len(identity.get("groups") or ()) > MOST_GROUPS:
        asked = {
            one.group for policy in policies for one in every_question(policy.rules) if isinstance(one, EntraGroup)
        }
        identity["groups_asked"] = sorted(asked & set(identity.get("groups_asked", asked)))
        identity["groups"] = sorted(group for group in identity["groups"] if group.lower() in asked)
    return plain if len(json.dumps(plain)) <= MOST else {}


def read(plain: Plain) -> Facts:
    """The facts that `told` told. What cannot be read is not known, which counts against the visitor."""
    try:
        found = _read(Facts, plain)
    except _UnreadableError:
        return Facts()
    return found if isinstance(found, Facts) else Facts()


# --- to plain data ----------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {
            field.name: _plain(told)
            for field in fields(value)
            if _is_told(field) and (told := getattr(value, field.name)) != _default(field) and _fits(told)
        }
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(one) for key, one in value.items() if _fits(one)}
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(one)] for key, one in value.items()]
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | NoneType) else str(value)


def _is_told(field: Field[Any]) -> bool:
    return field.repr and field.name not in UNTOLD


def _default(field: Field[Any]) -> Any:
    made = field.default_factory
    return made() if made is not MISSING else field.default


def _fits(value: Any) -> bool:
    return not isinstance(value, str | list) or len(json.dumps(value, default=str)) <= MOST_TEXT


# --- and back ---------------------------------------------------------------------------------------------


class _UnreadableError(Exception):
    """It is nothing of this type."""


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, value: Any) -> Any:
    """A value of this type. Raises _UnreadableError."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):
        return _first(inner, value)
    if isinstance(kind, type) and is_dataclass(kind):
        return _object(kind, value)
    if origin in (frozenset, tuple) and isinstance(value, list):
        return origin(_read(inner[0], one) for one in value)
    if origin in (dict, Mapping):
        return _mapping(inner, value)
    return _single(kind, value)


def _first(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        try:
            return _read(kind, value)
        except _UnreadableError:
            continue
    raise _UnreadableError


def _object(kind: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise _UnreadableError
    given = {}
    for name, hint in _hints(kind).items():
        if name in value:
            try:
                given[name] = _read(hint, value[name])
            except _UnreadableError:
                continue  # as if it were not there: what a newer version wrote, or nobody
    try:
        return kind(**given)
    except (TypeError, ValueError):
        raise _UnreadableError from None


def _mapping(inner: tuple[Any, ...], value: Any) -> Any:
    """A mapping; one whose keys are no texts stands there as a list of pairs."""
    pairs = value.items() if isinstance(value, dict) else value
    if not isinstance(value, dict | list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs
    ):
        raise _UnreadableError
    return {_read(inner[0], key): _read(inner[1], one) for key, one in pairs}


def _single(kind: Any, value: Any) -> Any:
    if kind in (object, Any):
        return value
    if (isinstance(kind, type) and type(value) is kind) or (kind is float and type(value) is int):
        return value
    if isinstance(kind, type) and isinstance(value, str):
        try:
            address = ip_address(value)
        except ValueError:
            return _made(kind, value)
        if isinstance(address, kind):
            return address
    raise _UnreadableError


def _made(kind: type, value: str) -> Any:
    """What is written as its text: a member of an enumeration, a moment."""
    try:
        if issubclass(kind, Enum):
            return kind(value)
        if issubclass(kind, datetime):
            return kind.fromisoformat(value)
    except ValueError:
        pass
    raise _UnreadableError
