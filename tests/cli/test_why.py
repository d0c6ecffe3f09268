"""`glassgate why`: what an id tells, of requests that were refused and of those that were let in."""

import json
import time
from dataclasses import replace
from ipaddress import ip_address

import pytest

from cli.asked import STAFF, configured, glassgate
from cli.program import GROUP, SECRET
from gate.site import person
from glassgate.access import recorded
from glassgate.access.explain import fingerprint
from glassgate.access.facts import Facts
from glassgate.access.session import Grant, Session, digest
from glassgate.cli.why import REASONS
from glassgate.config.load import load
from glassgate.gate.machine import Reason
from glassgate.record.audit import AuditLog
from glassgate.record.events import GRANT, Action, Event
from glassgate.record.lately import Lately
from glassgate.state.open import open_store

RAY, OTHER = "0123456789abcdef", "f" * 16
BOB, ALICE = person("bob"), person("alice", groups=frozenset((GROUP,)))
IP = ip_address("203.0.113.7")


def event(settings, action, identity=None, ray=RAY, **more):
    (app,) = settings.apps
    judged = {}
    if identity:
        facts = recorded.told(Facts(identity, IP), app.policies)
        judged = {"email": identity.email, "facts": facts, "rules": fingerprint(app.policies)}
    return Event(
        action, time.time() - 130, ray, app="wiki", app_aud=app.aud, ip=str(IP), host="wiki.localhost", method="GET",
        path="/x", **judged, **more,
    )  # fmt: skip


def told(folder, *events):
    log = AuditLog(folder / "state" / "audit.jsonl")
    for one in events:
        log.write(one)
    log.close()


@pytest.fixture
def settings(tmp_path):
    return load(configured(tmp_path), SECRET)


def test_why_somebody_was_kept_out(tmp_path, settings):
    told(tmp_path, event(settings, Action.DENIED, BOB, status=403, reason="default_deny"))
    code, out, _ = glassgate("why", RAY, "-c", tmp_path / "config.yaml")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "bob@contoso.example was kept out (wiki)."
    assert lines[1].endswith(", 2 minutes ago")
    assert lines[2:6] == [
        "  request   GET wiki.localhost/x from 203.0.113.7", "  answer    403",
        "  decided   no policy held, and then nobody is let in", "  provider  entra",
    ]  # fmt: skip
    assert "  ip        203.0.113.7" in lines
    assert out.endswith(f"""
  staff  (allow)  {tmp_path}/config.yaml:17  does not hold
    include  entra_group: {GROUP}  no

What would let them in, the least first:
  - add the person to the Entra group {GROUP}
  - add `email: bob@contoso.example` to `include` of the policy `staff`, {tmp_path}/config.yaml:17
""")


def test_what_it_proposes_turns_the_verdict_when_it_is_applied(tmp_path, settings):
    told(tmp_path, event(settings, Action.DENIED, BOB))
    configured(tmp_path, STAFF.replace("}]}", "}, {email: bob@contoso.example}]}"))
    _, out, _ = glassgate("why", RAY, "-c", tmp_path / "config.yaml")
    assert "Note: the policies of wiki were changed since." in out
    assert "\nToday they would be let in.\n" in out


def test_for_programs(tmp_path, settings):
    told(tmp_path, event(settings, Action.DENIED, BOB))
    (one,) = json.loads(glassgate("why", RAY, "--json", "-c", tmp_path / "config.yaml")[1])["told"]
    assert (one["action"], one["app"], one["let_in"], one["policies_changed"]) == ("denied", "wiki", False, False)
    assert one["facts"]["identity"]["email"] == "bob@contoso.example"
    assert one["today"]["turns"][0]["changes"][0]["policy"] is None


PLAIN = [
    ("no session", Action.UNAUTHENTICATED, "session_ended", "was not signed in", "its session had ended"),
    ("no request", Action.REFUSED, "plain_http", "was no request that the gate takes", "it came over plain http"),
    ("a program", Action.UNAUTHENTICATED, "service_token_expired", "was not signed in", "its service token has"),
    ("a fault", Action.ERROR, "origin_away", "could not be answered", "nothing answers at the app's origin"),
    ("a sign-in", Action.SIGN_IN_FAILED, "state_used", "could not sign in", "state_used"),
]


