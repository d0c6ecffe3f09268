"""`glassgate sessions`: seen and ended beside a gate, through its store."""

import json
import time

import pytest
from click.testing import CliRunner

from cli.program import deployed, glassgate
from gate.site import person
from glassgate.access.session import Grant
from glassgate.cli.main import commands
from glassgate.config.load import load
from glassgate.gate.exchange import run
from glassgate.gate.sessions import Sessions, new_session
from glassgate.state.open import open_store

SECRET = {"CLIENT_SECRET": "x"}


class Gate:
    """A configuration with a store in which alice has the wiki open, and bob nothing."""

    def __init__(self, folder, store="sqlite:state/glassgate.db"):
        deployed(folder, lambda text: f"{text}store: {store}\n")
        self.config = folder / "config.yaml"
        self.settings = load(self.config, SECRET)
        self.audit = folder / "state" / "audit.jsonl"

    def sign_in(self):
        now, store = time.time(), open_store(self.settings.store)
        sessions = Sessions(store)
        for name in ("alice", "bob"):
            one = new_session(person(name), session=f"-{name}", cookie=name, now=now, duration=3600)
            run(sessions.begin(one, None, now))
        run(sessions.grant("nonce", Grant("-alice", self.settings.apps[0].aud, now + 600)))
        store.close()
        return self

    def call(self, *words):
        return CliRunner().invoke(commands, ["sessions", *words, "-c", str(self.config)], env=SECRET)

    def listed(self, *words):
        done = self.call("list", "--json", *words)
        assert done.exit_code == 0, done.output
        return {one["id"]: one for one in json.loads(done.output)}


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path).sign_in()


def test_who_is_signed_in(gate):
    said = gate.call("list").output
    assert "alice@contoso.example" in said
    assert "2 sessions." in said
    found = gate.listed()
    assert found["-alice"]["apps"] == ["wiki"]
    assert found["-bob"]["apps"] == []
    assert found["-bob"]["created"].endswith("Z")


CHOICES = [
    ("by user", ["--user", "ALICE@contoso.example"], {"-alice"}),
    ("by user id", ["--user", person("bob").user_id], {"-bob"}),
    ("by app", ["--app", "wiki"], {"-alice"}),
    ("by id", ["--id", "-bob"], {"-bob"}),
    ("by user and app", ["--user", "bob@contoso.example", "--app", "wiki"], set()),
    ("of nobody", ["--user", "eve@contoso.example"], set()),
]


@pytest.mark.parametrize(("words", "meant"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES])
def test_those_that_are_meant_are_listed_and_ended_and_no_others(gate, words, meant):
    assert set(gate.listed(*words)) == meant
    done = gate.call("revoke", "--json", *words)
    assert done.exit_code == 0
    assert {one["id"] for one in json.loads(done.output)} == meant
    assert set(gate.listed()) == {"-alice", "-bob"} - meant
    lines = [json.loads(line) for line in gate.audit.read_text().splitlines()] if gate.audit.exists() else []
    assert [line["Action"] for line in lines] == ["revoked"] * len(meant)


def test_all_are_ended(gate):
    assert gate.call("revoke", "--all").output == "2 sessions ended.\n"
    assert gate.call("revoke", "--all").output == "There is no such session.\n"
    assert gate.call("list").output == "Nobody is signed in.\n"


WRONG = [
    ("nothing said", ["revoke"], "Say whose sessions shall end"),
    ("all, and one of them", ["revoke", "--all", "--user", "a@b.example"], "Say whose sessions shall end"),
    ("an app that is not there", ["revoke", "--app", "wikki"], "did you mean `wiki`?"),
    ("an app that is not there, to see", ["list", "--app", "wikki"], "did you mean `wiki`?"),
]


@pytest.mark.parametrize(("words", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_call_ends_nothing(gate, words, said):
    done = gate.call(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert len(gate.listed()) == 2


@pytest.mark.parametrize("words", [("list",), ("revoke", "--all")], ids=["list", "revoke"])
def test_sessions_in_memory_are_out_of_reach_and_it_says_so(tmp_path, words):
    Gate(tmp_path, "'memory:'")
    done = glassgate(tmp_path, "sessions", *words)
    assert (done.code, done.out) == (2, "")
    assert "store: sqlite:" in done.err.replace("\n", " ")


def test_a_gate_that_never_ran_has_no_sessions_and_gets_no_store(tmp_path):
    gate = Gate(tmp_path)
    assert gate.call("list").output == "Nobody is signed in.\n"
    assert not (tmp_path / "state").exists()
