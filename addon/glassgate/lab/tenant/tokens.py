"""Redeems authorization codes for tokens (RFC 6749, 4.1.3), with the claims of Entra's v2.0 ID tokens."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_plus

import jwt

from glassgate.access.seal import MAX_SEALED, SealError
from glassgate.lab.tenant.authorize import Ask, Params, Registration, only, required
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.faults import TenantError
from glassgate.lab.tenant.tenant import CODE_LIFETIME, TOKEN_LIFETIME, USED, Sealed, Session, Tenant

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636, 4.1
BACKDATED = 300  # seconds by which Entra's `iat` and `nbf` lie before the moment of issue


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for: the request it answers, the session, and the contexts that were proven."""

    ask: Ask
    session: Session
    acrs: tuple[str, ...]


def make_code(tenant: Tenant, grant: Grant, now: float) -> str:
    """An authorization code. It carries what it stands for, sealed."""
    session = grant.session
    value = {
        "id": secrets.token_urlsafe(12),
        "ask": replace(grant.ask, state=None, login_hint="").to_json(),
        "session": [session.sid, session.oid, session.at, session.mfa],
        "acrs": grant.acrs,
    }
    return tenant.seal.close(Sealed.CODE, value, now)


def redeem(tenant: Tenant, form: Params, basic: tuple[str, str] | None, now: float) -> dict[str, Any]:
    """Answer a token request. `basic` is what `Authorization: Basic` held, still form-encoded. Raises TenantError."""
    client = _authenticate(tenant, form, basic)
    grant_type = required(form, "grant_type")
    if grant_type != "authorization_code":
        raise TenantError(70003, value=grant_type)
    code_id, grant = _open_code(tenant, required(form, "code", MAX_SEALED), now)
    _check_request(form, client, grant.ask)
    person = tenant.person(grant.session.oid)
    if person is None:
        raise TenantError(70000)
    # Last, so that only a redemption that would succeed uses the code up; of several at once one wins.
    if not tenant.store.add(USED, code_id, b"1", now + CODE_LIFETIME, now):
        raise TenantError(54005)
    scopes = [scope for scope in grant.ask.scopes if scope != "offline_access"]
    access = {"oid": person.oid, "client": client.client_id, "id": secrets.token_urlsafe(12), "scopes": scopes}
    return {
        "token_type": "Bearer",
        "scope": " ".join(scopes),
        "expires_in": TOKEN_LIFETIME,
        "ext_expires_in": TOKEN_LIFETIME,
        "access_token": tenant.seal.close(Sealed.ACCESS, access, now),
        "id_token": jwt.encode(
            claims(tenant, client, person, grant, now),
            tenant.key.private,
            algorithm="RS256",
            headers={"kid": tenant.key.kid},
        ),
    }


def claims(tenant: Tenant, client: Registration, person: Person, grant: Grant, now: float) -> dict[str, Any]:
    """The ID token's claims: Entra's v2.0 set, which has no `amr`."""
    ask, directory = grant.ask, tenant.directory
    issued = int(now) - BACKDATED
    found: dict[str, Any] = {
        "aud": client.client_id,
        "iss": tenant.issuer,
        "iat": issued,
        "nbf": issued,
        "exp": int(now) + TOKEN_LIFETIME,
        "rh": f"1.{_text(tenant.pseudonym('rh', grant.session.sid, client.client_id))}.",
        "sid": grant.session.sid,
        "sub": subject(tenant, client.client_id, person),
        "tid": directory.tenant_id,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
    }
    found |= {"nonce": ask.nonce} if ask.nonce else {}
    found |= {"groups": list(person.groups)} if person.groups else {}
    found |= {"roles": list(person.roles)} if person.roles else {}
    found |= {"acrs": list(grant.acrs)} if grant.acrs else {}
    if person.home:
        # A guest's token is from this tenant, and says who vouches for them; their e-mail always comes along.
        found |= {"idp": f"https://sts.windows.net/{person.home}/"}
    if "profile" in ask.scopes:
        found |= {"name": person.name, "oid": person.oid, "preferred_username": person.username}
        found |= {"login_hint": person.login_hint}
    if "email" in ask.scopes or person.home:
        found |= {"email": person.email}
    return found


def subject(tenant: Tenant, client_id: str, person: Person) -> str:
    """The pairwise `sub` (Core, 8.1): another client sees the same person under another one."""
    return _text(tenant.pseudonym("sub", client_id, person.oid))


def _authenticate(tenant: Tenant, form: Params, basic: tuple[str, str] | None) -> Registration:
    # Either way of RFC 6749, 2.3.1, and not both.
    posted = only(form, "client_secret")
    if basic and posted:
        raise TenantError(9002313)
    if basic:
        client_id, secret = (unquote_plus(part) for part in basic)
    else:
        client_id, secret = required(form, "client_id"), posted or ""
    client = tenant.registrations.get(client_id)
    if client is None or (only(form, "client_id") or client_id) != client_id:
        raise TenantError(700016, client=client_id, directory=tenant.directory.name)
    if not secret:
        raise TenantError(7000218)
    if not hmac.compare_digest(secret.encode(), client.client_secret.encode()):
        raise TenantError(7000215)
    return client


def _open_code(tenant: Tenant, code: str, now: float) -> tuple[str, Grant]:
    try:
        value: Mapping[str, Any] = tenant.seal.open(Sealed.CODE, code, now, CODE_LIFETIME)
    except SealError as fault:
        raise TenantError(70008 if fault.expired else 70000) from fault
    grant = Grant(Ask.from_json(value["ask"]), Session(*value["session"]), tuple(value["acrs"]))
    return value["id"], grant


def _check_request(form: Params, client: Registration, ask: Ask) -> None:
    if ask.client_id != client.client_id:
        raise TenantError(700005)
    uri = required(form, "redirect_uri")
    if uri != ask.redirect_uri:
        raise TenantError(500112, uri=uri)
    verifier = only(form, "code_verifier") or ""
    made = _text(hashlib.sha256(verifier.encode()).digest())
    if not VERIFIER.fullmatch(verifier) or not hmac.compare_digest(made, ask.challenge):
        raise TenantError(501481)


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
