"""The documents: every link in them leads somewhere."""

import re
from urllib.parse import unquote

from house.tree import ROOT, files, place

LINK = re.compile(r"\]\(\s*<?([^)\s>]+)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.+?)\s*#*$", re.MULTILINE)


def text_of(path):
    return FENCE.sub("", path.read_text("utf-8"))


def anchors(path):
    plain = (re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(text_of(path)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def leads_nowhere(path, target):
    if re.match(r"[a-z][a-z+.-]*:", target):
        return False  # another site: no business of a test that runs offline
    name, _, anchor = target.partition("#")
    there = (path.parent / unquote(name)).resolve() if name else path
    if not there.exists():
        return True
    return bool(anchor) and there.suffix == ".md" and anchor not in anchors(there)


def test_every_link_leads_somewhere():
    broken = [
        f"{place(path)}: {target}"
        for path in files(ROOT, ".md")
        for target in LINK.findall(text_of(path))
        if leads_nowhere(path, target)
    ]
    assert broken == []


def test_the_look_for_broken_links_sees(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One `two`, three\n[a](#one-two-three) [b](page.md#one-two-three)\n[c](gone.md) [d](#four)\n")
    assert [target for target in LINK.findall(text_of(page)) if leads_nowhere(page, target)] == [
        "gone.md",
        "#four",
    ]
