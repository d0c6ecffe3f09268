"""What programs read at the gate: the keys of application tokens, and who is signed in."""

from typing import Any

from glassgate.access.session import Session
from glassgate.gate import answers
from glassgate.gate.credentials import session_at, session_of
from glassgate.gate.exchange import Answer, Request, Steps
from glassgate.gate.site import Site


def certs(site: Site, request: Request) -> Answer:
    """`/cdn-cgi/access/certs`: the public keys, for any origin and page that wants to check a token."""
    return answers.data(request, 200, site.keys.public_document(), [("Access-Control-Allow-Origin", "*")])


def get_identity(site: Site, request: Request, host: str) -> Steps[Answer]:
    """`/cdn-cgi/access/get-identity`: the identity of the presented session, in Cloudflare Access's shape."""
    found = yield from _presented_at(site, request, host)
    if found is None:
        return answers.data(request, 400, {"err": "no app token set"})
    return answers.data(request, 200, describe(found, site))


def _presented_at(site: Site, request: Request, host: str) -> Steps[Session | None]:
    session = yield from session_at(site, request, host)
    if session or host != site.team:
        return session
    # Client libraries of Cloudflare Access ask the team domain, with an app's token.
    return (yield from session_of(site, request, site.apps.values()))


def describe(session: Session, site: Site) -> dict[str, Any]:
    """A session's identity as JSON. An e-mail that does not count is told to its owner alone, as `unverified_email`."""
    identity = session.identity
    known: dict[str, Any] = {
        "id": identity.subject,
        "name": identity.name,
        "email": identity.email or "",
        "user_uuid": identity.user_id,
        "amr": sorted(identity.amr),
        "groups": [{"id": group, "name": ""} for group in sorted(identity.groups or ())],
        "roles": sorted(identity.roles),
        "acrs": sorted(identity.acrs),
        "idp": {
            "id": identity.provider,
            "type": "azureAD" if identity.provider_type == "entra" else identity.provider_type,
        },
        "geo": {"country": ""},
        "oidc_fields": {},
        "custom": {},
        "iat": int(session.created),
        "auth_status": "NONE",
        "service_token_status": False,
        "is_warp": False,
        "is_gateway": False,
        "account_id": site.team,
        "version": 2,
    }
    if identity.unverified_email:
        known["unverified_email"] = identity.unverified_email
    return known
