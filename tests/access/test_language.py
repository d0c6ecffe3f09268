"""The whole language of policies: each selector under each decision, in each part, with each answer; and what holds
for any policies at all."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.test_selectors import ENTRA, OIDC, ROWS
from glassgate.access.facts import Facts
from glassgate.access.outlook import foregone
from glassgate.access.policy import Decision, Policy, Rule, in_order, judge
from glassgate.access.questions import Everyone, RuleSet
from glassgate.access.selectors import GROUP, SELECTORS, make

ALLOW, DENY, BYPASS, SERVICE = Decision.ALLOW, Decision.DENY, Decision.BYPASS, Decision.SERVICE_AUTH
PARTS = ("include", "require", "exclude")
ALL = Rule("everyone", Everyone())
OTHERWISE = Policy("otherwise", ALLOW, (ALL,))

# --- the table --------------------------------------------------------------------------------------------


def rule_of(selector):
    """The selector's rule as the table of selectors has it; a group asks the same as the e-mail in it."""
    if selector == GROUP:
        return Rule("group: staff", RuleSet((rule_of("email"),)))
    return make(selector, ROWS[selector][0], [ENTRA, OIDC])


def facts_of(selector, answer):
    column = {True: 1, False: 2, None: 3}[answer]
    return next(iter(ROWS["email" if selector == GROUP else selector][column]), None)


def holds(decision, part, answer):
    """What the documents say: what cannot be known counts against the visitor, in every part."""
    if answer is None:
        return decision is DENY
    return answer is (part != "exclude")


TABLE = [
    pytest.param(decision, part, row.name, answer, id=f"{decision}-{part}-{row.name}-{answer}")
    for decision in Decision
    for part in PARTS
    for row in SELECTORS
    for answer in (True, False, None)
    if facts_of(row.name, answer) is not None
]


@pytest.mark.parametrize(("decision", "part", "selector", "answer"), TABLE)
def test_each_selector_in_each_part_of_each_policy(decision, part, selector, answer):
    rule = rule_of(selector)
    asked = {"include": (ALL,)} | {part: (rule,)}
    verdict = judge(
        [Policy("p", decision, **asked), *([OTHERWISE] if decision is DENY else [])], facts_of(selector, answer)
    )
    if holds(decision, part, answer):
        assert (verdict.decision, verdict.policy.name) == (decision, "p")
        assert verdict.lets_in is (decision is not DENY)
    else:
        assert verdict.policy is (OTHERWISE if decision is DENY else None)
        assert verdict.lets_in is (decision is DENY)


def test_every_selector_is_seen_to_deny():
    """Under each decision there is a row of each selector by which somebody is kept out."""
    denied = {
        (str(decision), selector)
        for decision, part, selector, answer in (row.values for row in TABLE)
        if holds(decision, part, answer) is (decision is DENY)
    }
    assert denied == {(str(decision), row.name) for decision in Decision for row in SELECTORS}
    assert len(TABLE) >= 650


# --- what holds for any policies --------------------------------------------------------------------------

ANSWERS = st.sampled_from([True, False, None])


class Said:
    """A question whose answer is the fact of its number."""

    def __init__(self, number):
        self.number = number

    def __call__(self, facts):
        return facts.evaluations[self.number]


PLAIN = st.integers(0, 5).map(lambda number: Rule(str(number), Said(number)))


def grouped(rules):
    parts = st.lists(rules, max_size=2).map(tuple)
    sets = st.builds(RuleSet, st.lists(rules, min_size=1, max_size=2).map(tuple), parts, parts)
    return sets.map(lambda group: Rule("group", group))


RULES = st.recursive(PLAIN, grouped, max_leaves=5)
MANY = st.lists(RULES, max_size=2).map(tuple)
POLICIES = st.lists(
    st.builds(Policy, st.just("p"), st.sampled_from(list(Decision)), st.lists(RULES, min_size=1, max_size=2).map(tuple),
              MANY, MANY),
    min_size=1, max_size=4,
)  # fmt: skip
FACTS = st.lists(ANSWERS, min_size=6, max_size=6).map(lambda said: Facts(evaluations=dict(enumerate(said))))


def lets_in(policies, facts):
    return judge(in_order(policies), facts).lets_in


@given(POLICIES, FACTS)
def test_what_each_policy_keeps_shut_no_order_opens(policies, facts):
    if not any(lets_in([policy], facts) for policy in policies):
        assert not any(lets_in(each, facts) for each in permutations(policies))


@given(RULES, st.sampled_from(list(Decision)), FACTS, st.integers(1, 4))
def test_a_rule_in_groups_is_the_rule(rule, decision, facts, depth):
    nested = rule
    for _ in range(depth):
        nested = Rule("group", RuleSet((nested,)))
    for part in PARTS:
        flat, deep = ({"include": (ALL,)} | {part: (one,)} for one in (rule, nested))
        after = [OTHERWISE] if decision is DENY else []
        assert lets_in([Policy("p", decision, **flat), *after], facts) is lets_in(
            [Policy("p", decision, **deep), *after], facts
        )


@given(POLICIES, FACTS, st.data())
def test_a_further_exclude_or_require_never_opens(policies, facts, data):
    """Of policies that let in. A deny that matches less often is another matter."""
    doors = [place for place, policy in enumerate(policies) if policy.decision is not DENY]
    if not doors:
        return
    place, rule = data.draw(st.sampled_from(doors)), data.draw(RULES)
    policy = policies[place]
    for narrower in (
        Policy("p", policy.decision, policy.include, (*policy.require, rule), policy.exclude),
        Policy("p", policy.decision, policy.include, policy.require, (*policy.exclude, rule)),
    ):
        changed = [*policies[:place], narrower, *policies[place + 1 :]]
        assert lets_in(policies, facts) or not lets_in(changed, facts)


@given(POLICIES, FACTS, st.lists(st.booleans(), min_size=6, max_size=6))
def test_an_unknown_fact_never_opens(policies, facts, truth):
    """Who is let in while something is unknown is let in whatever it turns out to be."""
    known = {number: truth[number] if said is None else said for number, said in facts.evaluations.items()}
    assert not lets_in(policies, facts) or lets_in(policies, Facts(evaluations=known))


@given(POLICIES, FACTS, st.lists(st.booleans(), min_size=6, max_size=6))
def test_what_is_foregone_stands_whatever_turns_out(policies, facts, truth):
    known = {number: truth[number] if said is None else said for number, said in facts.evaluations.items()}
    people = [policy for policy in policies if not policy.without_sign_in]
    if foregone(people, facts) is not None:
        assert not lets_in(people, Facts(evaluations=known))


@given(POLICIES, FACTS)
def test_a_deny_that_holds_is_passed_by_none_but_what_needs_no_sign_in(policies, facts):
    first = Policy("deny", DENY, (ALL,))
    verdict = judge(in_order([first, *policies]), facts)
    assert verdict.needs_no_sign_in or (verdict.decision, verdict.policy.name) == (DENY, "deny")
