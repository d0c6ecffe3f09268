"""Judges policies: which of them decides a request, and for what reasons. Asks nobody, has no clock."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from glassgate.access.facts import Facts


class Decision(StrEnum):
    """What a policy that holds does (Cloudflare Access's names, in its order of evaluation)."""

    BYPASS = "bypass"
    SERVICE_AUTH = "service_auth"
    ALLOW = "allow"
    DENY = "deny"


WITHOUT_SIGN_IN = (Decision.BYPASS, Decision.SERVICE_AUTH)


@dataclass(frozen=True, slots=True)
class Rule:
    """One question to the facts."""

    label: str  # as configured, "email_domain: contoso.example"; shown to people, so never a secret
    matches: Callable[[Facts], bool | None]  # None: the fact could not be had
    needs_acrs: str | None = None  # the authentication context whose proof would make it match (Entra's acrs)


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule set: holds when one `include` matches, all `require` match and no `exclude` does."""

    name: str
    decision: Decision
    include: tuple[Rule, ...]
    require: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    session_duration: int | None = None  # seconds; the shortest of policy, app and global session counts

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that it may ask."""
        return self.include + self.require + self.exclude

    @property
    def without_sign_in(self) -> bool:
        """Whether it lets requests in that nobody signed in for."""
        return self.decision in WITHOUT_SIGN_IN


type Asked = tuple[str, str, str, bool | None]  # a policy, its part, a rule's label, the answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, by which policy, and every rule asked on the way with its answer."""

    decision: Decision
    policy: Policy | None  # None: no policy held, so the default denies
    asked: tuple[Asked, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each question with its answer, as lines for people."""
        return tuple(f"{policy}: {part} {label}: {ANSWER[answer]}" for policy, part, label, answer in self.asked)

    @property
    def allowed(self) -> bool:
        """Whether this verdict lets a signed-in visitor in. Only a positive one does."""
        return self.decision is Decision.ALLOW and self.policy is not None

    @property
    def lets_in(self) -> bool:
        """Whether this verdict lets the visitor in, signed in or by a policy that needs no sign-in."""
        return self.allowed or self.needs_no_sign_in

    @property
    def needs_no_sign_in(self) -> bool:
        """Whether a bypass or a service's policy held."""
        return self.policy is not None and self.policy.without_sign_in

    @property
    def reason(self) -> str:
        """One sentence for the visitor."""
        if self.policy is None:
            return "No policy of this application lets you in."
        said = "keeps you out" if self.decision is Decision.DENY else "lets you in"
        return f"The policy “{self.policy.name}” {said}."


def missing_acrs(policies: Iterable[Policy], facts: Facts) -> frozenset[str]:
    """The authentication contexts that are all that keeps this visitor out; empty where more than that does."""
    if facts.identity is None:
        return frozenset()
    policies = tuple(policies)
    proven = facts.identity.acrs
    needed = frozenset(rule.needs_acrs for policy in policies for rule in policy.rules if rule.needs_acrs)
    with_all = replace(facts, identity=replace(facts.identity, acrs=proven | needed))
    verdict = judge(policies, with_all)
    if not verdict.allowed or verdict.policy is None:
        return frozenset()
    return frozenset(rule.needs_acrs for rule in verdict.policy.rules if rule.needs_acrs) - proven


def in_order(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Cloudflare Access's order of evaluation: bypass and service_auth first, then the others; both as written."""
    return tuple(sorted(policies, key=lambda policy: not policy.without_sign_in))


ANSWER = {True: "yes", False: "no", None: "unknown"}


def judge(policies: Iterable[Policy], facts: Facts) -> Verdict:
    """Let the first policy that holds decide, in the order given; where none holds, deny."""
    asked: list[Asked] = []
    for policy in policies:
        if holds(policy, facts, asked):
            return Verdict(policy.decision, policy, tuple(asked))
    return Verdict(Decision.DENY, None, tuple(asked))


def holds(policy: Policy, facts: Facts, asked: list[Asked]) -> bool:
    """Whether this policy decides; every rule that was asked is added to `asked`, with its answer."""
    # What cannot be known counts against the visitor: it never lets in, and it does keep out.
    doubt = policy.decision is Decision.DENY
    for rule in policy.include:
        if _ask(policy, "include", rule, facts, asked, doubt):
            break
    else:
        return False
    for rule in policy.require:
        if not _ask(policy, "require", rule, facts, asked, doubt):
            return False
    return not any(_ask(policy, "exclude", rule, facts, asked, not doubt) for rule in policy.exclude)


def _ask(policy: Policy, part: str, rule: Rule, facts: Facts, asked: list[Asked], unknown: bool) -> bool:
    answer = rule.matches(facts)
    asked.append((policy.name, part, rule.label, answer))
    return unknown if answer is None else answer
