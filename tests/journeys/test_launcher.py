"""The launcher in a real browser: a provider is picked, an application found and opened, another browser signed out."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from journeys.chromium import sign_in

SHOTS = os.environ.get("GLASSGATE_SCREENSHOTS")  # a folder to leave pictures in, for people who want to look
LOGO = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><circle cx='4' cy='4' r='4' fill='teal'/></svg>"


def two_providers(config):
    """The demo with a second way into the same tenant, and a picture."""
    (entra,) = config["identity_providers"]
    config["identity_providers"].append({**entra, "id": "partners", "name": "Our partners"})
    config["groups"]["staff"] = {"include": [{"email_domain": "contoso.example"}]}
    wiki, payroll = config["apps"]
    wiki["launcher"]["logo"] = "wiki.svg"
    payroll["policies"] = [
        {"name": "all but one", "decision": "allow", "include": [{"email_domain": "contoso.example"}],
         "exclude": [{"email": "mallory@contoso.example"}]},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    (folder / "wiki.svg").write_text(LOGO)
    with running_demo(folder, two_providers) as made:
        yield made


def shot(page, name):
    if not SHOTS:
        return
    for scheme in ("light", "dark"):
        for width in (360, 1100):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            page.screenshot(path=str(Path(SHOTS) / f"{name}-{scheme}-{width}.png"), full_page=True)


def signed_in(demo, browser, provider, **more):
    context = browser.new_context(**more)
    page = context.new_page()
    page.goto(demo.url("team"))
    page.get_by_role("link", name=provider).click()
    sign_in(page, "alice")
    expect(page.get_by_role("heading", name="Your applications")).to_be_visible()
    return page


def test_a_provider_is_picked_an_application_found_and_another_browser_signed_out(demo, browser):
    said = []
    page = signed_in(demo, browser, "Our partners")
    page.on("console", lambda message: said.append(message.text))
    page.goto(demo.url("team"))
    other = signed_in(demo, browser, "Our partners")
    other.goto(demo.url("payroll"))
    assert other.url == demo.url("payroll")

    page.goto(demo.url("team"))
    tiles = page.locator("ul.apps a")
    expect(tiles).to_have_count(2)
    assert page.locator("img.logo").evaluate("picture => picture.naturalWidth") > 0, "the logo is there"
    shot(page, "launcher")
    page.keyboard.press("/")
    page.keyboard.type("pay")
    expect(page.locator("ul.apps a:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url(demo.url("payroll"))

    page.goto(demo.url("team"))
    expect(page.locator(".lines li")).to_have_count(2)
    expect(page.locator(".lines li").nth(1)).to_contain_text("Has open: payroll")
    page.get_by_role("button", name=re.compile("Sign out Chrom")).click()
    expect(page.locator("p.done")).to_have_text("That browser is signed out.")
    expect(page.locator(".lines li")).to_have_count(1)
    other.goto(demo.url("payroll", "/again"))
    assert not other.url.startswith(demo.url("payroll")), "it has to sign in"
    page.goto(demo.url("wiki"))
    assert page.url == demo.url("wiki"), "this one goes on"
    assert not [text for text in said if "Content Security Policy" in text or "Refused" in text]
    for each in (page, other):
        each.context.close()


def test_the_search_works_without_scripts_and_sign_out_everywhere_ends_all(demo, browser):
    page = signed_in(demo, browser, "Contoso", java_script_enabled=False)
    other = signed_in(demo, browser, "Contoso")
    page.goto(demo.url("team"))
    page.fill("#q", "everyday")
    page.press("#q", "Enter")
    assert page.url == demo.url("team", "/?q=everyday")
    expect(page.locator("ul.apps a")).to_have_count(1)
    page.goto(demo.url("team"))
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible(timeout=20_000)
    other.goto(demo.url("team"))
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    for each in (page, other):
        each.context.close()


def test_the_page_that_says_no_and_the_login_page(demo, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("payroll", "/month"))
    expect(page.get_by_role("heading", name="Sign in to payroll")).to_be_visible()
    shot(page, "login")
    page.get_by_role("link", name="Contoso").click()
    sign_in(page, "mallory")
    expect(page.locator("main")).to_contain_text("glassgate why")
    assert page.get_by_role("link", name="Try again").get_attribute("href") == demo.url("payroll", "/month")
    shot(page, "denied")
    context.close()
