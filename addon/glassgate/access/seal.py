"""Seals what a browser carries for us: nobody reads it, nobody changes it, and each purpose has its own key."""

import base64
import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

# What a cookie or a query of ours may weigh before anything is decrypted.
MAX_SEALED = 8 * 1024


class Purpose(StrEnum):
    """What a sealed value is for. A value of one purpose opens under no other: each has a key of its own."""

    APP_SESSION = "app_session"  # __Host-CF_AppSession_<id>: a sign-in that one browser began at one app
    LOGIN = "login"  # __Host-CF_Login_<id>: what the callback needs to know again
    STATE = "state"  # the OAuth `state`
    HAND_OFF = "hand_off"  # from the team domain to the app, once
    POSTED = "posted"  # a provider's answer that came in a form, on its way into an address
    PROGRAM = "program"  # what a program asks a person for, on its way through a sign-in
    PROGRAM_CODE = "program_code"  # the person's yes, on its way to the program
    KEPT = "kept"  # a refresh token in the store
    FORM = "form"  # __Host-CF_Form_<id>: where a form is kept for this browser, and the only key to it


class SealError(Exception):
    """It is not ours, not for this purpose, or too old. `expired` tells the last from the others."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("expired" if expired else "not ours")
        self.expired = expired


class Seal:
    """Seals and opens small JSON objects (Fernet: AES-128-CBC with HMAC-SHA256, and the time of sealing).

    `secrets` gives the 32-byte keys of a purpose, the current first; earlier ones still open.
    """

    def __init__(self, secrets: Callable[[str], tuple[bytes, ...]]) -> None:
        self._secrets = secrets

    def close(self, purpose: StrEnum, value: dict[str, Any], now: float) -> str:
        """Seal `value`. The answer is URL-safe and fits a cookie where the value is small."""
        plain = json.dumps(value, separators=(",", ":")).encode()
        return self._keys(purpose).encrypt_at_time(plain, int(now)).decode().rstrip("=")

    def open(self, purpose: StrEnum, sealed: str, now: float, lifetime: int) -> dict[str, Any]:
        """Open what `close` sealed at most `lifetime` seconds ago. Raises SealError."""
        if len(sealed) > MAX_SEALED or not sealed.isascii():
            raise SealError(expired=False)
        token = sealed.encode() + b"=" * (-len(sealed) % 4)
        keys = self._keys(purpose)
        try:
            plain = keys.decrypt(token)  # the signature first: an age is only told of what is ours
            sealed_at = keys.extract_timestamp(token)
            value = json.loads(plain)
        except (InvalidToken, ValueError) as fault:
            raise SealError(expired=False) from fault
        if not sealed_at - 60 <= now < sealed_at + lifetime:
            raise SealError(expired=True)
        if not isinstance(value, dict):
            raise SealError(expired=False)
        return value

    def _keys(self, purpose: StrEnum) -> MultiFernet:
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in self._secrets(f"seal {purpose}")])
