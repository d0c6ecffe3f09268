"""The token endpoint (RFC 6749, 3.2): codes, refresh tokens and applications themselves, for tokens."""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from glassgate.access.seal import MAX_SEALED
from glassgate.lab.tenant.authorize import Params, only, read_claims, required
from glassgate.lab.tenant.client_auth import authenticate
from glassgate.lab.tenant.cloud import CODE_LIFETIME, TOKEN_LIFETIME, USED, Call, Sealed
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.grants import Code, Grant, make_refresh_token, open_code, open_refresh_token
from glassgate.lab.tenant.id_token import make_id_token
from glassgate.lab.tenant.on_command import commanded
from glassgate.lab.tenant.registration import Registration
from glassgate.lab.tenant.scopes import DEFAULT, OFFLINE, OPENID, READ, read_scopes
from glassgate.lab.tenant.steps import lacks_consent

VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636, 4.1

type Answer = dict[str, Any]


def answer_token_request(call: Call, form: Params, basic: tuple[str, str] | None) -> Answer:
    """Answer a token request. `basic` is what `Authorization: Basic` held, still form-encoded. Raises TenantError."""
    fault = call.cloud.switchboard.happens(call.switches.aadsts(at_token=True), call.now)
    if fault:
        raise commanded(call, fault, form)
    client = authenticate(call, form, basic)
    grant_type = required(form, "grant_type")
    answer = GRANTS.get(grant_type)
    if answer is None:
        raise TenantError(70003, value=grant_type)
    return answer(call, client, form)


def _for_code(call: Call, client: Registration, form: Params) -> Answer:
    code = open_code(call, required(form, "code", MAX_SEALED))
    _check_code(call, client, form, code)
    person = _grantor(call, code.grant)
    scopes = _scopes(call, client, form, code.grant, person)
    # Last, so that only a redemption that would succeed uses the code up; of several at once one wins.
    if not call.cloud.store.add(USED, code.id, b"1", call.now + CODE_LIFETIME, call.now):
        raise TenantError(54005)
    return _tokens(call, form, person, replace(code.grant, scopes=scopes))


def _for_refresh_token(call: Call, client: Registration, form: Params) -> Answer:
    grant = open_refresh_token(call, required(form, "refresh_token", MAX_SEALED))
    if grant.client_id != client.client_id:
        raise TenantError(70000)
    person = _grantor(call, grant)
    scopes = _scopes(call, client, form, grant, person)
    # What the sign-in proved is lost, unless it is asked for again and still holds.
    wanted, claims = read_claims(only(form, "claims")), only(form, "claims")
    if not grant.mfa and (wanted.mfa or set(wanted.contexts) & set(client.mfa_contexts)):
        raise TenantError(50076, claims=claims, client=client.client_id)
    renewed = replace(grant, scopes=scopes, acrs=wanted.contexts, nonce=None)
    return _tokens(call, form, person, renewed)


def _for_application(call: Call, client: Registration, form: Params) -> Answer:
    scope = required(form, "scope")
    if scope != f"{call.cloud.graph}/{DEFAULT}":
        raise TenantError(1002012, value=scope)
    directory = call.authority.directory
    if directory is None:
        raise TenantError(50059)
    access = {"tid": directory.tenant_id, "client": client.client_id, "id": secrets.token_urlsafe(12)}
    return _answer(call, call.cloud.seal.close(Sealed.ACCESS, access, call.now))


GRANTS: dict[str, Callable[[Call, Registration, Params], Answer]] = {
    "authorization_code": _for_code,
    "refresh_token": _for_refresh_token,
    "client_credentials": _for_application,
}


def _check_code(call: Call, client: Registration, form: Params, code: Code) -> None:
    if code.grant.client_id != client.client_id:
        raise TenantError(70000)
    uri = required(form, "redirect_uri")
    if uri != code.redirect_uri:
        raise TenantError(500112, uri=uri)
    verifier = only(form, "code_verifier") or ""
    made = _text(hashlib.sha256(verifier.encode()).digest())
    if not VERIFIER.fullmatch(verifier) or not hmac.compare_digest(made, code.challenge):
        raise TenantError(501481)


def _grantor(call: Call, grant: Grant) -> Person:
    """The person of a grant that is good here and now."""
    if not call.authority.takes(grant.tid):
        raise TenantError(700005, value=grant.tid, directory=call.authority.name)
    person = call.person(grant.tid, grant.oid)
    if person is None:
        raise TenantError(50034, value=grant.oid, directory=call.authority.title)
    call.check_standing(person, grant.issued)
    return person


def _scopes(call: Call, client: Registration, form: Params, grant: Grant, person: Person) -> tuple[str, ...]:
    """The scopes of these tokens: those of the grant, or others that are asked for and were consented to."""
    asked = only(form, "scope")
    if asked is None:
        return grant.scopes
    scopes = read_scopes(asked, call.cloud.graph, client.client_id)
    if call.cloud.asks_consent and lacks_consent(call, client.client_id, scopes, person):
        raise TenantError(65001, client=client.client_id)
    # What OpenID Connect asks for is of the sign-in, and is not said again with every request.
    kept = (scope for scope in grant.scopes if scope in OPENID)
    return tuple(dict.fromkeys((*kept, *scopes)))


def _tokens(call: Call, form: Params, person: Person, grant: Grant) -> Answer:
    scopes = [scope for scope in grant.scopes if scope != OFFLINE]
    access = {
        "tid": person.tid,
        "oid": person.oid,
        "client": grant.client_id,
        "id": secrets.token_urlsafe(12),
        "scopes": scopes,
    }
    everything = any(scope.rpartition("/")[2] == DEFAULT for scope in scopes)
    answer = _answer(call, call.cloud.seal.close(Sealed.ACCESS, access, call.now))
    answer |= {"scope": " ".join([*scopes, *([READ] if everything else [])])}
    if OFFLINE in grant.scopes:
        answer |= {"refresh_token": make_refresh_token(call, replace(grant, acrs=(), nonce=None))}
    if "openid" in grant.scopes:
        answer |= {"id_token": make_id_token(call, person, grant)}
    if only(form, "client_info") == "1":
        tid, oid = person.account
        answer |= {"client_info": _text(json.dumps({"uid": oid, "utid": tid}).encode())}
    return answer


def _answer(call: Call, access_token: str) -> Answer:
    return {
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME,
        "ext_expires_in": TOKEN_LIFETIME,
        "access_token": access_token,
    }


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
