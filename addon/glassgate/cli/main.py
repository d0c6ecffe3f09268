"""The list of commands, and what every one of them does with an error."""

import sys

import click

from glassgate import __version__
from glassgate.cli.check import check
from glassgate.cli.prepare import prepare
from glassgate.cli.run import serve, up, web
from glassgate.cli.token import token
from glassgate.errors import ConfigError, GlassgateError

EPILOG = """\b
Without a command it is `up`. Every command takes -c FILE, else config.yaml.
From a checkout, `./run.sh COMMAND` sets up what is missing first;
`./run.sh test` runs the tests.
"""


class InOrder(click.Group):
    """A list of commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names as they were added."""
        return list(self.commands)


@click.group(
    cls=InOrder,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(__version__)
@click.pass_context
def commands(context: click.Context) -> None:
    """glassgate: an identity-aware proxy that you can see through."""
    if context.invoked_subcommand is None:
        context.invoke(up)


for command in (up, web, serve, check, token):
    commands.add_command(command)


def main() -> None:
    """Run one command. Exit codes: 0 good, 1 the thing asked about is bad, 2 the call is wrong."""
    try:
        prepare(sys.argv[1:])
        commands(prog_name="glassgate")
    except ConfigError as fault:
        for problem in fault.problems:
            click.echo(str(problem), err=True)
        count = len(fault.problems)
        click.echo(f"glassgate: {count} error{'s' if count > 1 else ''} in the configuration.", err=True)
        sys.exit(1)
    except GlassgateError as fault:
        click.echo(f"glassgate: {fault}", err=True)
        sys.exit(1)
