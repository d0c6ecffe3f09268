"""The journey against npm's oauth2-mock-server: another provider, whose e-mail and claims stand at userinfo alone."""

import json

import pytest

from journeys.chromium import chromium
from journeys.demo import free_ports
from journeys.provider import npm_provider


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mock")
    [port] = free_ports(1)

    def edit(config):
        config["identity_providers"] = [
            {
                "id": "mock",
                "type": "oidc",
                "issuer": f"http://localhost:{port}",
                "client_id": "glassgate",
                "client_secret": "it-asks-for-none",
                "client_auth": "client_secret_post",
                "claims": {"email": "mail", "groups": "realm_access.roles"},
            }
        ]
        config.pop("groups")
        wiki, payroll = config["apps"]
        wiki["policies"] = [
            {
                "name": "sales",
                "decision": "allow",
                "include": [{"oidc_claim": {"name": "department", "value": "sales", "provider": "mock"}}],
                "require": [{"email": "alice@contoso.example"}],
            }
        ]
        payroll["policies"] = [
            {
                "name": "finance",
                "decision": "allow",
                "include": [{"oidc_claim": {"name": "department", "value": "finance"}}],
            }
        ]

    with running_demo(folder, edit) as made, npm_provider("mock-server.mjs", folder / "provider.txt", port):
        yield made


def test_the_journey_in_a_browser(demo, tmp_path):
    with chromium(tmp_path, demo.ca) as browser:
        page = browser.new_page()
        page.goto(demo.url("wiki", "/search?q=a%20b"))
        assert page.url == demo.url("wiki", "/search?q=a%20b")
        assert "assertion verified: alice@contoso.example" in page.content()
        told = json.loads(page.goto(demo.url("wiki", "/cdn-cgi/access/get-identity")).text())
        assert [group["id"] for group in told["groups"]] == ["staff"]
        assert page.goto(demo.url("payroll")).status == 403
        assert "oidc_claim: department = finance" in page.content()
