"""A logo is a picture, and nothing that acts."""

import pytest

from glassgate.access.logo import LARGEST, checked
from glassgate.errors import GlassgateError

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"
SVG = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'>{}</svg>"
LINK = "xmlns:xlink='http://www.w3.org/1999/xlink' xlink:href"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"),
        (SVG.format("<rect width='1' height='1'/>").encode(), "image/svg+xml"),
        (b"<?xml version='1.0'?>" + SVG.format("<use href='#a'/><!-- script -->").encode(), "image/svg+xml"),
        (SVG.format("<image href='data:image/png;base64,AA=='/>").encode(), "image/svg+xml"),
    ],
    ids=["png", "jpeg", "webp", "svg", "svg with a declaration", "svg with a picture in it"],
)
def test_a_picture_is_taken_for_what_it_is(content, kind):
    picture = checked(content)
    assert (picture.kind, picture.content, len(picture.name)) == (kind, content, 32)


ACTIVE = {
    "a script": SVG.format("<script>alert(1)</script>"),
    "a script of another kind": SVG.format("<x:script xmlns:x='http://www.w3.org/1999/xhtml'/>"),
    "a handler": SVG.format("<rect onclick='alert(1)'/>"),
    "a handler at the root": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": SVG.format("<foreignObject/>"),
    "an address": SVG.format("<image href='https://evil.example/a.png'/>"),
    "an old address": SVG.format(f"<image {LINK}='//evil.example/a.png'/>"),
    "a script for an address": SVG.format("<a href='javascript:alert(1)'/>"),
    "a document type": "<!DOCTYPE svg [<!ENTITY a 'aaaa'>]>" + SVG.format("&a;"),
    "another style sheet": "<?xml-stylesheet href='https://evil.example/a.css'?>" + SVG.format(""),
}


@pytest.mark.parametrize("text", ACTIVE.values(), ids=ACTIVE)
def test_an_svg_that_acts_is_refused(text):
    with pytest.raises(GlassgateError, match="more than a picture") as caught:
        checked(text.encode())
    assert "plain SVG" in caught.value.mend


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no picture"),
        (b"GIF89a", "no picture"),
        (b"<html><script>alert(1)</script></html>", "no SVG"),
        (b"<svg><rect/></svg>", "no SVG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "no picture"),
        (b"RIFF\x01\x02\x03\x04WAVE", "no picture"),
        (PNG + bytes(LARGEST), "larger than 64 KiB"),
    ],
)
def test_what_is_no_picture_is_refused(content, what):
    with pytest.raises(GlassgateError, match=what) as caught:
        checked(content)
    assert caught.value.mend


def test_another_picture_has_another_name():
    assert checked(PNG).name != checked(PNG + b"!").name
