import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from glassgate.access import pages
from glassgate.access.messages import MESSAGES

RAY = "8f3a1c9be2d04b7a"
VOID = {"meta", "link", "path", "br", "img", "input"}
EVIL = "\"'></pre><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}&amp;"


def denied(**other):
    values = {
        "app": "payroll", "email": "alice@contoso.example", "name": "Alice", "reason": "No policy lets you in.",
        "details": ("staff: include group: staff: no",), "ray": RAY, "logout_url": "/out", "home_url": "/home",
        "refresh_url": "/anew",
        "text": "", "again_url": "/again",
    }  # fmt: skip
    return pages.denied(**values | other)


def kept_form(**other):
    values = {
        "app": "wiki", "address": "https://wiki.localhost:8443/save", "size": 2_097_152, "at": 1_800_000_000.5,
        "until": 1_800_000_600.0, "action": "/save", "leave": "/cdn-cgi/access/form?id=x", "ray": RAY,
    }  # fmt: skip
    return pages.kept_form(**values | other)


def signed_out(**other):
    return pages.signed_out(**{"ray": RAY, "again_url": "/again"} | other)


def message(code="sign_in_failed", **other):
    return pages.message(code, **{"ray": RAY, "facts": (("Reason", "expired"),), "action": ("Again", "/go")} | other)


def refused(**other):
    values = {
        "status": 403, "title": "You have no access yet", "what": "Nobody has assigned you.",
        "whose_move": "A move for your administrator", "mend": "Set `tenant`, see https://aka.ms/sspr.",
        "hand_on": True, "facts": (("Code", "AADSTS50105"),), "words": "AADSTS50105: no", "action": ("Again", "/go"),
        "ray": RAY,
    }  # fmt: skip
    return pages.refused(**values | other)


PAGES = {
    "denied": denied(),
    "going on": pages.going_on(url="/a?b=1&c=2", ray=RAY),
    "denied, nobody and nothing to tell": denied(email=None, name="", details=()),
    "denied, in the operator's words": denied(text="Ask the service desk: https://desk.example/."),
    "kept form": kept_form(),
    "signed out": signed_out(),
    "signed out, no way back": signed_out(again_url=None),
    "message with facts": message(),
    "refused": refused(),
    "refused, the visitor's own move, no words": refused(hand_on=False, words=""),
    **{code: pages.message(code, ray=RAY) for code in MESSAGES},
}

EVIL_PAGES = {
    "denied": denied(
        app=EVIL, email=EVIL, reason=EVIL, details=(EVIL, f"{EVIL}: no"), ray=EVIL, logout_url=EVIL,
        refresh_url=EVIL, home_url=EVIL,
        text=EVIL, again_url=EVIL,
    ),
    "denied by name": denied(email=None, name=EVIL),
    "kept form": kept_form(app=EVIL, address=EVIL, action=EVIL, leave=EVIL, ray=EVIL),
    "signed out": signed_out(ray=EVIL, again_url=EVIL),
    "message": message(ray=EVIL, facts=((EVIL, EVIL),), action=(EVIL, EVIL)),
    "refused": refused(
        title=EVIL, what=EVIL, whose_move=EVIL, mend=f"{EVIL} `{EVIL}` {EVIL}", facts=((EVIL, EVIL),), words=EVIL,
        action=(EVIL, EVIL), ray=EVIL,
    ),
}  # fmt: skip


