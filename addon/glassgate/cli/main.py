"""The list of commands, and what every one of them does with an error."""

import os
import sys

import click

from glassgate import __version__
from glassgate.cli.check import check
from glassgate.cli.entra import entra
from glassgate.cli.lab import lab
from glassgate.cli.prepare import prepare
from glassgate.cli.run import serve, up, web
from glassgate.cli.token import token
from glassgate.errors import ConfigError, GlassgateError

EPILOG = """\b
Without a command it is `up`. -c FILE names the file, else config.yaml.
From a checkout, `./run.sh COMMAND` sets up what is missing first;
`./run.sh test` runs the tests.
"""


class InOrder(click.Group):
    """A list of commands in the order in which a newcomer needs them; without one it is the first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `glassgate -c FILE` for `glassgate up -c FILE`."""
        if not args or args[0].startswith(("-c", "--config")):
            args = [up.name or "up", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names as they were added."""
        return list(self.commands)


@click.group(
    cls=InOrder,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def commands() -> None:
    """glassgate: an identity-aware proxy that you can see through."""


for command in (up, web, serve, check, token, entra, lab):
    commands.add_command(command)


def main() -> None:
    """Run one command. Exit codes: 0 good, 1 the thing asked about is bad, 2 the call is wrong."""
    if __debug__ and sys.argv[1:2] == [serve.name] and os.name == "posix":
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
