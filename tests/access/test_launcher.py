"""The pages of the team domain: what stands where, what a search finds, and that no value becomes markup."""

import re

import pytest

from access.test_pages import EVIL, RAY, Page
from glassgate.access import launcher, pages
from glassgate.access.launcher import Choice, Launcher, OwnSession, Tile, ago, grouped, searched

NOW = 1_800_000_000.5


def tile(name, *tags, **more):
    return Tile(name, f"https://{name.lower().replace(' ', '-')}.example/", tags, **more)


def session(key="this", **more):
    given = {"browser": "Firefox on Linux", "since": NOW - 7200, "seen": NOW, "apps": ("wiki",), "is_this": False}
    return OwnSession(key, **given | more)


def page(**other):
    values = {
        "name": "Alice", "email": "alice@contoso.example", "provider": "Contoso", "tiles": (tile("wiki"),),
        "sessions": (session(is_this=True),), "more_sessions": 0, "expires": NOW, "now": NOW,
    }  # fmt: skip
    return launcher.page(Launcher(**values | other), end_url="/end", logout_url="/out", refresh_url="/anew", ray=RAY)


def choose(*choices, **other):
    choices = choices or (Choice("Contoso", "Microsoft Entra ID", "/a?b=1&c=2"), Choice("Other", "id.example", "/o"))
    return launcher.choose_provider(
        **{"app": "wiki", "address": "wiki.example", "choices": choices, "ray": RAY} | other
    )


TWO = (session(is_this=True), session("other", browser="", apps=()))
MANY = tuple(tile(name, *tags) for name, tags in [("wiki", ()), ("app 10", ("a",)), ("App 9", ("b", "a"))])
PAGES = {
    "launcher": page(),
    "launcher, nobody, nothing": page(name="", email=None, tiles=(), sessions=()),
    "launcher, groups and sessions": page(tiles=MANY, sessions=TWO, more_sessions=3, done="That is done."),
    "launcher, searched": page(tiles=MANY, search="app"),
    "launcher, nothing found": page(tiles=MANY, search="zzz"),
    "choose": choose(),
    "choose, for no app": choose(app=None),
    "signed out elsewhere": launcher.signed_out_elsewhere(count=1, logout_url="/out", ray=RAY),
}
EVIL_TILE = Tile(EVIL, EVIL, (EVIL,), EVIL)
EVIL_PAGES = {
    "launcher": launcher.page(
        Launcher(
            EVIL, EVIL, EVIL, (EVIL_TILE, tile("x")), (session(EVIL, browser=EVIL, apps=(EVIL,)), *TWO), 0, NOW, NOW,
            done=EVIL,
        ),
        end_url=EVIL, logout_url=EVIL, refresh_url=EVIL, ray=EVIL,
    ),
    "searched": page(tiles=(EVIL_TILE,), search=EVIL),
    "choose": choose(Choice(EVIL, EVIL, EVIL), app=EVIL, address=EVIL, ray=EVIL),
    "signed out elsewhere": launcher.signed_out_elsewhere(count=2, logout_url=EVIL, ray=EVIL),
}  # fmt: skip


@pytest.mark.parametrize("html", PAGES.values(), ids=PAGES)
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(html):
    found = Page(html)
    assert found.faults == []
    assert [found.tags.count(tag) for tag in ("title", "h1", "main", "style")] == [1, 1, 1, 1]
    assert found.texts["footer"].split() == ["Request", "id", RAY]
    assert {"iframe", "object", "embed", "base", "video", "audio"} & set(found.tags) == set()
    assert [name for _, attrs in found.elements for name in attrs if name == "style" or name.startswith("on")] == []
    assert [attrs for tag, attrs in found.elements if tag == "script" and attrs] == []


@pytest.mark.parametrize("html", EVIL_PAGES.values(), ids=EVIL_PAGES)
def test_no_value_becomes_markup(html):
    found = Page(html)
    assert found.faults == []
    assert found.tags.count("script") == (1 if 'id="sessions"' in html else 0)
    assert "pre" not in found.tags
    assert {name for _, attrs in found.elements for name in attrs} & {"onerror", "'"} == set()
    assert "49" not in found.texts["main"].partition("use strict")[0]


