"""The list of commands, and what every one of them does with an error."""

import os
import sys
from importlib import import_module

import click

from glassgate import __version__
from glassgate.cli.prepare import prepare
from glassgate.errors import ConfigError, GlassgateError

# In the order in which a newcomer needs them, each with its module in here.
COMMANDS = {
    "up": "run",
    "web": "run",
    "serve": "run",
    "check": "check",
    "policy": "policy",
    "why": "why",
    "sessions": "sessions",
    "keys": "keys",
    "service-tokens": "service_tokens",
    "login": "login",
    "token": "token",
    "entra": "entra",
    "origin": "origin",
    "dns": "dns_records",
    "lab": "lab",
}

EPILOG = """\b
Without a command it is `up`. -c FILE names the file, else config.yaml.
From a checkout, `./run.sh COMMAND` sets up what is missing first;
`./run.sh test` runs the tests.
"""


class Commands(click.Group):
    """The commands of COMMANDS, each loaded when it is called, for all take a second. Without one it is the first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `glassgate -c FILE` for `glassgate up -c FILE`."""
        if not args or args[0].startswith(("-c", "--config")):
            args = [next(iter(COMMANDS)), *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(
            import_module(f"glassgate.cli.{COMMANDS[cmd_name]}"), cmd_name.replace("-", "_")
        )
        return command


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def commands() -> None:
    """glassgate: an identity-aware proxy that you can see through."""


def main() -> None:
    """Run one command. Exit codes: 0 good, 1 the thing asked about is bad, 2 the call is wrong."""
    if __debug__ and sys.argv[1:2] == ["serve"] and os.name == "posix":
        # mitmproxy looks at types at every step of a request, by `assert`. No check of ours is one.
        os.execv(sys.executable, [sys.executable, "-O", *sys.orig_argv[1:]])  # noqa: S606 - ourselves
    try:
        prepare(sys.argv[1:])
        commands(prog_name="glassgate")
    except ConfigError as fault:
        for problem in fault.problems:
            click.echo(str(problem), err=True)
        if len(fault.problems) > 1:
            click.echo(f"glassgate: {len(fault.problems)} errors in the configuration.", err=True)
        sys.exit(1)
    except GlassgateError as fault:
        click.echo(f"glassgate: {fault}", err=True)
        sys.exit(1)
