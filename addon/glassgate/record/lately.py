"""Which requests were let in lately, and by what: a ring of fixed size on disk, a microsecond a request.

Of what is let in the audit log holds no line. But an origin logs `Cf-Ray`, and somebody may ask why that got in.
"""

import contextlib
import fcntl
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from glassgate.errors import StartError

SLOTS = 65_536  # 4 MiB for each process of a gate
MOST_FILES = 256
_SLOT = struct.Struct(">16sd16s16sII")  # ray, when, by what, from where, app, policy
_MAPPED = b"\0" * 10 + b"\xff\xff"  # RFC 4291 section 2.5.5.2

type Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class LetIn:
    """A request that was let in. `grant` begins the digest of what let it in (32 hex digits; "" where nothing did);
    `app` and `policy` are marks of their names (`mark`)."""

    ray: str
    at: float
    grant: str
    ip: Address | None
    app: int
    policy: int


@lru_cache(4096)
def mark(name: str) -> int:
    """A name as a slot holds it: 32 bits of its SHA-256."""
    return int.from_bytes(sha256(name.encode()).digest()[:4])


@lru_cache(20_000)
def _begin(credential: str) -> bytes:
    return sha256(credential.encode()).digest()[:16] if credential else bytes(16)


@lru_cache(20_000)
def _packed(ip: Address | None) -> bytes:
    return bytes(16) if ip is None else _MAPPED + ip.packed if isinstance(ip, IPv4Address) else ip.packed


class Lately:
    """The ring of this process: a file in `folder` (0600) that no other process has. For one thread.

    Raises StartError where no file can be had there.
    """

    def __init__(self, folder: Path, slots: int = SLOTS) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _first_free(folder)
            os.ftruncate(self._file, slots * _SLOT.size)
            self._ring = mmap.mmap(self._file, slots * _SLOT.size)
        except OSError as fault:
            raise StartError(
                f"requests that are let in cannot be noted: {fault.strerror or fault}",
                where=str(folder),
                mend="make the folder writable for this user",
            ) from fault
        self._size = slots * _SLOT.size
        self._next = _after_newest(self._ring)

    def note(self, ray: str, at: float, credential: str, ip: Address | None, app: str, policy: str) -> None:
        """Note one request. Of `credential` (the token's identity_nonce) the beginning of the digest is kept."""
        _SLOT.pack_into(
            self._ring, self._next, ray.encode(), at, _begin(credential), _packed(ip), mark(app), mark(policy)
        )
        self._next = (self._next + _SLOT.size) % self._size

    def close(self) -> None:
        """Let go of the file; what stands in it stays."""
        self._ring.close()
        os.close(self._file)


def find(folder: Path, ray: str) -> LetIn | None:
    """The request of that id, where a gate with this folder noted it and its slot was not used again."""
    for slot in _slots(folder):
        if slot[0] == ray.encode():
            return _let_in(slot)
    return None


def every(folder: Path) -> tuple[LetIn, ...]:
    """All requests that are noted, the oldest first."""
    found = (_let_in(slot) for slot in _slots(folder) if slot[1])
    return tuple(sorted(found, key=lambda one: one.at))


def _slots(folder: Path) -> Iterator[tuple[bytes, float, bytes, bytes, int, int]]:
    for path in sorted(folder.glob("*.ring")):
        data = path.read_bytes()
        yield from _SLOT.iter_unpack(data[: len(data) - len(data) % _SLOT.size])


def _let_in(slot: tuple[bytes, float, bytes, bytes, int, int]) -> LetIn:
    ray, at, grant, ip, app, policy = slot
    address = ip_address(ip) if any(ip) else None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return LetIn(ray.decode("ascii", "replace"), at, grant.hex() if any(grant) else "", mapped or address, app, policy)


def _first_free(folder: Path) -> int:
    """The first file of the folder that no process holds, as a descriptor that holds it."""
    for number in range(MOST_FILES):
        file = os.open(folder / f"{number}.ring", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        os.close(file)
    raise OSError(f"{MOST_FILES} processes have one each")


def _after_newest(ring: mmap.mmap) -> int:
    times = [at for _, at, *_ in _SLOT.iter_unpack(ring[:])]
    return (times.index(max(times)) + 1) % len(times) * _SLOT.size if any(times) else 0
