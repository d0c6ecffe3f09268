"""What is known of a request that was answered, and what today's configuration says of it. Of lines and values."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from glassgate.access import recorded
from glassgate.access.app import App
from glassgate.access.explain import Explanation, explain, fingerprint
from glassgate.access.facts import Facts
from glassgate.access.identity import Identity
from glassgate.access.turning import Turn, turns
from glassgate.config.settings import Settings
from glassgate.record.events import Action
from glassgate.record.lately import LetIn, mark
from glassgate.record.reading import Line, moment


@dataclass(frozen=True, slots=True)
class Judged:
    """A request as policies judged it, then and now. `then` is the policy that decided ("" for none) and whether it
    let the request in; `changed` says that the app's policies are not what they were (None: that is not known)."""

    app: App
    facts: Facts
    then: str
    let_in: bool
    now: Explanation
    turns: tuple[Turn, ...]
    changed: bool | None


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is known of a request: a line of the log, or that it was let in. Times are Unix seconds."""

    action: str
    at: float
    line: Line
    judged: Judged | None = None
    gap: str = ""  # why nothing can be said of policies, where one would expect it


def of_lines(settings: Settings, lines: Iterable[Line]) -> tuple[Told, ...]:
    """What the audit log's lines about a request tell."""
    return tuple(_of_line(settings, line) for line in lines)


def of_let_in(settings: Settings, noted: LetIn, issued: Line | None, identity: Identity | None) -> Told:
    """What is known of a request that was let in: by the line of its token, or by the session that still stands.

    The session counts before the line: the provider may have been asked again since.
    """
    app = next((app for app in settings.apps if mark(app.name) == noted.app), None)
    name = app.name if app else (issued or {}).get("App")
    line = {**(issued or {}), "RayID": noted.ray, "IPAddress": str(noted.ip or ""), "App": name}
    if app is None:
        return Told(
            Action.ALLOWED, noted.at, line, gap=f"there is no app `{name}` any more" if name else "its app is no more"
        )
    at_issue = recorded.read((issued or {}).get("Facts") or {})
    known = identity or at_issue.identity
    if noted.grant and known is None:
        return Told(Action.ALLOWED, noted.at, line, gap="its session has ended, and the log has no line of its token")
    facts = replace(at_issue, identity=known, ip=noted.ip, now=noted.at)
    policy = next(
        (one.name for one in app.policies if mark(one.name) == noted.policy), "a policy that is there no more"
    )
    return Told(Action.ALLOWED, noted.at, line, _judged(app, facts, policy, True, (issued or {}).get("Rules")))


def _of_line(settings: Settings, line: Line) -> Told:
    action, at = str(line.get("Action")), moment(line)
    if not isinstance(line.get("Facts"), dict):
        return Told(action, at, line)
    app = app_of(settings, line)
    if app is None:
        return Told(action, at, line, gap=f"there is no app `{line.get('App')}` any more")
    facts = recorded.read(line["Facts"])
    return Told(
        action,
        at,
        line,
        _judged(app, facts, str(line.get("Policy", "")), line.get("Allowed") is True, line.get("Rules")),
    )


def app_of(settings: Settings, line: Line) -> App | None:
    """The app that a line is about: by its AUD tag, else by its name."""
    by_aud = {app.aud: app for app in settings.apps}
    by_name = {app.name: app for app in settings.apps}
    return by_aud.get(str(line.get("AppUUID"))) or by_name.get(str(line.get("App")))


def _judged(app: App, facts: Facts, then: str, let_in: bool, rules: object) -> Judged:
    now = explain(app.policies, facts)
    changed = rules != fingerprint(app.policies) if isinstance(rules, str) else None
    return Judged(app, facts, then, let_in, now, turns(app.policies, facts), changed)
