"""The list of commands, help, and how errors end."""

import pytest
from click.testing import CliRunner

from cli.program import deployed, glassgate
from glassgate import __version__
from glassgate.cli.main import commands

COMMANDS = [
    "up", "web", "serve", "check", "policy", "why", "sessions", "keys", "service-tokens", "login", "token", "entra",
    "origin", "dns", "lab",
]  # fmt: skip
INNER = [
    ("policy", "test"),
    ("policy", "diff"),
    ("policy", "import"),
    ("sessions", "list"),
    ("sessions", "revoke"),
    ("keys", "list"),
    ("keys", "rotate"),
    ("service-tokens", "create"),
    ("service-tokens", "list"),
    ("service-tokens", "rotate"),
    ("service-tokens", "delete"),
    ("token", "inspect"),
    ("entra", "doctor"),
    ("entra", "register"),
    ("origin", "protect"),
    ("origin", "check"),
]


def test_help_lists_every_command_in_order_and_where_to_begin(tmp_path):
    done = glassgate(tmp_path, "--help")
    assert done.code == 0
    listed = done.out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert "./run.sh test" in done.out


@pytest.mark.parametrize(
    "command", [(), *((name,) for name in COMMANDS), *INNER], ids=lambda words: "-".join(words) or "none"
)
def test_each_command_has_help_that_fits_a_terminal(command):
    said = CliRunner().invoke(commands, [*command, "--help"], prog_name="glassgate", terminal_width=80)
    assert said.exit_code == 0
    assert said.output.startswith(" ".join(["Usage: glassgate", *command]))
    assert "..." not in said.output.partition("Options:")[2], "a sentence was cut"
    assert max(map(len, said.output.splitlines())) <= 80


def test_help_has_a_short_name(tmp_path):
    assert glassgate(tmp_path, "up", "-h").out == glassgate(tmp_path, "up", "--help").out


def test_help_works_with_a_broken_configuration(tmp_path):
    (tmp_path / "config.yaml").write_text("nonsense: [")
    assert glassgate(tmp_path, "--help").code == 0


def test_version(tmp_path):
    done = glassgate(tmp_path, "--version")
    assert (done.code, done.out) == (0, f"glassgate, version {__version__}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'."),
        (["up", "--frobnicate"], "No such option '--frobnicate'."),
        (["check", "-c"], "Option '-c' requires an argument."),
        (["check", "more"], "Got unexpected extra argument (more)"),
    ],
    ids=["command", "option", "value", "argument"],
)
def test_a_wrong_call_is_2(tmp_path, words, said):
    done = glassgate(tmp_path, *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize("command", [[], ["web"], ["serve"], ["check"]], ids=lambda words: "".join(words) or "none")
def test_a_configuration_that_is_not_there(tmp_path, command):
    done = glassgate(tmp_path, *command)
    assert (done.code, done.out) == (1, "")
    assert done.lines == [
        "config.yaml: the file cannot be read: No such file or directory (name another with `-c FILE`)",
    ]


def test_another_file_by_its_name(tmp_path):
    deployed(tmp_path)
    (tmp_path / "config.yaml").rename(tmp_path / "other.yaml")
    assert glassgate(tmp_path, "check", "-c", "other.yaml").code == 0
    assert glassgate(tmp_path, "check", "--config=other.yaml").code == 0


def test_a_call_without_a_command_is_up_whatever_file_it_names(tmp_path):
    (tmp_path / "other.yaml").write_text("team: 1\n")
    for words in (["-c", "other.yaml"], ["--config=other.yaml"], ["up", "-c", "other.yaml"]):
        done = glassgate(tmp_path, *words)
        assert done.code == 1
        assert done.lines[0].startswith("other.yaml:1: `team`")
