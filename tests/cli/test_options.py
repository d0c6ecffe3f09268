"""Options that commands share."""

from pathlib import Path

import click
from click.testing import CliRunner

from glassgate.cli.options import config_option, json_option


@click.command()
@config_option
@json_option
def told(path, as_json):
    click.echo(repr((path, as_json)))


def run(*arguments):
    return CliRunner().invoke(told, arguments).output.strip()


def test_the_defaults():
    assert run() == repr((Path("config.yaml"), False))


def test_what_is_said_counts():
    assert run("-c", "a.yaml", "--json") == repr((Path("a.yaml"), True))
    assert run("--config", "b.yaml") == repr((Path("b.yaml"), False))


def test_help_says_the_default():
    assert "[default: config.yaml]" in run("--help")
