"""`glassgate why`: why a request was answered as it was, by its id."""

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from glassgate.access import recorded
from glassgate.access.identity import Identity
from glassgate.access.session import Grant, Session
from glassgate.cli import explained
from glassgate.cli.options import config_option, json_option
from glassgate.config.inquiry import Judged, Told, of_let_in, of_lines
from glassgate.config.load import load
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError, StartError, StoreError
from glassgate.record import lately, reading
from glassgate.state.open import open_store

# What became of a request, in words; the action's own name for those that have none here.
WORDS = {
    "allowed": "was let in", "issued": "was let in, and got a token for the app", "denied": "was kept out",
    "unauthenticated": "was not signed in", "refused": "was no request that the gate takes",
    "error": "could not be answered", "login": "signed in", "logout": "signed out",
}  # fmt: skip
REASONS = {
    "no_token": "it brought no token: sign in first, or send the token along",
    "expired": "its token had expired: sign in again",
    "session_ended": "its session had ended, by a sign-out, a revocation or at its time: sign in again",
    "interaction_needed": "the identity provider wanted the person back: sign in again",
    "provider_not_allowed": "the session is of a provider that signs nobody in at this app",
    "audience": "its token is another app's",
    "binding_missing": "the cookie that its token is bound to did not come along",
    "service_token_unknown": "there is no service token of the client id that it brought",
    "service_token_expired": "its service token has expired: `service-tokens rotate NAME --duration 8760h` renews it",
    "service_token_wrong_secret": "it brought another secret than its service token's",
    "service_token_malformed": "its service token came by half, twice, or in both forms at once",
    "form_kept": "its session had ended, and its form waits until its sender has signed in",
    "plain_http": "it came over plain http",
    "host_unknown": "the gate has no such host or port",
    "websocket_origin": "a page of another site opened the WebSocket: see `websocket_origins`",
    "origin_away": "nothing answers at the app's origin",
    "origin_timeout": "the app's origin took too long",
}  # fmt: skip


@click.command(short_help="Say why a request was answered as it was.")
@config_option
@json_option
@click.argument("ray", metavar="ID")
def why(path: Path, as_json: bool, ray: str) -> None:
    """Say why a request was answered as it was: which rules held, and what would turn it.

    ID stands on the error page, in its JSON as `id`, and in the header Cf-Ray of
    the answer or of the request that the origin got.
    """
    wanted = ray.strip().lower().partition("-")[0]
    if not reading.RAY.fullmatch(wanted):
        raise click.UsageError("An id has 16 digits of 0-9 and a-f, as on the error page.")
    settings = load(path, os.environ)
    found = _known(settings, wanted)
    if not found:
        raise GlassgateError(f"nothing is known of {wanted}", where=str(settings.audit), mend=_mend(settings))
    now = time.time()
    if as_json:
        click.echo(json.dumps({"id": wanted, "told": [_as_data(one, settings) for one in found]}, indent=2))
    else:
        click.echo("\n\n".join("\n".join(map(explained.readable, _as_text(one, settings, now))) for one in found))
    sys.exit(0)


def _known(settings: Settings, ray: str) -> tuple[Told, ...]:
    """All that is known of a request. Raises StartError where there is nothing to look at."""
    if settings.audit is None:
        mend = "add `audit: {file: state/audit.jsonl}`, and ask about requests from then on"
        raise StartError("there is no audit log", where=str(settings.path), mend=mend)
    try:
        lines = reading.about(settings.audit, ray)
        noted = lately.find(settings.lately, ray)
        issued = reading.issued(settings.audit, noted.grant) if noted and noted.grant else None
    except OSError as fault:
        raise StartError(f"it cannot be read: {fault.strerror}", where=str(settings.audit)) from fault
    let_in = [of_let_in(settings, noted, issued, _standing(settings, noted.grant))] if noted else []
    return (*of_lines(settings, lines), *let_in)


