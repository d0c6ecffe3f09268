"""The registration as calls of Microsoft Graph, and as a fragment of the application's manifest."""

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from glassgate.cli.entra_application import Application, as_text
from glassgate.oidc.client_auth import ClientCertificate, ClientSecret, Credential, FederatedToken

type Lines = Iterator[str]
type ReadFile = Callable[[Path], bytes]  # raises OSError

ISSUER, SUBJECT = "THE TOKEN'S iss", "THE TOKEN'S sub"  # where there is no token yet
TOKEN_EXCHANGE = "api://AzureADTokenExchange"  # noqa: S105 - an audience


def manifest(app: Application) -> str:
    """The parts of the manifest that the gate needs: to be merged with what stands there."""
    body = app.body()
    del body["displayName"]
    return as_text(body)


def calls(app: Application, read: ReadFile) -> str:
    """Every call, in order. `APP_ID` and `SP_ID` stand for what the first two answer with."""
    parts = (
        _application(app), _enterprise(app), _secret(app), _certificates(app, read), _federated(app, read),
        _assignments(app), *(_context(app, context) for context in app.contexts),
    )  # fmt: skip
    return "\n\n".join(call for part in parts for call in part)


def federated(app: Application, read: ReadFile) -> dict[str, Any]:
    """The federated credential, by the issuer and the subject of the token that is in the file now."""
    said: dict[str, Any] = {}
    for credential in _of(app, FederatedToken):
        with contextlib.suppress(OSError, ValueError, jwt.PyJWTError):
            said = jwt.decode(read(credential.path).decode().strip(), options={"verify_signature": False})
    audience = said.get("aud", TOKEN_EXCHANGE)
    return {
        "name": "glassgate",
        "issuer": said.get("iss", ISSUER),
        "subject": said.get("sub", SUBJECT),
        "audiences": audience if isinstance(audience, list) else [audience],
    }


def _of[C: Credential](app: Application, kind: type[C]) -> list[C]:
    return [one for one in app.provider.credentials if isinstance(one, kind)]


def _application(app: Application) -> Lines:
    yield _call(
        "The application. The answer's `appId` is `client_id` in config.yaml, and APP_ID below. For one that you\n"
        f"have, send the same body by PATCH to /v1.0/applications(appId='{app.client_id}'): it replaces the name,\n"
        "redirect URIs, claims, permissions and app roles that are there. A role has to be disabled before it can go.",
        "POST", f"{app.cloud.graph}/v1.0/applications", app.body(),
    )  # fmt: skip


def _enterprise(app: Application) -> Lines:
    yield _call(
        "Its part in this tenant, the enterprise application. The answer's `id` is SP_ID below.",
        "POST", f"{app.cloud.graph}/v1.0/servicePrincipals",
        {"appId": "APP_ID", "appRoleAssignmentRequired": app.assigned_only},
    )  # fmt: skip


def _secret(app: Application) -> Lines:
    if _of(app, ClientSecret):
        yield _call(
            "A secret. The answer's `secretText`, told this once, is `client_secret` in config.yaml.",
            "POST", f"{_here(app)}/addPassword", {"passwordCredential": {"displayName": "glassgate"}},
        )  # fmt: skip


def _certificates(app: Application, read: ReadFile) -> Lines:
    if found := _of(app, ClientCertificate):
        yield _call(
            "The certificates. They replace all that are there.",
            "PATCH", _here(app), {"keyCredentials": [_key(one, read) for one in found]},
        )  # fmt: skip


def _federated(app: Application, read: ReadFile) -> Lines:
    if _of(app, FederatedToken):
        yield _call(
            "Whose token proves the gate: its `iss`, `sub` and `aud`, to the letter.",
            "POST", f"{_here(app)}/federatedIdentityCredentials", federated(app, read),
        )  # fmt: skip


def _key(credential: ClientCertificate, read: ReadFile) -> dict[str, Any]:
    try:
        certificate = x509.load_pem_x509_certificate(read(credential.certificate))
        key = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    except (OSError, ValueError):
        key = "THE CERTIFICATE, ITS DER FORM IN BASE64"
    return {"type": "AsymmetricX509Cert", "usage": "Verify", "displayName": "glassgate", "key": key}


def _assignments(app: Application) -> Lines:
    place = f"{app.cloud.graph}/v1.0/servicePrincipals/SP_ID/appRoleAssignedTo"
    for group in app.groups if app.assigns_groups else ():
        yield _call(
            f"The group {group}. One that is not assigned is in no token.",
            "POST", place, {"principalId": group, "resourceId": "SP_ID", "appRoleId": app.group_role},
        )  # fmt: skip
    for role in app.named_roles:
        yield _call(
            f"The role {role.name}, for each person or group that shall have it: OBJECT_ID.",
            "POST", place, {"principalId": "OBJECT_ID", "resourceId": "SP_ID", "appRoleId": role.id},
        )  # fmt: skip


def _context(app: Application, context: str) -> Lines:
    place = f"{app.cloud.graph}/v1.0/identity/conditionalAccess"
    known = {"id": context, "displayName": f"glassgate {context}", "description": "For glassgate", "isAvailable": True}
    yield _call(
        f"The authentication context {context}, as Conditional Access Administrator, with the permission\n"
        "Policy.ReadWrite.ConditionalAccess.",
        "PATCH", f"{place}/authenticationContextClassReferences/{context}", known,
    )  # fmt: skip
    policy = {
        "displayName": f"glassgate: {context} by multifactor authentication",
        "state": "enabled",
        "conditions": {
            "clientAppTypes": ["all"],
            "applications": {"includeAuthenticationContextClassReferences": [context]},
            "users": {"includeUsers": ["All"], "excludeUsers": []},
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    }
    yield _call(
        f"Its policy: without one everybody has {context}. Put your emergency accounts into excludeUsers.",
        "POST", f"{place}/policies", policy,
    )  # fmt: skip


def _here(app: Application) -> str:
    return f"{app.cloud.graph}/v1.0/applications(appId='APP_ID')"


def _call(says: str, method: str, address: str, body: dict[str, Any]) -> str:
    return f"{says}\n\n{method} {address}\nContent-Type: application/json\n\n{as_text(body)}"
