"""The embedded store: one SQLite file, which several processes may share."""

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Collection, Iterator, Sequence
from itertools import batched
from pathlib import Path
from typing import Any

from glassgate.errors import StartError, StoreError
from glassgate.state.files import locked, not_writable, open_to_others, private_folder
from glassgate.state.store import MOST_FOUND, Change

SCHEMA = 1  # user_version; a file with a higher one is from a newer glassgate
APPLICATION = 0x67676174  # application_id, "ggat": the file is ours
WAIT = 2.0  # seconds that a call waits for another writer
IDLE_READERS = 8  # connections kept for later reads
BATCH = 500  # rows of one statement, so that a sweep holds up no writer for long
MAX_BATCHES = 100

# With row ids, though they cost a second look-up: values of 1 KB in the tree of names itself (WITHOUT ROWID) were
# measured to take three times the space and, with 300,000 sessions, seven times as long to find.
CREATE = """
CREATE TABLE entries (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expires REAL NOT NULL,
    PRIMARY KEY (space, key)
)
"""
INDEX = "CREATE INDEX entries_by_end ON entries (expires)"

GET = "SELECT value FROM entries WHERE space = ? AND key = ? AND expires > ?"
GET_ALL = "SELECT key, value FROM entries WHERE space = ? AND expires > ? AND key IN ({})"
PUT = """
INSERT INTO entries (space, key, value, expires) VALUES (?, ?, ?, ?)
ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, expires = excluded.expires
"""
# One statement is one transaction: of several callers the first writes, and the rest change nothing.
ADD = PUT + "WHERE entries.expires <= ?"
SWAP = """
UPDATE entries SET value = ?, expires = ? WHERE space = ? AND key = ? AND value = ? AND expires > ?
"""
# Bytes compare as code points do, and U+10FFFF is the last of these: so this is the range of what begins so.
FIND = """
SELECT key FROM entries WHERE space = ? AND key {} ? AND key < ? AND expires > ? ORDER BY key LIMIT ?
"""
LAST = "\U0010ffff"
DELETE = "DELETE FROM entries WHERE space = ? AND key = ?"
SWEEP = "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries WHERE expires <= ? LIMIT ?)"