def _standing(settings: Settings, grant: str) -> Identity | None:
    """Who stands behind a token now, where its session does and its store can be asked from here."""
    if settings.store == "memory:" or not grant:
        return None
    now = time.time()
    try:
        store = open_store(settings.store)
        try:
            for key in store.find("grant", grant, now)[:1]:
                stored = store.get("grant", key, now)
                known = Grant.from_bytes(stored) if stored else None
                session = store.get("session", known.session, now) if known else None
                read = Session.from_bytes(session) if session else None
                return read.identity if read else None
        finally:
            store.close()
    except (StartError, StoreError):
        return None
    return None


def _mend(settings: Settings) -> str:
    noted = lately.every(settings.lately)
    since = f" since {_clock(noted[0].at)}" if noted else ""
    return f"refused requests stand in the log; of those let in, the last {lately.SLOTS} of each process{since}"


# --- as text ----------------------------------------------------------------------------------------------


def _as_text(one: Told, settings: Settings, now: float) -> Iterator[str]:
    line, judged = one.line, one.judged
    who = line.get("Email") or line.get("UserUID") or "The visitor"
    app = f" ({line['App']})" if line.get("App") else ""
    yield f"{who} {_became(one)}{app}."
    yield from _facts(one, now)
    if one.gap:
        yield f"  Nothing more can be said: {one.gap}."
    if judged:
        yield from _judgement(judged, settings)


def _became(one: Told) -> str:
    failed = one.action == "login" and not one.line.get("Allowed")
    return "could not sign in" if failed else WORDS.get(one.action, one.action.replace("_", " "))


def _facts(one: Told, now: float) -> Iterator[str]:
    line, judged = one.line, one.judged
    ago = int(now - one.at)
    yield f"  when      {_clock(one.at)}, {_span(ago)} ago"
    if line.get("Method") and one.action != "allowed":
        yield f"  request   {line['Method']} {line.get('Host', '')}{line.get('Path', '')} from {line.get('IPAddress')}"
    if line.get("Status"):
        yield f"  answer    {line['Status']}"
    reason = str(line.get("Reason", ""))
    if reason and not judged:
        yield f"  because   {REASONS.get(reason, reason)}"
    if judged:
        by = f"the policy `{judged.then}`" if judged.then else "no policy held, and then nobody is let in"
        yield f"  decided   {by}"
        told = recorded.told(judged.facts, judged.app.policies)
        yield from (f"  {name:<9} {value}" for name, value in _shown({**told.pop("identity", {}), **told}))
    else:
        yield from (f"            {detail}" for detail in line.get("Details", ()))


UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))
HIDDEN = ("provider_type", "subject", "now")


def _shown(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The facts as people read them."""
    for name, value in told.items():
        if name not in HIDDEN:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield name.replace("_", " "), text if value is not None else "not known"


def _judgement(judged: Judged, settings: Settings) -> Iterator[str]:
    now_in = judged.now.verdict.lets_in
    if judged.changed:
        yield f"  Note: the policies of {judged.app.name} were changed since. This is what they say today:"
    yield from explained.policies(judged.now, settings, judged.app)
    if now_in is not judged.let_in:
        yield ""
        yield f"Today they would {'be let in' if now_in else 'be kept out'}."
    yield from explained.ways(judged.turns, settings, judged.app, in_now=now_in)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(seconds: int) -> str:
    unit, name = next((one for one in UNITS if seconds >= one[0]), (1, "second"))
    count = max(seconds, 0) // unit
    return f"{count} {name}{'' if count == 1 else 's'}"


# --- as data ----------------------------------------------------------------------------------------------


def _as_data(one: Told, settings: Settings) -> dict[str, Any]:
    judged = one.judged
    said: dict[str, Any] = {"action": one.action, "at": one.at, "line": dict(one.line), "gap": one.gap}
    if judged:
        today = explained.as_data(judged.now, judged.turns, settings, judged.app)
        said |= {
            "app": judged.app.name, "policy": judged.then or None, "let_in": judged.let_in,
            "policies_changed": judged.changed, "facts": recorded.told(judged.facts, judged.app.policies),
            "today": {"let_in": judged.now.verdict.lets_in, **today},
        }  # fmt: skip
    return said
