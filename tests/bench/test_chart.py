"""The chart: its bars are as long as their ratios, and it can be read."""

import re
import xml.etree.ElementTree as ET

from bench import chart

SVG = "{http://www.w3.org/2000/svg}"


def bars(drawn):
    return [one for one in ET.fromstring(drawn).iter(f"{SVG}rect") if one.get("height") == str(chart.BAR)]


def texts(drawn):
    return [one.text for one in ET.fromstring(drawn).iter(f"{SVG}text")]


def test_a_bar_for_what_can_be_compared_alone(results):
    drawn = chart.draw(results())
    assert len(bars(drawn)) == 1  # neither the base, nor the origin, nor who failed
    assert "3.00x" in texts(drawn)


def test_bars_are_as_long_as_their_ratios(results, row):
    base = [100.0]
    rows = [row(load, "serve", [rate], base) for load, rate in (("keep-alive-16", 400.0), ("down-10m", 100.0))]
    long, short = (float(one.get("width")) for one in bars(chart.draw(results(rows=rows))))
    assert abs(long / short - 4) < 0.01


def test_whiskers_are_the_lowest_and_the_highest_round(results):
    paths = ET.fromstring(chart.draw(results())).iter(f"{SVG}path")
    drawn = next(one.get("d") for one in paths if one.get("class") == "whisker")
    low, high = re.match(r"M([\d.]+) \S+?H([\d.]+)M", drawn).groups()
    scale = chart.Scale(3.2 * 1.02)
    assert (float(low), float(high)) == (scale.x(2.9), scale.x(3.2))


def test_ticks_are_round_and_few():
    for top in (1.02, 3.4, 6.8, 12.0, 70.0, 300.0):
        ticks = chart.Scale(top).ticks
        assert 2 <= len(ticks) <= 11
        assert ticks[-1] <= top


def test_nothing_measured_is_an_empty_chart(results):
    assert bars(chart.draw(results(rows=[]))) == []


def test_both_light_and_dark(results):
    assert "prefers-color-scheme: dark" in chart.draw(results())
