import pytest

from glassgate.lab.tenant.errors import TenantError, report


def test_what_is_quoted_is_cut():
    assert len(str(TenantError(90002, value="x" * 10_000))) < 600


def test_what_nobody_said_is_left_out():
    assert "for a secret added to app ''." in str(TenantError(7000215))


def test_a_number_that_is_not_listed_is_told_all_the_same():
    assert str(TenantError(12345)).startswith("AADSTS12345: ")


def test_a_report_reads_as_entras():
    told = report(TenantError(54005), 1_800_000_000.0)
    lines = told.description.split("\r\n")
    assert lines[0].startswith("AADSTS54005: ")
    assert [line.partition(":")[0] for line in lines[1:]] == ["Trace ID", "Correlation ID", "Timestamp"]
    assert told.at_token("https://login.localhost/error") == {
        "error": "invalid_grant",
        "error_description": told.description,
        "error_codes": [54005],
        "timestamp": "2027-01-15 08:00:00Z",
        "trace_id": told.trace_id,
        "correlation_id": told.correlation_id,
        "error_uri": "https://login.localhost/error?code=54005",
    }


@pytest.mark.parametrize(
    ("code", "at_sign_in", "at_token", "suberror"),
    [
        (50076, "interaction_required", "invalid_grant", "basic_action"),
        (65001, "consent_required", "invalid_grant", "consent_required"),
        (50055, "access_denied", "invalid_grant", "user_password_expired"),
        (53003, "access_denied", "invalid_grant", "message_only"),
        (50173, "access_denied", "invalid_grant", None),
        (7000215, "unauthorized_client", "invalid_client", None),
        (70003, "unauthorized_client", "unsupported_grant_type", None),
        (90033, "temporarily_unavailable", "temporarily_unavailable", None),
    ],
    ids=["factor", "consent", "password", "policy", "revoked", "secret", "grant type", "passing"],
)
def test_an_error_has_a_name_for_each_endpoint(code, at_sign_in, at_token, suberror):
    told = report(TenantError(code), 0.0)
    assert told.at_sign_in() == {"error": at_sign_in, "error_description": told.description}
    answer = told.at_token("")
    assert (answer["error"], answer.get("suberror")) == (at_token, suberror)


def test_who_declined_is_told_apart():
    assert report(TenantError(65004), 0.0).at_sign_in()["error_subcode"] == "cancel"


def test_the_claims_to_send_back_are_told():
    assert report(TenantError(50076, claims='{"x":1}'), 0.0).at_token("")["claims"] == '{"x":1}'
