"""The metrics."""

import math

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from glassgate.record.events import Action, Event
from glassgate.record.metrics import MAX_REASONS, METRICS, Metrics


@pytest.fixture
def metrics():
    return Metrics("1.2.3", ["wiki", "payroll"], ["entra"])


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


def told(action, **more):
    return Event(action, 1.0, "r", **more)


@pytest.mark.parametrize(
    ("event", "name", "labels"),
    [
        (told(Action.ALLOWED, app="wiki"), "requests", {"app": "wiki", "outcome": "allowed"}),
        (told(Action.DENIED, app="wiki"), "requests", {"app": "wiki", "outcome": "denied"}),
        (told(Action.DENIED, app="wiki"), "policy_denied", {"app": "wiki"}),
        (told(Action.UNAUTHENTICATED, app="payroll"), "requests", {"app": "payroll", "outcome": "unauthenticated"}),
        (told(Action.REFUSED, reason="two_hosts"), "requests", {"app": "", "outcome": "refused"}),
        (told(Action.REFUSED, reason="two_hosts"), "refused", {"reason": "two_hosts"}),
        (told(Action.ERROR, app="wiki", reason="x"), "requests", {"app": "wiki", "outcome": "error"}),
        (told(Action.SIGN_IN, provider="entra"), "sign_ins", {"provider": "entra", "result": "success"}),
        (told(Action.RECHECKED, provider="entra"), "rechecks", {"provider": "entra", "result": "confirmed"}),
        (told(Action.SESSION_ENDED, provider="entra"), "rechecks", {"provider": "entra", "result": "ended"}),
        (told(Action.CHALLENGED, provider="x"), "rechecks", {"provider": "other", "result": "challenged"}),
        (told(Action.SIGN_IN_FAILED, provider="entra"), "sign_ins", {"provider": "entra", "result": "failure"}),
        (
            told(Action.SIGN_IN_FAILED, provider="entra", reason="nonce"),
            "sign_in_failures",
            {"provider": "entra", "reason": "nonce"},
        ),
    ],
)
def test_an_event_is_counted(metrics, event, name, labels):
    before = value(metrics, f"glassgate_{name}_total", **labels) or 0
    metrics.count(event)
    metrics.count(event)
    assert value(metrics, f"glassgate_{name}_total", **labels) == before + 2


@pytest.mark.parametrize("action", [Action.ISSUED, Action.LOGOUT, Action.SIGN_IN])
def test_what_is_no_outcome_of_a_request_is_not_counted_as_one(metrics, action):
    metrics.count(told(action, app="wiki", provider="entra"))
    assert sum(sample.value for family in metrics.registry.collect() if family.name == "glassgate_requests"
               for sample in family.samples if sample.name.endswith("_total")) == 0  # fmt: skip


def series(metrics):
    return sum(len(family.samples) for family in metrics.registry.collect())


def test_labels_are_bounded_whatever_is_asked(metrics):
    for number in range(3 * MAX_REASONS):
        for action in Action:
            metrics.count(
                told(action, app=f"a{number}", provider=f"p{number}", reason=f"r{number}", host=f"{number}.x")
            )
    size = series(metrics)
    for number in range(1000):
        for action in Action:
            metrics.count(told(action, app=f"b{number}", provider=f"q{number}", reason=f"s{number}"))
    assert series(metrics) == size
    assert value(metrics, "glassgate_refused_total", reason="other") > 1000


@pytest.mark.parametrize("reason", ["", "two words", "x" * 41, "a\nb", 'a"b', "../etc", "1st"])
def test_a_reason_that_is_no_machine_name_is_other(metrics, reason):
    metrics.count(told(Action.REFUSED, reason=reason))
    assert value(metrics, "glassgate_refused_total", reason="other") == 1


def test_a_changed_configuration_is_known_and_what_was_counted_stays(metrics):
    metrics.count(told(Action.ALLOWED, app="wiki"))
    metrics.know(["wiki", "new"], ["entra", "okta"])
    metrics.count(told(Action.ALLOWED, app="wiki"))
    metrics.count(told(Action.ALLOWED, app="new"))
    metrics.count(told(Action.ALLOWED, app="payroll"))
    counted = {
        app: value(metrics, "glassgate_requests_total", app=app, outcome="allowed") for app in ("wiki", "new", "")
    }
    assert counted == {"wiki": 2, "new": 1, "": 1}


def test_a_provider_is_up_or_not_and_unknown_until_asked(metrics):
    assert value(metrics, "glassgate_provider_up", provider="entra") is None
    metrics.count(told(Action.SIGN_IN_FAILED, provider="entra", reason="nonce_mismatch"))
    assert value(metrics, "glassgate_provider_up", provider="entra") is None, "it answered, and badly"
    metrics.count(told(Action.SIGN_IN_FAILED, provider="entra", reason="timeout"))
    assert value(metrics, "glassgate_provider_up", provider="entra") == 0
    metrics.count(told(Action.SIGN_IN, provider="entra"))
    assert value(metrics, "glassgate_provider_up", provider="entra") == 1
    metrics.count(told(Action.SIGN_IN, provider="other"))
    assert value(metrics, "glassgate_provider_up", provider="other") is None


def test_the_rest(metrics):
    metrics.count(told(Action.ERROR, reason="StoreError"))
    metrics.count(told(Action.ERROR, reason="RuntimeError"))
    metrics.audit_lost()
    metrics.turned_away("crowded", told=True)
    metrics.turned_away("crowded", told=False)
    metrics.decided(0.00007)
    assert value(metrics, "glassgate_store_errors_total") == 1
    assert value(metrics, "glassgate_audit_dropped_total") == 1
    assert value(metrics, "glassgate_turned_away_total", reason="crowded", how="told") == 1
    assert value(metrics, "glassgate_turned_away_total", reason="crowded", how="hung_up") == 1
    assert value(metrics, "glassgate_decision_seconds_bucket", le="0.0001") == 1
    assert value(metrics, "glassgate_decision_seconds_bucket", le="5e-05") == 0
    assert value(metrics, "glassgate_build_info", version="1.2.3") == 1


def test_the_table_is_all_that_is_served_and_it_says_what_it_means(metrics):
    for action in Action:
        metrics.count(told(action, app="wiki", provider="entra", reason="x"))
    metrics.watch_keys("entra", lambda: 60.0)
    metrics.turned_away("crowded", told=True)
    served = {
        family.name: family
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        if not family.name.endswith("_created")
    }
    assert {row.name.removesuffix("_total") for row in METRICS} == set(served)
    for row in METRICS:
        family = served[row.name.removesuffix("_total")]
        assert family.documentation == row.help
        assert family.type == row.kind.__name__.lower()
        assert {label for sample in family.samples for label in sample.labels} - {"le"} == set(row.labels)


def test_the_age_of_keys_is_read_when_somebody_looks(metrics):
    ages = iter([None, 10.0, 90_000.0])
    metrics.watch_keys("entra", lambda: next(ages))
    seen = [value(metrics, "glassgate_provider_keys_age_seconds", provider="entra") for _ in range(3)]
    assert (math.isnan(seen[0]), seen[1:]) == (True, [10.0, 90_000.0])


def test_two_sets_of_metrics_are_apart():
    one, other = Metrics("1", ["wiki"]), Metrics("1", ["wiki"])
    one.count(told(Action.ALLOWED, app="wiki"))
    assert value(other, "glassgate_requests_total", app="wiki", outcome="allowed") == 0
