"""The composition root: what is put together, what is not, and in which order it ends."""

import subprocess
import sys
import urllib.request

import pytest

from cli.program import demo, deployed
from glassgate.cli.compose import Composed, compose, for_program
from glassgate.config.load import load
from glassgate.errors import ConfigError, StartError
from journeys.demo import environment

SECRET = {"CLIENT_SECRET": "x"}


def composed(folder):
    return compose(load(folder / "config.yaml", SECRET))


def test_the_demo_has_its_lab_and_answers_for_itself(tmp_path):
    ports = demo(tmp_path)
    gate = composed(tmp_path)
    try:
        gate.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[3]}/readyz") as answer:
            assert b'"ready": true' in answer.read()
        for port in ports[1:3]:
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/")
            assert refused.value.code in (401, 403), "an origin of the lab trusts nobody without an assertion"
    finally:
        gate.close()


def test_keys_and_certificates_are_there_before_anything_listens(tmp_path):
    deployed(tmp_path)
    gate = composed(tmp_path)
    gate.close()
    assert (tmp_path / "state" / "keys" / "keyring.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "certs" / "edge.pem").stat().st_mode & 0o777 == 0o600


def test_a_second_gate_of_the_same_folder_has_the_same_keys(tmp_path):
    deployed(tmp_path)
    rings = []
    for _ in range(2):
        composed(tmp_path).close()
        rings.append((tmp_path / "state" / "keys" / "keyring.json").read_bytes())
    assert rings[0] == rings[1]


@pytest.mark.parametrize(("with_lab", "loaded"), [(True, "True"), (False, "False")], ids=["enabled", "absent"])
def test_no_line_of_the_lab_is_loaded_where_it_is_not_enabled(tmp_path, with_lab, loaded):
    demo(tmp_path, lambda text: text if with_lab else text.replace("enabled: true", "enabled: false"))
    script = (
        "import sys; from pathlib import Path; from glassgate.cli.compose import for_program;"
        "for_program(Path('config.yaml')).close();"
        "print(any(name.startswith('glassgate.lab') for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == (loaded, "")


def test_a_provider_that_is_away_stops_no_start(tmp_path):
    deployed(
        tmp_path, lambda text: text.replace("    client_id:", "    authority: https://login.invalid\n    client_id:")
    )
    composed(tmp_path).close()


def test_a_port_that_is_taken_is_told_at_the_start(tmp_path):
    demo(tmp_path)
    first = composed(tmp_path)
    try:
        first.start()
        second = composed(tmp_path)
        with pytest.raises(StartError):
            second.start()
        second.close()
    finally:
        first.close()


def test_a_broken_file_is_told_whole(tmp_path):
    deployed(tmp_path, lambda text: text.replace("allow", "alow").replace("team:", "teem:"))
    with pytest.raises(ConfigError) as refused:
        for_program(tmp_path / "config.yaml")
    assert len(refused.value.problems) > 1


def test_it_starts_in_order_and_ends_in_the_opposite_one():
    seen = []
    steps = [lambda name=name: seen.append(name) for name in "abc"]
    gate = Composed(None, None, steps, steps)
    gate.start()
    gate.close()
    assert seen == ["a", "b", "c", "c", "b", "a"]
