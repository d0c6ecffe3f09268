"""What is said of a judgement: every policy, every rule, and whether it had a say."""

import pytest

from gate.site import person
from glassgate.access.explain import explain, fingerprint, leaves
from glassgate.access.facts import Facts
from glassgate.access.policy import Decision, Policy, Rule, judge
from glassgate.access.questions import Email, EntraGroup, RuleSet

ALICE = Facts(person("alice", groups=frozenset(("staff",))))
STAFF = Rule("entra_group: staff", EntraGroup("entra", None, "staff"))
OPS = Rule("entra_group: ops", EntraGroup("entra", None, "ops"))
MALLORY = Rule("email: mallory@contoso.example", Email("mallory@contoso.example"))
LOST = Rule("ip_list: away", lambda facts: None)
TEAM = Rule("group: team", RuleSet((OPS, STAFF), (), (MALLORY,)))


def allow(name, *include, **more):
    return Policy(name, Decision.ALLOW, include, **more)


def test_every_rule_is_answered_also_those_that_the_verdict_did_not_need():
    said = explain((allow("p", STAFF, OPS, exclude=(MALLORY, LOST)),), ALICE)
    assert [(one.part, one.rule.label, one.answer) for one in said.policies[0].answers] == [
        ("include", "entra_group: staff", True), ("include", "entra_group: ops", False),
        ("exclude", "email: mallory@contoso.example", False), ("exclude", "ip_list: away", None),
    ]  # fmt: skip
    assert not said.policies[0].holds
    assert not said.verdict.lets_in


def test_what_comes_after_the_policy_that_decided_had_no_say():
    said = explain((allow("a", OPS), allow("b", STAFF), allow("c", OPS), allow("d", STAFF)), ALICE)
    assert [(one.policy.name, one.holds, one.reached) for one in said.policies] == [
        ("a", False, True), ("b", True, True), ("c", False, False), ("d", True, False),
    ]  # fmt: skip


def test_a_group_is_answered_with_what_stands_in_it():
    (weighed,) = explain((allow("p", TEAM),), ALICE).policies
    (group,) = weighed.answers
    assert (group.answer, [(one.part, one.answer) for one in group.within]) == (
        True, [("include", False), ("include", True), ("exclude", False)],
    )  # fmt: skip
    assert [one.rule for one in leaves(weighed.answers)] == [OPS, STAFF, MALLORY]


def test_it_is_the_verdict_of_the_gate():
    policies = (allow("a", OPS), allow("b", TEAM))
    assert explain(policies, ALICE).verdict == judge(policies, ALICE)


BASE = (allow("p", STAFF, exclude=(TEAM,)),)
CHANGED = [
    ("another rule", (allow("p", OPS, exclude=(TEAM,)),)),
    ("another part", (allow("p", TEAM, exclude=(STAFF,)),)),
    ("another name", (allow("q", STAFF, exclude=(TEAM,)),)),
    ("another decision", (Policy("p", Decision.DENY, (STAFF,), exclude=(TEAM,)),)),
    ("one more", (*BASE, allow("q", STAFF))),
    ("within a group", (allow("p", STAFF, exclude=(Rule(TEAM.label, RuleSet((OPS,))),)),)),
]


@pytest.mark.parametrize("policies", [row[1] for row in CHANGED], ids=[row[0] for row in CHANGED])
def test_a_fingerprint_tells_that_policies_were_changed(policies):
    assert fingerprint(BASE) == fingerprint((allow("p", STAFF, exclude=(TEAM,)),))
    assert fingerprint(policies) != fingerprint(BASE)
