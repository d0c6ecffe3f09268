"""How an examination is told: to people, in lines that fit a terminal; to programs, as JSON."""

from pathlib import Path

import click
import pytest

from glassgate.cli import entra_report
from glassgate.oidc.doctor.findings import Link, broken, by_eye, not_tried, ok, warning
from oidc.scripted import ENTRA, GENERIC

OK = Link("DNS", (ok("it is there"),))
BROKEN = Link("TCP", (broken("nobody answers", "Start it."),))
LEFT = Link("groups", (not_tried("nobody is signed in", "Sign in."),))


def lines(link):
    return [click.unstyle(line) for line in entra_report.lines(link)]


def test_a_link_is_a_line():
    assert lines(OK) == ["  ok         DNS            it is there"]


def test_what_to_do_stands_below():
    assert lines(BROKEN) == [
        "  broken     TCP            nobody answers",
        "                            → Start it.",
    ]


def test_each_part_has_its_line_and_the_name_stands_once():
    link = Link("credential", (ok("new: taken"), broken("old: expired", "Renew.")))
    assert [line[:26].split() for line in lines(link)] == [["ok", "credential"], ["broken"], []]


def test_what_hangs_on_a_broken_one_has_nothing_more():
    assert lines(Link("keys", (not_tried(""),))) == ["  not tried  keys"]


def test_long_words_are_wrapped_under_one_another():
    told = lines(Link("x", (warning("seen " * 60, "mend " * 60),)))
    assert max(map(len, told)) <= entra_report.WIDTH
    assert {line[:28] for line in told[1:]} == {" " * 28}
    assert [line[28:30] for line in told].count("→ ") == 1


def test_files_of_this_folder_are_named_as_one_would_type_them():
    assert lines(Link("x", (ok(f"trusts {Path.cwd()}/certs/ca.pem"),)))[0].endswith("trusts certs/ca.pem")


def test_no_word_of_a_stranger_moves_the_terminal():
    seen, mend = entra_report.lines(Link("x", (broken("a\x1b[2J\nb", "c\rd"),)))
    assert seen.endswith("a?[2J?b")
    assert mend.endswith("c?d")


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ([OK, BROKEN, LEFT], "The first broken link is TCP. Mend it, and ask again."),
        (
            [Link("credential", (ok("a"), broken("b", "c"))), OK],
            "Sign-ins go on, but not all of credential holds. Mend it, and ask again.",
        ),
        (
            [Link("credential", (ok("a"), broken("b", "c"))), OK, BROKEN],
            "The first broken link is credential. Mend it, and ask again.",
        ),
        ([OK, LEFT], "What could be tried holds; not tried: groups."),
        ([OK, Link("addresses", (by_eye("x", "y"),))], "The whole chain holds."),
    ],
    ids=["broken", "one part of two", "and another link", "left", "whole"],
)
def test_the_verdict(links, says):
    assert entra_report.verdict(links) == says


def test_the_head_says_who_and_where():
    assert click.unstyle(entra_report.head(ENTRA)) == f"entra: tenant {ENTRA.tenant} at {ENTRA.authority}"
    assert click.unstyle(entra_report.head(GENERIC)) == f"op: {GENERIC.issuer}"


def test_json():
    told = entra_report.as_json(ENTRA, [OK, BROKEN])
    assert (told["provider"], told["good"], told["broken"]) == ("entra", False, "TCP")
    assert told["links"][1] == {"link": "TCP", "state": "broken", "seen": "nobody answers", "mend": "Start it."}
    assert entra_report.as_json(ENTRA, [OK])["good"] is True
