"""A judgement on the terminal: policy by policy, rule by rule, and what would turn it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from glassgate.access.app import App
from glassgate.access.explain import Answered, Explanation, Weighed
from glassgate.access.policy import ANSWER
from glassgate.access.turning import Change, Turn
from glassgate.config.settings import Settings


def place(settings: Settings, app: App, policy: str) -> str:
    """Where a policy stands: `config.yaml:41`."""
    return settings.places.get(("apps", app.name, "policies", policy), "")


def policies(explanation: Explanation, settings: Settings, app: App) -> list[str]:
    """Each policy with its rules and their answers, as lines."""
    lines: list[str] = []
    for weighed in explanation.policies:
        head = f"  {weighed.policy.name}  ({weighed.policy.decision})  {place(settings, app, weighed.policy.name)}"
        lines += ["", f"{head.rstrip()}  {_became(weighed, explanation)}", *_rows(weighed.answers)]
    return lines


def _became(weighed: Weighed, explanation: Explanation) -> str:
    if not weighed.reached:
        return "was not reached"
    return "decided" if weighed.policy is explanation.verdict.policy else "does not hold"


def _rows(answers: Iterable[Answered]) -> Iterator[str]:
    flat = [(depth, one) for one in answers for depth, one in _flat(one, 0)]
    wide = max((len(one.rule.label) + 2 * depth for depth, one in flat), default=0)
    for depth, one in flat:
        label = "  " * depth + one.rule.label
        yield f"    {'  ' * depth}{one.part:<9}{label.strip():<{wide - 2 * depth + 2}}{ANSWER[one.answer]}"


def _flat(one: Answered, depth: int) -> Iterator[tuple[int, Answered]]:
    yield depth, one
    for inner in one.within:
        yield from _flat(inner, depth + 1)


def ways(turns: Iterable[Turn], settings: Settings, app: App, *, in_now: bool) -> list[str]:
    """What would turn the verdict, the narrowest first, as lines."""
    told = [
        f"  - {', and '.join(_said(change, settings, app) for change in turn.changes)}{_warning(turn)}"
        for turn in turns
    ]
    head = "What would keep them out" if in_now else "What would let them in"
    return ["", f"{head}, the least first:", *told] if told else []


def _said(change: Change, settings: Settings, app: App) -> str:
    where = place(settings, app, change.policy) if change.policy else ""
    return f"{change.says}, {where}" if where else change.says


def _warning(turn: Turn) -> str:
    return " (this lets in whoever can sign in)" if turn.opens else ""


def as_data(explanation: Explanation, turns: Iterable[Turn], settings: Settings, app: App) -> dict[str, Any]:
    """The same for programs."""
    verdict = explanation.verdict
    return {
        "decision": str(verdict.decision),
        "policy": verdict.policy.name if verdict.policy else None,
        "policies": [
            {
                "name": one.policy.name, "decision": str(one.policy.decision), "holds": one.holds,
                "reached": one.reached, "where": place(settings, app, one.policy.name),
                "rules": [_rule(answer) for answer in one.answers],
            }
            for one in explanation.policies
        ],
        "turns": [
            {
                "changes": [
                    {"says": change.says, "policy": change.policy,
                     "where": place(settings, app, change.policy) if change.policy else None}
                    for change in turn.changes
                ],
                "opens": turn.opens,
            }
            for turn in turns
        ],
    }  # fmt: skip


def _rule(one: Answered) -> Mapping[str, Any]:
    within = {"within": [_rule(inner) for inner in one.within]} if one.within else {}
    return {"part": one.part, "rule": one.rule.label, "answer": ANSWER[one.answer], **within}


def readable(line: str) -> str:
    """A line that may hold what somebody else wrote: nothing of it steers a terminal, or begins another line."""
    return line if line.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)
