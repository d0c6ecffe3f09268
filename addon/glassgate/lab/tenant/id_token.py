"""Makes ID tokens: the claims of Entra's v2.0, signed, or wrong in the way that is asked for."""

import base64
import secrets
from collections.abc import Callable
from typing import Any

import jwt

from glassgate.lab.tenant.cloud import TOKEN_LIFETIME, Call
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.grants import Grant

BACKDATED = 300  # seconds by which Entra's `iat` and `nbf` lie before the moment of issue
MOST_GROUPS = 200  # of a JWT
NO_GRAPH = "https://graph.windows.net"  # where Entra's overage points to this day; nobody may fetch it


type Claims = dict[str, Any]


def make_id_token(call: Call, person: Person, grant: Grant) -> str:
    """A signed ID token."""
    told = claims(call, person, grant)
    for name, spoil in SPOILED_CLAIMS.items():
        if call.fault(name):
            told = spoil(told)
    key = call.cloud.keys.current
    if call.fault("alg_none"):
        return jwt.encode(told, "", algorithm="none")
    kid = secrets.token_urlsafe(20) if call.fault("unknown_kid") else key.kid
    token = jwt.encode(told, key.private, algorithm="RS256", headers={"kid": kid})
    return _with_other_signature(token) if call.fault("bad_signature") else token


def claims(call: Call, person: Person, grant: Grant) -> Claims:
    """The claims: Entra's v2.0 set, which has no `amr`."""
    cloud, issued = call.cloud, int(call.now) - BACKDATED
    found: Claims = {
        "aud": grant.client_id,
        "iss": cloud.issuer(person.tid),
        "iat": issued,
        "nbf": issued,
        "exp": int(call.now) + TOKEN_LIFETIME,
        "auth_time": int(grant.at),
        "rh": f"1.{_text(cloud.pseudonym('rh', grant.sid, grant.client_id))}.",
        "sid": grant.sid,
        "sub": subject(call, grant.client_id, person),
        "tid": person.tid,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
    }
    found |= {"nonce": grant.nonce} if grant.nonce else {}
    found |= _groups(call, person)
    found |= {"roles": list(person.roles)} if person.roles else {}
    found |= {"acrs": list(grant.acrs)} if grant.acrs else {}
    if person.home:
        # A guest's token is from this tenant, and says who vouches for them; their e-mail always comes along.
        found |= {"idp": f"https://sts.windows.net/{person.home}/"}
    if "profile" in grant.scopes:
        found |= {"name": person.name, "oid": person.oid, "preferred_username": person.username}
        found |= {"login_hint": person.login_hint}
    if "email" in grant.scopes or person.home:
        found |= {"email": person.email}
        found |= {"xms_edov": True} if person.edov else {}
    return found


def subject(call: Call, client_id: str, person: Person) -> str:
    """The pairwise `sub` (Core, 8.1): another client sees the same person under another one."""
    return _text(call.cloud.pseudonym("sub", client_id, person.oid))


def _groups(call: Call, person: Person) -> Claims:
    if not call.cloud.groups_claim or not person.groups:
        return {}
    if len(person.groups) <= MOST_GROUPS:
        return {"groups": list(person.groups)}
    endpoint = f"{NO_GRAPH}/{person.tid}/users/{person.oid}/getMemberObjects"
    return {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": endpoint}}}


def _later(told: Claims, seconds: int) -> Claims:
    return told | {name: told[name] + seconds for name in ("iat", "nbf", "exp", "auth_time")}


SPOILED_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "wrong_nonce": lambda told: told | {"nonce": secrets.token_urlsafe(16)},
    "wrong_aud": lambda told: told | {"aud": "00000000-0000-4000-8000-000000000000"},
    "wrong_iss": lambda told: told | {"iss": "https://login.evil.example/00000000-0000-4000-8000-000000000000/v2.0"},
    "expired": lambda told: _later(told, -2 * TOKEN_LIFETIME),
    "clock_skew": lambda told: _later(told, 3600),
}


def _with_other_signature(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    half = len(signature) // 2
    other = "A" if signature[half] != "A" else "B"
    return f"{signed}.{signature[:half]}{other}{signature[half + 1 :]}"


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
