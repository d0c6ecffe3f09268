"""What stands before the origins in a test: a team that signs assertions, and a client that brings them."""

import json
import time
from dataclasses import dataclass, field
from functools import cache

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from glassgate.config.settings import Endpoint, LabOrigin
from glassgate.lab.origins.assertion import TeamKeys
from glassgate.lab.origins.server import open_server
from glassgate.oidc.errors import ProviderUnavailable, Reason
from glassgate.oidc.http import HttpResponse

ISSUER = "https://team.localhost:8443"
AUDS = {"wiki": "a" * 64, "payroll": "b" * 64}


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Team:
    """Publishes keys, and signs what a test wants. `published` None: it is away."""

    key: rsa.RSAPrivateKey = field(default_factory=cache(new_key))  # one for all: making one takes a moment
    asked: int = 0

    def __post_init__(self):
        self.published = {"keys": [self.jwk("k1")]}

    def jwk(self, kid, key=None):
        public = RSAAlgorithm.to_jwk((key or self.key).public_key(), as_dict=True)
        return public | {"kid": kid, "alg": "RS256", "use": "sig"}

    def fetch(self, request):
        self.asked += 1
        assert (request.method, request.url) == ("GET", f"{ISSUER}/cdn-cgi/access/certs")
        if self.published is None:
            raise ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "away")
        body = self.published if isinstance(self.published, bytes) else json.dumps(self.published).encode()
        return HttpResponse(200, {}, body)

    def keys(self, clock=time.monotonic):
        return TeamKeys(self.fetch, f"{ISSUER}/cdn-cgi/access/certs", clock)

    def token(self, kind="wiki", *, key=None, kid="k1", alg="RS256", **changes):
        now = int(time.time())
        claims = {
            "aud": [AUDS[kind]],
            "iss": ISSUER,
            "type": "app",
            "email": "alice@contoso.example",
            "sub": "c0ffee00-0000-5000-8000-000000000000",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, key or self.key, algorithm=alg, headers={"kid": kid} if kid else {})


class Site:
    """One origin over its real port, and a client that knows no environment."""

    def __init__(self, team, kind, endpoint, log):
        self.team, self.kind, self.endpoint, self._log = team, kind, endpoint, log
        self.client = requests.Session()
        self.client.trust_env = False

    def ask(self, path, method="GET", *, token=None, headers=None, **more):
        """A request with an assertion: a good one where none is given, none where it is ""."""
        token = self.team.token(self.kind) if token is None else token
        sent = dict(headers or {}) | ({"Cf-Access-Jwt-Assertion": token} if token else {})
        return self.client.request(method, f"http://{self.endpoint}{path}", headers=sent, timeout=30, **more)

    @property
    def log(self):
        return self._log.read_text().splitlines()


def open_sites(team, folder, listens=None):
    """A server of both kinds on free ports, not started."""
    kinds = listens or [("wiki", Endpoint("127.0.0.1", 0)), ("payroll", Endpoint("127.0.0.1", 0))]
    # Both listen on "port 0", so both take both tags here: which kind takes which is test_open's to show.
    auds = {endpoint: tuple(AUDS.values()) for _, endpoint in kinds}
    origins = [LabOrigin(kind, endpoint) for kind, endpoint in kinds]
    return open_server(origins, keys=team.keys(), issuer=ISSUER, auds=auds, logs=folder)
