"""The bench stands beside the tests, not in the package; and a run's results, made up."""

import sys

import pytest

from house.tree import ROOT

sys.path.append(str(ROOT))
from bench import results as bench_results

MB = 1024 * 1024
Named = bench_results.Named
LOADS = [Named("keep-alive-16", "small GET, 16 connections", "requests/s"), Named("down-10m", "10 MB down", "MB/s")]
CANDIDATES = [Named("origin", "nginx"), Named("mitmdump", "bare <mitmdump>"), Named("serve", "glassgate serve")]


def row_of(load, candidate, rates, base=(), failed=None):
    samples = [bench_results.Sample(rate, 1000, 0.25, 80 * MB) for rate in rates]
    return bench_results.Row(load, candidate, samples, list(base), failed)


def results_of(**more):
    slowing = [1000.0, 500.0, 800.0]
    rows = [
        row_of("keep-alive-16", "origin", [50_000.0] * 3, slowing),
        row_of("keep-alive-16", "mitmdump", slowing, slowing),
        row_of("keep-alive-16", "serve", [3000.0, 1600.0, 2320.0], slowing),
        row_of("down-10m", "origin", [400.0], [100.0]),
        row_of("down-10m", "mitmdump", [100.0], [100.0]),
        row_of("down-10m", "serve", [300.0], [100.0], "1 of 4 answers was wrong"),
    ]
    given = {"at": "2026-01-02T03:04:05Z", "head": {"machine": "one"}, "loads": LOADS, "candidates": CANDIDATES}
    return bench_results.Results(**{**given, "rows": rows, "whole": True, **more})


@pytest.fixture
def row():
    """Makes a row: load, candidate, its rates, the base's in the same rounds."""
    return row_of


@pytest.fixture
def results():
    """Makes results: three rounds of one load, and one of another in which the gate failed."""
    return results_of
