"""Finds the least that would turn a verdict, of the facts or of the policies: tries one change, and then two."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, islice

from glassgate.access.explain import PARTS, answered, leaves
from glassgate.access.facts import Facts
from glassgate.access.identity import Identity
from glassgate.access.policy import Decision, Policy, Rule, judge
from glassgate.access.questions import (
    AuthContext,
    AuthMethod,
    Email,
    EmailDomain,
    EntraGroup,
    EntraRole,
    Everyone,
    LoginMethod,
    Question,
    RuleSet,
    fold,
)

MOST_TRIED = 40  # changes of which pairs are tried
MOST_TOLD = 5

type Policies = tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to change. `policy` is the one to be edited; None: it is a fact that changes.

    `breadth`: 0 it touches this person alone, 1 perhaps others, 2 whoever else the rest of the policy lets in.
    """

    says: str
    policy: str | None
    breadth: int
    made: Callable[[Policies], Policies]


@dataclass(frozen=True, slots=True)
class Turn:
    """Changes that turn the verdict together. `opens` says that with them whoever can sign in would be let in."""

    changes: tuple[Change, ...]
    opens: bool


def turns(policies: Policies, facts: Facts) -> tuple[Turn, ...]:
    """The least changes that would turn the verdict, the narrowest first; empty where nothing does.

    Two are told only where one does not do, or where one would touch more people than these two.
    """
    before = judge(policies, facts).lets_in
    tried = tuple(islice(_changes(policies, facts, to_let_in=not before), MOST_TRIED))

    def turned(changes: tuple[Change, ...]) -> bool:
        return judge(_made(policies, changes), facts).lets_in is not before

    found: list[tuple[Change, ...]] = [(one,) for one in tried if turned((one,))]
    alone = {changes[0] for changes in found}
    if not any(one.breadth == 0 for one in alone):
        rest = [one for one in tried if one not in alone]
        found += [pair for pair in combinations(rest, 2) if turned(pair)]
    if not found:
        found = [(one,) for one in _new_policy(policies, facts, to_let_in=not before) if turned((one,))]
    # A person is more easily put into a group than a policy is changed, and that is told first.
    found = [tuple(sorted(changes, key=lambda change: change.policy is not None)) for changes in found]
    made = [Turn(changes, _opens(policies, changes, facts)) for changes in found]
    return tuple(sorted(made, key=_narrowness)[:MOST_TOLD])


def _narrowness(turn: Turn) -> tuple[bool, bool, int, int, int]:
    broad = sum(change.breadth for change in turn.changes)
    edits = sum(change.policy is not None for change in turn.changes)
    return turn.opens, max(change.breadth for change in turn.changes) > 1, len(turn.changes), broad, edits


def _made(policies: Policies, changes: tuple[Change, ...]) -> Policies:
    # Edits first: they know their rules as the file has them.
    for change in sorted(changes, key=lambda change: change.policy is None):
        policies = change.made(policies)
    return policies


def _opens(before: Policies, changes: tuple[Change, ...], facts: Facts) -> bool:
    """Whether the edits among them let somebody in of whom nothing is known but that they signed in."""
    after = _made(before, tuple(change for change in changes if change.policy is not None))
    known = facts.identity
    nobody = Identity(
        known.provider if known else "", known.provider_type if known else "", known.realm if known else "",
        "nobody", email="nobody@nowhere.invalid",
    )  # fmt: skip
    stranger = Facts(identity=nobody)
    return judge(after, stranger).lets_in and not judge(before, stranger).lets_in


# --- what might change ------------------------------------------------------------------------------------


def _changes(policies: Policies, facts: Facts, *, to_let_in: bool) -> Iterator[Change]:
    email = facts.identity.email if facts.identity else None
    wanted = Rule(f"email: {email}", Email(fold(email))) if email else None
    for policy in policies:
        lets_in = policy.decision is not Decision.DENY
        if lets_in is to_let_in:
            yield from _to_make_hold(policy, facts, wanted)
        else:
            yield from _to_break(policy, facts, wanted)
    yield from _of_facts(policies, facts)


def _to_make_hold(policy: Policy, facts: Facts, person: Rule | None) -> Iterator[Change]:
    """What would make a policy hold for this visitor."""
    if person and _of_people(policy):
        yield _edit(policy, f"add `{person.label}` to `include`", 0, include=(*policy.include, person))
    for rule in policy.exclude:
        if rule.matches(facts) is not False:
            yield _without(policy, "exclude", rule, 0 if isinstance(rule.matches, Email) else 2)
    for rule in policy.require:
        if rule.matches(facts) is not True:
            yield _without(policy, "require", rule, 2)


