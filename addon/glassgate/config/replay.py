"""Recorded requests judged by two configurations: which verdicts differ, and what could not be judged. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from glassgate.access.app import App
from glassgate.access.facts import Facts
from glassgate.access.policy import ANSWER, Verdict, judge
from glassgate.config.settings import Settings
from glassgate.gate.apps import Apps, path_of
from glassgate.gate.target import BadRequestError
from glassgate.oidc.claims import counting_email


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that was recorded. Without `facts` it cannot be judged, for the reason in `gap`."""

    ray: str
    at: float  # Unix seconds
    method: str
    host: str  # lower case, without port
    path: str
    facts: Facts | None = None
    gap: str = ""
    aud: str = ""  # AUD tag of the app that it is of, where the path is one of the gate's own

    @property
    def who(self) -> str:
        """Whom it was from."""
        identity = self.facts.identity if self.facts else None
        return (identity.email or identity.user_id) if identity else "somebody"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a configuration says of a request: `by` is the policy, or why there was none."""

    let_in: bool
    by: str
    rules: tuple[str, ...] = ()  # that were asked by the policy that decided, or by all where none held
    unknown: frozenset[str] = frozenset()  # labels of rules whose answer could not be had


@dataclass(frozen=True, slots=True)
class Change:
    """A request whose verdict is not the same."""

    seen: Seen
    old: Judgement
    new: Judgement


@dataclass(frozen=True, slots=True)
class Difference:
    """What came of a replay. `unjudged` counts reasons; `same` counts requests, `let_in` those of them let in."""

    changed: tuple[Change, ...]
    same: int
    let_in: int
    unjudged: Mapping[str, int] = field(default_factory=dict)


def compare(old: Settings, new: Settings, traffic: Iterable[Seen]) -> Difference:
    """Judge every request by both, and tell where they differ."""
    before_apps, after_apps = Apps(old.apps), Apps(new.apps)
    changed, same, let_in, unjudged = list[Change](), 0, 0, Counter[str]()
    for seen in traffic:
        if seen.facts is None:
            unjudged[seen.gap] += 1
            continue
        before, after = judged(before_apps, seen, seen.facts), judged(after_apps, seen, _counting(old, new, seen.facts))
        doubt = after.unknown - before.unknown
        if before.let_in is after.let_in:
            same += 1
            let_in += before.let_in
        elif doubt:
            unjudged[f"the record does not say what `{min(doubt)}` asks for"] += 1
        else:
            changed.append(Change(seen, before, after))
    return Difference(tuple(changed), same, let_in, dict(unjudged))


def judged(apps: Apps, seen: Seen, facts: Facts) -> Judgement:
    """What a configuration with these apps says of a request."""
    try:
        app = app_of(apps, seen)
    except BadRequestError as fault:
        return Judgement(False, str(fault))
    if app is None:
        return Judgement(False, f"there is no app at {seen.host}")
    verdict = judge(app.policies, facts)
    known = facts.identity
    by_person = verdict.policy is None or not verdict.policy.without_sign_in
    if known and by_person and known.provider not in app.providers:
        return Judgement(False, f"`{known.provider}` signs nobody in there")
    unknown = frozenset(label for _, _, label, answer in verdict.asked if answer is None)
    by = verdict.policy.name if verdict.policy else "no policy holds"
    return Judgement(verdict.lets_in, by, tuple(_rules(verdict)), unknown)


def app_of(apps: Apps, seen: Seen) -> App | None:
    """The app that answers there. Raises BadRequestError where an origin may take the path for another one's."""
    named = next((app for app in apps.values() if app.aud == seen.aud), None)
    return named or apps.of(seen.host, "/" if seen.aud else path_of(seen.path))


def _rules(verdict: Verdict) -> Iterator[str]:
    for policy, part, label, answer in verdict.asked:
        if verdict.policy is None:
            yield f"{policy}: {part} {label}: {ANSWER[answer]}"
        elif policy == verdict.policy.name:
            yield f"{part} {label}: {ANSWER[answer]}"


def _counting(old: Settings, new: Settings, facts: Facts) -> Facts:
    """The facts as the new configuration would have them: an e-mail that its provider's word no longer proves goes.

    One that an old `email_domains` did not name was proven in another way, and is so still.
    """
    identity = facts.identity
    if identity is None or identity.email is None:
        return facts
    named = [
        counting_email(identity.email, provider.domains_of(identity.realm)) is not None
        for settings in (old, new)
        for provider in settings.providers
        if provider.id == identity.provider
    ]
    return replace(facts, identity=replace(identity, email=None)) if named == [True, False] else facts
