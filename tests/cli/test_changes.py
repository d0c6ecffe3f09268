"""A change of the configuration is taken whole or refused and told, and never costs what is in force."""

import json
import os
import time

import pytest

from cli.program import SECRET, deployed
from glassgate.access.app import Origin
from glassgate.cli.changes import AGAIN, Changes
from glassgate.cli.materials import materials
from glassgate.config.load import load
from glassgate.config.watched import PATIENCE
from glassgate.errors import GlassgateError
from glassgate.record.audit import AuditLog
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder


class World:
    """A gate's configuration, and what its watcher does. What is made of a change is the settings themselves."""

    def __init__(self, folder, edit=lambda text: text):
        self.folder, self.config = folder, folder / "config.yaml"
        deployed(folder, lambda text: edit(text.replace("    forward_cookie: true\n", "")))
        self.taken, self.faults = [], []
        self.metrics = Metrics("0")
        settings = load(self.config, SECRET)
        assert not materials(settings, time.time()).problems, "as at every start"
        self.audit = AuditLog(settings.audit)
        self.changes = Changes(settings, SECRET, self.make, Recorder(self.audit, self.metrics))

    def make(self, settings):
        if self.faults:
            raise self.faults.pop()
        return settings

    def look(self, times=2):
        """Look till a change has come to rest; what was taken since."""
        before = len(self.taken)
        for _ in range(times):
            self.changes.look(self.taken.append)
        return self.taken[before:]

    def edit(self, old, new):
        text = self.config.read_text()
        assert old in text
        fresh = self.folder / ".config.yaml.swp"
        fresh.write_text(text.replace(old, new))
        fresh.replace(self.config)

    def metric(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels)

    def audited(self):
        self.audit.close()
        return [json.loads(line) for line in (self.folder / "state/audit.jsonl").read_text().splitlines()]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.audit.close()


def test_nothing_is_taken_where_nothing_changes(world):
    assert world.look(5) == []


def test_a_good_change_is_taken_once(world, caplog):
    world.edit("http://127.0.0.1:1", "http://127.0.0.1:2")
    [settings] = world.look(5)
    assert settings.apps[0].origin == Origin("http", "127.0.0.1", 2)
    assert "The configuration has changed, and is in force: apps." in caplog.text
    assert world.metric("glassgate_config_changes_total", result="taken") == 1
    assert world.metric("glassgate_config_current") == 1
    assert [(line["Action"], line["Details"]) for line in world.audited()] == [("config_taken", ["apps"])]


