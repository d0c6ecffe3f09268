"""A change of files is told of once, and not before it has come to rest."""

from pathlib import Path

import pytest

from glassgate.config.watched import PATIENCE, Watched, stamps_of

A, B = Path("a"), Path("b")
OLD, NEW, NEWER = (1, 10, 100), (2, 20, 100), (2, 21, 150)


def looks(*stamps):
    """At a file, one after the other."""
    return [{A: stamp, B: OLD} for stamp in stamps]


ROWS = [
    ("nothing happens", looks(OLD, OLD, OLD), [False, False, False]),
    ("it is replaced", looks(NEW, NEW, NEW), [False, True, False]),
    ("it is written in pieces", looks(NEW, NEWER, NEWER, NEWER), [False, False, True, False]),
    ("it never comes to rest", looks(NEW, NEWER, NEW, NEWER), [False] * 4),
    ("it changes and comes back", looks(NEW, OLD, OLD), [False, False, False]),
    ("it changes twice", looks(NEW, NEW, NEWER, NEWER), [False, True, False, True]),
    ("it is away for a moment", looks(None, None, OLD, OLD), [False] * 4),
    ("it is away for a moment, and another then", looks(None, None, NEW, NEW), [False, False, False, True]),
    ("it is away for good", looks(*[None] * (PATIENCE + 3)), [False] * PATIENCE + [True, False, False]),
    ("it was away for long and is back", [*looks(*[None] * (PATIENCE + 1)), *looks(OLD, OLD)],
     [False] * PATIENCE + [True, False, True]),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "told"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_told(seen, told):
    watched = Watched({A: OLD, B: OLD})
    assert [watched.have_changed(stamps) for stamps in seen] == told


def test_a_file_that_was_never_there_is_not_waited_for():
    watched = Watched({A: None, B: OLD})
    assert [watched.have_changed({A: None, B: stamp}) for stamp in (NEW, NEW)] == [False, True]


def test_how_files_look(tmp_path):
    path, other = tmp_path / "one", tmp_path / "other"
    path.write_text("x")
    before = stamps_of([path, other])
    assert before[other] is None
    assert stamps_of([path, other]) == before
    other.write_text("x")
    other.replace(path)
    assert stamps_of([path])[path] != before[path]
    link = tmp_path / "link"
    link.symlink_to(path)
    assert stamps_of([link])[link] == stamps_of([path])[path], "a link is what it leads to"
