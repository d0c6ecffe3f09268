"""Checks the gate's signed statement of who is there, as any origin should: by the team's published keys."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from glassgate.oidc.errors import SignInError
from glassgate.oidc.http import Fetch, HttpRequest

HEADER = "Cf-Access-Jwt-Assertion"
FRESH = 3600.0  # seconds for which fetched keys are taken without asking again
PAUSE = 5.0  # seconds between two fetches at least: a made-up key id must not make us ask and ask
MOST_KEYS = 16
LONGEST = 16 * 1024  # characters of an assertion


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check. `reason` is "" where it is good, else a short name; `said` a sentence."""

    reason: str
    said: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """Whom the verified claims name, or ""."""
        return next((str(self.claims[name]) for name in ("email", "common_name", "sub") if self.claims.get(name)), "")


# In this order, since some are kinds of others.
FAULTS: tuple[tuple[type[jwt.PyJWTError], str, str], ...] = (
    (jwt.ExpiredSignatureError, "expired", "the assertion has expired"),
    (jwt.ImmatureSignatureError, "not_yet_valid", "the assertion is not valid yet"),
    (jwt.InvalidAudienceError, "wrong_aud", "the assertion is for another application (aud)"),
    (jwt.InvalidIssuerError, "wrong_iss", "the assertion is from another team (iss)"),
    (jwt.MissingRequiredClaimError, "claim_missing", "the assertion lacks a claim that it must have"),
    (jwt.InvalidSignatureError, "bad_signature", "the assertion's signature is wrong"),
    (jwt.InvalidAlgorithmError, "wrong_alg", "the assertion is not signed by RS256"),
    (jwt.PyJWTError, "malformed", "the assertion is no JWT that can be read"),
)
ABSENT = Checked("absent", "there is no assertion: this request did not come through the gate")
UNKNOWN_KEY = Checked("unknown_key", "the assertion is signed by a key that the team does not publish")
NO_KEYS = Checked("no_keys", "the team's keys could not be fetched, so nothing can be checked")


class KeysUnavailable(Exception):  # noqa: N818 - it says what is the case
    """The team's keys could not be had, and none are known from before."""


class TeamKeys:
    """The team's public keys, fetched when first needed and kept. Blocks; may be called from any thread.

    `clock` is a monotonic one, in seconds.
    """

    def __init__(self, fetch: Fetch, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")

    def known(self, kid: str) -> jwt.PyJWK | None:
        """A key that is at hand and fresh. Never blocks for long."""
        return self._keys.get(kid) if self._clock() - self._fetched < FRESH else None

    def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of this id, fetched where it is not at hand. Raises KeysUnavailable where none ever came."""
        with self._lock:
            now = self._clock()
            if self.known(kid) is None and now - self._tried >= PAUSE:
                self._tried = now
                self._refresh(now)
            if not self._keys:
                raise KeysUnavailable
            return self._keys.get(kid)

    def _refresh(self, now: float) -> None:
        try:
            answer = self._fetch(HttpRequest("GET", self._url))
            listed = json.loads(answer.body)["keys"] if answer.status == 200 else []
            keys = [jwt.PyJWK(one) for one in listed[:MOST_KEYS]]
        except (SignInError, jwt.PyJWTError, ValueError, KeyError, TypeError):
            return  # What was known stays in use: the gate may only be starting.
        if keys:
            self._keys = {key.key_id: key for key in keys if key.key_id}
            self._fetched = now


def key_id(token: str | None) -> str | None:
    """The id of the key that an assertion says it is signed by, or None where it says none."""
    try:
        kid = jwt.get_unverified_header(token)["kid"] if token and len(token) <= LONGEST else None
    except (jwt.PyJWTError, KeyError):
        return None
    return kid if isinstance(kid, str) else None


def check(token: str | None, key: jwt.PyJWK | None, *, issuer: str, auds: tuple[str, ...]) -> Checked:
    """Check an assertion: RS256 by the team's key, for this application, from this team, and in time."""
    if not token:
        return ABSENT
    if key is None:
        return UNKNOWN_KEY if key_id(token) else Checked("malformed", FAULTS[-1][2])
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=list(auds),
            issuer=issuer,
            options={"require": ["exp", "iat", "aud", "iss"]},
        )
    except jwt.PyJWTError as fault:
        reason, said = next((name, text) for kind, name, text in FAULTS if isinstance(fault, kind))
        return Checked(reason, said)
    checked = Checked("", "", claims)
    return Checked("", f"assertion verified: {checked.user or 'nobody by name'}", claims)
