"""What is kept in pieces: each opens in its own place, by its own key, whole, or not at all."""

import pytest

from glassgate.access.box import Box
from glassgate.access.seal import SealError

MINE = Box("form", "a key")


@pytest.mark.parametrize("piece", [b"", b"x", b"x" * 300_000], ids=["nothing", "a byte", "much"])
def test_what_is_closed_opens_and_cannot_be_read(piece):
    sealed = MINE.close(1, piece)
    assert MINE.open(1, sealed) == piece
    assert piece[:20] not in sealed or not piece[1:]


OTHERS = [
    ("another key", Box("form", "another key"), 1, lambda sealed: sealed),
    ("another box", Box("for", "a key"), 1, lambda sealed: sealed),
    ("another place", MINE, 2, lambda sealed: sealed),
    ("cut short", MINE, 1, lambda sealed: sealed[:-1]),
    ("a bit changed", MINE, 1, lambda sealed: bytes([sealed[0] ^ 1]) + sealed[1:]),
    ("nothing", MINE, 1, lambda sealed: b""),
]


@pytest.mark.parametrize(("box", "number", "change"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS])
def test_nothing_else_opens(box, number, change):
    with pytest.raises(SealError):
        box.open(number, change(MINE.close(1, b"a piece")))
