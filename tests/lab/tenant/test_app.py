import pytest

from glassgate.lab.tenant.registration import Registration
from lab.tenancy import CLIENT, TENANT, Tenancy


@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), "contoso.example"])
def test_the_tenant_is_known_by_its_id(browser, tenant):
    document = browser.get(f"/{tenant}/v2.0/.well-known/openid-configuration")
    assert document.json["issuer"] == f"https://login.localhost:8443/{TENANT}/v2.0"


def test_a_tenant_is_known_by_its_domain(tmp_path):
    browser = Tenancy(tmp_path, registrations=[Registration(CLIENT, tenant="adatum.example")]).browser()
    document = browser.get("/adatum.example/v2.0/.well-known/openid-configuration").json
    tenant_id = document["issuer"].split("/")[3]
    assert browser.get(f"/{tenant_id}/v2.0/.well-known/openid-configuration").json == document


@pytest.mark.parametrize(
    "path", ["v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"], ids=["discovery", "keys"]
)
def test_an_unknown_tenant_is_told_to_programs_in_json(browser, path):
    answer = browser.get(f"/unknown.example/{path}")
    assert (answer.status_code, answer.json["error_codes"]) == (400, [90002])


def test_what_is_too_long_or_sent_wrongly_is_refused(browser):
    assert browser.post(f"/{TENANT}/login", {"ctx": "x" * 40_000}).status_code == 413
    assert browser.get(f"/{TENANT}/login").status_code == 405
    assert browser.get(f"/{TENANT}/oauth2/v2.0/token").status_code == 405


def test_an_error_number_is_explained(browser):
    assert "invalid username or password" in browser.get("/error?code=50126").text
    for unknown in ("1", "x", "²", "9" * 12, ""):
        assert browser.get(f"/error?code={unknown}").status_code == 404
