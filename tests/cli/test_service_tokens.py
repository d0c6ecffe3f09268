"""`glassgate service-tokens`: made, seen, rotated and deleted beside a gate, through its store."""

import json
import re
import shlex
import time

import pytest
from click.testing import CliRunner

from cli.program import deployed, glassgate
from glassgate.access.service_token import Credentials, Standing
from glassgate.cli.main import commands
from glassgate.config.load import load
from glassgate.errors import GlassgateError
from glassgate.gate import service_tokens as kept
from glassgate.gate.exchange import run
from glassgate.gate.service_tokens import ServiceTokens
from glassgate.state.open import open_store

SECRET = {"CLIENT_SECRET": "x"}


class Gate:
    """A configuration, and a gate that reads its store."""

    def __init__(self, folder):
        deployed(folder)
        self.config = folder / "config.yaml"
        self.store = open_store(load(self.config, SECRET).store)

    def edit(self, old, new):
        self.config.write_text(self.config.read_text().replace(old, new))

    def call(self, *words):
        return CliRunner().invoke(commands, ["service-tokens", *words, "-c", str(self.config)], env=SECRET)

    def made(self, *words):
        done = self.call(*words, "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.output)
        return told, Credentials(told["client_id"], told["client_secret"])

    def listed(self):
        return json.loads(self.call("list", "--json").output)

    def standing(self, shown, later=0.0):
        """How a gate that has just started finds a secret, so many seconds from now."""
        known, standing = run(ServiceTokens(self.store).checked(shown, time.time() + later))
        return standing if known else None


@pytest.fixture
def gate(tmp_path):
    gate = Gate(tmp_path)
    yield gate
    gate.store.close()


def test_one_that_is_made_counts_and_its_secret_is_nowhere_after_that(gate):
    told, shown = gate.made("create", "ci")
    assert gate.standing(shown) is Standing.GOOD
    assert told["name"] == "ci"
    said = gate.call("list").output + gate.call("list", "--json").output
    assert shown.client_id in said
    assert shown.secret not in said
    assert all(shown.secret.encode() not in path.read_bytes() for path in gate.config.parent.rglob("*.db*"))


def test_a_person_is_shown_the_headers_as_they_are_sent(gate):
    said = gate.call("create", "ci", "--duration", "30d").output
    assert "  CF-Access-Client-Id: " in said
    assert "  CF-Access-Client-Secret: " in said
    assert "this once" in said


TRIED = [
    ("the one that names it", "api.localhost", "{service_token: ci}", "api.localhost", "/"),
    ("one that takes any", "api.localhost", "{any_valid_service_token: {}}", "api.localhost", "/"),
    ("a part of a host", "api.localhost/v1/*/jobs", "{service_token: ci}", "api.localhost", "/v1/"),
    ("hosts by a pattern", "'*.api.localhost'", "{service_token: ci}", "glassgate-check.api.localhost", "/"),
    ("where none does, the first", "api.localhost", "{service_token: backups}", "wiki.localhost", "/"),
]  # fmt: skip


@pytest.mark.parametrize(("domain", "rule", "host", "path"), [row[1:] for row in TRIED], ids=[row[0] for row in TRIED])
def test_the_line_to_try_it_by_can_be_pasted(gate, domain, rule, host, path):
    policy = f"{{name: jobs, decision: service_auth, include: [{rule}]}}"
    app = f"  - {{name: api, domain: {domain}, origin: 'http://127.0.0.1:2', policies: [{policy}]}}\n"
    gate.edit("audit:", app + "audit:")
    said = gate.call("create", "ci").output
    first, second = re.findall("^  (CF-Access-Client-.*)$", said, re.MULTILINE)
    port = load(gate.config, SECRET).team.port
    assert shlex.split(said.splitlines()[-1]) == ["curl", "-H", first, "-H", second, f"https://{host}:{port}{path}"]
    assert ("No app lets it in yet" in said) is (host == "wiki.localhost")


def test_of_a_local_authority_the_line_says_that_it_is_trusted(gate):
    (gate.config.parent / "certs").mkdir()
    (gate.config.parent / "certs" / "ca.pem").touch()
    words = shlex.split(gate.call("create", "ci").output.splitlines()[-1])
    assert words[1:3] == ["--cacert", str(gate.config.parent / "certs" / "ca.pem")]


def test_the_policy_that_is_missing_can_be_pasted_too(gate):
    said = gate.call("create", "it's ci: 1").output
    policy = re.search("^  (- .*)$", said, re.MULTILINE).group(1)
    gate.edit("policies:\n", f"policies:\n      {policy}\n")
    assert "To try it, at wiki:" in gate.call("rotate", "it's ci: 1").output


LIVES = [
    ("Cloudflare's year", "8760h", 8760 * 3600), ("days", "30d", 30 * 86400), ("a minute", "1m", 60),
    ("for ever", "forever", None),
]  # fmt: skip


@pytest.mark.parametrize(("life", "seconds"), [row[1:] for row in LIVES], ids=[row[0] for row in LIVES])
def test_it_lives_as_long_as_is_said(gate, life, seconds):
    told, shown = gate.made("create", "ci", "--duration", life)
    assert gate.standing(shown, (seconds or 1e9) - 30) is Standing.GOOD
    if seconds:
        assert gate.standing(shown, seconds + 1) is Standing.EXPIRED
    assert (told["expires"] is None) == (seconds is None)


def test_both_secrets_count_in_the_grace_of_a_rotation(gate):
    _, old = gate.made("create", "ci")
    told, new = gate.made("rotate", "ci", "--grace", "1h")
    assert [gate.standing(old), gate.standing(new)] == [Standing.GOOD, Standing.GOOD]
    assert [gate.standing(old, 3601), gate.standing(new, 3601)] == [Standing.WRONG, Standing.GOOD]
    assert told["previous_secret_until"]
    _, third = gate.made("rotate", old.client_id, "--grace", "0s")
    assert [gate.standing(one) for one in (old, new, third)] == [Standing.WRONG, Standing.WRONG, Standing.GOOD]


def test_a_rotation_gives_no_new_life_unless_it_is_said(gate):
    gate.made("create", "ci", "--duration", "1h")
    _, new = gate.made("rotate", "ci")
    assert gate.standing(new, 3601) is Standing.EXPIRED
    _, new = gate.made("rotate", "ci", "--duration", "forever")
    assert gate.standing(new, 1e9) is Standing.GOOD


def test_one_that_is_deleted_is_unknown_and_its_name_is_free(gate):
    _, old = gate.made("create", "ci")
    assert gate.call("delete", "ci").exit_code == 0
    assert gate.standing(old) is None
    assert gate.listed() == []
    gate.made("create", "ci")


def test_the_audit_log_has_a_line_of_each_change_and_no_secret(gate):
    _, shown = gate.made("create", "ci")
    _, new = gate.made("rotate", "ci")
    gate.call("delete", "ci")
    said = (gate.config.parent / "state" / "audit.jsonl").read_text()
    lines = [json.loads(line) for line in said.splitlines()]
    assert [(line["Action"], line["Reason"]) for line in lines] == [
        ("service_token", "created"), ("service_token", "rotated"), ("service_token", "deleted"),
    ]  # fmt: skip
    assert all(shown.client_id in line["Details"][0] for line in lines)
    assert shown.secret not in said
    assert new.secret not in said


def test_the_list_says_when_each_was_used_last(gate):
    _, shown = gate.made("create", "ci")
    assert gate.listed()[0]["last_used"] is None
    tokens = ServiceTokens(gate.store)
    run(tokens.checked(shown, time.time()))
    tokens.write_used()
    assert gate.listed()[0]["last_used"].endswith("Z")
    assert gate.call("list").output.count(time.strftime("%Y-")) == 1


def test_one_that_has_expired_is_listed_as_such_and_takes_a_new_life_alone(gate):
    gate.made("create", "ci", "--duration", "1m")
    [token] = kept.every(gate.store, time.time())
    ended = token.rotated("x", time.time(), 0, expires=time.time() - 1)
    assert kept.replace(gate.store, token, ended, time.time())
    assert [one["state"] for one in gate.listed()] == ["expired"]
    assert "expired" in gate.call("list").output
    assert "give it a new life" in str(gate.call("rotate", "ci").exception)
    _, new = gate.made("rotate", "ci", "--duration", "1h")
    assert gate.standing(new) is Standing.GOOD


def test_without_any_the_list_says_how_one_is_made(gate):
    assert "service-tokens create" in gate.call("list").output


WRONG_CALLS = [
    ("no name", ["create"]), ("an empty name", ["create", " "]), ("two lines", ["create", "a\nb"]),
    ("no duration", ["create", "ci", "--duration", "soon"]), ("too short", ["create", "ci", "--duration", "5s"]),
    ("too long a grace", ["rotate", "ci", "--grace", "31d"]), ("endless grace", ["rotate", "ci", "--grace", "forever"]),
]  # fmt: skip


@pytest.mark.parametrize("words", [row[1] for row in WRONG_CALLS], ids=[row[0] for row in WRONG_CALLS])
def test_a_wrong_call_is_2(gate, words):
    done = gate.call(*words)
    assert done.exit_code == 2, done.output
    assert gate.listed() == []


NOT_THERE = [
    ("the same name again", ["create", "nightly-backup"], "already"),
    ("one letter more", ["rotate", "nightly-backups"], "did you mean `nightly-backup`?"),
    ("nobody's", ["delete", "ci"], "known: nightly-backup"),
]


@pytest.mark.parametrize(("words", "said"), [row[1:] for row in NOT_THERE], ids=[row[0] for row in NOT_THERE])
def test_what_cannot_be_done_is_said_with_its_mend(gate, words, said):
    gate.made("create", "nightly-backup")
    fault = gate.call(*words).exception
    assert isinstance(fault, GlassgateError)
    assert said in str(fault)


def test_where_no_gate_ever_ran_a_look_makes_nothing(tmp_path):
    deployed(tmp_path)
    config = tmp_path / "config.yaml"
    done = CliRunner().invoke(commands, ["service-tokens", "list", "-c", str(config)], env=SECRET)
    assert done.output.startswith("There are no service tokens.")
    assert not (tmp_path / "state").exists()


def test_a_store_in_memory_is_out_of_reach(tmp_path):
    deployed(tmp_path, lambda text: f'{text}store: "memory:"\n')
    done = glassgate(tmp_path, "service-tokens", "list")
    assert (done.code, done.out) == (2, "")
    assert "sqlite:state/glassgate.db" in done.err
