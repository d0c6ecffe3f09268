"""Who decides, for what reasons; and what is never known never lets in."""

from dataclasses import replace

import pytest

from gate.site import person
from glassgate.access.facts import Facts
from glassgate.access.policy import Decision, Policy, Rule, judge, missing_acrs

ALLOW, DENY, BYPASS, SERVICE = Decision.ALLOW, Decision.DENY, Decision.BYPASS, Decision.SERVICE_AUTH
YES = Rule("yes", lambda facts: True)
NO = Rule("no", lambda facts: False)
UNKNOWN = Rule("unknown", lambda facts: None)
FACTS = Facts(person("alice"))


def allow(name="p", include=(YES,), **more):
    return Policy(name, ALLOW, include, **more)


def deny(name="d", include=(YES,), **more):
    return Policy(name, DENY, include, **more)


JUDGED = [
    ("no policy at all", [], DENY, None, None),
    ("included", [allow()], ALLOW, "p", "p: include yes: yes"),
    ("not included", [allow(include=(NO,))], DENY, None, "p: include no: no"),
    ("empty include", [allow(include=())], DENY, None, None),
    ("one of two included", [allow(include=(NO, YES))], ALLOW, "p", "p: include yes: yes"),
    ("all required", [allow(require=(YES, YES))], ALLOW, "p", "p: require yes: yes"),
    ("one required fails", [allow(require=(YES, NO))], DENY, None, "p: require no: no"),
    ("required alone", [allow(include=(), require=(YES,))], DENY, None, None),
    ("excluded", [allow(exclude=(NO, YES))], DENY, None, "p: exclude yes: yes"),
    ("not excluded", [allow(exclude=(NO,))], ALLOW, "p", "p: exclude no: no"),
    ("unknown include", [allow(include=(UNKNOWN,))], DENY, None, "p: include unknown: unknown"),
    ("unknown include, then yes", [allow(include=(UNKNOWN, YES))], ALLOW, "p", "p: include yes: yes"),
    ("unknown require", [allow(require=(UNKNOWN,))], DENY, None, "p: require unknown: unknown"),
    ("unknown exclude keeps out", [allow(exclude=(UNKNOWN,))], DENY, None, "p: exclude unknown: unknown"),
    ("denied", [deny()], DENY, "d", "d: include yes: yes"),
    ("a deny, unknown include", [deny(include=(UNKNOWN,)), allow()], DENY, "d", "d: include unknown: unknown"),
    ("a deny, unknown require", [deny(require=(UNKNOWN,)), allow()], DENY, "d", "d: require unknown: unknown"),
    ("a deny, unknown exclude", [deny(exclude=(UNKNOWN,)), allow()], DENY, "d", "d: exclude unknown: unknown"),
    ("a deny that excludes", [deny(exclude=(YES,)), allow()], ALLOW, "p", "p: include yes: yes"),
    ("the first that holds: allow", [allow(), deny()], ALLOW, "p", "p: include yes: yes"),
    ("the first that holds: deny", [deny(), allow()], DENY, "d", "d: include yes: yes"),
    ("the second, when the first does not", [allow("a", (NO,)), allow("b")], ALLOW, "b", "b: include yes: yes"),
    ("unknown include of a bypass", [Policy("x", BYPASS, (UNKNOWN,))], DENY, None, "x: include unknown: unknown"),
    ("unknown include of a service", [Policy("x", SERVICE, (UNKNOWN,))], DENY, None, "x: include unknown: unknown"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "decision", "name", "last"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED]
)
def test_who_decided_and_why(policies, decision, name, last):
    verdict = judge(policies, FACTS)
    assert (verdict.decision, verdict.policy.name if verdict.policy else None) == (decision, name)
    assert verdict.reasons[-1:] == ((last,) if last else ())
    assert verdict.allowed is (decision is ALLOW)


@pytest.mark.parametrize("decision", [DENY, BYPASS, SERVICE])
def test_only_allow_lets_in(decision):
    """A bypass needs no session and a service its own credential: neither is a person's way in."""
    verdict = judge([Policy("p", decision, (YES,))], FACTS)
    assert verdict.policy is not None
    assert not verdict.allowed


def test_every_rule_asked_is_told_in_order_and_no_other():
    policies = [allow("a", (NO, YES, YES), require=(NO, YES)), allow("b", exclude=(NO,))]
    assert judge(policies, FACTS).reasons == (
        "a: include no: no", "a: include yes: yes", "a: require no: no", "b: include yes: yes", "b: exclude no: no",
    )  # fmt: skip


def test_a_fact_that_cannot_be_had_at_all_is_no_verdict():
    def broken(facts):
        raise LookupError("the list is away")

    with pytest.raises(LookupError):
        judge([allow(include=(Rule("broken", broken),))], FACTS)


SAID = [
    ("nobody decided", [], "No policy of this application lets you in."),
    ("let in", [allow("staff")], "The policy “staff” lets you in."),
    ("kept out", [deny("leavers")], "The policy “leavers” keeps you out."),
]


@pytest.mark.parametrize(("policies", "said"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_one_sentence_for_the_visitor(policies, said):
    assert judge(policies, FACTS).reason == said


def context(name):
    return Rule(f"entra_auth_context: {name}", lambda facts: name in facts.identity.acrs, needs_acrs=name)


C1, C2 = context("c1"), context("c2")

MISSING = [
    ("nothing is missing", [allow()], (), set()),
    ("it is required", [allow(require=(C1,))], (), {"c1"}),
    ("it was proven", [allow(require=(C1,))], ("c1",), set()),
    ("one of two was proven", [allow(require=(C1, C2))], ("c1",), {"c2"}),
    ("it would include", [allow(include=(C1,))], (), {"c1"}),
    ("more than proof is missing", [allow(include=(NO,), require=(C1,))], (), set()),
    ("something unknown is missing too", [allow(include=(UNKNOWN,), require=(C1,))], (), set()),
    ("proof would change nothing: denied first", [deny(), allow(require=(C1,))], (), set()),
    ("proof would keep out by name", [deny(include=(C1,)), allow(require=(C1,))], (), set()),
    ("proof would keep out", [allow(exclude=(C1,), require=(C1,))], (), set()),
    ("of the policy that would let in", [allow("a", (NO,), require=(C2,)), allow("b", require=(C1,))], (), {"c1"}),
    ("no policy", [], (), set()),
]


@pytest.mark.parametrize(
    ("policies", "proven", "missing"), [row[1:] for row in MISSING], ids=[row[0] for row in MISSING]
)
def test_which_contexts_are_all_that_keeps_a_visitor_out(policies, proven, missing):
    facts = replace(FACTS, identity=replace(FACTS.identity, acrs=frozenset(proven)))
    assert missing_acrs(policies, facts) == missing


def test_nobody_misses_anything():
    assert missing_acrs([allow(require=(C1,))], Facts()) == frozenset()
