from lab.tenancy import TENANT

# What a client that was written against Entra may look for, and what it must not find here either.
ENTRAS = {
    "token_endpoint", "token_endpoint_auth_methods_supported", "jwks_uri", "response_modes_supported",
    "subject_types_supported", "id_token_signing_alg_values_supported", "response_types_supported",
    "scopes_supported", "issuer", "request_uri_parameter_supported", "userinfo_endpoint", "authorization_endpoint",
    "http_logout_supported", "frontchannel_logout_supported", "end_session_endpoint", "claims_supported",
    "tenant_region_scope", "cloud_instance_name", "cloud_graph_host_name", "msgraph_host",
}  # fmt: skip


def document(browser):
    return browser.get(f"/{TENANT}/v2.0/.well-known/openid-configuration")


def test_the_document_has_entras_members_and_no_others(browser):
    answer = document(browser)
    assert set(answer.json) == ENTRAS
    assert answer.headers["Cache-Control"] == "max-age=86400, private"
    assert not set(answer.json["claims_supported"]) & {"oid", "groups", "roles", "acrs", "sid"}
    assert answer.json["subject_types_supported"] == ["pairwise"]


def test_every_address_in_it_answers(tenancy, browser):
    found = document(browser).json
    answers = {name: browser.get(url.removeprefix("https://login.localhost:8443")).status_code
               for name, url in found.items() if str(url).startswith("https://login.localhost:8443/")}  # fmt: skip
    assert answers == {
        "issuer": 404,  # a name, not an address
        "jwks_uri": 200,
        "authorization_endpoint": 400,
        "token_endpoint": 405,
        "end_session_endpoint": 200,
    }
    assert tenancy.graph("/oidc/userinfo").status_code == 401


def test_the_keys_are_those_of_the_issuer(browser):
    (key,) = browser.get(f"/{TENANT}/discovery/v2.0/keys").json["keys"]
    assert key["issuer"] == document(browser).json["issuer"]
