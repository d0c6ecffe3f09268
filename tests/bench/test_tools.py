"""What the load tools say, read; and what of it makes a candidate fail."""

import json

import pytest

from bench import asked, count, target, tools

WRK = """\
Running 2s test @ https://localhost:8443/small
  1 threads and 16 connections
  9000 requests in 2.10s, 4.20MB read
Requests/sec:   4285.71
"""


def of_wrk(**more):
    said = {
        "all": 9000, "counted": 6000, "wrong": 0, "wrong_status": 0, "wrong_length": 0, "connect": 0, "read": 0,
        "write": 0, "timeout": 0, "seconds": 1.5,
    }  # fmt: skip
    return WRK + json.dumps(said | more) + "\n"


def test_wrk_counts_from_the_warm_up_to_the_end():
    assert tools.wrk.parse(of_wrk()) == count.Count(9000, 4000.0)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"wrong": 1, "wrong_status": 503, "wrong_length": 12}, "1 of 9000 answers were wrong.* 503 and 12 bytes"),
        ({"timeout": 2}, "2 timeout"),
        ({"connect": 1, "read": 3}, "1 connect, 3 read"),
        ({"counted": 0}, "no answer in the measured time"),
    ],
    ids=["one wrong answer", "time-out", "broken connections", "nothing came"],
)
def test_wrk_fails_for(more, reason):
    with pytest.raises(target.WrongAnswer, match=reason):
        tools.wrk.parse(of_wrk(**more))


def of_h2load(finished="1.60s", done=64, succeeded=64, failed=0, errored=0, timeout=0, data=12800):
    return f"""\
starting benchmark...
Application protocol: h2
progress: 100% done

finished in {finished}, 499.17 req/s, 106.75KB/s
requests: {done} total, {done} started, {done} done, {succeeded} succeeded, {failed} failed, {errored} errored, \
{timeout} timeout
status codes: {succeeded} 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 13.69KB (14016) total, 6.81KB (6976) headers (space savings 0.00%), 12.50KB ({data}) data
                     min         max         mean         sd        +/- sd
"""


LOG = "1795625411741196\t200\t100501\n"


@pytest.mark.parametrize(
    ("finished", "seconds"), [("1.60s", 1.6), ("128.21ms", 0.12821), ("900us", 0.0009)], ids=["s", "ms", "us"]
)
def test_h2load_answers_and_seconds(finished, seconds):
    done, took = tools.h2load.parse(of_h2load(finished), LOG * 64, asked.SMALL, 200)
    assert (done, took) == (64, pytest.approx(seconds))


@pytest.mark.parametrize(
    ("said", "log", "reason"),
    [
        (of_h2load(succeeded=63), LOG * 64, "63 of 64 succeeded"),
        (of_h2load(failed=1), LOG, "1 failed"),
        (of_h2load(errored=1, timeout=1), LOG, "2 failed"),
        (of_h2load(), LOG * 63 + LOG.replace("200", "503"), "wrong statuses: .'503'"),
        (of_h2load(data=12801), LOG, "12801 bytes"),
        (of_h2load(data=12799), LOG, "12799 bytes"),
        (of_h2load(done=0, succeeded=0, data=0), "", "0 of 0"),
        ("h2load: unknown option", "", "did not say"),
    ],
    ids=["not all", "failed", "errors", "another status", "longer", "shorter", "nothing came", "no words"],
)
def test_h2load_fails_for(said, log, reason):
    with pytest.raises(target.WrongAnswer, match=reason):
        tools.h2load.parse(said, log, asked.SMALL, 200)


def test_answers_that_the_end_of_the_time_cut_off_are_no_fault():
    assert tools.h2load.parse(of_h2load(data=12800 + 16 * 200), LOG, asked.SMALL, 200, cut=16)[0] == 64
    with pytest.raises(target.WrongAnswer):
        tools.h2load.parse(of_h2load(data=12800 + 16 * 200 + 1), LOG, asked.SMALL, 200, cut=16)


UP = "200 6 10485760 0.500 1.1 \n"
DOWN = asked.Ask("/x", body=b"x" * 2097152)


def test_curl_counts_the_larger_body_in_megabytes():
    assert tools.curl.parse(UP * 4, asked.UP_10M, 4) == count.Count(4, 20.0)
    assert tools.curl.parse("200 2097152 0 0.250 1.1 \n" * 2, DOWN, 2) == count.Count(2, 8.0)


@pytest.mark.parametrize(
    "said",
    [
        UP * 3,
        UP * 3 + UP.replace("200", "413"),
        UP * 3 + UP.replace("10485760", "65536"),
        UP * 3 + UP.replace("6 ", "5 "),
    ],
    ids=["one is missing", "another status", "not all was taken", "another answer"],
)
def test_curl_fails_for(said):
    with pytest.raises(target.WrongAnswer):
        tools.curl.parse(said, asked.UP_10M, 4)


def test_echoes_are_counted_and_compared():
    assert tools.echo.parse('{"all": 900, "counted": 600, "seconds": 1.5, "wrong": 0}') == count.Count(900, 400.0)
    with pytest.raises(target.WrongAnswer, match="1 of 900"):
        tools.echo.parse('{"all": 900, "counted": 600, "seconds": 1.5, "wrong": 1}')
