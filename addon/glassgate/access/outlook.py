"""What can still come of policies while something is not known: is it settled already, and what must be asked first?"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from glassgate.access.circumstances import ByEvaluation, Certificate, CommonName
from glassgate.access.facts import Evaluation, Facts
from glassgate.access.policy import Asked, Decision, Policy, Rule, Verdict, holds
from glassgate.access.questions import RuleSet, every_question

MOST_WEIGHED = 4  # evaluations of one policy whose answers are weighed against each other; more are simply asked


def foregone(policies: Iterable[Policy], facts: Facts) -> Verdict | None:
    """The refusal that stands whatever the unknown facts turn out to be; None where somebody might be let in.

    Before a sign-in that is whoever the visitor turns out to be: who is kept out by address never meets a provider.
    Policies that need no sign-in are passed over.
    """
    asked: list[Asked] = []
    for policy in policies:
        if policy.without_sign_in:
            continue
        answer = RuleSet(policy.include, policy.require, policy.exclude)(facts)
        asked += _told(policy, facts)
        if policy.decision is Decision.ALLOW and answer is not False:
            return None
        if policy.decision is Decision.DENY and answer is True:
            return Verdict(Decision.DENY, policy, tuple(asked))
    return Verdict(Decision.DENY, None, tuple(asked))


def to_evaluate(policies: Iterable[Policy], facts: Facts) -> Evaluation | None:
    """The next service whose answer could change who decides; None where nobody has to be asked any more."""
    for policy in policies:
        left = tuple(one for one in evaluations(policy.rules) if one not in facts.evaluations)
        outcomes = _outcomes(policy, facts, left) if len(left) <= MOST_WEIGHED else {True, False}
        if len(outcomes) > 1:
            return left[0]
        if True in outcomes:
            return None
    return None


def evaluations(rules: Iterable[Rule]) -> tuple[Evaluation, ...]:
    """The services that rules ask, each once, also in their groups."""
    asked = (question for question in every_question(rules) if isinstance(question, ByEvaluation))
    return tuple(dict.fromkeys(question.evaluation for question in asked))


def ask_for_certificates(rules: Iterable[Rule]) -> bool:
    """Whether rules look at the client's certificate, which only the app's own host is shown."""
    return any(isinstance(question, Certificate | CommonName) for question in every_question(rules))


def _outcomes(policy: Policy, facts: Facts, left: tuple[Evaluation, ...]) -> set[bool]:
    answers = product((True, False), repeat=len(left))
    known = ({**facts.evaluations, **dict(zip(left, each, strict=True))} for each in answers)
    return {holds(policy, replace(facts, evaluations=each), []) for each in known}


def _told(policy: Policy, facts: Facts) -> list[Asked]:
    parts = (("include", policy.include), ("require", policy.require), ("exclude", policy.exclude))
    return [(policy.name, part, rule.label, rule.matches(facts)) for part, rules in parts for rule in rules]
