"""A provider's public keys (RFC 7517): which of them is fit, and which one signed a token."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from glassgate.oidc.errors import Reason, SignInError, shown
from glassgate.oidc.http import Fetch, HttpRequest
from glassgate.oidc.refusal import check_answer
from glassgate.oidc.remembered import Remembered
from glassgate.oidc.strict_json import read_object

LOG = logging.getLogger(__name__)

FRESH = 3600.0  # seconds between refreshes
KEEP = 86_400.0  # seconds that keys live without contact to their provider
MAX_KEYS = 100
RSA_BITS = range(2048, 8193)  # RFC 7518, section 3.3, and a bound on the work that a signature can cost
KID = re.compile(r"[\x21-\x7e]{1,256}")

# Algorithm -> the key type and curve it takes (RFC 7518, section 3.1). No HMAC: a public key is no secret.
TYPES = {"RS256": ("RSA", None), "PS256": ("RSA", None), "ES256": ("EC", "P-256")}

type PublicKey = RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Key:
    """One fit public key."""

    kid: str | None
    algorithms: frozenset[str]  # what it may verify
    public: PublicKey = field(repr=False)
    issuer: str | None = None  # Entra: whose tokens it signs, with `{tenantid}` for any tenant's


@dataclass(frozen=True, slots=True)
class KeySet:
    """A provider's keys: the fit ones, and why each of the others is not."""

    keys: tuple[Key, ...]
    unfit: Mapping[str, str] = field(default_factory=dict)  # kid (or its place, "#3") -> why

    def find(self, kid: str | None) -> Key | None:
        """The key of this id; where the token names none, the only key.

        Raises SignInError: kid_missing, kid_ambiguous, key_unfit. None: not known, a newer set may have it.
        """
        if kid is None:
            if len(self.keys) != 1:
                raise SignInError(Reason.KID_MISSING, f"expected a kid, since there are {len(self.keys)} keys")
            return self.keys[0]
        found = [key for key in self.keys if key.kid == kid]
        if len(found) > 1:
            raise SignInError(Reason.KID_AMBIGUOUS, f"expected one key {shown(kid)}, got {len(found)}")
        if not found and kid in self.unfit:
            raise SignInError(Reason.KEY_UNFIT, f"key {shown(kid)} {self.unfit[kid]}")
        return found[0] if found else None


class Keys:
    """The keys at one address, fetched when first needed, remembered, refreshed. Thread-safe."""

    def __init__(self, address: str, fetch: Fetch) -> None:
        self.address = address
        self._fetch = fetch
        self._set = Remembered(self._load, KEEP)

    def find(self, kid: object, now: float) -> Key:
        """The key that a token's header names, by one more call where it is not known, at most once a minute.

        Raises SignInError: kid_*, key_unfit, jwks_*, or why the keys could not be fetched.
        """
        # Nobody has signed for the kid yet, so it may be anything (RFC 8725, section 3.10).
        if kid is not None and not (isinstance(kid, str) and KID.fullmatch(kid)):
            raise SignInError(Reason.KID_MALFORMED, f"expected a kid of at most 256 characters, got {shown(kid)}")
        before = self._set.attempts
        key = self._set.get(now).find(kid)
        if key is None and self._set.attempts == before:
            key = self._set.renewed(now).find(kid)
        if key is None:
            raise SignInError(Reason.KID_UNKNOWN, f"expected a key of the provider, got kid {shown(kid)}")
        return key

    def age(self, now: float) -> float | None:
        """Seconds since they were last fetched; None where they never were."""
        return self._set.age(now)

    def _load(self) -> tuple[KeySet, float]:
        answer = self._fetch(HttpRequest("GET", self.address))
        check_answer(answer, Reason.JWKS_MALFORMED)
        keys = read_keys(answer.body)
        for name, why in keys.unfit.items():
            LOG.warning("Of the keys at %s, %s is left out: it %s", self.address, shown(name), why)
        return keys, FRESH


def read_keys(body: bytes) -> KeySet:
    """Read a JWK Set. A key that cannot be used is left out and told: one bad key locks nobody out.

    Raises SignInError: jwks_malformed, json_duplicate, jwks_unfit (too many, or none fit).
    """
    entries = read_object(body, Reason.JWKS_MALFORMED).get("keys")
    if not isinstance(entries, list):
        raise SignInError(Reason.JWKS_MALFORMED, f"expected a list of keys, got {shown(entries)}")
    if len(entries) > MAX_KEYS:
        raise SignInError(Reason.JWKS_UNFIT, f"expected at most {MAX_KEYS} keys, got {len(entries)}")
    keys: list[Key] = []
    unfit: dict[str, str] = {}
    for place, entry in enumerate(entries, 1):
        try:
            keys.append(_read_key(entry))
        except _Unfit as error:
            unfit[_name(entry, place)] = str(error)
    if not keys:
        raise SignInError(Reason.JWKS_UNFIT, f"expected keys that can be used, got none: {shown(unfit, 300)}")
    return KeySet(tuple(keys), unfit)


class _Unfit(Exception):  # noqa: N818
    """Why a key cannot be used."""


def _name(entry: object, place: int) -> str:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    return kid if isinstance(kid, str) and KID.fullmatch(kid) else f"#{place}"


def _read_key(entry: object) -> Key:
    if not isinstance(entry, dict):
        raise _Unfit("is no object")
    kid, issuer = entry.get("kid"), entry.get("issuer")
    if kid is not None and not (isinstance(kid, str) and KID.fullmatch(kid)):
        raise _Unfit("its kid is not text of 1 to 256 characters")
    if issuer is not None and not isinstance(issuer, str):
        raise _Unfit("its issuer is not text")
    if entry.get("use", "sig") != "sig":
        raise _Unfit(f"is for {shown(entry['use'])}, not for signatures")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unfit("is not for verifying")
    algorithms = _algorithms(entry)
    return Key(kid, algorithms, _public(entry, min(algorithms)), issuer)


def _algorithms(entry: dict[str, object]) -> frozenset[str]:
    # A key that names its algorithm verifies no other (RFC 7517, section 4.4; CVE-2026-48523).
    kind = (entry.get("kty"), entry.get("crv"))
    fit = frozenset(name for name, wanted in TYPES.items() if kind == wanted)
    said = entry.get("alg")
    fit = fit if said is None else frozenset(name for name in fit if name == said)
    if not fit:
        raise _Unfit(f"cannot be used: kty {shown(kind[0])}, crv {shown(kind[1])}, alg {shown(said)}")
    return fit


def _public(entry: dict[str, object], algorithm: str) -> PublicKey:
    try:
        public = PyJWK(entry, algorithm).key
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, AttributeError, KeyError) as error:
        raise _Unfit(f"cannot be read: {type(error).__name__}") from None
    if isinstance(public, RSAPublicKey) and public.key_size not in RSA_BITS:
        raise _Unfit(f"has {public.key_size} bits, expected {RSA_BITS.start} to {RSA_BITS.stop - 1}")
    if not isinstance(public, RSAPublicKey | EllipticCurvePublicKey):
        raise _Unfit("is a private key")  # published, so known to everybody
    return public
