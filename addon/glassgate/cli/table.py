"""Tables on the terminal: columns as wide as what stands in them."""

from collections.abc import Iterable


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """The lines of a table, without blanks at their ends. The first row is the head; all are of one length."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
