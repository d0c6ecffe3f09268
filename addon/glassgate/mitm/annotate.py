"""What people see of a decision in mitmweb: a mark in the list, and a sentence in the flow's comment."""

from collections.abc import Sequence

from mitmproxy import http

from glassgate.record.events import Action, Event

MARKS = {
    Action.ALLOWED: ":white_check_mark:",
    Action.DENIED: ":no_entry:",
    Action.REFUSED: ":no_entry_sign:",
    Action.UNAUTHENTICATED: ":key:",
    Action.SIGN_IN: ":bust_in_silhouette:",
    Action.SIGN_IN_FAILED: ":warning:",
    Action.ISSUED: ":ticket:",
    Action.LOGOUT: ":wave:",
    Action.RECHECKED: ":arrows_counterclockwise:",
    Action.RECHECK_FAILED: ":hourglass:",
    Action.CHALLENGED: ":key:",
    Action.SESSION_ENDED: ":stop_sign:",
    Action.WEBSOCKET_CLOSED: ":stop_sign:",
    Action.IDLE: ":zzz:",
    Action.REVOKED: ":stop_sign:",
    Action.SERVICE_TOKEN: ":robot:",
    Action.KEYS_ROTATED: ":arrows_counterclockwise:",
    Action.CONFIG_TAKEN: ":page_facing_up:",
    Action.CONFIG_REFUSED: ":warning:",
    Action.ERROR: ":boom:",
}


def annotate(flow: http.HTTPFlow, ray: str, events: Sequence[Event]) -> None:
    """Write what was decided into the flow. Nothing is read back from there."""
    if events:
        flow.marked = MARKS.get(events[0].action, "")
    # mitmweb shows line breaks as spaces: the text must read well in one line, too.
    said = [line for event in events for line in (sentence(event), *(f"· {detail}" for detail in event.details))]
    flow.comment = "\n".join([*said, f"· id {ray}"])


def sentence(event: Event) -> str:
    """One line about an event, of what is set in it."""
    said = [
        ("app", event.app), ("user", event.email or event.user_id), ("policy", event.policy),
        ("reason", event.reason), ("provider", event.provider),
    ]  # fmt: skip
    told = ", ".join(f"{name} {value}" for name, value in said if value)
    return f"{event.action.value}: {told}" if told else event.action.value
