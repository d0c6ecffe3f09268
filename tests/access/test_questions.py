"""Rule groups answer in three values; letters and networks are compared as they should be."""

import itertools
from ipaddress import ip_network

import pytest

from glassgate.access.facts import Facts
from glassgate.access.policy import Decision, Policy, Rule, judge
from glassgate.access.questions import RuleSet, every_question, fold, network

SAID = {"y": True, "n": False, "?": None}


def rules(answers):
    return tuple(Rule(answer, lambda _, answer=answer: SAID[answer]) for answer in answers)


@pytest.mark.parametrize(
    ("include", "require", "exclude", "answer"),
    [
        ("y", "", "", True),
        ("n", "", "", False),
        ("?", "", "", None),
        ("n?", "", "", None),
        ("?y", "", "", True),
        ("", "", "", False),
        ("y", "y", "n", True),
        ("y", "yn", "", False),
        ("y", "y?", "", None),
        ("y", "?n", "", False),
        ("y", "", "y", False),
        ("y", "", "n?", None),
        ("y", "", "?y", False),
        ("n", "?", "?", False),
        ("?", "y", "y", False),
    ],
)
def test_a_group_answers(include, require, exclude, answer):
    assert RuleSet(rules(include), rules(require), rules(exclude))(Facts()) is answer


@pytest.mark.parametrize("parts", list(itertools.product("yn?", repeat=3)), ids="".join)
def test_doubt_never_helps_the_visitor(parts):
    """Whatever the unknown facts turn out to be, who gets in with them unknown gets in with them known."""
    known = itertools.product(*("yn" if part == "?" else part for part in parts))
    for deny, place in itertools.product([True, False], ["include", "require", "exclude"]):
        with_doubt = lets_in(parts, place, deny=deny)
        assert not with_doubt or all(lets_in(each, place, deny=deny) for each in known)


def lets_in(parts, place, *, deny):
    group = Rule("group", RuleSet(*map(rules, parts)))
    yes = rules("y")
    asked = {"include": yes, place: (group,)}
    if not deny:
        return judge([Policy("p", Decision.ALLOW, **asked)], Facts()).allowed
    return judge([Policy("p", Decision.DENY, **asked), Policy("q", Decision.ALLOW, yes)], Facts()).allowed


def test_groups_in_groups_hand_doubt_on():
    inner = Rule("inner", RuleSet(rules("y"), (), rules("?")))
    assert RuleSet((inner,))(Facts()) is None
    assert RuleSet(rules("y"), (), (inner,))(Facts()) is None


def test_every_question_is_found_also_in_groups_of_groups():
    plain = rules("yn?")
    inner = Rule("inner", RuleSet(rules("y"), rules("n"), rules("?")))
    outer = Rule("outer", RuleSet((inner,), (), rules("n")))
    found = list(every_question((*plain, outer)))
    assert [question(Facts()) for question in found if not isinstance(question, RuleSet)] == [
        True, False, None, True, False, None, False,
    ]  # fmt: skip
    assert [question for question in found if isinstance(question, RuleSet)] == [outer.matches, inner.matches]


@pytest.mark.parametrize(
    ("text", "folded"), [("ALICE", "alice"), ("\u212aim", "\u212aim"), ("\u0130", "\u0130"), ("ß", "ß"), ("É", "É")]
)
def test_only_ascii_letters_are_folded(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::/0", "::/0"),
    ],
)
def test_networks_are_read(text, same):
    assert network(text) == ip_network(same)


@pytest.mark.parametrize("text", ["", "10.0.0.1/33", "010.0.0.1", " 10.0.0.1", "fe80::1%eth0", "localhost"])
def test_what_is_no_network_has_a_mend(text):
    with pytest.raises(ValueError, match=r"write|leave"):
        network(text)
