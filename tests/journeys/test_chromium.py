"""The whole journey in a real browser, against the lab tenant."""

import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from journeys.chromium import sign_in

SHOTS = os.environ.get("GLASSGATE_SCREENSHOTS")  # a folder to leave pictures in, for people who want to look


@pytest.fixture(scope="module")
def demo(running_demo, tmp_path_factory):
    with running_demo(tmp_path_factory.mktemp("demo")) as made:
        yield made


def shot(page, name):
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_alice_lands_on_her_first_address_and_is_kept_out_of_payroll(demo, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("wiki", "/search?q=a%20b&r=1"))
    assert page.url.startswith(demo.url("login"))
    shot(page, "sign-in")
    sign_in(page, "alice")
    assert page.url == demo.url("wiki", "/search?q=a%20b&r=1")
    expect(page.locator("body")).to_contain_text("alice@contoso.example")
    shot(page, "wiki")
    answer = page.goto(demo.url("payroll"))
    assert answer.status == 403
    assert page.url.startswith(demo.url("team")), "no second sign-in"
    expect(page.locator("body")).to_contain_text("payroll")
    shot(page, "denied")
    page.goto(demo.url("team"))
    expect(page.locator("body")).to_contain_text("wiki")
    shot(page, "team")
    context.close()


def test_bob_opens_payroll_its_websocket_ticks_and_signing_out_ends_both(demo, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("payroll", "/?month=11"))
    sign_in(page, "bob")
    assert page.url == demo.url("payroll", "/?month=11")
    ticks = page.evaluate(
        """() => new Promise((resolve, reject) => {
            const got = [], socket = new WebSocket(`wss://${location.host}/ticks`)
            socket.onmessage = message => {
                got.push(message.data)
                if (got.length == 2) { socket.close(); resolve(got) }
            }
            socket.onerror = () => reject("the socket failed")
        })"""
    )
    assert len(ticks) == 2
    shot(page, "payroll")
    page.goto(demo.url("wiki"))
    assert page.url == demo.url("wiki"), "single sign-on"
    page.goto(demo.url("wiki", "/cdn-cgi/access/logout"))
    expect(page.locator("body")).to_contain_text(re.compile("signed out", re.IGNORECASE))
    shot(page, "signed-out")
    for name in ("wiki", "payroll"):
        page.goto(demo.url(name))
        assert page.url.startswith(demo.url("login")), f"{name} asks again"
    context.close()


def test_signing_out_in_one_tab_closes_the_websocket_of_another(demo, browser):
    context = browser.new_context()
    page, other = context.new_page(), context.new_page()
    page.goto(demo.url("payroll"))
    sign_in(page, "bob")
    page.evaluate(
        """() => new Promise(resolve => {
            const socket = new WebSocket(`wss://${location.host}/ticks`)
            window.socketEnd = new Promise(end => { socket.onclose = event => end([event.code, event.reason]) })
            socket.onmessage = resolve
        })"""
    )
    other.goto(demo.url("wiki", "/cdn-cgi/access/logout"))
    began = time.monotonic()
    assert page.evaluate("() => window.socketEnd") == [1008, "Your session has ended."]
    assert time.monotonic() - began < 5
    context.close()


def test_ten_tabs_opened_at_once_all_land_where_they_wanted(demo, browser):
    context = browser.new_context()
    tabs = [context.new_page() for _ in range(10)]
    targets = [demo.url("wiki", f"/search?q=tab{n}") for n in range(10)]
    for tab, target in zip(tabs, targets, strict=True):
        tab.goto(target)
    for tab in tabs:
        sign_in(tab, "alice")
    assert [tab.url for tab in tabs] == targets
    context.close()


def test_ten_tabs_where_the_first_signs_in_and_the_others_reload(demo, browser):
    context = browser.new_context()
    tabs = [context.new_page() for _ in range(10)]
    targets = [demo.url("wiki", f"/search?q=tab{n}") for n in range(10)]
    for tab, target in zip(tabs, targets, strict=True):
        tab.goto(target)
    sign_in(tabs[0], "alice")
    for tab in tabs[1:]:
        tab.goto(tab.url)
    assert [tab.url for tab in tabs] == targets
    context.close()


def test_a_page_of_another_site_opens_no_websocket(demo, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(demo.url("wiki"))
    sign_in(page, "bob")
    page.goto(demo.url("payroll"))
    sign_in(page, "bob")
    page.goto(demo.url("wiki"))
    outcome = page.evaluate(
        f"""() => new Promise(resolve => {{
            const socket = new WebSocket("wss://payroll.localhost:{demo.port}/ticks")
            socket.onopen = () => resolve("open")
            socket.onerror = () => resolve("refused")
        }})"""
    )
    assert outcome == "refused"
    context.close()


def test_our_pages_run_no_script_and_keep_their_policy(demo, browser):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(demo.url("wiki"))
    sign_in(page, "mallory")
    expect(page.locator("h1")).to_be_visible()
    shot(page, "denied-dark")
    assert page.locator("script").count() == 0
    assert not [text for text in said if "Content Security Policy" in text]
    context.close()
