"""Recorded traffic: whose each request was, by the audit log, and never by the visitor's own word."""

import jwt
import pytest
from mitmproxy import io
from mitmproxy.test import tflow

from cli.asked import configured
from cli.program import GROUP, SECRET
from gate.site import person
from glassgate.access import recorded
from glassgate.access.facts import Facts
from glassgate.access.session import digest
from glassgate.cli.traffic import NOBODY, NOT_SAID, Log, is_audit_log, of_flows, of_log
from glassgate.config.load import load
from glassgate.errors import GlassgateError
from glassgate.record.audit import AuditLog
from glassgate.record.events import GRANT, Action, Event

RAY = "0123456789abcdef"
ALICE = person("alice", groups=frozenset((GROUP,)))


def token(nonce):
    return jwt.encode({"identity_nonce": nonce}, "k" * 32, "HS256")


def flow(headers, answer=None, path="/page"):
    made = tflow.tflow(resp=answer is not None)
    made.request.headers.clear()
    made.request.headers.update({"Host": "wiki.localhost:8443", **headers})
    made.request.path = path
    if answer is not None:
        made.response.headers.clear()
        made.response.headers.update(answer)
    return made


def forwarded(ray, **more):
    return {
        "Cf-Ray": ray, "X-Forwarded-Host": "wiki.localhost:8443", "X-Forwarded-For": "203.0.113.9",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }  # fmt: skip


@pytest.fixture
def audit(tmp_path):
    facts = recorded.told(Facts(ALICE), ())
    log = AuditLog(tmp_path / "state" / "audit.jsonl")
    common = {"app": "wiki", "app_domain": "wiki.localhost", "facts": facts, "method": "GET", "path": "/x"}
    log.write(Event(Action.ISSUED, 5.0, "1" * 16, allowed=True, grant=digest("n")[:GRANT], **common))
    log.write(Event(Action.DENIED, 6.0, "2" * 16, **common))
    log.write(Event(Action.REFUSED, 7.0, "3" * 16, reason="plain_http"))
    log.close()
    return tmp_path / "state" / "audit.jsonl"


def seen(folder, audit, one, granted=None):
    path = folder / "flows"
    with path.open("wb") as file:
        io.FlowWriter(file).add(one)
    settings = load(configured(folder), SECRET)
    return list(of_flows(path, settings, Log.read(audit), lambda ray: (granted or {}).get(ray, "")))


ROWS = [
    ("let in, by its token", flow(forwarded(RAY, Cf_Access_Jwt_Assertion=token("n"))), None, "alice", "203.0.113.9"),
    ("let in, by what was noted of it", flow(forwarded(RAY)), {RAY: digest("n")[:GRANT]}, "alice", "203.0.113.9"),
    ("kept out, by its id", flow({}, {"Cf-Ray": "2" * 16}), None, "alice", None),
    ("asked by a cookie", flow({"Cookie": f"CF_Authorization={token('n')}"}, {"Cf-Ray": RAY}), None, "alice",
     "127.0.0.1"),
    ("let in without a sign-in", flow(forwarded(RAY)), None, None, "203.0.113.9"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "granted", "who", "ip"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_whose_a_request_was(tmp_path, audit, one, granted, who, ip):
    (found,) = seen(tmp_path, audit, one, granted)
    identity = found.facts.identity
    assert (identity and identity.email) == (who and f"{who}@contoso.example")
    assert ip is None or str(found.facts.ip) == ip
    assert found.host == "wiki.localhost"


GAPS = [
    ("nobody", flow({}, {"Cf-Ray": RAY}), NOBODY),
    ("a token that no line tells of", flow(forwarded(RAY, Cf_Access_Jwt_Assertion=token("m"))), NOT_SAID),
    ("a visitor who writes our headers", flow(forwarded(RAY), {"Cf-Ray": "9" * 16}), NOBODY),
]


@pytest.mark.parametrize(("one", "gap"), [row[1:] for row in GAPS], ids=[row[0] for row in GAPS])
def test_who_is_not_known_is_told_with_the_reason(tmp_path, audit, one, gap):
    (found,) = seen(tmp_path, audit, one)
    assert (found.facts, found.gap) == (None, gap)


@pytest.mark.parametrize(
    "one",
    [flow({"Host": "team.localhost:8443"}), flow({}, path="/cdn-cgi/access/logout"), flow({"Host": "a.example"})],
    ids=["the team's", "one of our own paths", "another host"],
)
def test_what_no_policy_judges_is_passed_over(tmp_path, audit, one):
    assert seen(tmp_path, audit, one) == []


def test_an_audit_log_is_traffic_too(audit):
    assert [(one.ray, one.who, one.path) for one in of_log(audit)] == [
        ("1" * 16, "alice@contoso.example", "/x"), ("2" * 16, "alice@contoso.example", "/x"),
    ]  # fmt: skip


def test_a_line_at_a_path_of_our_own_is_of_the_app_that_it_names(tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl")
    common = {"app_domain": "wiki.localhost", "app_aud": "b" * 64, "facts": recorded.told(Facts(ALICE), ())}
    for path in ("/cdn-cgi/access/authorized", "/part"):
        log.write(Event(Action.ISSUED, 5.0, "1" * 16, allowed=True, method="GET", path=path, **common))
    log.close()
    assert [one.aud for one in of_log(tmp_path / "audit.jsonl")] == ["b" * 64, ""]


def test_the_two_kinds_of_files_are_told_apart(tmp_path, audit):
    (tmp_path / "flows").write_bytes(b"123:abc")
    assert (is_audit_log(audit), is_audit_log(tmp_path / "flows")) == (True, False)
    with pytest.raises(GlassgateError, match="cannot be read"):
        is_audit_log(tmp_path / "none")
