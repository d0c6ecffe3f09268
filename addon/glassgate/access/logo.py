"""Checks the picture of an app: a kind that browsers show, no larger than it need be, and nothing in it that acts."""

import hashlib
from dataclasses import dataclass
from xml.parsers import expat  # an operator's file, of bounded size, without a document type

from glassgate.errors import GlassgateError

LARGEST = 64 * 1024  # bytes
SVG = "http://www.w3.org/2000/svg"

# What a file begins with, by its kind: the bytes at each place.
_SIGNATURES: dict[str, tuple[tuple[int, bytes], ...]] = {
    "image/png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "image/jpeg": ((0, b"\xff\xd8\xff"),),
    "image/webp": ((0, b"RIFF"), (8, b"WEBP")),
}
_ACTIVE = frozenset(("script", "foreignObject", "iframe", "embed", "object", "audio", "video", "handler", "listener"))


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that was checked, and under which name it is asked for."""

    kind: str  # its media type
    content: bytes
    name: str  # of its content: another picture is another address


def checked(content: bytes) -> Logo:
    """The picture in these bytes. Raises GlassgateError, with the mend."""
    if len(content) > LARGEST:
        raise GlassgateError(
            f"the picture is larger than {LARGEST // 1024} KiB", mend="make it smaller: it is shown 48 pixels wide"
        )
    kind = next((kind for kind, marks in _SIGNATURES.items() if _begins(content, marks)), None)
    if kind is None:
        _check_svg(content)
        kind = "image/svg+xml"
    return Logo(kind, content, hashlib.sha256(content).hexdigest()[:32])


def _begins(content: bytes, marks: tuple[tuple[int, bytes], ...]) -> bool:
    return all(content.startswith(mark, place) for place, mark in marks)


def _check_svg(content: bytes) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    drawing = _Drawing()
    parser.StartElementHandler = drawing.element
    parser.StartDoctypeDeclHandler = drawing.doctype
    parser.ProcessingInstructionHandler = drawing.instruction
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        raise GlassgateError("this is no picture that browsers show", mend="use a PNG, JPEG, WebP or SVG") from None


class _Drawing:
    """What a parser meets in an SVG. Raises GlassgateError at anything that could act, or fetch from elsewhere."""

    def __init__(self) -> None:
        self._root = True

    def element(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if self._root and (space, local) != (SVG, "svg"):
            raise GlassgateError("this is XML, and no SVG", mend="use a PNG, JPEG, WebP or SVG")
        self._root = False
        if local in _ACTIVE:
            raise _active(f"<{local}>")
        for key, value in attributes.items():
            attribute = key.rpartition(" ")[2]
            if attribute.lower().startswith("on"):
                raise _active(attribute)
            if attribute == "href" and not value.startswith(("#", "data:image/")):
                raise _active(f"{attribute} to elsewhere")

    def doctype(self, *_: object) -> None:
        raise _active("<!DOCTYPE>")

    def instruction(self, target: str, _: str) -> None:
        raise _active(f"<?{target}?>")


def _active(what: str) -> GlassgateError:
    return GlassgateError(f"the SVG is more than a picture: it holds `{what}`", mend="save it as a plain SVG, or a PNG")
