"""Medians, spreads, ratios, and how numbers are written."""

import pytest

from bench import figures


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0], (5.0, 5.0, 5.0)),
        ([9.0, 1.0, 2.0], (2.0, 1.0, 9.0)),
        ([4.0, 1.0, 2.0, 9.0], (3.0, 1.0, 9.0)),
    ],
    ids=["one round", "odd", "even"],
)
def test_the_middle_and_both_ends(values, expected):
    found = figures.Figure.of(values)
    assert (found.median, found.low, found.high) == expected


def test_nothing_measured_is_not_zero():
    with pytest.raises(ValueError, match="no values"):
        figures.Figure.of([])


def test_a_ratio_is_of_the_same_round():
    """A machine that got half as fast meanwhile changes no ratio."""
    assert figures.ratios([300.0, 150.0], [100.0, 50.0]) == [3.0, 3.0]


def test_rounds_that_differ_in_number_make_no_ratio():
    with pytest.raises(ValueError, match="shorter"):
        figures.ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0.00"), (3.456, "3.46"), (12.34, "12.3"), (123.4, "123"), (12345.6, "12,346")],
)
def test_three_digits_count(value, said):
    assert figures.short(value) == said
