"""A file that the configuration names: no more of it is read than may be, and a bad one is told with its place."""

import pytest

from glassgate.config.checked_file import read_checked
from glassgate.errors import GlassgateError, StartError


def refuse(content):
    raise GlassgateError("it is bad", mend="make it good")


def test_a_little_more_than_may_be_is_read_so_that_the_check_can_tell(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345678")
    assert read_checked(path, 4, bytes.decode, "the file") == "12345"


@pytest.mark.parametrize(
    ("make", "what", "mend"),
    [
        (lambda path: None, "the file cannot be read: No such file", ""),
        (lambda path: path.mkdir(), "the file cannot be read: Is a directory", ""),
        (lambda path: path.write_bytes(b"x"), "it is bad", "make it good"),
    ],
    ids=["missing", "a folder", "bad"],
)
def test_a_bad_one_is_told_with_its_place(tmp_path, make, what, mend):
    path = tmp_path / "file"
    make(path)
    with pytest.raises(StartError, match=what) as caught:
        read_checked(path, 4, refuse, "the file")
    assert (caught.value.where, caught.value.mend or "") == (str(path), mend)
