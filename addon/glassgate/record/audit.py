"""The audit log: one JSON line an event, with the names that Cloudflare's Logpush gives them."""

import contextlib
import json
import logging
import os
import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glassgate.errors import StartError
from glassgate.record.events import Action, Event
from glassgate.record.redact import redact

QUEUE = 10_000  # events that may wait for the disk
MAX_TEXT = 1024  # characters of one value
MAX_DETAILS = 64
CLOSE_TIME = 5.0  # seconds that closing waits for the disk

# Logpush knows login and logout, and `Allowed` tells them apart; the others are ours.
ACTIONS = {Action.SIGN_IN: "login", Action.SIGN_IN_FAILED: "login"}

logger = logging.getLogger(__name__)


def line(event: Event) -> bytes:
    """One event as a line of JSON with its newline, in ASCII: no value can break the line or a terminal."""
    known: dict[str, Any] = {
        "Action": ACTIONS.get(event.action, event.action.value),
        "Allowed": event.allowed,
        "AppDomain": _text(event.app_domain),
        "AppUUID": _text(event.app_aud),
        "Country": _text(event.country),
        "CreatedAt": _rfc3339(event.at),
        "Email": _text(event.email),
        "IPAddress": _text(event.ip),
        "RayID": _text(event.ray),
        "UserUID": _text(event.user_id),
    }
    ours: dict[str, Any] = {
        "App": _text(event.app),
        "Provider": _text(event.provider),
        "Policy": _text(event.policy),
        "Reason": _text(event.reason),
        "Details": [_text(detail) for detail in event.details[:MAX_DETAILS]],
        "Status": event.status,
        "Facts": event.facts,
        "Rules": event.rules,
        "Grant": event.grant,
        "Host": _foreign(event.host),
        "Method": _foreign(event.method),
        "Path": _foreign(event.path),
        "UserAgent": _foreign(event.user_agent),
    }
    said = known | {name: value for name, value in ours.items() if value}
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


def _text(value: str | None) -> str:
    return (value or "")[:MAX_TEXT]


def _foreign(value: str | None) -> str:
    # The visitor wrote it, so anything may stand there.
    return redact(_text(value))


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class AuditLog:
    """Appends events to a file from a thread of its own, so that no request waits for the disk.

    The file is made with mode 0600 and only ever appended to, a line a write. When it is renamed (logrotate),
    the next line opens a new one. A line that could not be queued or written is lost: `lost` is called for each.
    Raises StartError where the file cannot be opened.
    """

    def __init__(self, path: Path, lost: Callable[[], None] = lambda: None, *, queue_size: int = QUEUE) -> None:
        self._path = path
        self._lost = lost
        self._queue: queue.Queue[Event | None] = queue.Queue(queue_size)
        self._closed = False
        self._failing = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self._open()
        except OSError as fault:
            raise StartError(
                f"the audit log cannot be written: {fault.strerror or fault}",
                where=str(path),
                mend="make the folder writable for this user, or set audit.file to another place",
            ) from fault
        self._thread = threading.Thread(target=self._run, name="glassgate-audit", daemon=True)
        self._thread.start()

    def write(self, event: Event) -> None:
        """Queue one event. Returns at once; where the queue is full the event is lost, and counted."""
        try:
            if self._closed:
                raise queue.Full
            self._queue.put_nowait(event)
        except queue.Full:
            self._lost()

    def close(self) -> None:
        """Write what is queued, and let go of the file. Waits for the disk, but not for ever."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=CLOSE_TIME)
        self._thread.join(CLOSE_TIME)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._append(line(event))
                self._failing = False
            except Exception as fault:  # noqa: BLE001 - the thread must outlive any event and any disk
                self._told(fault)
        with contextlib.suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)

    def _told(self, fault: Exception) -> None:
        self._lost()
        if not self._failing:
            logger.error("%s: the audit log cannot be written, and lines are lost: %s", self._path, fault)
        self._failing = True

    def _append(self, data: bytes) -> None:
        if self._moved():
            fresh = self._open()
            os.close(self._file)
            self._file = fresh
        written = os.write(self._file, data)
        if written != len(data):
            # Half a line stands there (a full disk). Ending it keeps the next line whole.
            os.write(self._file, b"\n")
            raise OSError("only a part of a line could be written")

    def _moved(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        ours = os.fstat(self._file)
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        file = os.open(self._path, flags, 0o600)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                os.write(file, b"\n")  # a crash left half a line
        except OSError:
            os.close(file)
            raise
        return file
