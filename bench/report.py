"""The tables: ratios at a glance, then every figure with the CPU and the memory beside it."""

from collections.abc import Iterable, Sequence

from bench.candidates import BASE
from bench.figures import Figure, ratios, short
from bench.results import Named, Results, Row

FAILED = "failed"
MB = 1024 * 1024


def markdown(results: Results) -> str:
    """All of a run, for a terminal as for a page."""
    said = [f"- {name}: {value}" for name, value in {"measured": results.at, **results.head}.items()]
    parts = ["\n".join(said), summary(results), *failures(results)]
    parts += [f"**{load.name}**: {load.says}\n\n{details(results, load)}" for load in results.loads]
    return "\n\n".join(parts) + "\n"


def summary(results: Results) -> str:
    """The ratios: a line a load, a column a candidate. The base's own column has its rate."""
    lines = [["", *(one.name for one in results.candidates)]]
    for load in results.loads:
        rows = (results.row(load.name, one.name) for one in results.candidates)
        lines.append([load.name, *(_glance(row, load) for row in rows)])
    return table(lines)


def details(results: Results, load: Named) -> str:
    """One load: a line a candidate."""
    lines = [["", load.unit, f"x {BASE}", "CPU an answer", "peak memory"]]
    for one in results.candidates:
        row = results.row(load.name, one.name)
        lines.append([one.name, *(_figures(row) if row and row.samples and not row.failed else [_why(row), *[""] * 3])])
    return table(lines)


def failures(results: Results) -> list[str]:
    """What failed and why, a line each; nothing where nothing did."""
    lines = [f"- {row.candidate}, {row.load}: {row.failed}" for row in results.rows if row.failed]
    return ["Failed, so not counted:\n\n" + "\n".join(lines)] if lines else []


def ratio(row: Row) -> Figure | None:
    """The row's rate by the base's, round by round; None where one of the two has none."""
    if row.failed or not row.samples or len(row.base) != len(row.samples):
        return None
    return Figure.of(ratios([one.rate for one in row.samples], row.base))


def table(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns as wide as what is in them; the first line is its head."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    first, *rest = (_line(line, widths) for line in lines)
    rule = _line(["-" * width if not n else "-" * (width - 1) + ":" for n, width in enumerate(widths)], widths)
    return "\n".join([first, rule, *rest])


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if n else cell.ljust(width) for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _glance(row: Row | None, load: Named) -> str:
    if row is None or row.failed or not row.samples:
        return _why(row)
    if row.candidate == BASE:
        return f"{short(Figure.of([one.rate for one in row.samples]).median)} {load.unit}"
    found = ratio(row)
    return _spread(found) if found else "-"


def _figures(row: Row) -> list[str]:
    rate = Figure.of([one.rate for one in row.samples])
    cost = Figure.of([one.cpu / one.answers for one in row.samples])
    peak = Figure.of([one.peak / MB for one in row.samples])
    found = ratio(row)
    return [_spread(rate), _spread(found) if found else "-", f"{short(cost.median * 1e6)} µs", f"{peak.high:,.0f} MB"]


def _spread(figure: Figure) -> str:
    return f"{short(figure.median)} ({short(figure.low)}–{short(figure.high)})"


def _why(row: Row | None) -> str:
    return FAILED if row and row.failed else "-"
