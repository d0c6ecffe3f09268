"""The chart: for each load how many times the base a candidate makes, as bars, the rounds' spread as whiskers."""

import math
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import indent

from bench.candidates import BASE
from bench.figures import Figure, short
from bench.report import ratio
from bench.results import Named, Results

LEFT, RIGHT, WIDTH = 310, 64, 900
BAR, GAP, GROUP, HEAD, FOOT = 13, 3, 20, 86, 34
COLORS = 4  # kinds of bars that the style has
LEFT_OUT = frozenset((BASE, "origin"))  # the base is the line at 1; the origin alone would dwarf all of the others

STYLE = Path(__file__).with_name("chart.css")


@dataclass(frozen=True, slots=True)
class Scale:
    """From a ratio to a place on the page."""

    top: float  # the largest ratio that is drawn

    def x(self, value: float) -> float:
        """How far from the left, in pixels."""
        return round(LEFT + min(value, self.top) / self.top * (WIDTH - LEFT - RIGHT), 1)

    @property
    def ticks(self) -> list[float]:
        """Round ratios, at most ten of them."""
        step = next(step for step in (0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if self.top / step <= 10)
        return [step * n for n in range(int(self.top / step) + 1)]


def draw(results: Results) -> str:
    """The chart as SVG. It has no bar for what failed."""
    shown = [one for one in results.candidates if one.name not in LEFT_OUT]
    groups = [(load, bars) for load in results.loads if (bars := _bars(results, load, shown))]
    scale = Scale(max((figure.high for _, bars in groups for _, figure in bars), default=1.0) * 1.02)
    height = HEAD + sum(len(bars) * (BAR + GAP) + GROUP for _, bars in groups) + FOOT
    body = [_grid(scale, height), _legend(shown)]
    y = HEAD
    for load, bars in groups:
        middle = y + len(bars) * (BAR + GAP) / 2
        body.append(_text(LEFT - 14, middle - 4, load.name, "load"))
        body.append(_text(LEFT - 14, middle + 12, load.says, "load soft"))
        for kind, figure in bars:
            body.append(_bar(scale, y, kind, figure))
            y += BAR + GAP
        y += GROUP
    return _page(height, body)


def _bars(results: Results, load: Named, shown: list[Named]) -> list[tuple[int, Figure]]:
    rows = ((kind, results.row(load.name, one.name)) for kind, one in enumerate(shown))
    return [(kind, found) for kind, row in rows if row and (found := ratio(row))]


def _bar(scale: Scale, y: float, kind: int, figure: Figure) -> str:
    x, low, high, middle = scale.x(figure.median), scale.x(figure.low), scale.x(figure.high), y + BAR / 2
    return (
        f'  <rect class="bar{kind % COLORS}" x="{LEFT}" y="{y}" width="{round(x - LEFT, 1)}" height="{BAR}" rx="2"/>\n'
        f'  <path class="whisker" d="M{low} {middle}H{high}M{low} {middle - 4}v8M{high} {middle - 4}v8"/>\n'
        + _text(high + 7, middle + 4.5, f"{short(figure.median)}x", "soft")
    )


def _grid(scale: Scale, height: float) -> str:
    bottom = height - FOOT
    lines = [
        f'  <path class="{"one" if tick == 1 else "grid"}" d="M{scale.x(tick)} {HEAD - 10}V{bottom}"/>\n'
        + _text(scale.x(tick), bottom + 18, f"{tick:g}", "tick")
        for tick in scale.ticks
    ]
    if 1.0 not in scale.ticks:
        lines.append(f'  <path class="one" d="M{scale.x(1)} {HEAD - 10}V{bottom}"/>\n')
    return "".join(lines)


def _legend(shown: list[Named]) -> str:
    lines, x = (
        [_text(24, 32, f"Times bare {BASE}: the median of the rounds, whiskers their lowest and highest", "title")],
        24.0,
    )
    for kind, one in enumerate(shown):
        lines.append(f'  <rect class="bar{kind % COLORS}" x="{x}" y="47" width="12" height="12" rx="2"/>\n')
        lines.append(_text(x + 18, 58, one.says, "soft"))
        x += 44 + 6.6 * len(one.says)
    return "".join(lines)


def _text(x: float, y: float, said: str, kind: str) -> str:
    return f'  <text class="{kind}" x="{x}" y="{y}">{escape(said)}</text>\n'


def _page(height: float, body: list[str]) -> str:
    size = f'viewBox="0 0 {WIDTH} {math.ceil(height)}" width="{WIDTH}" height="{math.ceil(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">\n'
        f'  <title id="title">How many times bare {BASE}</title>\n'
        '  <desc id="desc">Horizontal bars, a group a load; the figures are in the table beside it.</desc>\n'
        f"  <style>\n{indent(STYLE.read_text(), '    ')}  </style>\n"
        f'  <rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{math.ceil(height) - 1}" rx="14"/>\n'
        f"{''.join(body)}</svg>\n"
    )