@pytest.mark.parametrize(
    ("action", "reason", "became", "because"), [row[1:] for row in PLAIN], ids=[row[0] for row in PLAIN]
)
def test_what_no_policy_judged(tmp_path, settings, action, reason, became, because):
    told(tmp_path, event(settings, action, reason=reason))
    code, out, _ = glassgate("why", RAY, "-c", tmp_path / "config.yaml")
    assert code == 0
    assert out.startswith(f"The visitor {became} (wiki).\n")
    assert f"  because   {because}" in out


def test_what_a_visitor_wrote_steers_no_terminal(tmp_path, settings):
    told(tmp_path, replace(event(settings, Action.REFUSED, reason="target"), path="/\x1b]0;x\x07\nwas let in\x9b2J"))
    code, out, _ = glassgate("why", RAY, "-c", tmp_path / "config.yaml")
    assert code == 0
    assert r"wiki.localhost/\x1b]0;x\x07\nwas let in\x9b2J from" in out


def test_why_a_service_token_does_not_count_is_always_told():
    assert set(Reason) <= set(REASONS)


def let_in(tmp_path, settings, nonce="n"):
    ring = Lately(settings.lately)
    ring.note(OTHER, time.time(), nonce, IP, "wiki", "staff")
    ring.close()
    told(tmp_path, event(settings, Action.ISSUED, ALICE, allowed=True, policy="staff", grant=digest("n")[:GRANT]))


def test_why_somebody_was_let_in(tmp_path, settings):
    let_in(tmp_path, settings)
    code, out, _ = glassgate("why", OTHER, "-c", tmp_path / "config.yaml")
    assert code == 0
    assert out.startswith("alice@contoso.example was let in (wiki).\n")
    assert "  decided   the policy `staff`\n" in out
    assert f"    include  entra_group: {GROUP}  yes\n" in out
    assert f"\n  - take the person out of the Entra group {GROUP}\n" in out


def test_who_they_are_now_counts_where_their_session_stands(tmp_path, settings):
    let_in(tmp_path, settings)
    store, until = open_store(settings.store), time.time() + 60
    session = Session("s1", BOB, 0.0, until, "cookie")
    store.put("session", "s1", session.to_bytes(), until)
    store.put("grant", digest("n"), Grant("s1", settings.apps[0].aud, until).to_bytes(), until)
    store.close()
    assert "Today they would be kept out." in glassgate("why", OTHER, "-c", tmp_path / "config.yaml")[1]


def test_a_session_that_nothing_is_left_of(tmp_path, settings):
    let_in(tmp_path, settings, nonce="another")
    _, out, _ = glassgate("why", OTHER, "-c", tmp_path / "config.yaml")
    assert "Nothing more can be said: its session has ended" in out


def test_an_id_as_the_header_may_have_it(tmp_path, settings):
    told(tmp_path, event(settings, Action.DENIED, BOB))
    assert glassgate("why", f" {RAY.upper()}-AMS", "-c", tmp_path / "config.yaml")[0] == 0


@pytest.mark.parametrize("word", ["", "hello", "0123", "../../etc/passwd"])
def test_what_is_no_id_is_a_wrong_call(tmp_path, settings, word):
    code, _, err = glassgate("why", word, "-c", tmp_path / "config.yaml")
    assert code == 2
    assert "An id has 16 digits" in err


def test_an_id_that_nobody_knows(tmp_path, settings):
    let_in(tmp_path, settings)
    code, out, err = glassgate("why", "a" * 16, "-c", tmp_path / "config.yaml")
    assert (code, out) == (1, "")
    assert f"nothing is known of {'a' * 16} (refused requests stand in the log; of those let in, the last 65536" in err


def test_without_an_audit_log_there_is_nothing_to_look_at(tmp_path):
    path = configured(tmp_path)
    path.write_text(path.read_text().replace("audit: {file: state/audit.jsonl}\n", ""))
    code, _, err = glassgate("why", RAY, "-c", path)
    assert code == 1
    assert "there is no audit log (add `audit: {file: state/audit.jsonl}`" in err
