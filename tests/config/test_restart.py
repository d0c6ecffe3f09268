"""What may change while the gate runs, and what may not."""

from dataclasses import replace
from pathlib import Path

import pytest

from config import files
from glassgate.config.restart import AT_START, changed, need_restart
from glassgate.config.settings import Endpoint, LabSettings


@pytest.fixture
def settings(tmp_path):
    return files.settings(files.good(), tmp_path)


OTHER = {
    "team": Endpoint("other.localhost", 8443),
    "listen": Endpoint("127.0.0.1", 9999),
    "state": Path("/else"),
    "store": "memory:",
    "audit": Path("/else/audit.jsonl"),
    "metrics": Endpoint("127.0.0.1", 9999),
    "lab": LabSettings((), ()),
}


@pytest.mark.parametrize("key", AT_START)
def test_what_stands_from_the_start_needs_one(settings, key):
    [said] = need_restart(settings, replace(settings, **{key: OTHER[key]}))
    assert f"`{key}`" in said.what
    assert "restart" in said.mend
    assert said.where


def test_all_of_it_is_told_at_once_with_its_line(settings):
    new = replace(settings, listen=OTHER["listen"], team=OTHER["team"], places={("listen",): "config.yaml:2"})
    assert [said.where for said in need_restart(settings, new)] == [str(new.path), "config.yaml:2"]


def test_the_rest_does_not(settings):
    new = replace(settings, session_duration=60, idle_timeout=600, apps=())
    assert list(need_restart(settings, new)) == []
    assert changed(settings, new) == ("apps", "session_duration", "idle_timeout")
    assert changed(settings, settings) == ()
