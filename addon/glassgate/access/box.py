"""Seals what is kept in pieces: each opens under the key of its one reader, and in its own place, or not at all."""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from glassgate.access.seal import SealError

NONCE = 12  # bytes (NIST SP 800-38D section 8.2.1: a counter, and a key that is used for one box alone)


class Box:
    """What `key` opens (256 random bits as text, made for this box and never used again): AES-256-GCM.

    `name` and the number of a piece are part of what is proven, so that none passes for another's, or for another.
    """

    def __init__(self, name: str, key: str) -> None:
        self._name = name
        self._cipher = AESGCM(hashlib.sha256(key.encode()).digest())

    def close(self, number: int, piece: bytes) -> bytes:
        """Seal the piece of this number; each number is given once."""
        return self._cipher.encrypt(number.to_bytes(NONCE), piece, self._proven(number))

    def open(self, number: int, sealed: bytes) -> bytes:
        """Open what `close` sealed under this number. Raises SealError."""
        try:
            return self._cipher.decrypt(number.to_bytes(NONCE), sealed, self._proven(number))
        except InvalidTag as fault:
            raise SealError(expired=False) from fault

    def _proven(self, number: int) -> bytes:
        return f"{len(self._name)}:{self._name}:{number}".encode()
