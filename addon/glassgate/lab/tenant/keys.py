"""The tenant's keys, in files of its own, so that a restart is no key rollover."""

import base64
import hashlib
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
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "glassgate lab tenant")])


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


def open_signing_key(folder: Path, now: float) -> SigningKey:
    """Read the folder's key and certificate, which are made where there are none. Raises StartError."""
    path = folder / "signing.pem"
    text = _kept(path, lambda: _new_signing_key(now))
    try:
        private = serialization.load_pem_private_key(text, password=None)
        certificate = x509.load_pem_x509_certificate(text)
    except ValueError as fault:
        raise _unusable(path) from fault
    if not isinstance(private, rsa.RSAPrivateKey):
        raise _unusable(path)
    return SigningKey(private, certificate.public_bytes(serialization.Encoding.DER))


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


def _new_signing_key(now: float) -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    begin = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(NAME, NAME, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * YEARS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _unusable(path: Path) -> StartError:
    return StartError("is no key of the lab", where=str(path), mend="delete it: a new one is then made")
