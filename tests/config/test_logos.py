"""Pictures are read from where the file says, and a bad one is told with its place."""

import pytest

from config.files import app, settings
from glassgate.config.logos import read_logo, read_logos
from glassgate.errors import StartError

PNG = b"\x89PNG\r\n\x1a\nrest"


def test_each_app_has_its_picture(tmp_path):
    (tmp_path / "wiki.png").write_bytes(PNG)
    loaded = settings(app(launcher={"logo": "wiki.png"}), tmp_path)
    (aud,) = [one.aud for one in loaded.apps]
    assert {key: logo.content for key, logo in read_logos(loaded.apps).items()} == {aud: PNG}
    assert read_logos(settings(app(), tmp_path).apps) == {}


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"text"), "no picture"),
        (lambda path: path.write_bytes(PNG + bytes(100_000)), "larger than"),
    ],
    ids=["missing", "a folder", "text", "too large"],
)
def test_a_bad_picture_is_told_with_its_place(tmp_path, make, what):
    path = tmp_path / "logo.png"
    make(path)
    with pytest.raises(StartError, match=what) as caught:
        read_logo(path)
    assert caught.value.where == str(path)
