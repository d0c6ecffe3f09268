"""Opens a token that a provider signed: one format, an allowed algorithm, a key of its own (RFC 8725, section 3)."""

import base64
import re
from typing import Protocol

from jwt import PyJWS
from jwt.exceptions import DecodeError, InvalidKeyError, InvalidSignatureError, PyJWTError

from glassgate.oidc.claims import Claims
from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.keys import Key
from glassgate.oidc.strict_json import read_object

MAX_TOKEN = 262_144  # characters

COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")  # RFC 7515, section 7.1
FOREIGN_KEYS = ("jwk", "jku", "x5u", "x5c")  # keys that a token brings along (CVE-2018-0114)
OTHER_FORMATS = ("enc", "zip", "b64")


class KeyFinder(Protocol):
    """Where the keys come from: `glassgate.oidc.keys.Keys`."""

    def find(self, kid: object, now: float) -> Key:
        """The key that a token's header names; raises SignInError."""
        ...


def open_signed(
    token: str, keys: KeyFinder, algorithms: tuple[str, ...], types: tuple[str, ...], now: float
) -> tuple[Claims, Key]:
    """The claims of a token whose signature holds, and the key that made it. Nothing of the claims is checked yet.

    `types` are the values of `typ` that are taken, in lower case; a token without one is a "jwt".
    Raises SignInError, with a reason for each way to fail.
    """
    header = _read_header(token)
    algorithm = _check_algorithm(header, algorithms)
    _check_header(header, types)
    key = keys.find(header.get("kid"), now)
    return read_object(_verify(token, key, algorithm), Reason.CLAIMS_MALFORMED), key


def _read_header(token: str) -> dict[str, object]:
    # Exactly three parts: five are an encrypted token, and the JSON forms may carry several signatures.
    compact = COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN else None
    if not compact:
        raise SignInError(Reason.FORMAT, f"expected a compact token of three parts, got {len(token)} characters")
    try:
        raw = base64.urlsafe_b64decode(compact[1] + "=" * (-len(compact[1]) % 4))
    except ValueError:
        raise SignInError(Reason.FORMAT, "expected a header in base64url") from None
    return read_object(raw, Reason.FORMAT)


def _check_algorithm(header: dict[str, object], allowed: tuple[str, ...]) -> str:
    algorithm = header.get("alg")
    if isinstance(algorithm, str) and algorithm.lower() == "none":
        raise SignInError(Reason.ALG_NONE, "expected a signed token, got one without a signature")
    if not isinstance(algorithm, str) or algorithm not in allowed:
        raise SignInError(Reason.ALG_NOT_ALLOWED, f"expected alg {' or '.join(allowed)}, got {shown(algorithm)}")
    return algorithm


def _check_header(header: dict[str, object], types: tuple[str, ...]) -> None:
    for name in FOREIGN_KEYS:
        if name in header:
            raise SignInError(Reason.HEADER_KEY, f"expected the provider's own keys, got {name} in the header")
    for name in OTHER_FORMATS:
        if name in header:
            raise SignInError(Reason.FORMAT, f"expected a plain signed token, got {name} in the header")
    if "crit" in header:
        # We know of no extension, so there is none that we could honour (RFC 7515, section 4.1.11).
        raise SignInError(Reason.CRIT_UNKNOWN, f"expected no extension, got crit {shown(header['crit'])}")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower() not in types:
        raise SignInError(Reason.TYP, f"expected typ {' or '.join(types)}, got {shown(typ)}")


def _verify(token: str, key: Key, algorithm: str) -> bytes:
    if algorithm not in key.algorithms:
        raise SignInError(
            Reason.ALG_KEY_MISMATCH,
            f"key {shown(key.kid)} is for {' or '.join(sorted(key.algorithms))}, the token says {algorithm}",
        )
    jws = PyJWS(algorithms=[algorithm], options={"verify_signature": True, "enforce_minimum_key_length": True})
    try:
        payload: bytes = jws.decode(token, key.public, algorithms=[algorithm])
    except InvalidSignatureError:
        raise SignInError(Reason.SIGNATURE, f"expected a signature by key {shown(key.kid)}, got another") from None
    except InvalidKeyError as error:
        raise SignInError(Reason.KEY_UNFIT, f"key {shown(key.kid)}: {error}") from None
    except DecodeError as error:
        raise SignInError(Reason.FORMAT, f"expected a compact token: {error}") from None
    except PyJWTError as error:
        raise SignInError(Reason.SIGNATURE, f"the signature could not be checked: {error}") from None
    return payload
