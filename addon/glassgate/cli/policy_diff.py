"""`glassgate policy diff`: what a new configuration would have decided otherwise, on recorded traffic."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from glassgate.cli.explained import readable
from glassgate.cli.options import config_option, json_option
from glassgate.cli.table import table
from glassgate.cli.traffic import Log, is_audit_log, of_flows, of_log
from glassgate.config.load import load
from glassgate.config.replay import Change, Difference, Judgement, Seen, compare
from glassgate.config.settings import Settings
from glassgate.record import lately

MOST_SHOWN = 200  # rows of the table; --json has them all


@click.command("diff", short_help="List the verdicts that a new configuration changes, on recorded traffic.")
@config_option
@json_option
@click.option("--new", "changed", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The new one.")
@click.option(
    "--flows", type=click.Path(path_type=Path), metavar="FILE", multiple=True, required=True,
    help="Recorded traffic: a flow file, or an audit log; as often as needed.",
)  # fmt: skip
def diff_command(path: Path, as_json: bool, changed: Path, flows: tuple[Path, ...]) -> None:
    """Judge recorded requests by both configurations, and list those whose verdict changes.

    \b
    Exit codes: 0 none changed, 1 some did.
    A flow file is what mitmweb saves; who somebody was then is looked up in the
    audit log. In an audit log each token that was given out stands for the
    requests that it came with.
    """
    old, new = load(path, os.environ), load(changed, os.environ)
    found = compare(old, new, _traffic(old, flows))
    click.echo(json.dumps(_as_data(found), indent=2) if as_json else "\n".join(map(readable, _as_text(found))))
    sys.exit(1 if found.changed else 0)


def _traffic(settings: Settings, files: tuple[Path, ...]) -> Iterator[Seen]:
    log: Log | None = None
    let_in = {one.ray: one.grant for one in lately.every(settings.lately)}
    for file in files:
        if is_audit_log(file):
            yield from of_log(file)
        else:
            log = log or Log.read(settings.audit)
            yield from of_flows(file, settings, log, lambda ray: let_in.get(ray, ""))


def _as_text(found: Difference) -> Iterator[str]:
    if found.changed:
        head = ("WHO", "REQUEST", "ID", "TODAY", "NEW")
        yield from table([head, *map(_row, found.changed[:MOST_SHOWN])])
        if len(found.changed) > MOST_SHOWN:
            yield f"… and {len(found.changed) - MOST_SHOWN} more: --json has them all."
        yield ""
        for said in dict.fromkeys(_because(one) for one in found.changed):
            yield from said
        yield ""
    refused = found.same - found.let_in
    changed = _count(len(found.changed), "verdict")
    yield f"{changed} changed; {found.same} the same ({found.let_in} let in, {refused} not)."
    for gap, count in found.unjudged.items():
        yield f"{_count(count, 'request')} could not be judged: {gap}."


def _row(one: Change) -> tuple[str, ...]:
    seen = one.seen
    return (seen.who, f"{seen.method} {seen.host}{seen.path}"[:60], seen.ray, _verdict(one.old), _verdict(one.new))


def _verdict(judgement: Judgement) -> str:
    return f"{'let in' if judgement.let_in else 'kept out'} ({judgement.by})"


def _because(one: Change) -> tuple[str, ...]:
    """Who, with the rules of both sides: once for all requests of the same kind."""
    return (
        f"{one.seen.who} at {one.seen.host}:",
        f"  today  {_verdict(one.old)}", *(f"           {rule}" for rule in one.old.rules),
        f"  new    {_verdict(one.new)}", *(f"           {rule}" for rule in one.new.rules),
    )  # fmt: skip


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _as_data(found: Difference) -> dict[str, Any]:
    return {
        "changed": [
            {
                "id": one.seen.ray, "at": one.seen.at, "who": one.seen.who, "method": one.seen.method,
                "host": one.seen.host, "path": one.seen.path, "old": _judgement(one.old), "new": _judgement(one.new),
            }
            for one in found.changed
        ],
        "same": found.same,
        "let_in": found.let_in,
        "unjudged": dict(found.unjudged),
    }  # fmt: skip


def _judgement(one: Judgement) -> dict[str, Any]:
    return {"let_in": one.let_in, "by": one.by, "rules": list(one.rules)}
