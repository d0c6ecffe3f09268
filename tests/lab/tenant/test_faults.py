import re

import pytest

from glassgate.lab.tenant.faults import KINDS, TenantError, report


@pytest.mark.parametrize("code", KINDS)
def test_every_error_says_something_whole(code):
    names = re.findall(r"\{(\w+)\}", KINDS[code].text)
    no = TenantError(code, **dict.fromkeys(names, "quoted"))
    assert str(no).startswith(f"AADSTS{code}: ")
    assert "{" not in str(no)
    assert KINDS[code].status in (400, 401)


def test_what_is_quoted_is_cut():
    assert len(str(TenantError(90002, value="x" * 10_000))) < 400


def test_a_report_reads_as_entras():
    told = report(TenantError(54005), 1_800_000_000.0)
    lines = told.description.split("\r\n")
    assert lines[0].startswith("AADSTS54005: ")
    assert [line.partition(":")[0] for line in lines[1:]] == ["Trace ID", "Correlation ID", "Timestamp"]
    assert told.to_json("https://login.localhost/error") == {
        "error": "invalid_grant",
        "error_description": told.description,
        "error_codes": [54005],
        "timestamp": "2027-01-15 08:00:00Z",
        "trace_id": told.trace_id,
        "correlation_id": told.correlation_id,
        "error_uri": "https://login.localhost/error?code=54005",
    }
