"""Small private files."""

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from glassgate.errors import StartError
from glassgate.state import files
from state.child import child, names

CHILD = """
import sys
from pathlib import Path
from glassgate.state.files import write_whole
path, turn = Path(sys.argv[1]), 0
while True:
    turn += 1
    write_whole(path, (b"%d " % turn) * 20_000)
    if turn == 1:
        print("written", flush=True)
"""

HOLDER = """
import sys, time
from pathlib import Path
from glassgate.state.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022])
def test_every_folder_that_is_made_is_its_owners_alone(tmp_path, umask):
    old = os.umask(umask)
    try:
        files.private_folder(tmp_path / "state" / "keys")
    finally:
        os.umask(old)
    assert (mode(tmp_path / "state"), mode(tmp_path / "state" / "keys")) == (0o700, 0o700)


@pytest.mark.parametrize("wanted", [0o600, 0o644])
def test_a_file_is_written_with_its_mode(tmp_path, wanted):
    old = os.umask(0)
    try:
        files.write_whole(tmp_path / "file", b"content", mode=wanted)
    finally:
        os.umask(old)
    assert (tmp_path / "file").read_bytes() == b"content"
    assert mode(tmp_path / "file") == wanted
    assert names(tmp_path) == ["file"]


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "file").mkdir()  # a name that no file can take
    with pytest.raises(StartError, match="is not writable"):
        files.write_whole(tmp_path / "file", b"content")
    assert names(tmp_path) == ["file"]


def test_a_write_that_is_killed_leaves_the_old_file_or_the_new(tmp_path):
    path = tmp_path / "file"
    for delay in (0.0, 0.001, 0.003, 0.007, 0.012):
        with child(CHILD, path) as writer:
            assert writer.stdout.readline() == b"written\n"
            time.sleep(delay)
        content = path.read_bytes()
        assert content == (content.split(b" ")[0] + b" ") * 20_000
        files.remove_leftovers(path)
        assert names(tmp_path) == ["file"]


def test_leftovers_of_other_files_stay(tmp_path):
    for name in (".file.abc", ".file2.abc", "file", ".lock"):
        (tmp_path / name).touch()
    files.remove_leftovers(tmp_path / "file")
    assert names(tmp_path) == [".file2.abc", ".lock", "file"]


def test_a_private_folder_is_made_for_its_owner_alone(tmp_path):
    old = os.umask(0)
    try:
        assert files.private_folder(tmp_path / "state") == tmp_path / "state"
    finally:
        os.umask(old)
    assert mode(tmp_path / "state") == 0o700
    assert names(tmp_path / "state") == []


@pytest.mark.parametrize("place", ["/proc/glassgate", "/proc", "file/below", "file"])
def test_a_folder_that_cannot_be_written_is_told(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"is not writable: .* \(make it writable"):
        files.private_folder(tmp_path / place)


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_secret_that_others_may_use_is_refused(tmp_path, bits):
    path = tmp_path / "key"
    path.write_bytes(b"secret-content")
    path.chmod(bits)
    with pytest.raises(StartError, match=rf"key: holds secrets.*{bits:04o}.*chmod 600 ") as refused:
        files.read_private(path)
    assert "secret-content" not in str(refused.value)


@pytest.mark.parametrize("bits", [0o600, 0o400])
def test_a_secret_of_its_owner_is_read(tmp_path, bits):
    path = tmp_path / "key"
    path.write_bytes(b"secret")
    path.chmod(bits)
    assert files.read_private(path) == b"secret"


def test_a_missing_secret_is_none(tmp_path):
    assert files.read_private(tmp_path / "key") is None


def test_a_secret_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "key").mkdir(mode=0o700)
    with pytest.raises(StartError, match="cannot be read"):
        files.read_private(tmp_path / "key")


def test_a_secret_that_is_too_long_is_refused(tmp_path):
    files.write_whole(tmp_path / "key", b"x" * (files.MAX_FILE + 1))
    with pytest.raises(StartError, match="too long"):
        files.read_private(tmp_path / "key")


def test_a_lock_is_held_by_one(tmp_path):
    inside, most, total = 0, 0, 0

    def work():
        nonlocal inside, most, total
        for _ in range(20):
            with files.locked(tmp_path):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1
                total += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, total) == (1, 80)


def test_a_lock_ends_with_an_exception_and_with_its_process(tmp_path):
    with pytest.raises(KeyError), files.locked(tmp_path):
        raise KeyError
    with child(HOLDER, tmp_path) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StartError, match="held by another process"), files.locked(tmp_path, wait=0.05):
            pass
    with files.locked(tmp_path, wait=0.05):
        pass


def test_a_lock_where_nothing_can_be_written_is_told():
    with pytest.raises(StartError, match="is not writable"), files.locked(Path("/proc")):
        pass
