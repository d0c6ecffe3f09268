"""The page that `up` and `web` print: what runs where, who can sign in, and what to try first."""

import click

from glassgate.config.settings import LabUser, Settings


def welcome(settings: Settings, web_url: str | None = None) -> str:
    """The whole page, to be read in 20 seconds."""
    bold = lambda text: click.style(text, bold=True)  # noqa: E731
    team = settings.origin_of(settings.team.host)
    apps = [(app.name, settings.origin_of(app.domains[0])) for app in settings.apps]
    lines = ["", bold("  glassgate is up."), ""]
    lines += [f"  {name:<10} {url}" for name, url in apps]
    lines += [f"  {'team':<10} {team}"]
    if web_url:
        lines += [f"  {'mitmweb':<10} {web_url}"]
    if settings.lab:
        lines += ["", bold("  Sign in as"), *(_user(user) for user in settings.lab.users)]
    lines += ["", bold("  Try first"), *_tries(settings, apps), ""]
    lines += [f"  Your browser does not know this CA yet; trust it for localhost alone: {_short(settings)}"]
    lines += ["  End with Ctrl-C.", ""]
    return "\n".join(lines)


def _user(user: LabUser) -> str:
    traits = [f"guest of {user.guest_of}"] if user.guest_of else []
    traits += ["second factor"] if user.mfa else []
    who = f"{user.name:<10} password: {user.password:<12}"
    return f"  {who} {user.display_name}{f' ({", ".join(traits)})' if traits else ''}"


def _tries(settings: Settings, apps: list[tuple[str, str]]) -> list[str]:
    if not settings.lab or not apps:
        return [f"  Open {url}" for _, url in apps[:1]]
    tries = [f"  Open {apps[0][1]} and sign in as {settings.lab.users[0].name}."]
    if len(apps) > 1:
        tries.append(f"  Then open {apps[1][1]}: no second sign-in, but its policy has a word to say.")
    return tries


def _short(settings: Settings) -> str:
    try:
        return str(settings.ca.relative_to(settings.path.resolve().parent))
    except ValueError:
        return str(settings.ca)
