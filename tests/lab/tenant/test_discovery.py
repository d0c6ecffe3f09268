import pytest

from lab.tenancy import FABRIKAM, ORIGIN, TENANT

# What a client that was written against Entra may look for, and what it must not find here either.
ENTRAS = {
    "token_endpoint", "token_endpoint_auth_methods_supported", "jwks_uri", "response_modes_supported",
    "subject_types_supported", "id_token_signing_alg_values_supported", "response_types_supported",
    "scopes_supported", "issuer", "request_uri_parameter_supported", "userinfo_endpoint", "authorization_endpoint",
    "device_authorization_endpoint", "http_logout_supported", "frontchannel_logout_supported",
    "end_session_endpoint", "claims_supported", "tenant_region_scope", "cloud_instance_name",
    "cloud_graph_host_name", "msgraph_host", "rbac_url",
}  # fmt: skip
AUTHORITIES = [TENANT, FABRIKAM, "organizations", "common"]


def document(browser, tenant=TENANT):
    return browser.get(f"/{tenant}/v2.0/.well-known/openid-configuration")


@pytest.mark.parametrize("tenant", AUTHORITIES)
def test_the_document_has_entras_members_and_no_others(browser, tenant):
    answer = document(browser, tenant)
    assert set(answer.json) == ENTRAS
    assert answer.headers["Cache-Control"] == "max-age=86400, private"
    assert not set(answer.json["claims_supported"]) & {"oid", "groups", "roles", "acrs", "sid"}
    assert answer.json["subject_types_supported"] == ["pairwise"]
    assert answer.json["token_endpoint_auth_methods_supported"] == [
        "client_secret_post", "private_key_jwt", "client_secret_basic",
    ]  # fmt: skip
    assert answer.json["msgraph_host"] == "graph.localhost:8443"


@pytest.mark.parametrize("tenant", AUTHORITIES)
def test_every_address_in_it_answers(tenancy, browser, tenant):
    found = document(browser, tenant).json
    ours = {name: url.removeprefix(ORIGIN) for name, url in found.items() if str(url).startswith(f"{ORIGIN}/")}
    assert all(url.startswith(f"/{tenant}/") for name, url in ours.items() if name != "issuer")
    assert {name: browser.get(url).status_code for name, url in ours.items()} == {
        "issuer": 404,  # a name, not an address
        "jwks_uri": 200,
        "authorization_endpoint": 400,
        "device_authorization_endpoint": 405,
        "token_endpoint": 405,
        "end_session_endpoint": 200,
    }
    assert tenancy.graph("/oidc/userinfo").status_code == 401


@pytest.mark.parametrize(
    ("tenant", "named"),
    [(TENANT, TENANT), ("contoso.example", TENANT), ("fabrikam.example", FABRIKAM), (FABRIKAM, FABRIKAM),
     ("organizations", "{tenantid}"), ("common", "{tenantid}"), ("Organizations", "{tenantid}")],
)  # fmt: skip
def test_the_issuer_is_by_id_or_a_template_and_the_keys_are_its_own(browser, tenant, named):
    issuer = f"{ORIGIN}/{named}/v2.0"
    assert document(browser, tenant).json["issuer"] == issuer
    keys = browser.get(f"/{tenant}/discovery/v2.0/keys").json["keys"]
    assert [key["issuer"] for key in keys] == [issuer] * 2


def test_all_tenants_share_the_keys(browser):
    kids = [[key["kid"] for key in browser.get(f"/{at}/discovery/v2.0/keys").json["keys"]] for at in AUTHORITIES]
    assert kids[1:] == kids[:-1]


def test_a_device_is_told_that_this_is_no_device(browser):
    answer = browser.post(f"/{TENANT}/oauth2/v2.0/devicecode", {"client_id": "x"})
    assert (answer.status_code, answer.json["error"], answer.json["error_codes"]) == (401, "invalid_client", [70002])


INSTANCE = "/common/discovery/instance?api-version=1.1&authorization_endpoint="


@pytest.mark.parametrize("origin", [ORIGIN, "https://login.localhost"], ids=["whole", "without the port, as MSAL asks"])
def test_msal_finds_its_instance(browser, origin):
    answer = browser.get(f"{INSTANCE}{origin}/{TENANT}/oauth2/v2.0/authorize")
    assert answer.json == {
        "tenant_discovery_endpoint": f"{ORIGIN}/{TENANT}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [
            {
                "preferred_network": "login.localhost:8443",
                "preferred_cache": "login.localhost",
                "aliases": ["login.localhost:8443", "login.localhost"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("endpoint", "number"),
    [
        ("https://login.evil.example/common/oauth2/v2.0/authorize", 50049),
        ("http://login.localhost:8443/common/oauth2/v2.0/authorize", 50049),
        ("https://login.localhost:8443/", 50049),
        ("x", 50049),
        ("", 900144),
    ],
)
def test_an_instance_that_is_not_here(browser, endpoint, number):
    assert browser.get(f"{INSTANCE}{endpoint}").json["error_codes"] == [number]
