"""Tokens that no library writes, and the keys that a test's tokens are held against."""

import base64
import hashlib
import hmac
import json

import jwt

from glassgate.oidc.keys import Keys
from oidc.scripted import EC_KEY, ISSUER, RSA_KEY, Scripted, generic_claims, jwk, sign

ADDRESS = "https://op.example/keys"
ENTRIES = [
    jwk(RSA_KEY, "k1"),
    jwk(EC_KEY, "e1"),
    jwk(RSA_KEY, "ps", alg="PS256"),
    jwk(RSA_KEY, "mine", issuer=ISSUER),
    jwk(RSA_KEY, "others", issuer="https://evil.example"),
    jwk(RSA_KEY, "any", issuer="https://op.example/realms/{tenantid}"),
]
KEYS = Keys(ADDRESS, Scripted({ADDRESS: {"keys": ENTRIES}}))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header, claims=None):
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims or generic_claims()).encode())}."


def resigned(header, claims=None, key=RSA_KEY):
    """A token with a header that no library writes, signed all the same."""
    signing = f"{b64(header)}.{b64(json.dumps(claims or generic_claims()).encode())}"
    return f"{signing}.{b64(jwt.get_algorithm_by_name('RS256').sign(signing.encode(), key))}"


def hmac_by(secret, claims):
    """A token under HS256 by any bytes: PyJWT refuses to make one by what looks like a public key."""
    signing = f"{b64(b'{"alg":"HS256","kid":"k1","typ":"JWT"}')}.{b64(json.dumps(claims).encode())}"
    return f"{signing}.{b64(hmac.digest(secret, signing.encode(), 'sha256'))}"


def public_bytes(encoding, form, key=RSA_KEY):
    return key.public_key().public_bytes(encoding, form)


def hmac_by_public_key(claims=None):
    key = RSA_KEY.public_key().public_numbers().n.to_bytes(256)
    return sign(claims or generic_claims(), key, "HS256")


def at_hash(token):
    return b64(hashlib.sha256(token.encode()).digest()[:16])
