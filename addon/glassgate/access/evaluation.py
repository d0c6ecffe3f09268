"""The question to another service about a visitor, signed by a key that signs nothing else, and its signed answer.

The key is not one of `certs`: whoever takes those for proof of a session must not be able to take a question, which
says who somebody is, for one.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

PURPOSE = "external evaluation"  # of the key
TYPE = "glassgate-evaluation+jwt"
LIFETIME = 60  # seconds: of a question, and what an answer may be believed for at the most
SKEW = 60  # seconds that the service's clock may be ahead


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a service said, and till when that may be believed (Unix seconds)."""

    success: bool
    until: float


class EvaluationError(Exception):
    """The answer does not count. Says what was expected, never what stood there."""


def sign(secret: bytes, *, issuer: str, audience: str, nonce: str, identity: Mapping[str, Any], now: float) -> str:
    """A question to the service at `audience` (RFC 8037, EdDSA), in the shape of Cloudflare Access's."""
    key = Ed25519PrivateKey.from_private_bytes(secret)
    claims = {
        "type": "external_evaluation",
        "iss": issuer,
        "aud": audience,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + LIFETIME,
        "nonce": nonce,
        "identity": dict(identity),
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": TYPE, "kid": _kid(key)})


def public_keys(secrets: tuple[bytes, ...]) -> dict[str, list[dict[str, Any]]]:
    """What a service checks questions with (RFC 7517): the current key and earlier ones."""
    keys = [Ed25519PrivateKey.from_private_bytes(secret) for secret in secrets]
    own = {"use": "sig", "alg": "EdDSA"}
    return {"keys": [{"kid": _kid(key), **_jwk(key), **own} for key in keys]}


def read(claims: Mapping[str, object], nonce: str, now: float) -> Evaluated:
    """Check the claims of an answer whose signature holds. Raises EvaluationError."""
    said, success = claims.get("nonce"), claims.get("success")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise EvaluationError("expected the nonce of the question")
    if not isinstance(success, bool):
        raise EvaluationError("expected `success` to be true or false")
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    if now >= expires:
        raise EvaluationError(f"exp was {int(now - expires)} s ago")
    if issued > now + SKEW:
        raise EvaluationError(f"iat is {math.ceil(issued - now)} s ahead")
    return Evaluated(success, min(expires, now + LIFETIME))


def _time(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise EvaluationError(f"expected a time as `{name}`")
    return float(value)


def _jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    written = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {name: written[name] for name in ("kty", "crv", "x")}


def _kid(key: Ed25519PrivateKey) -> str:
    return hashlib.sha256(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
