"""The keys of one deployment: what signs application tokens, and the secret that all other keys come from."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID
from jwt.algorithms import RSAAlgorithm

from glassgate.errors import StartError
from glassgate.state.files import locked, private_folder, read_private, remove_leftovers, write_whole

FILE = "keyring.json"
VERSION = 1
BITS = 2048
SECRET = 32  # bytes of a master secret, and of each key that comes from it
# A token may live for a month (the longest session); the key that signed it is published a day longer.
KEEP = 32 * 86400
MAX_PREVIOUS = 8
CERTIFICATE_DAYS = 3650

MEND = "restore it from a backup, or move it away: then new keys are made and everybody signs in again"


# What reading a damaged file may end in, whatever stands in it.
UNREADABLE = (
    ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, UnsupportedAlgorithm,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of application tokens. Its name, `kid`, is the SHA-256 of its public part in 64 hex digits."""

    kid: str
    private_key: RSAPrivateKey = field(repr=False)
    certificate: str  # PEM, self-signed; what public_certs shows
    created: float  # Unix seconds
    retired_at: float | None = None  # None: the one that signs


@dataclass(frozen=True, slots=True)
class _Ring:
    """What the file says."""

    signing: tuple[SigningKey, ...]  # the current one first
    secrets: tuple[bytes, ...] = field(repr=False)  # likewise


Stamp = tuple[int, int, int]


class KeyRing:
    """The keys in one folder. Safe to share between threads; several processes may have the folder open."""

    def __init__(self, path: Path, ring: _Ring, stamp: Stamp) -> None:
        self._path = path
        self._ring = ring
        self._stamp = stamp

    @classmethod
    def open(cls, folder: Path, now: float) -> "KeyRing":
        """Read the ring of a folder, or make the first one there (RSA 2048, RS256).

        Of several processes that start at once one makes it and the others read it. Raises StartError where it
        cannot be written, is damaged, or may be read by others: it is never made anew in place of an old one.
        """
        path = private_folder(folder) / FILE
        with locked(folder):
            remove_leftovers(path)
            if not path.exists():
                write_whole(path, _dump(_Ring((_new_key(now),), (secrets.token_bytes(SECRET),))))
            return cls(path, *_load(path))

    @property
    def signing(self) -> SigningKey:
        """The key that signs now."""
        return self._ring.signing[0]

    @property
    def verifying(self) -> tuple[SigningKey, ...]:
        """Every key whose tokens still count, the current one first."""
        return self._ring.signing

    def secrets(self, purpose: str) -> tuple[bytes, ...]:
        """The 32-byte keys of one purpose, the current one first (HKDF-SHA256, RFC 5869).

        The purpose's length is part of what they come from, so no two purposes can share a key.
        """
        info = b"glassgate " + f"{len(purpose.encode())}:{purpose}".encode()
        return tuple(
            HKDF(algorithm=hashes.SHA256(), length=SECRET, salt=None, info=info).derive(master)
            for master in self._ring.secrets
        )

    def public_document(self) -> dict[str, Any]:
        """The document of /cdn-cgi/access/certs, as Cloudflare Access shapes it."""
        certificates = [{"kid": key.kid, "cert": key.certificate} for key in self.verifying]
        return {
            "keys": [_jwk(key) for key in self.verifying],
            "public_cert": certificates[0],
            "public_certs": certificates,
        }

    def rotate(self, now: float, *, compromised: bool = False) -> None:
        """Put a new key and a new secret first, for this process and, once they reload, all others.

        Older keys stay as long as a token that they signed can live (32 days, at most 8 of them); of the secrets,
        the one before. `compromised`: none of them stays, and nothing that they signed or sealed counts any more.
        """
        with locked(self._path.parent):
            remove_leftovers(self._path)
            ring, _ = _load(self._path)
            retired = replace(ring.signing[0], retired_at=now)
            still = [key for key in ring.signing[1:] if (key.retired_at or 0) > now - KEEP]
            signing = (_new_key(now), retired, *still)[: 1 if compromised else MAX_PREVIOUS + 1]
            masters = (secrets.token_bytes(SECRET), ring.secrets[0])[: 1 if compromised else 2]
            write_whole(self._path, _dump(_Ring(signing, masters)))
            self._ring, self._stamp = _load(self._path)

    def reload(self) -> bool:
        """Take the file if it changed; cheap where it did not. Returns whether it did.

        Raises StartError where it is gone or damaged; the keys read before then stay in force.
        """
        if _stamp(self._path) == self._stamp:
            return False
        self._ring, self._stamp = _load(self._path)
        return True


