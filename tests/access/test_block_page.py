"""A page of an operator's own: what it may hold, and what a stranger's name does on it."""

import pytest

from glassgate.access.block_page import LARGEST, NAMES, checked
from glassgate.errors import GlassgateError

GOOD = b"""<!doctype html><title>{{ app }}</title><style>p { color: teal }</style><link rel="icon" href="data:,">
<img src="https://www.example.com/logo.png" alt=""><p>{{ name or email or "You" }}: {{ reason }}
{% if message %}<b>{{ message }}</b>{% endif %} <a href="{{ again_url }}">Again</a> {{ id }}</p>"""


def test_it_shows_what_it_names_and_nothing_of_it_acts():
    shown = checked(GOOD).shown(**{**NAMES, "name": "<script>alert(1)</script>", "message": "", "again_url": '/"><b>'})
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;: No policy" in shown
    assert "<b>" not in shown
    assert '<a href="/&#34;&gt;&lt;b&gt;">' in shown
    assert shown.endswith(f"{NAMES['id']}</p>")


def test_every_name_may_stand_in_it():
    names = "".join(f"[{{{{ {name} }}}}]" for name in NAMES)
    assert checked(names.encode()).shown(**dict.fromkeys(NAMES, "x")) == "[x]" * len(NAMES)


def test_half_a_character_in_a_name_can_be_sent():
    assert checked(b"{{ name }}").shown(**{**NAMES, "name": "a\ud800"}) == "a?"


BAD = [
    ("too large", b"x" * (LARGEST + 1), "larger than 64 KiB", "elsewhere"),
    ("no text", b"\xff\xfe", "no text in UTF-8", "UTF-8"),
    ("an unknown name", b"{{ colour }}", "'colour' is undefined", "app, reason"),
    ("a mark that is left open", b"{% if app %}", "Unexpected end of template", "app, reason"),
    ("another file", b"{% include 'x' %}", "no loader", "it stands alone"),
    ("the insides of Python", b"{{ app.__class__.__mro__ }}", "unsafe", "app, reason"),
    ("not for everybody", b"{{ email.split('@')[1] }}", "no element 1", "app, reason"),
    ("for nobody", b"{{ 1 / 0 }}", "division by zero", "may be empty"),
    ("without an end", b"{% for i in range(10000000) %}{% endfor %}", "Range too big", "may be empty"),
    ("a script", b"<SCRIPT>alert(1)</SCRIPT>", "`<script>`", "leave it out"),
    ("a script for some", b"{% if email %}<script src=x></script>{% endif %}", "`<script>`", "leave it out"),
    ("a handler", b"<p onclick='x()'>", "`onclick`", "leave it out"),
    ("a form", b"<form action='https://www.example.com'>", "`<form>`", "leave it out"),
    ("styles from elsewhere", b"<link rel='Stylesheet' href='https://www.example.com/a.css'>", "`<link>`", "leave it"),
]


@pytest.mark.parametrize(("content", "what", "mend"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_would_not_work_is_told_when_it_is_read(content, what, mend):
    with pytest.raises(GlassgateError) as caught:
        checked(content)
    assert what in caught.value.what
    assert mend in caught.value.mend
