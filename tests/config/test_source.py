"""A file is read as plain data with its lines, within bounds."""

import pytest

from glassgate.config.source import MAX_BYTES, MAX_DEPTH, read
from glassgate.errors import ConfigError


def source(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def test_every_part_has_its_line(tmp_path):
    found = source(tmp_path, "a: 1\nb:\n  - x\n  - {c: y,\n     d: z}\n\ne: |\n  text\n")
    assert found.tree == {"a": 1, "b": ["x", {"c": "y", "d": "z"}], "e": "text\n"}
    assert found.lines == {
        (): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("b", 1, "d"): 5, ("e",): 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("0x_", "0x_"),
        ("yes", True),
        ("'yes'", "yes"),
        ("9" * 5000, "9" * 5000),
        ("8080", 8080),
        ("1.5", 1.5),
    ],
)
def test_values_are_read(tmp_path, text, value):
    found = source(tmp_path, f"a: {text}\n")
    assert found.tree == {"a": value}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "`a` stands here twice, first in line 1"),
        ("x: &x {a: 1}\ny:\n  <<: *x\n", 3, "merging with `<<` is not read"),
        ("a: 1\nb:\n", 2, "has no value"),
        ("[a]: 1\n", 1, "a key is no plain text"),
        ("a: !!python/object:os.system x\n", 1, "takes for a tag"),
        ("a: !!binary eA==\n", 1, "takes for a tag"),
    ],
)
def test_what_is_odd_is_told_and_the_rest_is_read(tmp_path, text, line, what):
    (problem,) = source(tmp_path, text).problems
    assert problem.line == line
    assert what in problem.what


REFUSED = {  # name: (text, line, words of the what)
    "empty": ("", 1, "empty"),
    "comment alone": ("# nothing\n", 1, "empty"),
    "indentation": ("a: 1\n b: 2\n", 2, "colon"),
    "tab": ("a:\n\tb: 1\n", 2, "keeps for itself|tab"),
    "open quote": ("a: 'x\n", 2, "no valid YAML"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "more than one"),
    "unknown alias": ("a: 1\nb: *x\n", 2, "begins with `\\*`"),
    "unknown tag handle": ("a: !x!y z\n", 1, "begins with `!`"),
    "percent": ("a: %x\n", 1, "keeps for itself"),
    "escape": ('a: "\\q"\n', 1, "backslash"),
    "control character": ("a: 1\nb: \x07\n", 2, "control character"),
    "not UTF-8": (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
    "deep lists": ("a: " + "[" * 100_000, 1, "nested too deeply"),
    "deep mappings": ("\n".join(" " * n + "a:" for n in range(MAX_DEPTH + 5)), 24, "nested too deeply"),
    "an alias of itself": ("a: &a [*a]\n", 1, "too much"),
    "a small file that unfolds": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
        ),
        1,
        "too much",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_configuration_is_refused(tmp_path, name):
    text, line, what = REFUSED[name]
    with pytest.raises(ConfigError, match=what) as caught:
        source(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.where == f"{tmp_path / 'c.yaml'}:{line}"
    assert problem.mend


def test_a_large_file_is_refused_unread(tmp_path):
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        source(tmp_path, b"#" * (MAX_BYTES + 1))


@pytest.mark.parametrize("name", ["gone.yaml", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / name)
