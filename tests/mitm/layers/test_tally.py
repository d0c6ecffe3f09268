"""Counting what may happen only so often."""

import pytest

from glassgate.mitm.layers.tally import Tally

ROWS = [
    ("below the bound", [0.0] * 3, False),
    ("above it, at once", [0.0] * 4, True),
    ("above it, within the span", [0.0, 3.0, 6.0, 9.9], True),
    ("above it, in more than the span", [0.0, 4.0, 8.0, 12.0], False),
    ("again, after a span", [0.0, 4.0, 8.0, 12.0, 12.0, 12.0, 12.0], True),
    ("steadily", [4.0 * n for n in range(100)], False),
]


@pytest.mark.parametrize(("times", "is_over"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_happens_too_often(times, is_over):
    now = [0.0]
    tally = Tally(3, 10.0, lambda: now[0])
    found = []
    for time in times:
        now[0] = time
        found.append(tally.is_over())
    assert any(found) is is_over
    assert not any(found[:3])
