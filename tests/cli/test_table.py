"""Columns are as wide as what stands in them, and nothing is written behind the last one."""

from glassgate.cli.table import table


def test_columns_are_as_wide_as_what_stands_in_them():
    rows = [("A", "B"), ("long one", ""), ("x", "y")]
    assert table(rows) == ["A         B", "long one", "x         y"]
    assert table(iter(rows)) == table(rows)


def test_a_head_alone_and_nothing_at_all():
    assert table([("A", "BC")]) == ["A  BC"]
    assert table([]) == []
