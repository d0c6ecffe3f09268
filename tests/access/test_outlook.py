"""What is settled before everything is known, and whom it takes to settle the rest."""

import pytest

from glassgate.access.circumstances import ByEvaluation, CommonName
from glassgate.access.facts import Evaluation, Facts
from glassgate.access.outlook import ask_for_certificates, evaluations, foregone, to_evaluate
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.questions import RuleSet

A, B = (Evaluation(f"https://{name}.example", f"https://{name}.example/keys") for name in "ab")
SAID = {"y": True, "n": False, "?": None}
ALLOW, DENY, BYPASS = Decision.ALLOW, Decision.DENY, Decision.BYPASS


def rules(answers):
    made = {"A": ByEvaluation(A), "B": ByEvaluation(B), **{one: lambda _, one=one: SAID[one] for one in SAID}}
    return tuple(Rule(answer, made[answer]) for answer in answers)


def policy(decision, include, require="", exclude="", name="p"):
    return Policy(name, decision, rules(include), rules(require), rules(exclude))


FOREGONE = [
    ("somebody may be let in", [policy(ALLOW, "?")], None),
    ("everybody is", [policy(ALLOW, "y")], None),
    ("nobody is included", [policy(ALLOW, "n")], "default"),
    ("a require keeps everybody out", [policy(ALLOW, "?", "n")], "default"),
    ("an exclude keeps everybody out", [policy(ALLOW, "?", "", "y")], "default"),
    ("an exclude may", [policy(ALLOW, "y", "", "?")], None),
    ("a deny keeps everybody out", [policy(DENY, "y", name="d"), policy(ALLOW, "y")], "d"),
    ("a deny may", [policy(DENY, "?"), policy(ALLOW, "y")], None),
    ("a deny that comes too late", [policy(ALLOW, "?"), policy(DENY, "y")], None),
    ("a bypass is another matter", [policy(BYPASS, "y")], "default"),
    ("no policy at all", [], "default"),
]


@pytest.mark.parametrize(("policies", "by"), [row[1:] for row in FOREGONE], ids=[row[0] for row in FOREGONE])
def test_a_refusal_that_stands_whoever_comes(policies, by):
    verdict = foregone(policies, Facts())
    if by is None:
        assert verdict is None
    else:
        assert not verdict.lets_in
        assert (verdict.policy.name if verdict.policy else "default") == by


def test_its_reasons_are_told():
    assert foregone([policy(ALLOW, "n", "?")], Facts()).reasons == ("p: include n: no", "p: require ?: unknown")


TO_ASK = [
    ("it decides", [policy(ALLOW, "A")], {}, A),
    ("it is known", [policy(ALLOW, "A")], {A: True}, None),
    ("it was asked, and did not answer", [policy(ALLOW, "A")], {A: None}, None),
    ("it is required of somebody who is included", [policy(ALLOW, "y", "A")], {}, A),
    ("who is not included needs no answer", [policy(ALLOW, "n", "A")], {}, None),
    ("who is in doubt is not let in by any answer", [policy(ALLOW, "?", "A")], {}, None),
    ("who is included anyway needs no answer", [policy(ALLOW, "Ay")], {}, None),
    ("who is excluded anyway needs no answer", [policy(ALLOW, "y", "A", "y")], {}, None),
    ("it would exclude", [policy(ALLOW, "y", "", "A")], {}, A),
    ("a policy before it decides", [policy(ALLOW, "y"), policy(ALLOW, "A")], {}, None),
    ("a deny before it decides", [policy(DENY, "y"), policy(ALLOW, "A")], {}, None),
    ("a deny in doubt decides", [policy(DENY, "?"), policy(ALLOW, "A")], {}, None),
    ("a policy before it does not", [policy(ALLOW, "n"), policy(ALLOW, "A")], {}, A),
    ("one after the other", [policy(ALLOW, "y", "AB")], {A: True}, B),
    ("the first no is enough", [policy(ALLOW, "y", "AB")], {A: False}, None),
    ("the first yes is enough", [policy(ALLOW, "AB")], {A: True}, None),
    ("in a deny", [policy(DENY, "A"), policy(ALLOW, "y")], {}, A),
    ("no service at all", [policy(ALLOW, "yn?")], {}, None),
]


@pytest.mark.parametrize(("policies", "known", "wanted"), [row[1:] for row in TO_ASK], ids=[row[0] for row in TO_ASK])
def test_only_who_could_change_the_verdict_is_asked(policies, known, wanted):
    assert to_evaluate(policies, Facts(evaluations=known)) == wanted


def test_of_many_services_each_is_asked_until_few_are_left():
    many = tuple(Rule(str(n), ByEvaluation(Evaluation(f"https://{n}.example", "k"))) for n in range(40))
    facts = Facts()
    asked = []
    while (wanted := to_evaluate([Policy("p", ALLOW, many)], facts)) is not None:
        asked.append(wanted)
        facts = Facts(evaluations={**facts.evaluations, wanted: False})
    assert len(asked) == 40


def test_what_groups_ask_is_found():
    group = Rule("group", RuleSet((Rule("cn", CommonName("a")),), rules("A"), rules("AB")))
    assert evaluations([group]) == (A, B)
    assert ask_for_certificates([group])
    assert not ask_for_certificates(rules("AyB"))
