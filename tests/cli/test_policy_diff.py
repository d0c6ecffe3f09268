"""`glassgate policy diff`: which verdicts a new configuration changes, on an audit log; flow files in the journeys."""

import json

import pytest

from cli.asked import STAFF, configured, glassgate
from cli.program import GROUP
from gate.site import person
from glassgate.access import recorded
from glassgate.access.facts import Facts
from glassgate.record.audit import AuditLog
from glassgate.record.events import Action, Event

BY_NAME = "      - {name: bob, decision: allow, include: [{email: bob@contoso.example}]}\n"
CLAIM = "      - {name: sales, decision: allow, include: [{oidc_claim: {name: department, value: sales}}]}\n"
PEOPLE = {"alice": person("alice", groups=frozenset((GROUP,))), "bob": person("bob"), "eve": person("eve")}


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "recorded.jsonl"
    audit = AuditLog(path)
    for number, name in enumerate(("alice", "alice", "bob", "eve")):
        facts = recorded.told(Facts(PEOPLE[name]), ())
        audit.write(
            Event(
                Action.ISSUED, 5.0, f"{number:016x}", app_domain="wiki.localhost", facts=facts, method="GET", path="/x"
            )
        )
    audit.close()
    return path


def differed(folder, log, policies, *more):
    new = configured(folder, policies, "new.yaml")
    return glassgate("policy", "diff", "-c", configured(folder), "--new", new, "--flows", log, *more)


def test_what_changes_is_listed_with_both_verdicts_and_rules(tmp_path, log):
    code, out, _ = differed(tmp_path, log, BY_NAME)
    assert code == 1
    table, _, rest = out.partition("\n\n")
    assert [line.split() for line in table.splitlines()] == [
        ["WHO", "REQUEST", "ID", "TODAY", "NEW"],
        f"alice@contoso.example GET wiki.localhost/x {0:016x} let in (staff) kept out (no policy holds)".split(),
        f"alice@contoso.example GET wiki.localhost/x {1:016x} let in (staff) kept out (no policy holds)".split(),
        f"bob@contoso.example GET wiki.localhost/x {2:016x} kept out (no policy holds) let in (bob)".split(),
    ]
    assert (
        rest
        == f"""\
alice@contoso.example at wiki.localhost:
  today  let in (staff)
           include entra_group: {GROUP}: yes
  new    kept out (no policy holds)
           bob: include email: bob@contoso.example: no
bob@contoso.example at wiki.localhost:
  today  kept out (no policy holds)
           staff: include entra_group: {GROUP}: no
  new    let in (bob)
           include email: bob@contoso.example: yes

3 verdicts changed; 1 the same (0 let in, 1 not).
"""
    )


def test_what_the_recorded_traffic_says_steers_no_terminal(tmp_path, log):
    log.write_text(log.read_text().replace('"/x"', r'"/\u001b[2J\n"'))
    assert r" GET wiki.localhost/\x1b[2J\n " in differed(tmp_path, log, BY_NAME)[1]


def test_none_changed(tmp_path, log):
    code, out, _ = differed(tmp_path, log, STAFF)
    assert (code, out) == (0, "0 verdicts changed; 4 the same (2 let in, 2 not).\n")


def test_what_could_not_be_judged_is_named(tmp_path, log):
    code, out, _ = differed(tmp_path, log, CLAIM)
    assert code == 0
    assert "\n2 requests could not be judged: the record does not say what `oidc_claim: department = sales` asks" in out


def test_for_programs(tmp_path, log):
    code, out, _ = differed(tmp_path, log, BY_NAME, "--json")
    told = json.loads(out)
    assert (code, told["same"], told["let_in"], told["unjudged"]) == (1, 1, 0, {})
    assert [one["who"].partition("@")[0] for one in told["changed"]] == ["alice", "alice", "bob"]
    assert told["changed"][2]["new"] == {
        "let_in": True, "by": "bob", "rules": ["include email: bob@contoso.example: yes"],
    }  # fmt: skip


def test_a_new_configuration_that_is_bad_is_told_as_check_does(tmp_path, log):
    code, _, err = differed(tmp_path, log, STAFF.replace("allow", "alow"))
    assert code == 1
    assert "new.yaml:17: " in err


def test_traffic_that_cannot_be_read(tmp_path):
    code, _, err = differed(tmp_path, tmp_path / "none", STAFF)
    assert code == 1
    assert "none: it cannot be read" in err
    (tmp_path / "text").write_text("hello")
    assert "this is no flow file" in differed(tmp_path, tmp_path / "text", STAFF)[2]
