"""Forms that meet an ended session, as a browser sends them."""

from urllib.parse import urlsplit

from gate.site import BROWSER, STAFF, WIKI, Browser, app, site_of
from glassgate.errors import StoreError
from glassgate.gate.exchange import Forward
from glassgate.state.memory import MemoryStore

OWN = f"https://{WIKI}:8443"
LEAVE = "/cdn-cgi/access/form"
LIMIT = 1_000_000
FORM = {**BROWSER, "origin": OWN, "content-type": "application/x-www-form-urlencoded"}
WORD = {**BROWSER, "origin": OWN, "content-type": "text/plain", "content-length": "0"}
HOUR = 3600  # that a token lasts


def wiki(**more):
    return app("wiki", WIKI, STAFF, **{"keep_forms": LIMIT} | more)


def too_late(site=None, **more):
    """A browser that was signed in, and whose token has ended."""
    browser = Browser(site or site_of(apps=[wiki(**more)]))
    assert isinstance(browser.open(WIKI, "/edit"), Forward)
    browser.at += HOUR + 1
    return browser


def post(browser, target="/save?x=1", body=b"note=hello", method="POST", **more):
    """Send a form; header names are written with `_`. One that is written otherwise than browsers do comes besides."""
    headers = {**FORM, "content-length": str(len(body))} | {name.replace("_", "-"): said for name, said in more.items()}
    sent = {name: value for name, value in headers.items() if value is not None}
    return browser.ask(WIKI, target, method=method, headers=sent, body=body)


def location(answer):
    return dict(answer.headers).get("Location", "")


def target_of(url):
    """The target of an address."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def is_kept(answer):
    """Whether a form was kept: its browser gets the key, and is sent to where it sent it."""
    cookies = [value for name, value in answer.headers if name == "Set-Cookie"]
    return answer.status == 303 and any(value.startswith("__Host-CF_Form_") for value in cookies)


def page_after(browser, answer):
    """What is found where a kept form was sent to, after the sign-in that is asked for there."""
    page = browser.ask(WIKI, target_of(location(answer)))
    refresh = dict(page.headers).get("Refresh")
    if refresh is None:
        return page
    parts = urlsplit(refresh.removeprefix("0; url="))
    return browser.open(parts.hostname, f"{parts.path}?{parts.query}")


def say(browser, target="/save?x=1", **more):
    """Press the button of the page that asks."""
    said = {**WORD, **{name.replace("_", "-"): value for name, value in more.items()}}
    headers = {name: value for name, value in said.items() if value is not None}
    return browser.ask(WIKI, target, method="POST", headers=headers)


def names_of_forms(browser):
    """The cookies of forms that a browser holds."""
    return [name for name in browser.jars[WIKI] if name.startswith("__Host-CF_Form_")]


class Failing(MemoryStore):
    """A store that is full after so many writes of forms."""

    left = 99
    no_place = False
    slow = None  # what a write of a form waits for

    def add(self, space, key, value, expires, now):
        if space == "form_slot" and self.no_place:
            raise StoreError("is away")
        return super().add(space, key, value, expires, now)

    def put(self, space, key, value, expires):
        if space == "form":
            if self.slow:
                self.slow()
            self.left -= 1
            if self.left < 0:
                raise StoreError("is full")
        super().put(space, key, value, expires)
