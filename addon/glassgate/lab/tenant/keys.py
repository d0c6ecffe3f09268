"""The tenant's keys, in files of its own, so that a restart is no key rollover."""

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.algorithms import RSAAlgorithm

from glassgate.errors import StartError
from glassgate.state.files import locked, private_folder, read_private, write_whole

YEARS = 5  # as long as Entra's own signing certificates
RING = "signing.json"
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "glassgate lab tenant")])

type Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs ID tokens: an RSA key, and its certificate, by whose SHA-1 Entra names the key."""

    private: rsa.RSAPrivateKey = field(repr=False)
    certificate: bytes  # DER

    @property
    def kid(self) -> str:
        """The key's id: the certificate's SHA-1 thumbprint (a name, no protection; RFC 7517, 4.8)."""
        thumbprint = hashlib.sha1(self.certificate, usedforsecurity=False).digest()
        return base64.urlsafe_b64encode(thumbprint).decode().rstrip("=")

    @property
    def pem(self) -> bytes:
        """Key and certificate as the ring's file holds them."""
        private = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = x509.load_der_x509_certificate(self.certificate)
        return private + certificate.public_bytes(serialization.Encoding.PEM)

    def jwk(self, issuer: str) -> dict[str, Any]:
        """The public key with the members that Entra's have: no `alg`, but x5t, x5c and an issuer."""
        public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": public["n"],
            "e": public["e"],
            "x5c": [base64.b64encode(self.certificate).decode()],
            "issuer": issuer,
        }


class SigningKeys:
    """The ring: what signs, what signs next and is published ahead, and what signed before. Safe to share.

    It is one file, which another process may rotate while this one runs.
    """

    def __init__(self, path: Path, keys: tuple[SigningKey, ...], stamp: Stamp | None) -> None:
        self._path = path
        self._keys = keys
        self._stamp = stamp

    @classmethod
    def open(cls, folder: Path, now: float) -> "SigningKeys":
        """Read the ring of a folder, or make it there. Raises StartError."""
        path = private_folder(folder) / RING
        with locked(folder):
            if read_private(path) is None:
                write_whole(path, _dump((_new_key(now), _new_key(now))))
            return cls(path, *_load(path))

    @property
    def current(self) -> SigningKey:
        """The key that signs now."""
        return self.published[0]

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """Every key that clients may meet: the current one, the next, and the previous where there is one."""
        if _stamp(self._path) != self._stamp:
            with contextlib.suppress(StartError):  # a file that cannot be used leaves the keys that are known
                self._keys, self._stamp = _load(self._path)
        return self._keys

    def rotate(self, now: float) -> None:
        """Let the next key sign, keep the current one as the previous, and publish a new one ahead."""
        with locked(self._path.parent):
            current, following, *_ = _load(self._path)[0]
            write_whole(self._path, _dump((following, _new_key(now), current)))
            self._keys, self._stamp = _load(self._path)


def open_secrets(folder: Path) -> Callable[[str], tuple[bytes, ...]]:
    """Read the folder's master secret, made where there is none; answers with a 32-byte key for each purpose."""
    path = folder / "secret.key"
    try:
        master = base64.b64decode(_kept(path, lambda: base64.b64encode(os.urandom(32))), validate=True)
    except ValueError as fault:
        raise _unusable(path) from fault
    if len(master) != 32:
        raise _unusable(path)
    return lambda purpose: (HKDF(hashes.SHA256(), 32, None, purpose.encode()).derive(master),)


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    # Locked, since two starts at once must not end with two keys.
    with locked(private_folder(path.parent)):
        content = read_private(path)
        if content is None:
            content = make()
            write_whole(path, content)
    return content


def _stamp(path: Path) -> Stamp | None:
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_ino, there.st_mtime_ns, there.st_size


def _load(path: Path) -> tuple[tuple[SigningKey, ...], Stamp | None]:
    stamp = _stamp(path)  # before the content: a change in between is then seen at the next look
    try:
        texts = [str(text).encode() for text in json.loads(read_private(path) or b"")["keys"]]
        keys = tuple(_read_key(text) for text in texts)
    except (ValueError, KeyError, TypeError) as fault:
        raise _unusable(path) from fault
    if len(keys) < 2:
        raise _unusable(path)
    return keys, stamp


def _dump(keys: tuple[SigningKey, ...]) -> bytes:
    return json.dumps({"keys": [key.pem.decode() for key in keys]}, indent=1).encode()


def _read_key(pem: bytes) -> SigningKey:
    private = serialization.load_pem_private_key(pem, password=None)
    certificate = x509.load_pem_x509_certificate(pem)
    if not isinstance(private, rsa.RSAPrivateKey) or certificate.public_key() != private.public_key():
        raise ValueError
    return SigningKey(private, certificate.public_bytes(serialization.Encoding.DER))


def _new_key(now: float) -> SigningKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    begin = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(NAME, NAME, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * YEARS))
        .sign(key, hashes.SHA256())
    )
    return SigningKey(key, certificate.public_bytes(serialization.Encoding.DER))


def _unusable(path: Path) -> StartError:
    return StartError("is no key of the lab", where=str(path), mend="delete it: a new one is then made")
