"""The metrics: one table of them, into which events are counted."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from glassgate.record.events import Action, Event

Kind = type[Counter] | type[Gauge] | type[Histogram]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


REQUESTS = Metric("glassgate_requests_total", Counter, "Requests, by what became of them.", ("app", "outcome"))
SIGN_INS = Metric("glassgate_sign_ins_total", Counter, "Sign-ins that came to an end.", ("provider", "result"))
FAILURES = Metric("glassgate_sign_in_failures_total", Counter, "Sign-ins that failed, and why.", ("provider", "reason"))
REFUSED = Metric("glassgate_refused_total", Counter, "Requests refused before any app was asked.", ("reason",))
DENIED = Metric("glassgate_policy_denied_total", Counter, "Signed-in visitors refused by a policy.", ("app",))
TURNED_AWAY = Metric(
    "glassgate_turned_away_total",
    Counter,
    "Connections for which there was no room, by why, and whether that was told or they were hung up on.",
    ("reason", "how"),
)
PROVIDER_UP = Metric(
    "glassgate_provider_up",
    Gauge,
    "Whether the identity provider answered last time (1) or not (0).",
    ("provider",),
)
RECHECKS = Metric(
    "glassgate_rechecks_total", Counter, "Sessions that their provider was asked for again.", ("provider", "result")
)
KEYS_AGE = Metric(
    "glassgate_provider_keys_age_seconds",
    Gauge,
    "How old the identity provider's keys are: an hour at most, unless it is away.",
    ("provider",),
)
CHANGES = Metric(
    "glassgate_config_changes_total", Counter, "Changes of the configuration while the gate ran.", ("result",)
)
CURRENT = Metric(
    "glassgate_config_current",
    Gauge,
    "Whether what is in force is what the configuration says (1), or it was refused (0).",
)
STORE_ERRORS = Metric("glassgate_store_errors_total", Counter, "Times that the store did not answer.")
AUDIT_DROPPED = Metric("glassgate_audit_dropped_total", Counter, "Audit lines lost to a full queue or disk.")
DECISION = Metric("glassgate_decision_seconds", Histogram, "The gate's own work on one request.")
BUILD = Metric("glassgate_build_info", Gauge, "Always 1; the version is in the label.", ("version",))

METRICS = (
    REQUESTS, SIGN_INS, FAILURES, RECHECKS, REFUSED, DENIED, TURNED_AWAY, PROVIDER_UP, KEYS_AGE, CHANGES,
    CURRENT, STORE_ERRORS, AUDIT_DROPPED, DECISION, BUILD,
)  # fmt: skip

BUCKETS = (5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0)

# What became of a request. Sign-ins are counted apart, and an issued token is no outcome of its own.
OUTCOMES = {
    Action.ALLOWED: "allowed",
    Action.DENIED: "denied",
    Action.UNAUTHENTICATED: "unauthenticated",
    Action.REFUSED: "refused",
    Action.ERROR: "error",
}
RESULTS = {Action.SIGN_IN: "success", Action.SIGN_IN_FAILED: "failure"}
RECHECKED = {
    Action.RECHECKED: "confirmed",
    Action.RECHECK_FAILED: "failed",
    Action.CHALLENGED: "challenged",
    Action.SESSION_ENDED: "ended",
}

CHANGED = {Action.CONFIG_TAKEN: "taken", Action.CONFIG_REFUSED: "refused"}

# The reasons by which a provider is taken to be away, and the kind of fault that is the store's.
PROVIDER_FAULTS = frozenset(("timeout", "tls_untrusted", "provider_unavailable"))
STORE_FAULT = "StoreError"

# Label values come from the configuration or are machine names of our own; anything else is this.
OTHER = "other"
NONE = ""
REASON = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
MAX_REASONS = 100


class Metrics:
    """Counts events in a registry of its own. Cheap enough for every request, and bounded whatever is asked."""

    def __init__(self, version: str, apps: Iterable[str] = (), providers: Iterable[str] = ()) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter(REQUESTS)
        self._sign_ins = self._counter(SIGN_INS)
        self._failures = self._counter(FAILURES)
        self._rechecks = self._counter(RECHECKS)
        self._keys_age = Gauge(KEYS_AGE.name, KEYS_AGE.help, KEYS_AGE.labels, registry=self.registry)
        self._refused = self._counter(REFUSED)
        self._denied = self._counter(DENIED)
        self._turned_away = self._counter(TURNED_AWAY)
        self._changes = self._counter(CHANGES)
        self._current = Gauge(CURRENT.name, CURRENT.help, registry=self.registry)
        self._current.set(1)
        self._store_errors = self._counter(STORE_ERRORS)
        self._audit_dropped = self._counter(AUDIT_DROPPED)
        self._provider_up = Gauge(PROVIDER_UP.name, PROVIDER_UP.help, PROVIDER_UP.labels, registry=self.registry)
        self._decision = Histogram(DECISION.name, DECISION.help, buckets=BUCKETS, registry=self.registry)
        Gauge(BUILD.name, BUILD.help, BUILD.labels, registry=self.registry).labels(version).set(1)
        self._reasons: set[str] = set()
        self.know(apps, providers)

    def _counter(self, row: Metric) -> Counter:
        return Counter(row.name, row.help, row.labels, registry=self.registry)

    def know(self, apps: Iterable[str], providers: Iterable[str]) -> None:
        """Take the names that labels may have: at the start, and when the configuration changed."""
        self._apps = frozenset(apps)
        self._providers = frozenset(providers)
        # Bound once, since looking a child up by its labels costs as much as counting in it.
        self._outcomes = {
            (app, action): self._requests.labels(app or NONE, outcome)
            for app in (None, *self._apps)
            for action, outcome in OUTCOMES.items()
        }

    def count(self, event: Event) -> None:
        """Count one event in every row that it belongs to."""
        if event.action in OUTCOMES:
            app = event.app if event.app in self._apps else None
            self._outcomes[app, event.action].inc()
        if event.action is Action.ERROR and event.reason == STORE_FAULT:
            self._store_errors.inc()
        if event.action is Action.SIGN_IN or event.reason in PROVIDER_FAULTS:
            self._answered(event.provider, event.action is Action.SIGN_IN)
        if event.action in RESULTS:
            self._sign_ins.labels(self._provider(event), RESULTS[event.action]).inc()
        if event.action in RECHECKED:
            self._rechecks.labels(self._provider(event), RECHECKED[event.action]).inc()
        if event.action in CHANGED:
            self._changes.labels(CHANGED[event.action]).inc()
            self._current.set(event.action is Action.CONFIG_TAKEN)
        if event.action is Action.SIGN_IN_FAILED:
            self._failures.labels(self._provider(event), self._reason(event)).inc()
        elif event.action is Action.REFUSED:
            self._refused.labels(self._reason(event)).inc()
        elif event.action is Action.DENIED:
            self._denied.labels(event.app if event.app in self._apps else OTHER).inc()

    def let_in(self, app: str) -> None:
        """Count a request that was let in."""
        self._outcomes[app if app in self._apps else None, Action.ALLOWED].inc()

    def watch_keys(self, provider: str, age: Callable[[], float | None]) -> None:
        """Have the age of a provider's keys read whenever somebody looks; one that has none has no age."""
        self._keys_age.labels(provider).set_function(lambda: math.nan if (seconds := age()) is None else seconds)

    def decided(self, seconds: float) -> None:
        """Note how long the gate itself took over one request."""
        self._decision.observe(seconds)

    def turned_away(self, reason: str, *, told: bool) -> None:
        """Note that there was no room for a connection. `reason` is the standing message that says so."""
        self._turned_away.labels(reason, "told" if told else "hung_up").inc()

    def audit_lost(self) -> None:
        """Note that a line of the audit log was lost."""
        self._audit_dropped.inc()

    def _answered(self, provider: str | None, up: bool) -> None:
        if provider in self._providers:
            self._provider_up.labels(provider).set(up)

    def _provider(self, event: Event) -> str:
        provider = event.provider or ""
        return provider if provider in self._providers else OTHER

    def _reason(self, event: Event) -> str:
        reason = event.reason or ""
        if reason in self._reasons:
            return reason
        if len(self._reasons) >= MAX_REASONS or not REASON.fullmatch(reason):
            return OTHER
        self._reasons.add(reason)
        return reason
