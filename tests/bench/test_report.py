"""The tables: who failed is never fast, and a ratio is that of the rounds."""

import pytest

from bench import report
from bench import results as bench_results


def cells(table, name):
    line = next(line for line in table.splitlines() if line.startswith(f"| {name} "))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_ratios_at_a_glance(results):
    said = report.summary(results())
    assert cells(said, "keep-alive-16") == ["62.5 (50.0–100)", "800 requests/s", "3.00 (2.90–3.20)"]


def test_who_failed_is_not_fast(results):
    assert cells(report.summary(results()), "down-10m")[-1] == "failed"
    assert cells(report.details(results(), results().loads[1]), "serve") == ["failed", "", "", ""]
    assert "- serve, down-10m: 1 of 4 answers was wrong" in report.markdown(results())


def test_cpu_is_that_of_an_answer_and_memory_the_most(results):
    assert cells(report.details(results(), results().loads[0]), "serve")[2:] == ["250 µs", "80 MB"]


def test_where_the_base_failed_there_is_no_ratio(results, row):
    rows = [row("keep-alive-16", "mitmdump", [], (), "it ended"), row("keep-alive-16", "serve", [3000.0])]
    said = report.summary(results(rows=rows))
    assert cells(said, "keep-alive-16") == ["-", "failed", "-"]
    assert cells(said, "down-10m") == ["-", "-", "-"]


def test_a_run_can_be_read_again(results, tmp_path):
    results().write(tmp_path / "run.json")
    assert bench_results.Results.read(tmp_path / "run.json") == results()


def test_what_is_no_run_of_this_bench_is_not_read(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="no file of results"):
        bench_results.Results.read(tmp_path / "run.json")


def test_columns_are_as_wide_as_what_is_in_them(results):
    lines = report.summary(results()).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [one.name for one in results().candidates] == [cell.strip() for cell in lines[0].strip("|").split("|")][1:]
