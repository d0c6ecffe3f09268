"""Small private files: written whole or not at all, and readable by their owner alone."""

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from glassgate.errors import StartError

MAX_FILE = 1 << 20  # bytes; a key file is some 10 KB
LOCK_TIME = 10.0  # seconds to wait for another process that is writing
LOCK = ".lock"


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter (0700) where there is none, and see that files can be made in it.

    Raises StartError where they cannot.
    """
    try:
        # One by one: mkdir gives only the last of them its mode, and the others what the umask leaves.
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as fault:
        raise not_writable(path, fault) from fault
    return path


def not_writable(path: Path, fault: OSError) -> StartError:
    """The error of a place where we cannot write."""
    return StartError(
        f"is not writable: {fault.strerror or fault}",
        where=str(path),
        mend="make it writable for this user, or choose another place in the configuration",
    )


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one, on disk, with `mode`.

    Raises StartError where it cannot be written; the old file is then untouched.
    """
    try:
        file, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
        _sync_folder(path.parent)
    except OSError as fault:
        raise not_writable(path, fault) from fault


def _sync_folder(folder: Path) -> None:
    # The new name is on disk only when the folder is.
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def remove_leftovers(path: Path) -> None:
    """Remove what a crash within `write_whole` of this file left. To be called with the folder locked."""
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)


def read_private(path: Path) -> bytes | None:
    """Read a file that holds a secret; None where there is none.

    Raises StartError where others than its owner may read it, or where it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & 0o077:
                raise open_to_others(path, mode)
            data = stream.read(MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise StartError(
            f"cannot be read: {fault.strerror or fault}", where=str(path), mend="make it readable for this user"
        ) from fault
    if len(data) > MAX_FILE:
        raise StartError("is far too long for a key file", where=str(path), mend="put the right file there")
    return data


def open_to_others(path: Path, mode: int) -> StartError:
    """The error of a secret that is not one."""
    return StartError(
        f"holds secrets, and others than its owner may use it (mode {mode:04o})",
        where=str(path),
        mend=f"chmod 600 {path}",
    )


@contextlib.contextmanager
def locked(folder: Path, wait: float = LOCK_TIME) -> Iterator[None]:
    """Hold a folder against every other process and thread that locks it so. It is let go when a process dies.

    Raises StartError where the folder cannot be written, or where another holds it for more than `wait` seconds.
    """
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise not_writable(folder, fault) from fault
    try:
        _wait_for(file, folder, wait)
        yield
    finally:
        os.close(file)  # ends the lock too


def _wait_for(file: int, folder: Path, wait: float) -> None:
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as fault:
            if time.monotonic() > end:
                raise StartError(
                    "is held by another process",
                    where=str(folder),
                    mend="end the other glassgate that is starting here, or wait for it",
                ) from fault
            time.sleep(0.01)
        except OSError as fault:
            raise StartError(
                f"cannot be locked: {fault.strerror or fault}",
                where=str(folder),
                mend="put it on a file system with locks",
            ) from fault
