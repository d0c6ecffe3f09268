"""The page that `up` and `web` print: what runs where, who can sign in, and what to try first."""

from pathlib import Path

import click

from glassgate.config.settings import LabUser, Settings


def welcome(settings: Settings, web_url: str | None = None) -> str:
    """The whole page, to be read in 20 seconds."""
    apps = [(app.name, settings.origin_of(app.domains[0])) for app in settings.apps]
    lines = ["", _bold("  glassgate is up."), ""]
    lines += [f"  {name:<10} {url}" for name, url in apps]
    lines += [f"  {'team':<10} {settings.origin_of(settings.team.host)}"]
    if web_url:
        lines += [f"  {'mitmweb':<10} {web_url}"]
    if settings.lab:
        lines += ["", _bold("  Sign in as"), *(_user(user) for user in settings.lab.users)]
    lines += ["", _bold("  Try first"), *_tries(settings, apps), ""]
    if settings.ca.exists():
        lines += [f"  Does the browser warn? Trust {_short(settings.ca)}: it is good for localhost alone."]
    lines += ["  End with Ctrl-C.", ""]
    return "\n".join(lines)


def _bold(text: str) -> str:
    return click.style(text, bold=True)


def _user(user: LabUser) -> str:
    traits = [f"guest of {user.guest_of}"] if user.guest_of else []
    traits += ["second factor"] if user.mfa else []
    who = f"{user.name:<10} password: {user.password:<12}"
    return f"  {who} {user.display_name}{f' ({", ".join(traits)})' if traits else ''}"


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
    tries.append(f"curl --cacert {_short(settings.ca)} {first}: a program gets 401, and no redirect.")
    return [f"  {number}. {text}" for number, text in enumerate(tries, 1)]


def _short(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
