"""The page that `up` and `web` print: what runs where, who can sign in, and what to try first."""

from collections.abc import Sequence

import click

from glassgate.cli.lab_switched import Switched, as_lines, command
from glassgate.cli.options import as_typed
from glassgate.config.settings import LabUser, Settings

MOST_SWITCHED = 4  # lines of what is switched; `lab list` has them all


def welcome(settings: Settings, web_url: str | None = None, switched: Sequence[Switched] = ()) -> str:
    """The whole page, to be read in 20 seconds. `switched` is what was commanded before, and still holds."""
    apps = [(app.name, settings.address_of(app.domains[0])) for app in settings.apps]
    lines = ["", _bold("  glassgate is up."), ""]
    lines += [f"  {name:<10} {url}" for name, url in apps]
    lines += [f"  {'team':<10} {settings.origin_of(settings.team.host)}"]
    if web_url:
        lines += [f"  {'mitmweb':<10} {web_url}"]
    if settings.lab:
        lines += ["", _bold("  Sign in as"), *(_user(user) for user in settings.lab.users)]
    if switched:
        lines += ["", _bold("  Switched, until it is undone"), *_switched(settings, switched)]
    lines += ["", _bold("  Try first"), *_tries(settings, apps), ""]
    if settings.ca.exists():
        lines += [f"  Does the browser warn? Trust {as_typed(settings.ca)}: it is good for localhost alone."]
    lines += ["  End with Ctrl-C.", ""]
    return "\n".join(lines)


def _bold(text: str) -> str:
    return click.style(text, bold=True)


def _user(user: LabUser) -> str:
    traits = [f"guest of {user.guest_of}"] if user.guest_of else []
    traits += ["second factor"] if user.mfa else []
    who = f"{user.name:<10} password: {user.password:<12}"
    return f"  {who} {user.display_name}{f' ({", ".join(traits)})' if traits else ''}"


def _switched(settings: Settings, switched: Sequence[Switched]) -> list[str]:
    lines = as_lines(switched[:MOST_SWITCHED])
    if len(switched) > MOST_SWITCHED:
        lines.append(f"and {len(switched) - MOST_SWITCHED} more: {command(settings.path, 'list')}")
    return [f"  {line}" for line in lines]


def _tries(settings: Settings, apps: list[tuple[str, str]]) -> list[str]:
    first = apps[0][1]
    if not settings.lab or not settings.lab.users:
        return [f"  Open {first}"]
    users = settings.lab.users
    tries = [f"Open {first} and sign in as {users[0].name}."]
    if len(apps) > 1:
        tries.append(f"Then open {apps[1][1]}: no second sign-in, but its policy has a word to say.")
    if len(users) > 1:
        tries.append(f"The same in a private window, as {users[1].name}.")
    tries.append(f"curl --cacert {as_typed(settings.ca)} {first}: a program gets 401, and no redirect.")
    return [f"  {number}. {text}" for number, text in enumerate(tries, 1)]
