import pytest

from lab.tenancy import CLIENT, TENANT


def bearer(browser, **changes):
    return {"Authorization": "Bearer " + browser.redeem(browser.code(**changes)).json["access_token"]}


def test_userinfo_tells_what_the_scopes_allow(tenancy, browser):
    told = tenancy.graph("/oidc/userinfo", **bearer(browser)).json
    assert (told["name"], told["email"]) == ("Alice Ahlberg", "alice@contoso.example")
    assert set(tenancy.graph("/oidc/userinfo", **bearer(browser, scope="openid")).json) == {"sub"}


@pytest.mark.parametrize(
    "value", ["", "Bearer x", "Bearer ", f"Basic {CLIENT}"], ids=["none", "made up", "empty", "basic"]
)
def test_without_an_access_token_nothing_is_told(tenancy, value):
    answer = tenancy.graph("/oidc/userinfo", **({"Authorization": value} if value else {}))
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "InvalidAuthenticationToken"


def test_no_other_token_passes_for_an_access_token(tenancy, browser):
    code = browser.code()
    id_token = browser.redeem(browser.code()).json["id_token"]
    for other in (code, id_token):
        assert tenancy.graph("/oidc/userinfo", Authorization=f"Bearer {other}").status_code == 401


def test_an_access_token_ends(tenancy, browser):
    access = bearer(browser)
    tenancy.clock.now += 3601
    assert tenancy.graph("/oidc/userinfo", **access).status_code == 401


def test_discovery_points_here(browser):
    document = browser.get(f"/{TENANT}/v2.0/.well-known/openid-configuration").json
    assert document["userinfo_endpoint"] == "https://graph.localhost:8443/oidc/userinfo"


def test_there_is_nothing_else(tenancy):
    assert tenancy.graph("/v1.0/me").status_code == 404
