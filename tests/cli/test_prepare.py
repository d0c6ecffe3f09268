"""What any call does first."""

from pathlib import Path

import pytest

from cli.program import deployed, glassgate
from glassgate.cli.prepare import config_named


def made(folder):
    return sorted(path.name for path in (folder / "certs").glob("*.*"))


@pytest.mark.parametrize("words", [["--help"], ["check"], ["token", "inspect", "--help"]], ids=" ".join)
def test_any_call_makes_missing_certificates(tmp_path, words):
    deployed(tmp_path)
    assert glassgate(tmp_path, *words).code == 0
    assert {"ca.pem", "ca.key", "edge.pem"} <= set(made(tmp_path))


def test_a_second_call_leaves_them_alone(tmp_path):
    deployed(tmp_path)
    glassgate(tmp_path, "--help")
    before = (tmp_path / "certs" / "edge.pem").read_bytes()
    glassgate(tmp_path, "--help")
    assert (tmp_path / "certs" / "edge.pem").read_bytes() == before


def test_what_is_wrong_is_for_the_command_to_tell(tmp_path):
    (tmp_path / "config.yaml").write_text("listen: nowhere\n")
    done = glassgate(tmp_path, "--version")
    assert (done.code, done.err) == (0, "")
    assert made(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["up"], "config.yaml"),
        (["up", "-c", "a.yaml"], "a.yaml"),
        (["up", "-ca.yaml"], "a.yaml"),
        (["check", "--json", "--config=a.yaml", "--strict"], "a.yaml"),
        (["token", "inspect", "--app", "wiki", "--config", "a.yaml"], "a.yaml"),
        (["--help"], "config.yaml"),
        (["up", "-c"], "config.yaml"),
        ([], "config.yaml"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_which_file_a_call_is_about(arguments, file):
    assert config_named(arguments) == Path(file)