def _to_break(policy: Policy, facts: Facts, person: Rule | None) -> Iterator[Change]:
    """What would keep a policy from holding for this visitor."""
    for rule in policy.include:
        if isinstance(rule.matches, Email) and rule.matches(facts) is not False and len(policy.include) > 1:
            yield _without(policy, "include", rule, 0)
    if person and _of_people(policy):
        yield _edit(policy, f"add `{person.label}` to `exclude`", 0, exclude=(*policy.exclude, person))


def _new_policy(policies: Policies, facts: Facts, *, to_let_in: bool) -> Iterator[Change]:
    """The last resort: a policy for this person alone, before all others."""
    email = facts.identity.email if facts.identity else None
    if email:
        decision = Decision.ALLOW if to_let_in else Decision.DENY
        first = Policy("", decision, (Rule(f"email: {email}", Email(fold(email))),))
        yield Change(
            f"put a policy `{{name: …, decision: {decision}, include: [{{email: {email}}}]}}` before the others",
            policies[0].name if policies else "", 1, lambda rest: (first, *rest),
        )  # fmt: skip


def _of_people(policy: Policy) -> bool:
    return policy.decision in (Decision.ALLOW, Decision.DENY)


def _without(policy: Policy, part: str, rule: Rule, breadth: int) -> Change:
    rest = tuple(one for one in getattr(policy, part) if one is not rule)
    return _edit(policy, f"take `{rule.label}` out of `{part}`", breadth, **{part: rest})


def _edit(policy: Policy, says: str, breadth: int, **parts: tuple[Rule, ...]) -> Change:
    def made(policies: Policies) -> Policies:
        return tuple(edited(one) if one.name == policy.name else one for one in policies)

    def edited(now: Policy) -> Policy:
        # Of a policy that another change touched already, the rest stays as that one left it.
        return _with_parts(
            now, {part: _merged(getattr(policy, part), rules, getattr(now, part)) for part, rules in parts.items()}
        )

    return Change(f"{says} of the policy `{policy.name}`", policy.name, breadth, made)


def _with_parts(policy: Policy, parts: Mapping[str, tuple[Rule, ...]]) -> Policy:
    return replace(
        policy,
        include=parts.get("include", policy.include),
        require=parts.get("require", policy.require),
        exclude=parts.get("exclude", policy.exclude),
    )


def _merged(first: tuple[Rule, ...], wanted: tuple[Rule, ...], now: tuple[Rule, ...]) -> tuple[Rule, ...]:
    gone = [rule for rule in first if rule not in wanted]
    return (*(rule for rule in now if rule not in gone), *(rule for rule in wanted if rule not in first))


# --- facts ------------------------------------------------------------------------------------------------

# Who somebody is cannot change. Anything else may, and is told in general words where there are none here.
FIXED = (Everyone, Email, EmailDomain, LoginMethod)
SAID: dict[type, tuple[str, str]] = {
    EntraGroup: ("add the person to the Entra group {}", "take the person out of the Entra group {}"),
    EntraRole: ("give the person the app role {}", "take the app role {} from the person"),
    AuthContext: ("sign in with the authentication context {}", "sign in without the authentication context {}"),
    AuthMethod: ("sign in with the method {}", "sign in without the method {}"),
}


def _of_facts(policies: Policies, facts: Facts) -> Iterator[Change]:
    seen: list[tuple[Question, bool]] = []
    asked = [(one.part, leaf) for policy in policies for one in answered(policy, facts) for leaf in leaves((one,))]
    # Of very many only the first are tried, and includes are what there are many of.
    for _, leaf in sorted(asked, key=lambda one: one[0] == "include"):
        question = leaf.rule.matches
        for answer in (True, False):
            if leaf.answer is not answer and not isinstance(question, FIXED) and (question, answer) not in seen:
                seen.append((question, answer))
                yield Change(_said(leaf.rule, answer), None, 0, _answering(question, answer))


def _said(rule: Rule, answer: bool) -> str:
    if type(rule.matches) in SAID:
        return SAID[type(rule.matches)][not answer].format(rule.label.partition(": ")[2])
    return f"`{rule.label}` would have to {'match' if answer else 'match no more'}"


def _answering(question: Question, answer: bool) -> Callable[[Policies], Policies]:
    """Policies in which a question has this answer, wherever it is asked."""

    def ruled(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(rule_of(rule) for rule in rules)

    def rule_of(rule: Rule) -> Rule:
        if rule.matches == question:
            return replace(rule, matches=lambda facts: answer)
        if isinstance(rule.matches, RuleSet):
            return replace(rule, matches=RuleSet(*(ruled(getattr(rule.matches, part)) for part in PARTS)))
        return rule

    def made(policies: Policies) -> Policies:
        return tuple(_with_parts(one, {part: ruled(getattr(one, part)) for part in PARTS}) for one in policies)

    return made
