"""The recorder."""

import json

from glassgate.record.audit import AuditLog
from glassgate.record.events import Action, Event
from glassgate.record.metrics import Metrics
from glassgate.record.recorder import Recorder


def test_everything_but_what_was_let_in_stands_in_the_audit_log(tmp_path):
    audit = AuditLog(tmp_path / "audit.jsonl")
    metrics = Metrics("1", ["wiki"])
    recorder = Recorder(audit, metrics)
    for action in Action:
        recorder.tell(Event(action, 1.0, action.value, app="wiki"))
    audit.close()
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["RayID"] for line in lines] == [action.value for action in Action if action != "allowed"]
    assert metrics.registry.get_sample_value("glassgate_requests_total", {"app": "wiki", "outcome": "allowed"}) == 1


def test_without_an_audit_log_it_counts():
    metrics = Metrics("1", ["wiki"])
    recorder = Recorder(None, metrics)
    recorder.tell(Event(Action.DENIED, 1.0, "r", app="wiki"))
    recorder.decided(0.002)
    recorder.let_in("wiki")
    recorder.let_in("unknown")
    recorder.turned_away("crowded", told=True)
    assert metrics.registry.get_sample_value("glassgate_policy_denied_total", {"app": "wiki"}) == 1
    assert metrics.registry.get_sample_value("glassgate_decision_seconds_count") == 1
    allowed = {"app": "wiki", "outcome": "allowed"}
    assert metrics.registry.get_sample_value("glassgate_requests_total", allowed) == 1
    away = {"reason": "crowded", "how": "told"}
    assert metrics.registry.get_sample_value("glassgate_turned_away_total", away) == 1


class Unspeakable:
    """What has no name."""

    def __str__(self):
        raise ValueError("secret-text")


def test_no_fault_comes_out(caplog):
    recorder = Recorder(None, Metrics("1"))
    recorder.tell(None)
    recorder.tell(Event([], 1.0, "secret-text"))
    recorder.decided("soon")
    recorder.let_in(["wiki"])
    recorder.turned_away(Unspeakable(), told=True)
    assert len(caplog.records) == 5
    assert "secret-text" not in caplog.text


def test_a_closed_audit_log_is_no_fault(tmp_path):
    metrics = Metrics("1")
    audit = AuditLog(tmp_path / "audit.jsonl", lost=metrics.audit_lost)
    audit.close()
    Recorder(audit, metrics).tell(Event(Action.LOGOUT, 1.0, "r"))
    assert metrics.registry.get_sample_value("glassgate_audit_dropped_total") == 1


def test_the_names_of_a_changed_configuration_are_counted():
    metrics = Metrics("1", ["wiki"])
    recorder = Recorder(None, metrics)
    recorder.know(["notes"], ["okta"])
    for app in ("notes", "wiki"):
        recorder.tell(Event(Action.ALLOWED, 1.0, "", app=app))
        recorder.let_in(app)

    def counted(app):
        return metrics.registry.get_sample_value("glassgate_requests_total", {"app": app, "outcome": "allowed"})

    assert (counted("notes"), counted("wiki"), counted("")) == (2, 0, 2)
