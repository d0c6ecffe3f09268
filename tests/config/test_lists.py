"""Lists in files: one entry a line, notes for people, and what cannot be read."""

import pytest

from glassgate.config.lists import MAX_BYTES, read_list
from glassgate.errors import GlassgateError


def test_entries_have_their_lines(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\n# a note\n\n  two  # another\n#three")
    assert read_list(tmp_path, "a.txt").entries == ((1, "one"), (4, "two"))


def test_a_path_may_be_absolute(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    listed = read_list(tmp_path / "elsewhere", str(tmp_path / "a.txt"))
    assert (listed.name, listed.entries) == (str(tmp_path / "a.txt"), ((1, "one"),))


BAD = [
    ("not there", "b.txt", "`b.txt` cannot be read: No such file"),
    ("a folder", ".", "`.` cannot be read: Is a directory"),
    ("no path", "a\0b", "cannot be read: it is no path"),
    ("not UTF-8", "latin.txt", "latin.txt:2: the list is not UTF-8"),
    ("too large", "large.txt", "`large.txt` is larger than 32 MiB"),
]


@pytest.mark.parametrize(("name", "what"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_cannot_be_read_is_told(name, what, tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"one\nzw\xf6lf\n")
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(GlassgateError) as caught:
        read_list(tmp_path, name)
    assert what in caught.value.what
    assert caught.value.mend
