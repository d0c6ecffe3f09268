"""Reads a YAML file as plain data, with the line of every part. Bounded, and quotes nothing that may be secret."""

from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from glassgate.config.problems import Path, Problem, shown
from glassgate.errors import ConfigError, GlassgateError

MAX_BYTES = 1 << 20
MAX_NODES = 50_000  # each mention of an alias counts anew, so that a small file cannot unfold into a big one
MAX_DEPTH = 24

_TAG = "tag:yaml.org,2002:"
_READ_AS_TEXT = {_TAG + "timestamp", _TAG + "value"}
_PLAIN = {_TAG + name for name in ("str", "int", "float", "bool", "null")}


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read: its data, the line of each path, the paths of unquoted text, and what was wrong."""

    name: str  # the path as it was given
    tree: object
    lines: dict[Path, int]
    unquoted: frozenset[Path]
    problems: tuple[Problem, ...]


class _TooMuchError(Exception):
    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.what, self.line = what, line


class _Loader(yaml.SafeLoader):
    """A safe loader that counts what it composes, and reads dates as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose one node, refusing to go deeper than any configuration does."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooMuchError("the file is nested too deeply", self.line + 1)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def read(path: File) -> Source:
    """Read the file. Raises ConfigError where it cannot be read, or is no YAML; lesser problems are in `Source`."""
    name = str(path)
    text = _text(path)
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise _TooMuchError("the file is empty", 1)
        return _Walk(loader).source(name, root)
    except yaml.MarkedYAMLError as error:
        raise _no_yaml(name, error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused(f"{name}:{line}", "a control character is in the file", "take it out") from None
    except _TooMuchError as error:
        raise _refused(f"{name}:{error.line}", error.what, "see config.yaml of the demo for a small one") from None


def _text(path: File) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise _refused(str(path), f"the file cannot be read: {reason}", "name another with `-c FILE`") from None
    if len(raw) > MAX_BYTES:
        raise _refused(str(path), "the file is larger than 1 MiB", "is it a configuration?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refused(f"{path}:{line}", "the file is not UTF-8", "save it as UTF-8") from None


def _refused(where: str, what: str, mend: str) -> ConfigError:
    return ConfigError([GlassgateError(what, where=where, mend=mend)])


def _no_yaml(name: str, error: yaml.MarkedYAMLError) -> ConfigError:
    # YAML's own messages quote the text, and a secret may begin with `*`, `&`, `!` or `%`: so none of them is used.
    mark = error.problem_mark or error.context_mark
    problem = error.problem or ""
    what, mend = next(
        (said for words, said in _SYNTAX.items() if words in problem),
        ("this is no valid YAML", "look at the indentation, the colons and the quotes here and just above"),
    )
    return _refused(f"{name}:{mark.line + 1 if mark else 1}", what, mend)


_QUOTE = "put the value in single quotes"
_SYNTAX = {
    "undefined alias": ("a value begins with `*`, which YAML takes for an alias", _QUOTE),
    "duplicate anchor": ("a value begins with `&`, as one before, which YAML takes for an anchor", _QUOTE),
    "tag": ("a value begins with `!`, which YAML takes for a tag", _QUOTE),
    "cannot start any token": ("a value begins with a character that YAML keeps for itself", _QUOTE),
    "mapping values are not allowed": (
        "a colon stands where none can",
        "put the value in quotes, or mend the indentation",
    ),
    "'\\t'": ("a tab is used for indentation", "indent with spaces"),
    "another document": ("the file holds more than one YAML document", "take out the line `---`"),
    "escape": ("a backslash in double quotes begins something unknown", "use single quotes"),
}


class _Walk:
    """One pass over the nodes, which makes the data and notes the lines."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.nodes = 0
        self.lines: dict[Path, int] = {}
        self.unquoted: set[Path] = set()
        self.problems: list[Problem] = []

    def source(self, name: str, root: Node) -> Source:
        tree = self.data(root, ())
        return Source(name, tree, self.lines, frozenset(self.unquoted), tuple(self.problems))

    def data(self, node: Node, path: Path) -> object:
        line = node.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise _TooMuchError("the file holds too much", line)
        self.lines.setdefault(path, line)
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.data(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        raise TypeError(f"a YAML node of an unknown kind: {type(node).__name__}")

    def mapping(self, node: MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None:
                self.tell(path, line, "a key is no plain text", "write `key: value`")
            elif key == "<<" and key_node.tag == _TAG + "merge":
                self.tell((*path, key), line, "merging with `<<` is not read", "write the keys out")
            elif key in data:
                first = self.lines[*path, key]
                self.tell(path, line, f"{shown(key)} stands here twice, first in line {first}", "keep one of them")
            else:
                self.lines[*path, key] = line
                data[key] = self.data(value_node, (*path, key))
        return data

    def scalar(self, node: ScalarNode, path: Path) -> object:
        if node.style is None:
            self.unquoted.add(path)
        if node.tag in _READ_AS_TEXT:
            return node.value
        if node.tag not in _PLAIN:
            self.tell(path, node.start_mark.line + 1, *_SYNTAX["tag"], covers=True)
            return node.value
        try:
            value = self.loader.construct_object(node)
        except (ValueError, yaml.YAMLError):
            return node.value  # looked like a number: is text, then
        if value is None:
            self.tell(path, node.start_mark.line + 1, "has no value", "write one, or leave it out", covers=True)
        return value

    def tell(self, path: Path, line: int, what: str, mend: str, *, covers: bool = False) -> None:
        self.problems.append(Problem(path, what, mend, line, covers=covers))
