"""How the examination of a provider is told: a line for each thing that was found, and what to do below it."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from glassgate.oidc.doctor.findings import Finding, Link, State
from glassgate.oidc.provider import Provider

WIDTH = 100  # columns
STATES, NAMES = 11, 15  # columns that state and name take
COLOURS = {State.OK: "green", State.WARNING: "yellow", State.BROKEN: "red", State.BY_EYE: "cyan"}


def head(provider: Provider) -> str:
    """The line above a provider's chain."""
    where = provider.issuer or f"tenant {provider.tenant} at {provider.authority}"
    return click.style(f"{provider.id}: {where}", bold=True)


def lines(link: Link) -> Iterator[str]:
    """A link, as it is told."""
    for place, finding in enumerate(link.findings):
        yield from _told("" if place else link.name, finding)


def verdict(links: list[Link]) -> str:
    """The line below a provider's chain."""
    first = next((link for link in links if link.is_broken), None)
    if first is not None and _goes_on(links[links.index(first) + 1 :]):
        return f"Sign-ins go on, but not all of {first.name} holds. Mend it, and ask again."
    if first is not None:
        return f"The first broken link is {first.name}. Mend it, and ask again."
    left = [link.name for link in links if any(one.state is State.NOT_TRIED for one in link.findings)]
    return f"What could be tried holds; not tried: {', '.join(left)}." if left else "The whole chain holds."


def _goes_on(rest: list[Link]) -> bool:
    """Whether the chain holds behind a link of which one part was enough."""
    holds = any(one.state is State.OK for link in rest for one in link.findings)
    return holds and not any(link.is_broken for link in rest)


def as_json(provider: Provider, links: list[Link]) -> dict[str, Any]:
    """A provider's chain for programs."""
    first = next((link.name for link in links if link.is_broken), None)
    found = [
        {"link": link.name, "state": str(one.state), "seen": one.seen, "mend": one.mend}
        for link in links
        for one in link.findings
    ]
    return {"provider": provider.id, "type": provider.type, "good": first is None, "broken": first, "links": found}


def _told(name: str, finding: Finding) -> Iterator[str]:
    state = click.style(f"{finding.state:<{STATES}}", fg=COLOURS.get(finding.state))
    seen = _wrapped(finding.seen)
    yield f"  {state}{name:<{NAMES}}{seen[0]}".rstrip()
    yield from (_indented(line) for line in seen[1:])
    yield from (_indented(line, "→ " if not place else "  ") for place, line in enumerate(_wrapped(finding.mend, 2)))


def _wrapped(text: str, less: int = 0) -> list[str]:
    # A provider's own words may stand in it: no control character of theirs moves a terminal.
    plain = "".join(sign if sign.isprintable() else "?" for sign in text.replace(f"{Path.cwd()}/", ""))
    width = WIDTH - STATES - NAMES - 2 - less
    found = textwrap.wrap(plain, width, break_long_words=False, break_on_hyphens=False)
    return found or ([] if less else [""])


def _indented(line: str, mark: str = "") -> str:
    return " " * (2 + STATES + NAMES) + mark + line