class Page(HTMLParser):
    """What a browser makes of a page: its elements with their texts, and whether all of them are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.faults, self.elements, self.texts = [], [], [], {}
        self.feed(html)
        self.close()
        self.faults += self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        for tag in self.open:
            self.texts[tag] = self.texts.get(tag, "") + data

    @property
    def tags(self):
        return [tag for tag, _ in self.elements]


each_page = pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
each_evil_page = pytest.mark.parametrize("html", EVIL_PAGES.values(), ids=EVIL_PAGES)


@each_page
def test_a_page_is_whole(html):
    page = Page(html)
    assert html.startswith("<!doctype html>\n")
    assert page.faults == []
    assert page.elements[0] == ("html", {"lang": "en"})
    assert [page.tags.count(tag) for tag in ("title", "h1", "main", "style")] == [1, 1, 1, 1]
    assert page.texts["title"].strip()
    assert page.texts["h1"].strip()


@each_page
def test_a_page_shows_the_request_id(html):
    assert Page(html).texts["footer"].split() == ["Request", "id", RAY]


@each_page
def test_a_page_needs_nothing_but_itself(html):
    page = Page(html)
    fetching = {"script", "img", "iframe", "object", "embed", "base", "video", "audio"}
    assert fetching & set(page.tags) == set()
    assert page.tags.count("form") == ("Send it now" in html), "the one page here whose buttons do something"
    assert [
        attrs["href"] for tag, attrs in page.elements if tag == "link" and not attrs["href"].startswith("data:")
    ] == []
    style = page.texts["style"]
    assert "url(" not in style
    assert "@import" not in style
    assert [name for _, attrs in page.elements for name in attrs if name == "style" or name.startswith("on")] == []


@each_page
def test_the_policy_names_exactly_the_style_of_the_page(html):
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in pages.CSP.split("; ")
    assert "\r" not in style  # browsers would read another text


def test_the_policy_allows_nothing_else():
    allowed = dict(directive.split(" ", 1) for directive in pages.CSP.split("; "))
    del allowed["style-src"]
    assert allowed == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@each_evil_page
def test_no_value_becomes_markup(html):
    page = Page(html)
    assert page.faults == []
    assert {"script", "img", "pre"} & set(page.tags) == set()
    assert {name for _, attrs in page.elements for name in attrs} & {"onerror", "'"} == set()
    assert "49" not in page.texts["main"]


@pytest.mark.parametrize("of", ["denied", "signed out", "message", "refused"])
def test_a_value_is_shown_as_it_is(of):
    page = Page(EVIL_PAGES[of])
    assert EVIL in page.texts["footer"]
    assert EVIL in {attrs.get("href") for tag, attrs in page.elements if tag == "a"}


@pytest.mark.parametrize(
    "name",
    ["\ud800", "a\x00b", "\u202egnp.exe", "名前", "x" * 5000],
    ids=["half a pair", "null", "mark", "kanji", "long"],
)
def test_any_name_can_be_sent(name):
    html = denied(name=name)
    assert Page(html).faults == []
    assert html.encode()


def test_a_name_cannot_turn_the_text_around_it():
    """Right-to-left marks in a value end with the value (bdi), so that they do not rewrite our own words."""
    assert "<bdi>\u202eevil</bdi>" in denied(email="\u202eevil")


def test_denied_says_who_and_why_and_what_was_asked():
    html = denied(details=("staff: include group: staff: no", "unforeseen"))
    text = " ".join(Page(html).texts["main"].split())
    assert "You have no access to payroll" in text
    assert "No policy lets you in." in text
    assert "Signed in asAlicealice@contoso.example" in text
    assert f"glassgate why {RAY}" in text
    cells = re.findall(r"<td>(?:<bdi>)?(.*?)(?:</bdi>)?</td>", html)
    assert cells == ["staff: include group: staff", "no", "", "unforeseen"]


@pytest.mark.parametrize(
    ("html", "links"),
    [
        (
            denied(text="See https://a.example/b."),
            {
                "https://a.example/b": "https://a.example/b",
                "Try again": "/again",
                "Your applications": "/home",
                "Check again": "/anew",
                "Sign in as someone else": "/out",
            },
        ),
        (signed_out(), {"Sign in again": "/again"}),
        (message(), {"Again": "/go"}),
        (refused(), {"https://aka.ms/sspr": "https://aka.ms/sspr", "Again": "/go"}),
        (PAGES["misdirected"], {}),
    ],
    ids=["denied", "signed out", "message", "refused", "misdirected"],
)
def test_where_a_page_leads(html, links):
    found = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', html)
    assert {re.sub(r"<.*?>", "", label): url.replace("&amp;", "&") for url, label in found} == links


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("a `b` c `d`", "a <code>b</code> c <code>d</code>"),
        ("see https://a.example/b?c=1&d=2.", 'see <a href="{0}">{0}</a>.'.format("https://a.example/b?c=1&amp;d=2")),
        ("(https://a.example), on", '(<a href="https://a.example">https://a.example</a>), on'),
        ("`<b>` <i>", "<code>&lt;b&gt;</code> &lt;i&gt;"),
        ("javascript:alert(1) http://a.example ` alone", "javascript:alert(1) http://a.example ` alone"),
    ],
)
def test_names_and_addresses_in_a_mend_are_marked(text, html):
    assert f"<p>{html}</p>" in refused(mend=text)


def test_a_page_for_somebody_else_says_so():
    assert "hand this page on" in refused()
    assert "hand this page on" not in refused(hand_on=False)


def test_a_stranger_to_the_host_learns_not_even_what_this_is():
    assert "glassgate" not in PAGES["misdirected"]
    assert "glassgate" in PAGES["not_found"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("bad_request", 400), ("plain_http", 400), ("handoff_foreign", 400), ("unauthenticated", 401),
        ("foreign_origin", 403), ("not_found", 404), ("login_unknown", 404), ("wrong_method", 405),
        ("url_too_long", 414), ("misdirected", 421), ("origin_unreachable", 502), ("provider_unavailable", 503),
        ("internal", 503),
    ],
)  # fmt: skip
def test_a_message_has_its_status(code, status):
    said = MESSAGES[code]
    assert said.status == status
    assert f'<p class="status">{status}</p>' in PAGES[code]
