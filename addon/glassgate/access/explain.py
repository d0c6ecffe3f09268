"""Says of a judgement, policy by policy and rule by rule, what held and what did not. Decides nothing."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from glassgate.access.facts import Facts
from glassgate.access.policy import Policy, Rule, Verdict, judge
from glassgate.access.questions import RuleSet

PARTS = ("include", "require", "exclude")


@dataclass(frozen=True, slots=True)
class Answered:
    """One rule with its answer; None: it could not be known. A group's rules are `within` it."""

    part: str  # "include" | "require" | "exclude"
    rule: Rule
    answer: bool | None
    within: tuple["Answered", ...] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """A policy, whether it holds by itself, and the answer of each of its rules.

    `reached` is False where a policy before it decided, so that this one had no say.
    """

    policy: Policy
    holds: bool
    reached: bool
    answers: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict, and all policies in the order in which they were asked."""

    verdict: Verdict
    policies: tuple[Weighed, ...]


def explain(policies: Iterable[Policy], facts: Facts) -> Explanation:
    """Judge, and answer every rule, also those that the verdict did not need."""
    policies = tuple(policies)
    verdict, weighed, reached = judge(policies, facts), list[Weighed](), True
    for policy in policies:
        holds = judge((policy,), facts).policy is not None
        weighed.append(Weighed(policy, holds, reached, answered(policy, facts)))
        reached = reached and policy is not verdict.policy
    return Explanation(verdict, tuple(weighed))


def answered(asked: Policy | RuleSet, facts: Facts) -> tuple[Answered, ...]:
    """The answers of all its rules, part by part."""
    return tuple(
        Answered(
            part, rule, rule.matches(facts), answered(rule.matches, facts) if isinstance(rule.matches, RuleSet) else ()
        )
        for part in PARTS
        for rule in getattr(asked, part)
    )


def leaves(answers: Iterable[Answered]) -> Iterator[Answered]:
    """The answers of the rules that are no groups, however deep they stand."""
    for one in answers:
        if one.within:
            yield from leaves(one.within)
        else:
            yield one


def fingerprint(policies: Iterable[Policy]) -> str:
    """A short name of what these policies say (16 hex digits): another one tells that they were changed."""
    said = "\n".join(line for policy in policies for line in (f"{policy.name}: {policy.decision}", *_lines(policy)))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _lines(asked: Policy | RuleSet) -> Iterator[str]:
    for part in PARTS:
        for rule in getattr(asked, part):
            yield f"{part} {rule.label}"
            if isinstance(rule.matches, RuleSet):
                yield from (f"  {line}" for line in _lines(rule.matches))
