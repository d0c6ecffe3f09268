"""`glassgate keys`: new keys while the gate runs."""

import json
import time

import pytest
from click.testing import CliRunner

from cli.program import deployed
from glassgate.cli.main import commands
from glassgate.errors import StartError
from glassgate.state.keyring import KeyRing


@pytest.fixture
def call(tmp_path):
    deployed(tmp_path)

    def call(*words):
        config = str(tmp_path / "config.yaml")
        return CliRunner().invoke(commands, ["keys", *words, "-c", config], env={"CLIENT_SECRET": "x"})

    return call


def listed(call):
    return json.loads(call("list", "--json").output)


def test_before_the_gate_ran_there_are_none_and_none_are_made(call, tmp_path):
    done = call("list")
    assert isinstance(done.exception, StartError)
    assert "start the gate once" in str(done.exception)
    assert not (tmp_path / "state").exists()


def test_a_new_key_signs_and_the_one_before_counts_on(call, tmp_path):
    ring = KeyRing.open(tmp_path / "state" / "keys", time.time())
    first = ring.signing.kid
    done = call("rotate")
    assert done.exit_code == 0
    new, old = done.output.splitlines()
    assert new.endswith("signs")
    assert old.startswith(first)
    assert "counts until" in old
    assert [(one["signs"], one["retired"] is None) for one in listed(call)] == [(True, True), (False, False)]
    assert ring.reload()
    assert ring.signing.kid == listed(call)[0]["kid"] != first


def test_of_stolen_keys_nothing_counts_on(call, tmp_path):
    first = KeyRing.open(tmp_path / "state" / "keys", time.time()).signing.kid
    call("rotate", "--compromised")
    [only] = listed(call)
    assert only["kid"] != first
    [line] = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    assert line["Action"] == "keys_rotated"
    assert "compromised" in line["Details"]