def test_the_policy_of_the_launcher_lets_its_own_script_run_and_no_other():
    allowed = dict(directive.split(" ", 1) for directive in pages.LAUNCHER_CSP.split("; "))
    script = re.search(r"<script>(.*?)</script>", page(), re.DOTALL)[1]
    assert "\r" not in script
    assert allowed["script-src"] == f"'{pages._digest(script)}'"
    assert allowed["style-src"] == pages.CSP.partition("style-src ")[2].partition(";")[0]
    del allowed["script-src"], allowed["style-src"]
    assert allowed == {
        "default-src": "'none'",
        "img-src": "'self' data:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_the_icon_and_a_logo_are_all_that_is_fetched():
    html = page(tiles=(tile("wiki", logo_url="/cdn-cgi/access/logo/abc"), tile("mail")))
    assert [attrs["src"] for tag, attrs in Page(html).elements if tag == "img"] == ["/cdn-cgi/access/logo/abc"]
    assert '<span class="logo hue-' in html, "a letter where there is no logo"


@pytest.mark.parametrize(
    ("name", "letter"), [("wiki", "W"), ("élan", "É"), ("(9) lives", "9"), ("名前", "名"), ("—", "•"), ("ßa", "S")]
)
def test_a_letter_stands_in_for_a_logo(name, letter):
    assert tile(name).letter == letter
    assert 0 <= tile(name).hue < launcher.HUES


GROUPS = {
    "no tags": ([("b", ()), ("a", ())], [("", ["a", "b"])]),
    "a tag": ([("b", ("x",)), ("a", ("x",))], [("x", ["a", "b"])]),
    "by tag, the rest last": (
        [("a", ()), ("b", ("Ops",)), ("c", ("finance", "Ops"))],
        [("finance", ["c"]), ("Ops", ["b", "c"]), (launcher.OTHERS, ["a"])],
    ),
    "numbers as people count": ([("app 10", ()), ("App 9", ()), ("app", ())], [("", ["app", "App 9", "app 10"])]),
    "none": ([], []),
}


@pytest.mark.parametrize(("tiles", "groups"), GROUPS.values(), ids=GROUPS)
def test_apps_stand_in_groups(tiles, groups):
    made = grouped(tile(name, *tags) for name, tags in tiles)
    assert [(tag, [one.name for one in apps]) for tag, apps in made] == groups


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("wiki", ["Wiki"]),
        ("WIKI", ["Wiki"]),
        ("ops", ["Grafana", "Straße"]),
        ("ops graf", ["Grafana"]),
        ("STRASSE", ["Straße"]),
        (".example", ["Grafana", "Straße", "Wiki"]),
        ("wiki ops", []),
        ("<script>", []),
        ("wiki" + " " * 300 + "zzz", ["Wiki"]),
    ],
)
def test_a_search_finds_names_addresses_and_tags(search, found):
    tiles = [tile("Wiki", "Everyday"), tile("Grafana", "Ops"), tile("Straße", "Ops")]
    assert [one.name for one in searched(tiles, search)] == found


def test_a_search_answers_without_a_script():
    html = page(tiles=MANY, search="app")
    text = " ".join(Page(html).texts["section"].split())
    assert text.startswith("2 of 3 for “app”. Show all")
    assert "wiki.example" not in text
    (field,) = [attrs for tag, attrs in Page(html).elements if tag == "input" and attrs["name"] == "q"]
    assert (field["type"], field["value"]) == ("search", "app"), "what was searched for stands there still"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "within the last half hour"), (1799, "within the last half hour"), (1800, "within the last hour"),
        (3600, "1 hour ago"), (7200, "2 hours ago"), (86400, "1 day ago"), (864_000, "10 days ago"),
    ],
)  # fmt: skip
def test_how_long_ago(seconds, said):
    assert ago(seconds) == said


def test_a_session_is_known_by_its_browser_and_every_other_has_its_sign_out():
    html = page(sessions=TWO)
    text = " ".join(Page(html).texts["li"].split())
    assert "Firefox on Linux This one Since 15 January 2027, 06:00 UTC Has open: wiki" in text
    assert "A browser Since 15 January 2027, 06:00 UTC; last used within the last half hour Sign out" in text
    hidden = [(attrs["name"], attrs["value"]) for tag, attrs in Page(html).elements if attrs.get("type") == "hidden"]
    assert hidden == [("session", "other"), ("everywhere", "yes")]
    forms = [(attrs["action"], attrs["method"]) for tag, attrs in Page(html).elements if tag == "form"]
    assert forms == [("/", "get"), ("/end", "post"), ("/end", "post")]


def test_who_has_one_session_alone_is_offered_no_end_of_others():
    assert "everywhere" not in PAGES["launcher"]
    assert ("a", {"class": "button quiet small", "href": "/out"}) in Page(PAGES["launcher"]).elements


def test_the_login_page_says_for_what_and_the_last_provider_stands_first():
    html = choose(Choice("Contoso", "Microsoft Entra ID", "/1"), Choice("Other", "id.example", "/2", is_last=True))
    text = " ".join(Page(html).texts["main"].split())
    assert "Sign in to wiki" in text
    assert "You come from wiki.example" in text
    links = re.findall(r'<a href="([^"]*)">(.*?)</a>', html)
    assert [(url, re.sub("<.*?>", " ", label).split()) for url, label in links] == [
        ("/2", ["Other", "id.example", "Last", "time"]),
        ("/1", ["Contoso", "Microsoft", "Entra", "ID"]),
    ]


@pytest.mark.parametrize(
    ("count", "said"), [(0, "No other browser was"), (1, "1 other browser is"), (2, "2 other browsers are")]
)
def test_signed_out_elsewhere_counts(count, said):
    assert said in launcher.signed_out_elsewhere(count=count, logout_url="/out", ray=RAY)


@pytest.mark.parametrize(
    "name",
    ["\ud800", "a\x00b", "\u202egnp.exe", "名前", "x" * 5000],
    ids=["half a pair", "null", "mark", "kanji", "long"],
)
def test_any_name_can_be_sent(name):
    html = page(name=name, tiles=(tile(name, name),), search=name)
    assert Page(html).faults == []
    assert html.encode()
