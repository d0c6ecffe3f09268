"""Beside a gate that runs: its store where there is one to reach, and lines that say who did what."""

import getpass
import json

import click
import pytest

from cli.asked import configured
from cli.program import SECRET
from glassgate.cli.beside import caller, opened, write_down
from glassgate.config.load import load
from glassgate.record.events import Action, Event


@pytest.fixture
def settings(tmp_path):
    return load(configured(tmp_path), SECRET)


@pytest.mark.parametrize("make", [True, False], ids=["is made", "is not"])
def test_the_store_of_a_gate_that_never_ran(tmp_path, settings, make):
    with opened(settings, make=make) as store:
        assert store.find("session", "", 0.0) == []
    assert (tmp_path / "state" / "glassgate.db").exists() is make


def test_what_is_there_is_read_in_either_case(settings):
    with opened(settings, make=True) as store:
        store.put("session", "key", b"value", 2e9)
    with opened(settings, make=False) as store:
        assert store.get("session", "key", 0.0) == b"value"


def test_a_store_in_memory_is_out_of_reach(tmp_path):
    file = configured(tmp_path)
    file.write_text(file.read_text() + 'store: "memory:"\n')
    with pytest.raises(click.UsageError, match=r"sqlite:state/glassgate\.db"), opened(load(file, SECRET), make=True):
        pass


def test_lines_say_who_did_what(tmp_path, settings):
    write_down(settings)
    assert not (tmp_path / "state" / "audit.jsonl").exists()
    events = [Event(Action.REVOKED, 1.8e9, "", details=(one, caller("sessions revoke"))) for one in ("a", "b")]
    write_down(settings, *events)
    lines = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    by = f"by {getpass.getuser()}, `glassgate sessions revoke`"
    assert [line["Details"] for line in lines] == [["a", by], ["b", by]]