class SqliteStore:
    """Keeps entries in the file at `path` (0600, its folder 0700), in write-ahead-log mode.

    A write has been synced to the disk when its call returns, so neither kill -9 nor a power cut undoes it.
    Writes take turns on one connection; reads have their own, and wait for nobody.
    Raises StartError where the file cannot be used: it is never made anew in place of one that is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        private_folder(path.parent)
        with locked(path.parent):
            self._writer = self._opened()

    def get(self, space: str, key: str, now: float) -> bytes | None:
        """Return the live value, or None."""
        with self._faults(), self._reader() as connection:
            row = connection.execute(GET, (space, key, now)).fetchone()
        return row[0] if row else None

    def get_all(self, space: str, keys: Collection[str], now: float) -> dict[str, bytes]:
        """The live values of all these keys that have one."""
        found: dict[str, bytes] = {}
        with self._faults(), self._reader() as connection:
            for some in batched(keys, BATCH):
                places = ",".join("?" * len(some))
                found.update(connection.execute(GET_ALL.format(places), (space, now, *some)).fetchall())
        return found

    def put(self, space: str, key: str, value: bytes, expires: float) -> None:
        """Write the value, over any older one."""
        self._write(PUT, (space, key, value, expires))

    def add(self, space: str, key: str, value: bytes, expires: float, now: float) -> bool:
        """Write the value only where no live one is. True for exactly one of any number of callers."""
        return self._write(ADD, (space, key, value, expires, now)) == 1

    def swap(self, space: str, key: str, old: bytes, new: bytes, expires: float, now: float) -> bool:
        """Write `new` only where the live value still is `old`."""
        return self._write(SWAP, (new, expires, space, key, old, now)) == 1

    def find(self, space: str, prefix: str, now: float, after: str = "") -> list[str]:
        """The keys of live entries that begin so and follow `after`, at most MOST_FOUND of them, in their order."""
        begin, op = (after, ">") if after > prefix else (prefix, ">=")
        with self._faults(), self._reader() as connection:
            rows = connection.execute(FIND.format(op), (space, begin, prefix + LAST, now, MOST_FOUND)).fetchall()
        return [row[0] for row in rows]

    def delete(self, space: str, key: str) -> None:
        """Forget the entry; nothing happens where there is none."""
        self._write(DELETE, (space, key))

    def change(self, changes: Sequence[Change]) -> None:
        """Make all of these changes in one transaction, which is one wait for the disk."""
        with self._faults(), self._turn():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                for one in changes:
                    if one.value is None:
                        self._writer.execute(DELETE, (one.space, one.key))
                    else:
                        self._writer.execute(PUT, (one.space, one.key, one.value, one.expires))
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # a full disk has undone it already
                    self._writer.execute("ROLLBACK")
                raise

    def sweep(self, now: float) -> int:
        """Remove entries that have ended, at most 50,000; return how many."""
        removed = 0
        for _ in range(MAX_BATCHES):
            batch = self._write(SWEEP, (now, BATCH))
            removed += batch
            if batch < BATCH:
                break
        return removed

    def close(self) -> None:
        """Close the file. Any later call raises StoreError."""
        with self._writing:
            self._closed = True
            self._writer.close()
        while self._readers:
            self._readers.pop().close()

    def _write(self, statement: str, values: tuple[str | bytes | float, ...]) -> int:
        with self._faults(), self._turn():
            return self._writer.execute(statement, values).rowcount

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._writing.acquire(timeout=WAIT):
            raise StoreError("is busy with other writes", where=str(self._path))
        try:
            yield
        finally:
            self._writing.release()

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise StoreError("the store is closed", where=str(self._path))
        # list.pop and list.append are atomic, so a connection is only ever one thread's.
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._connected()
        try:
            yield connection
        finally:
            if self._closed or len(self._readers) >= IDLE_READERS:
                connection.close()
            else:
                self._readers.append(connection)

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as fault:
            raise StoreError(_said(fault), where=str(self._path), mend=_mend(fault)) from fault
        except (sqlite3.Error, UnicodeError, OverflowError) as fault:
            raise StoreError(type(fault).__name__, where=str(self._path)) from fault

    def _connected(self) -> sqlite3.Connection:
        # mode=rw: a file that went away is a fault, and none to be made anew.
        place = f"{self._path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(place, uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False)
        # FULL: a revocation, or the mark of a used code, must outlive a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _opened(self) -> sqlite3.Connection:
        try:
            _make_private(self._path)
            connection = self._connected()
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except OSError as fault:
            raise not_writable(self._path, fault) from fault
        except sqlite3.Error as fault:
            raise StartError(_said(fault), where=str(self._path), mend=_mend(fault)) from fault
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = _one(connection, "PRAGMA user_version")
        if not version and not _one(connection, "SELECT count(*) FROM sqlite_master"):
            _create(connection)
        elif _one(connection, "PRAGMA application_id") != APPLICATION:
            raise StartError(
                "is a database of another program", where=str(self._path), mend="set store: to another file"
            )
        elif version > SCHEMA:
            raise StartError(
                f"was written by a newer glassgate (schema {version}, this one knows {SCHEMA})",
                where=str(self._path),
                mend="start that version, or set store: to another file",
            )
        if _one(connection, "PRAGMA journal_mode = WAL") != "wal":
            raise StartError(
                "stands on a file system without shared memory", where=str(self._path), mend="use a local disk"
            )
        # Touches the table and its index, so that gross damage shows now and not at the first sign-in.
        connection.execute("SELECT value FROM entries ORDER BY space, key LIMIT 1").fetchall()
        connection.execute("SELECT expires FROM entries ORDER BY expires LIMIT 1").fetchall()


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(CREATE)
    connection.execute(INDEX)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("COMMIT")


def _make_private(path: Path) -> None:
    try:
        # SQLite gives its -wal and -shm the mode of the file itself.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # Looked at by name: closing a file of our own would end the locks that this process has on it (POSIX).
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise open_to_others(path, mode) from None


def _one(connection: sqlite3.Connection, statement: str) -> Any:
    return connection.execute(statement).fetchone()[0]


MENDS = {
    sqlite3.SQLITE_BUSY: "another process holds it; look who, or try again",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_IOERR: "look at the disk: it is full or failing",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this user",
    sqlite3.SQLITE_CANTOPEN: "make the file and its folder writable for this user",
    sqlite3.SQLITE_CORRUPT: "restore a backup, or move it away: then everybody signs in again",
    sqlite3.SQLITE_NOTADB: "restore a backup, or move it away: then everybody signs in again",
}


def _said(fault: sqlite3.Error) -> str:
    # SQLite's own words name statements and columns, never a value.
    return f"the store did not answer: {fault}"


def _mend(fault: sqlite3.Error) -> str:
    # The low byte is the primary code (https://sqlite.org/rescode.html).
    return MENDS.get(getattr(fault, "sqlite_errorcode", 0) & 0xFF, "")
