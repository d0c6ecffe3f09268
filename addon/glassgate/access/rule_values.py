"""Reads what stands in a rule, one text or a mapping, and refuses what is not of that form."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from glassgate.access.questions import Question, fold
from glassgate.errors import GlassgateError

DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
EMAIL = re.compile(r"[!-?A-~]{1,64}@" + DOMAIN.pattern, re.ASCII)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that was read from a file: its name as configured, and its entries with their lines."""

    name: str
    entries: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """Another app, by its name as configured and its AUD tag."""

    name: str
    audience: str


def refuse(what: str, mend: str) -> GlassgateError:
    """What is wrong with a rule's value, and the mend; the rule's place is added by who knows it."""
    return GlassgateError(what, mend=mend)


def text(value: object, example: str) -> str:
    """A value that is one text."""
    if not isinstance(value, str):
        raise refuse("the value is not text", f"write it as text, such as `{example}`")
    return value


def nothing(name: str, question: Question) -> Callable[[object, object], Question]:
    """The maker of a selector that takes no value."""

    def made(value: object, _: object) -> Question:
        if value is not True and value != {}:
            raise refuse(f"{name} takes no value", f"write `{name}: {{}}`")
        return question

    return made


def address(said: str) -> str:
    """One e-mail address, folded."""
    if not EMAIL.fullmatch(fold(said)):
        raise refuse(f"`{said}` is not one e-mail address", "write it as `alice@contoso.example`")
    return fold(said)


def read_list[T](value: object, read: Callable[[str], T], example: str) -> Iterator[T]:
    """The entries of a list, as `read` reads each."""
    if not isinstance(value, Listed):
        raise refuse("the value is not the path of a list", f"write the path of a file: {example}, one entry a line")
    if not value.entries:
        raise refuse(f"{value.name} has no entries", "write one a line, or take the rule out")
    for line, entry in value.entries:
        try:
            yield read(entry)
        except GlassgateError as fault:
            raise refuse(f"{value.name}:{line}: {fault.what}", fault.mend) from None


def parts(value: object, known: Iterable[str], form: str, others: Mapping[str, str] | None = None) -> dict[str, object]:
    """A value that is a mapping of `known` keys, or of what `others` call them. `form` is how it is written."""
    if not isinstance(value, dict) or not value:
        raise refuse("the value is no mapping of keys", f"write `{form}`")
    named = by_our_names(value, others or {})
    if not named.keys() <= set(known):
        raise refuse("the keys are not those of this selector", f"write `{form}`")
    return named


def by_our_names(value: Mapping[str, object], others: Mapping[str, str]) -> dict[str, object]:
    """The parts of a value, where a key may be called as others call it."""
    found = {others.get(name, name): part for name, part in value.items()}
    if len(found) != len(value):
        raise refuse("the same key stands here by two names", "write it once")
    return found