REFUSED = [
    ("an unknown key", ("domain:", "domian:"), "yaml:11", "domain"),
    ("no YAML", ("apps:", "apps: [\n"), "config.yaml:", ""),
    ("an unknown decision", ("allow", "alow"), "yaml:14", "did you mean `allow`"),
    ("another listener", ("listen: 127.0.0.1:", "listen: 127.0.0.2:"), "yaml:2", "restart the gate"),
    ("another team", ("team: team.", "team: taem."), "yaml:1", "restart the gate"),
    ("a variable that is not set", ("${CLIENT_SECRET}", "${NO_SECRET}"), "yaml:8", "set NO_SECRET"),
    ("a certificate that is not there", ("origin: http://127.0.0.1:1",
     "origin: https://127.0.0.1:1\n    origin_tls: {ca: no.pem}"), "config.yaml:", "no.pem"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "place", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_bad_change_is_refused_and_told_with_its_place(world, caplog, edit, place, said):
    world.edit(*edit)
    assert world.look(5) == []
    lines = [record.message for record in caplog.records]
    assert any(place in line and said in line for line in lines), lines
    assert lines[-1] == "The configuration has changed, and is not taken: the one before stays in force."
    assert world.metric("glassgate_config_changes_total", result="refused") == 1
    assert world.metric("glassgate_config_current") == 0
    [line] = world.audited()
    assert line["Action"] == "config_refused"
    assert any(said in detail for detail in line["Details"])


def test_it_is_told_once_however_often_it_is_tried(world, caplog):
    world.edit("allow", "alow")
    world.look(3 * AGAIN)
    assert caplog.text.count("is not taken") == 1


def test_a_certificate_that_was_made_for_a_change_that_is_refused_is_no_change(world, caplog):
    world.edit("domain: wiki.localhost", "domain: [wiki.localhost, new.localhost]\n    origin_tls: {ca: no.pem}")
    world.edit("http://127.0.0.1:1", "https://127.0.0.1:1")
    assert world.look(6) == []
    assert caplog.text.count("is not taken") == 1


def test_after_a_bad_change_a_good_one_is_taken(world):
    world.edit("allow", "alow")
    world.look()
    world.edit("alow", "deny")
    [settings] = world.look()
    assert settings.apps[0].policies[0].decision == "deny"
    assert world.metric("glassgate_config_current") == 1


def test_a_change_that_is_taken_back_is_good_again(world):
    world.edit("allow", "alow")
    world.look()
    world.edit("alow", "allow")
    assert len(world.look()) == 1
    assert world.metric("glassgate_config_current") == 1


def test_what_was_missing_is_found_once_it_is_there(world):
    world.edit("${CLIENT_SECRET}", "file:secret.txt")
    assert world.look() == []
    (world.folder / "secret.txt").write_text("now it is there")
    [settings] = world.look(AGAIN)
    assert settings.providers[0].credentials[0].value == "now it is there"
    assert world.look(AGAIN) == []


def test_a_secret_in_a_file_is_watched(tmp_path, caplog):
    (tmp_path / "secret.txt").write_text("the old one")
    world = World(tmp_path, lambda text: text.replace("${CLIENT_SECRET}", "file:secret.txt"))
    (tmp_path / "secret.txt").write_text("a new one")
    [settings] = world.look()
    assert settings.providers[0].credentials[0].value == "a new one"
    assert "is in force: providers, secret.txt." in caplog.text
    world.audit.close()


def test_a_certificate_is_watched_and_the_new_files_of_a_change_are(world):
    world.edit("team: ", "tls: {certificate: other/edge.pem}\nteam: ")
    [settings] = world.look()
    leaf = settings.certificates[0]
    assert leaf.is_file(), "ours is made where it is missing, as at a start"
    assert world.look() == []
    leaf.write_bytes(leaf.read_bytes() + b"\n")
    assert len(world.look()) == 1


def test_a_file_that_is_away_for_a_moment_is_nothing(world, caplog):
    away = world.folder / "away"
    world.config.replace(away)
    assert world.look(PATIENCE - 2) == []
    away.replace(world.config)
    assert world.look(5) == []
    assert caplog.text == ""


def test_a_file_that_is_away_for_good_is_told_and_the_gate_goes_on(world, caplog):
    world.config.replace(world.folder / "away")
    assert world.look(PATIENCE + 2) == []
    assert "cannot be read" in caplog.text
    (world.folder / "away").replace(world.config)
    assert len(world.look(2)) == 1


def test_a_half_written_file_is_not_looked_into(world):
    whole = world.config.read_bytes().replace(b"allow", b"deny")
    with world.config.open("wb", buffering=0) as file:
        for start in range(0, len(whole), 100):
            file.write(whole[start : start + 100])
            assert world.look(1) == []
    [settings] = world.look()
    assert settings.apps[0].policies[0].decision == "deny"


@pytest.mark.parametrize("fault", [GlassgateError("no such port"), RuntimeError("a secret")], ids=["ours", "any"])
def test_what_cannot_be_made_is_refused_and_the_next_change_looked_at(world, caplog, fault):
    world.faults.append(fault)
    world.edit("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert world.look() == []
    assert "is not taken" in caplog.text
    assert "a secret" not in caplog.text
    world.edit("http://127.0.0.1:2", "http://127.0.0.1:3")
    assert len(world.look()) == 1


def test_a_worker_stays_the_one_that_it_is(world):
    os.utime(world.config)
    assert [settings.worker for settings in world.look()] == [0]
