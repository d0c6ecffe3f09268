"""The SQLite store: crashes, other processes, other people's files."""

import os
import random
import sqlite3
import stat
import time

import pytest

from glassgate.errors import StartError, StoreError
from glassgate.state.sqlite import SqliteStore
from state.child import child, names

NOW, LATER = 1_000.0, 2_000.0

# Tells each write after it returned; names of earlier runs are kept apart by the first argument's number.
WRITER = """
import sys
from pathlib import Path
from glassgate.state.sqlite import SqliteStore
store, run = SqliteStore(Path(sys.argv[1])), sys.argv[2]
for turn in range(1_000_000):
    key = f"{run}-{turn}"
    store.put("session", key, key.encode() * 40, 2000.0)
    assert store.add("once", key, b"used", 2000.0, 1000.0)
    if turn:
        store.delete("session", f"{run}-{turn - 1}")
    print(turn, flush=True)
"""

RACER = """
import sys
from pathlib import Path
from glassgate.state.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print("".join(str(int(store.add("once", str(n), b"x", 2000.0, 1000.0))) for n in range(150)), flush=True)
"""

# No file may grow beyond a limit: what a full disk looks like from inside.
FULL = """
import resource, signal, sys
from pathlib import Path
from glassgate.errors import StoreError
from glassgate.state.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
store.put("session", "kept", b"kept", 2000.0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    for turn in range(1000):
        store.put("session", str(turn), b"x" * 4000, 2000.0)
except StoreError as fault:
    print(fault)
print(store.get("session", "kept", 1000.0))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.put("session", "after", b"after", 2000.0)
print(store.get("session", "after", 1000.0))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "glassgate.db"


@pytest.fixture
def store(path):
    store = SqliteStore(path)
    yield store
    store.close()


def test_only_its_owner_can_read_it(path):
    old = os.umask(0)
    try:
        store = SqliteStore(path)
        store.put("session", "a", b"x", LATER)
    finally:
        os.umask(old)
    modes = {name: stat.S_IMODE((path.parent / name).stat().st_mode) for name in names(path.parent)}
    assert modes == dict.fromkeys([".lock", path.name, f"{path.name}-wal", f"{path.name}-shm"], 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_what_was_written_is_there_after_a_restart(path):
    for turn in range(3):
        store = SqliteStore(path)
        store.put("session", str(turn), b"x", LATER)
        assert [store.get("session", str(before), NOW) for before in range(turn + 1)] == [b"x"] * (turn + 1)
        store.close()


def test_a_write_is_synced_before_it_is_told(store):
    """Asked of SQLite itself, since no test can cut the power: write-ahead log, synced at every commit."""
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_kill_at_any_moment_loses_nothing_that_was_told(path):
    chance = random.Random(1)
    told = {}
    for run in range(8):
        with child(WRITER, path, run) as writer:
            first = writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.03))
            writer.kill()
            told[run] = int((first + writer.stdout.read()).splitlines()[-1])
        store = SqliteStore(path)
        for earlier, last in told.items():
            for turn in range(last + 1):
                key = f"{earlier}-{turn}"
                assert store.get("once", key, NOW) == b"used", key
                assert turn == last or store.get("session", key, NOW) is None, key
            # The last one may just have been deleted by the next turn, which was not told any more.
            assert store.get("session", f"{earlier}-{last}", NOW) in (f"{earlier}-{last}".encode() * 40, None)
        assert store._writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        store.close()
    assert max(told.values()) > 0


def test_of_several_processes_one_adds(path):
    with child(RACER, path) as one, child(RACER, path) as two, child(RACER, path) as three:
        racers = (one, two, three)
        for racer in racers:
            assert racer.stdout.readline() == b"ready\n"
        for racer in racers:
            racer.stdin.write(b"go\n")
            racer.stdin.flush()
        results = [racer.stdout.readline().strip() for racer in racers]
    assert [sum(map(int, column)) for column in zip(*(line.decode() for line in results), strict=True)] == [1] * 150


def test_another_process_sees_a_write_at_once(store, path):
    other = SqliteStore(path)
    store.put("session", "a", b"one", LATER)
    assert other.get("session", "a", NOW) == b"one"
    other.delete("session", "a")
    assert store.get("session", "a", NOW) is None
    other.close()


def test_closing_one_of_two_leaves_the_locks_of_the_other(store, path):
    SqliteStore(path).close()
    store.put("session", "a", b"one", LATER)
    with child(
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(TRUNCATE)')", path
    ) as c:
        assert c.wait() == 0
    assert store.get("session", "a", NOW) == b"one"


def test_reads_do_not_wait_for_a_writer_and_writes_wait_bounded(store, path):
    store.put("session", "a", b"one", LATER)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM entries")
    assert store.get("session", "a", NOW) == b"one"
    with pytest.raises(StoreError, match=r"locked.*another process"):
        store.put("session", "a", b"two", LATER)
    other.execute("ROLLBACK")
    other.close()
    store.put("session", "a", b"three", LATER)
    assert store.get("session", "a", NOW) == b"three"


def test_a_full_disk_is_told_and_what_stands_stays(path):
    with child(FULL, path) as process:
        told, kept, after = process.stdout.read().splitlines()
    assert b"disk" in told
    assert (kept, after) == (b"b'kept'", b"b'after'")


def written(path, content):
    path.write_bytes(content)
    path.chmod(0o600)


def spoiled(path):
    """A store of some pages, all of them but the first overwritten."""
    store = SqliteStore(path)
    for number in range(300):
        store.put("session", str(number), b"x" * 500, LATER)
    store.close()
    content = path.read_bytes()
    written(path, content[:4096] + b"\xa5" * (len(content) - 4096))


def foreign(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    path.chmod(0o600)


def newer(path):
    SqliteStore(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 7")
    other.close()


def open_to_all(path):
    SqliteStore(path).close()
    path.chmod(0o644)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: written(path, b"not a database, but long enough to be looked at" * 99), "not a database.*backup"),
        (spoiled, "malformed.*restore a backup"),
        (foreign, "another program"),
        (newer, "newer glassgate .schema 7"),
        (open_to_all, "0644.*chmod 600"),
        (lambda path: path.mkdir(mode=0o700), "unable to open"),
    ],
    ids=["garbage", "damaged", "another's", "newer", "open to all", "a folder"],
)
def test_a_file_that_cannot_be_used_is_told_and_left_as_it_is(path, spoil, said):
    path.parent.mkdir(mode=0o700)
    spoil(path)
    before = path.is_file() and path.read_bytes()
    with pytest.raises(StartError, match=said) as refused:
        SqliteStore(path)
    assert refused.value.where == str(path)
    assert (path.is_file() and path.read_bytes()) == before


def test_damage_that_shows_later_is_an_error_of_the_store(path):
    store = SqliteStore(path)
    for number in range(300):
        store.put("session", str(number), b"value of %d;" % number * 40, LATER)
    store.close()
    content = bytearray(path.read_bytes())
    page = content.index(b"value of 150;") // 4096 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    written(path, bytes(content))
    store = SqliteStore(path)
    assert store.get("session", "0", NOW) == b"value of 0;" * 40
    with pytest.raises(StoreError, match=r"malformed.*restore a backup"):
        store.get("session", "150", NOW)
    store.close()


@pytest.mark.parametrize("place", ["/proc/glassgate/x.db", "/sys/x.db", "file/x.db"])
def test_a_place_that_cannot_be_written_is_told(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="is not writable"):
        SqliteStore(tmp_path / place)


def test_a_file_that_was_taken_away_is_not_made_anew(path):
    store = SqliteStore(path)
    for name in names(path.parent):
        (path.parent / name).unlink()
    with pytest.raises(StoreError, match="unable to open"):
        store.get("session", "a", NOW)
    assert not path.exists()
    store.close()


def test_an_empty_file_is_a_new_store(path):
    """A crash between making the file and writing its schema leaves this."""
    path.parent.mkdir(mode=0o700)
    written(path, b"")
    store = SqliteStore(path)
    assert store.add("once", "a", b"x", LATER, NOW)
    store.close()


def test_a_name_that_is_no_text_is_an_error_of_the_store(store):
    with pytest.raises(StoreError):
        store.get("session", "\ud800", NOW)


def test_no_value_stands_in_an_error(store, path):
    path.with_name(path.name).chmod(0o600)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("DROP TABLE entries")
    other.close()
    with pytest.raises(StoreError) as told:
        store.put("session", "key-text", b"value-text", LATER)
    assert "key-text" not in str(told.value)
    assert "value-text" not in str(told.value)


def test_sweeping_goes_in_batches_and_has_an_end(store):
    rows = [("once", str(number), b"", 1.0) for number in range(60_000)]
    store._writer.execute("BEGIN")
    store._writer.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
    store._writer.execute("COMMIT")
    assert store.sweep(NOW) == 50_000
    assert store.sweep(NOW) == 10_000


def test_idle_connections_are_few(store):
    readers = [store._reader() for _ in range(20)]
    for reader in readers:
        reader.__enter__()
    for reader in readers:
        reader.__exit__(None, None, None)
    assert len(store._readers) == 8
