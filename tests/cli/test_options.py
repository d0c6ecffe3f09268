"""Options that commands share."""

from pathlib import Path

import click
from click.testing import CliRunner

from glassgate.cli.options import as_typed, config_option, json_option


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


def test_a_path_is_told_as_one_would_type_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_typed(tmp_path / "certs" / "ca.pem") == str(Path("certs") / "ca.pem")
    assert as_typed(Path("config.yaml")) == "config.yaml"
    assert as_typed(tmp_path.parent / "other.yaml") == str(tmp_path.parent / "other.yaml")


def test_help_says_the_default():
    assert "[default: config.yaml]" in run("--help")
