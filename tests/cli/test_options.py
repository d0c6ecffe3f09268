"""Options that commands share."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.asked import configured
from cli.program import SECRET
from glassgate.cli.options import as_typed, config_option, json_option, named_app
from glassgate.config.load import load


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


def test_an_app_is_known_by_its_name_and_by_its_host(tmp_path):
    settings = load(configured(tmp_path), SECRET)
    assert named_app(settings, "wiki") is named_app(settings, "wiki.localhost") is settings.apps[0]
    with pytest.raises(click.UsageError, match=r"There is no app `wikki` in .*: did you mean `wiki`"):
        named_app(settings, "wikki")


def test_help_says_the_default():
    assert "[default: config.yaml]" in run("--help")
