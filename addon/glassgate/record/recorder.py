"""Passes what happened on to the audit log and the metrics, at no risk for the request that it is about."""

import logging
from collections.abc import Iterable

from glassgate.record.audit import AuditLog
from glassgate.record.events import Action, Event
from glassgate.record.lately import Address, Lately
from glassgate.record.metrics import Metrics

logger = logging.getLogger(__name__)


class Recorder:
    """Told of every event. No method raises, and none waits: recording decides nothing."""

    def __init__(self, audit: AuditLog | None, metrics: Metrics, lately: Lately | None = None) -> None:
        self._audit = audit
        self._lately = lately
        self._metrics = metrics

    def know(self, apps: Iterable[str], providers: Iterable[str]) -> None:
        """Count by these names from now on."""
        try:
            self._metrics.know(apps, providers)
        except Exception as fault:  # noqa: BLE001 - as below
            logger.error("The names of apps and providers could not be taken: %s", type(fault).__name__)

    def tell(self, event: Event) -> None:
        """Count the event, and queue it for the audit log. What was let in is only counted."""
        try:
            self._metrics.count(event)
            if self._audit is not None and event.action is not Action.ALLOWED:
                self._audit.write(event)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong here is no reason to fail a request
            logger.error("An event could not be recorded: %s", type(fault).__name__)

    def let_in(self, app: str) -> None:
        """Count a request that was let in, of which nobody wants to know more."""
        try:
            self._metrics.let_in(app)
        except Exception as fault:  # noqa: BLE001 - as above
            logger.error("A request could not be counted: %s", type(fault).__name__)

    def note(self, ray: str, at: float, credential: str, ip: Address | None, app: str, policy: str) -> None:
        """Note what let a request in, for whoever asks later by its id."""
        if self._lately is None:
            return
        try:
            self._lately.note(ray, at, credential, ip, app, policy)
        except Exception as fault:  # noqa: BLE001 - as above
            logger.error("A request could not be noted: %s", type(fault).__name__)

    def decided(self, seconds: float) -> None:
        """Note how long the gate itself took over one request."""
        try:
            self._metrics.decided(seconds)
        except Exception as fault:  # noqa: BLE001 - as above
            logger.error("A duration could not be recorded: %s", type(fault).__name__)

    def turned_away(self, reason: str, *, told: bool) -> None:
        """Note that there was no room for a connection, and whether that is told."""
        try:
            self._metrics.turned_away(reason, told=told)
        except Exception as fault:  # noqa: BLE001 - as above
            logger.error("A connection could not be counted: %s", type(fault).__name__)
