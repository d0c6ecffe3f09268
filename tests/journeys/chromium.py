"""Debian's Chromium, trusting the demo's CA as a person would make it: by its own certificate store."""

import contextlib
import subprocess

from playwright.sync_api import sync_playwright

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


@contextlib.contextmanager
def chromium(home, ca):
    """A browser whose HOME trusts `ca`, and no switch that skips verification."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for arguments in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "glassgate", "-i", str(ca)],
    ):
        subprocess.run(["certutil", "-d", f"sql:{store}", *arguments], check=True, timeout=30)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=QUIET, env={"HOME": str(home), "PATH": "/usr/bin:/bin"}
        )
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page, name, password="password"):
    """Fill in the lab tenant's pages, one form or two, and the second factor where it is asked for."""
    for _ in range(4):
        if page.locator("input[name=passwd]").count():
            if page.locator("input[name=loginfmt]:not([type=hidden])").count():
                page.fill("input[name=loginfmt]", name)
            page.fill("input[name=passwd]", password)
        elif page.locator("input[name=loginfmt]").count():
            page.fill("input[name=loginfmt]", name)
        elif page.locator("input[name=otc]").count():
            from journeys.visitor import code_in

            page.fill("input[name=otc]", code_in(page.content()))
        else:
            return
        page.locator("form button[type=submit], form input[type=submit]").first.click()
        page.wait_for_load_state("load")
