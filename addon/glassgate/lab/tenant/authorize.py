"""Reads authorization requests: who asks, where the answer may go, and what is asked for."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from glassgate.lab.tenant.cloud import Call
from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.registration import Registration
from glassgate.lab.tenant.scopes import read_scopes

type Params = Mapping[str, list[str]]

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # an S256 challenge (RFC 7636, 4.2)
CONTEXT = re.compile(r"c[0-9]{1,2}")
PROMPTS = ("login", "none", "consent", "select_account")
MODES = ("query", "form_post")
LIMIT = 2048  # characters of any one parameter
WHOLE = 4096  # of all that a sign-in page must carry along, as JSON


@dataclass(frozen=True, slots=True)
class Reply:
    """Where the answer goes, and how: `response_mode` is "query" or "form_post"."""

    uri: str
    state: str | None
    mode: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A checked authorization request: one that exists may be answered to its redirect URI."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str = field(repr=False)
    state: str | None = None
    nonce: str | None = None
    prompt: str = ""
    login_hint: str = ""
    domain_hint: str = ""
    mode: str = "query"
    contexts: tuple[str, ...] = ()  # authentication contexts asked for, as `acrs` in the ID token
    mfa: bool = False  # a second factor is asked for, as a token answer's `claims` ask

    @property
    def reply(self) -> Reply:
        """Where its answer goes."""
        return Reply(self.redirect_uri, self.state, self.mode)

    def to_json(self) -> dict[str, Any]:
        """The request as sealed values carry it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Ask":
        """Read what `to_json` wrote, after JSON."""
        return cls(**value | {"scopes": tuple(value["scopes"]), "contexts": tuple(value["contexts"])})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a `claims` parameter asks for."""

    contexts: tuple[str, ...] = ()
    mfa: bool = False


def only(params: Params, name: str, limit: int = LIMIT) -> str | None:
    """A parameter's one value, or None; a repeated one is refused (RFC 6749, 3.1), an overlong one too."""
    values = params.get(name, [])
    if len(values) > 1:
        raise TenantError(9000411, name=name)
    if values and len(values[0]) > limit:
        raise TenantError(90023, name=name)
    return values[0] if values and values[0] else None


def required(params: Params, name: str, limit: int = LIMIT) -> str:
    """A parameter that must be there."""
    value = only(params, name, limit)
    if value is None:
        raise TenantError(900144, name=name)
    return value


def read_client(params: Params, call: Call) -> Registration:
    """Who asks. What this refuses is told on a page: nobody is redirected to an address that is not registered."""
    registration = call.client(required(params, "client_id"))
    uri = required(params, "redirect_uri")
    if uri not in registration.redirect_uris:
        raise TenantError(50011, uri=uri, client=registration.client_id)
    return registration


def read_reply(params: Params) -> Reply:
    """Where even a refusal goes, once `read_client` knows the address."""
    states, modes = params.get("state", []), params.get("response_mode", [])
    mode = modes[0] if len(modes) == 1 and modes[0] in MODES else "query"
    return Reply(required(params, "redirect_uri"), states[0] if len(states) == 1 else None, mode)


def read_ask(params: Params, registration: Registration, call: Call) -> Ask:
    """What is asked for, by a client that `read_client` knows. What this refuses goes back to the client."""
    response_type = required(params, "response_type")
    if response_type != "code":
        raise TenantError(700054, value=response_type)
    mode = only(params, "response_mode") or "query"
    if mode not in MODES:
        raise TenantError(70007, value=mode)
    scopes = read_scopes(required(params, "scope"), call.cloud.graph, registration.client_id)
    if "openid" not in scopes:
        raise TenantError(70011, value=" ".join(scopes))
    prompt = only(params, "prompt") or ""
    if prompt and prompt not in PROMPTS:
        raise TenantError(90023, name="prompt")
    wanted = read_claims(only(params, "claims"))
    hint = (only(params, "domain_hint") or "").lower()
    ask = Ask(
        client_id=registration.client_id,
        redirect_uri=required(params, "redirect_uri"),
        scopes=scopes,
        challenge=_challenge(params),
        state=only(params, "state"),
        nonce=only(params, "nonce"),
        prompt=prompt,
        login_hint=only(params, "login_hint") or "",
        domain_hint=hint if "." in hint else "",  # "organizations" is a word for a kind of account
        mode=mode,
        contexts=wanted.contexts,
        mfa=wanted.mfa,
    )
    if len(json.dumps(ask.to_json())) > WHOLE:
        raise TenantError(90015)
    return ask


def read_claims(claims: str | None) -> Wanted:
    """What is asked for as `{"id_token": {"acrs": {"essential": true, "value": "c1"}}}` (Core, 5.5.1).

    `capolids` of the access token, which Entra's own challenges name, stand for a policy that wants a second factor.
    """
    if claims is None:
        return Wanted()
    try:
        asked = json.loads(claims)
        acrs = (asked.get("id_token") or {}).get("acrs") or {}
        values = [acrs["value"]] if "value" in acrs else list(acrs.get("values", ()))
        mfa = "capolids" in (asked.get("access_token") or {})
    except (ValueError, AttributeError, TypeError, RecursionError) as fault:
        raise TenantError(90023, name="claims") from fault
    if not all(isinstance(value, str) and CONTEXT.fullmatch(value) for value in values):
        raise TenantError(90023, name="claims")
    return Wanted(tuple(dict.fromkeys(values)), mfa)


def _challenge(params: Params) -> str:
    # Entra asks public clients alone for PKCE; the lab asks everyone, so that a client without it is found here.
    challenge = only(params, "code_challenge")
    if challenge is None:
        raise TenantError(9002325)
    method = only(params, "code_challenge_method") or "plain"
    if method != "S256":
        raise TenantError(501491, value=method)
    if not CHALLENGE.fullmatch(challenge):
        raise TenantError(50147)
    return challenge
