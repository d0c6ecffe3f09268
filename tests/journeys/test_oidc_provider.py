"""The same journey against npm's oidc-provider: a provider that nobody here wrote, with pages of its own."""

import json

import pytest

from journeys.demo import free_ports
from journeys.provider import npm_provider


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("oidc")
    [provider_port] = free_ports(1)

    def edit(config):
        config["identity_providers"] = [
            {
                "id": "npm",
                "type": "oidc",
                "issuer": f"http://localhost:{provider_port}",
                "client_id": "glassgate",
                "client_secret": "secret-of-the-test",
            }
        ]
        config.pop("groups")
        config["apps"][0]["policies"] = [
            {"name": "verified staff", "decision": "allow", "include": [{"email_domain": "contoso.example"}]}
        ]
        config["apps"][1]["policies"] = [
            {"name": "only bob", "decision": "allow", "include": [{"email": "bob@contoso.example"}]}
        ]

    with running_demo(folder, edit) as made:
        callback = made.url("team", "/cdn-cgi/access/callback")
        with npm_provider("provider.mjs", folder / "provider.txt", provider_port, callback):
            yield made


def sign_in(page, name):
    """The provider's own pages: its form, then its consent."""
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", "any")
    page.click("button[type=submit]")
    page.wait_for_load_state("load")
    if page.locator("button[type=submit]").count() and "/interaction/" in page.url:
        page.click("button[type=submit]")
        page.wait_for_load_state("load")


def test_the_journey(demo, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("wiki", "/search?q=a%20b"))
    assert page.url.startswith("http://localhost:")
    sign_in(page, "alice")
    assert page.url == demo.url("wiki", "/search?q=a%20b")
    assert "assertion verified: alice@contoso.example" in page.content()
    assert page.goto(demo.url("payroll")).status == 403
    assert page.url.startswith(demo.url("team"))
    told = json.loads(page.goto(demo.url("wiki", "/cdn-cgi/access/get-identity")).text())
    assert (told["email"], told["idp"]) == ("alice@contoso.example", {"id": "npm", "type": "oidc"})
    context.close()


def test_an_email_that_the_provider_has_not_verified_does_not_count(demo, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("wiki"))
    sign_in(page, "eve")
    assert page.url.startswith(demo.url("team"))
    assert "assertion verified" not in page.content()
    told = json.loads(page.goto(demo.url("team", "/cdn-cgi/access/get-identity")).text())
    assert (told["email"], told["unverified_email"]) == ("", "alice@contoso.example")
    context.close()


def test_signing_out_goes_on_to_the_provider(demo, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("wiki"))
    sign_in(page, "bob")
    page.goto(demo.url("wiki", "/cdn-cgi/access/logout"))
    assert "/session/end" in page.url
    assert demo.url("wiki") not in page.url
    page.click("button[value=yes]")
    page.wait_for_url(demo.url("team", "/**"))
    assert "signed out" in page.content()
    page.goto(demo.url("wiki"))
    assert page.url.startswith("http://localhost:"), "both sessions have ended: the provider asks again"
    context.close()
