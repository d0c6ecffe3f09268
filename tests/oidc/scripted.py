"""The scripted twin of the room's one I/O, and a provider's keys, documents and tokens to script it with."""

import json
import threading
import time
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from glassgate.oidc.callback import read_callback
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import SignInError
from glassgate.oidc.http import HttpResponse
from glassgate.oidc.provider import Provider
from glassgate.oidc.relying_party import Expected, Outside, RelyingParty

NOW = 1_800_000_000.0
CLIENT = "11111111-2222-3333-4444-555555555555"
SECRET = "s3cret:with/odd+signs"
NONCE = "nonce-of-this-sign-in"
VERIFIER = "verifier-of-this-sign-in-that-is-long-enough-for-pkce"
REDIRECT = "https://team.localhost:8443/cdn-cgi/access/callback"

AUTHORITY = "https://login.localhost:8443"
TENANT = "8f0c7d52-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
OTHER_TENANT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
OID = "0f0f0f0f-1111-2222-3333-444444444444"
ENTRA_ISSUER = f"{AUTHORITY}/{TENANT}/v2.0"
ISSUER = "https://op.example/realms/staff"

RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_RSA_KEY = rsa.generate_private_key(65537, 2048)
WEAK_RSA_KEY = rsa.generate_private_key(65537, 1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())

ENTRA = Provider(
    id="entra",
    type="entra",
    client_id=CLIENT,
    credentials=(ClientSecret(SECRET),),
    authority=AUTHORITY,
    tenant=TENANT,
    email_domains=("contoso.example",),
    mfa_context="c1",
)
GENERIC = Provider(id="op", type="oidc", client_id=CLIENT, credentials=(ClientSecret(SECRET),), issuer=ISSUER)


def jwk(key, kid="k1", **changes):
    """The public half as a JWK; a member changed to None is left out."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    entry = algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig", "key_ops": None}
    return without_none(entry | changes)


def without_none(members):
    return {name: value for name, value in members.items() if value is not None}


def document(issuer=ISSUER, base=None, **changes):
    base = base or "https://op.example"
    return without_none(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
            "userinfo_endpoint": f"{base}/userinfo",
            "end_session_endpoint": f"{base}/logout",
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        }
        | changes
    )


def entra_document(**changes):
    return document(ENTRA_ISSUER, AUTHORITY, **changes)


def entra_claims(**changes):
    claims = {
        "iss": ENTRA_ISSUER,
        "aud": CLIENT,
        "exp": NOW + 3600,
        "iat": NOW - 300,
        "nbf": NOW - 300,
        "nonce": NONCE,
        "sub": "pairwise-subject",
        "oid": OID,
        "tid": TENANT,
        "ver": "2.0",
        "name": "Alice Adams",
        "preferred_username": "alice@contoso.example",
        "email": "alice@contoso.example",
    }
    return without_none(claims | changes)


def generic_claims(**changes):
    claims = {
        "iss": ISSUER,
        "aud": CLIENT,
        "exp": NOW + 600,
        "iat": NOW - 1,
        "nonce": NONCE,
        "sub": "user-1",
        "email": "ann@op.example",
        "email_verified": True,
    }
    return without_none(claims | changes)


def logout_claims(**changes):
    """Of a logout token: OpenID Connect Back-Channel Logout 1.0, section 2.4."""
    claims = {
        "iss": ISSUER,
        "aud": CLIENT,
        "exp": NOW + 120,
        "iat": NOW - 1,
        "jti": "j-1",
        "sub": "user-1",
        "sid": "s-1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    return without_none(claims | changes)


def sign(claims, key=RSA_KEY, algorithm="RS256", **header):
    """A token. `claims` may be bytes, to say what no JSON writer says."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    header = {"kid": "k1"} | header
    absent = [name for name, value in header.items() if value is None]
    return jwt.api_jws.encode(
        payload, key, algorithm, headers={name: value for name, value in header.items() if name not in absent}
    )


def answer(body, status=200, **headers):
    """A response; `body` bytes as they are, anything else as JSON. `Retry_After` is the header Retry-After."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


class Scripted:
    """A `Fetch` with its answers written beforehand, by address.

    An answer is a response, anything that becomes its JSON, an exception to raise, a function of the request that
    returns one of these, or a list of them, one for each call, the last for all that follow. `calls` holds the
    requests that came.
    """

    def __init__(self, answers, seconds=0.0):
        self.answers = dict(answers)
        self.seconds = seconds
        self.calls = []
        self.waits = []  # seconds that somebody waited between calls
        self._lock = threading.Lock()

    def __call__(self, request):
        with self._lock:
            self.calls.append(request)
            if request.url not in self.answers:
                raise AssertionError(f"nobody said that {request.url} would be called")
            said = self.answers[request.url]
            if isinstance(said, list) and said and not isinstance(said, bytes):
                said = said.pop(0) if len(said) > 1 else said[0]
        if self.seconds:
            time.sleep(self.seconds)
        if callable(said):
            said = said(request)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, HttpResponse) else answer(said)

    def count(self, address):
        return sum(request.url == address for request in self.calls)

    def sent(self, address):
        """The form fields of the one call to an address."""
        (request,) = [request for request in self.calls if request.url == address]
        return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def entra_script(id_token=None, /, **answers):
    said = {
        "discovery": entra_document(),
        "keys": {"keys": [jwk(RSA_KEY, issuer=ENTRA_ISSUER)]},
        "token": {"token_type": "Bearer", "id_token": id_token, "access_token": "opaque"},
    } | answers
    return Scripted(
        {
            f"{AUTHORITY}/{TENANT}/v2.0/.well-known/openid-configuration": said["discovery"],
            f"{AUTHORITY}/keys": said["keys"],
            f"{AUTHORITY}/token": said["token"],
        }
    )


def generic_script(id_token=None, /, **answers):
    said = {
        "discovery": document(),
        "keys": {"keys": [jwk(RSA_KEY)]},
        "token": {"token_type": "Bearer", "id_token": id_token, "access_token": "opaque"},
        "userinfo": {"sub": "user-1"},
    } | answers
    return Scripted(
        {
            f"{ISSUER}/.well-known/openid-configuration": said["discovery"],
            "https://op.example/keys": said["keys"],
            "https://op.example/token": said["token"],
            "https://op.example/userinfo": said["userinfo"],
        }
    )


def outside(script, files=None):
    """The world of a relying party: `files` is what can be read, by path; waiting takes no time."""

    def read(path):
        if path not in (files or {}):
            raise FileNotFoundError(2, "No such file or directory")
        return files[path]

    return Outside(script, read, lambda n: "x" * n, lambda seconds: script.waits.append(seconds))


def party_of(provider, script, files=None):
    return RelyingParty(provider, REDIRECT, outside(script, files))


def sign_in(provider, script, callback="code=the-code&state=s", now=NOW):
    """Whom the provider proves."""
    return signed_in(provider, script, callback, now).identity


def signed_in(provider, script, callback="code=the-code&state=s", now=NOW):
    return party_of(provider, script).sign_in(read_callback(callback), Expected(NONCE, VERIFIER), now)


def refused(call, *arguments, **named):
    """The reason that a call is refused for, by its name."""
    with pytest.raises(SignInError) as caught:
        call(*arguments, **named)
    return str(caught.value.reason)


def at_once(number, call):
    """Call from many threads at the same moment; return what each got or raised."""
    gate, results = threading.Barrier(number), [None] * number

    def run(place):
        gate.wait()
        try:
            results[place] = call()
        except Exception as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=[place]) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