def _new_key(now: float) -> SigningKey:
    private_key = generate_private_key(public_exponent=65537, key_size=BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "glassgate application tokens")])
    start = datetime.fromtimestamp(int(now), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(days=1))
        .not_valid_after(start + timedelta(days=CERTIFICATE_DAYS))
        .sign(private_key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return SigningKey(_kid(private_key), private_key, pem, now)


def _kid(key: RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()


def _jwk(key: SigningKey) -> dict[str, Any]:
    public = RSAAlgorithm.to_jwk(key.private_key.public_key(), as_dict=True)
    return {"kid": key.kid, "kty": public["kty"], "alg": "RS256", "use": "sig", "e": public["e"], "n": public["n"]}


def _dump(ring: _Ring) -> bytes:
    def entry(key: SigningKey) -> dict[str, Any]:
        pem = key.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "kid": key.kid,
            "created": key.created,
            "retired_at": key.retired_at,
            "certificate": key.certificate,
            "private_key": pem.decode(),
        }

    said = {
        "version": VERSION,
        "signing": [entry(key) for key in ring.signing],
        "secrets": [secret.hex() for secret in ring.secrets],
    }
    return json.dumps(said, indent=1).encode() + b"\n"


def _stamp(path: Path) -> Stamp:
    try:
        there = path.stat()
    except OSError as fault:
        raise StartError(f"cannot be read: {fault.strerror}", where=str(path), mend=MEND) from fault
    return there.st_ino, there.st_mtime_ns, there.st_size


def _load(path: Path) -> tuple[_Ring, Stamp]:
    stamp = _stamp(path)  # before the content: a change in between is then seen at the next look
    data = read_private(path)
    try:
        said = json.loads(data or b"")
        newer = said["version"] > VERSION
        ring = None if newer else _ring(said)
    except UNREADABLE as fault:
        # What was read is a secret: the fault's own words are not repeated.
        raise StartError(f"is damaged ({type(fault).__name__})", where=str(path), mend=MEND) from None
    if ring is None:
        raise StartError("was written by a newer glassgate", where=str(path), mend="start that version")
    return ring, stamp


def _ring(said: Any) -> _Ring:
    signing = tuple(_key(entry) for entry in said["signing"])
    masters = tuple(bytes.fromhex(text) for text in said["secrets"])
    _check(bool(signing) and bool(masters))
    _check(signing[0].retired_at is None and all(key.retired_at is not None for key in signing[1:]))
    _check(len(signing) <= MAX_PREVIOUS + 1 and len(masters) <= 2)
    _check(len({key.kid for key in signing}) == len(signing))
    _check(all(len(master) == SECRET for master in masters))
    return _Ring(signing, masters)


def _key(entry: Any) -> SigningKey:
    private_key = serialization.load_pem_private_key(entry["private_key"].encode(), None)
    certificate = x509.load_pem_x509_certificate(entry["certificate"].encode())
    if not isinstance(private_key, RSAPrivateKey):
        raise TypeError
    _check(private_key.key_size >= BITS and entry["kid"] == _kid(private_key))
    _check(certificate.public_key() == private_key.public_key())
    retired_at = None if entry["retired_at"] is None else float(entry["retired_at"])
    return SigningKey(entry["kid"], private_key, entry["certificate"], float(entry["created"]), retired_at)


def _check(holds: bool) -> None:
    if not holds:
        raise ValueError
