"""What a browser holds of the tenant: its session, and one cookie for each sign-in page that is open in it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from werkzeug.wrappers import Response

from glassgate.access.seal import SealError
from glassgate.lab.tenant.faults import TenantError
from glassgate.lab.tenant.tenant import ENDED, FLOW_LIFETIME, SESSION_LIFETIME, Sealed, Session, Tenant

SESSION_COOKIE = "__Host-ESTSAUTH"
# One a sign-in: with one for all, the ten tabs of a restored window would overwrite each other's.
FLOW_COOKIE = "__Host-ctx-"
MOST_FLOWS = 16


def session_of(tenant: Tenant, cookies: Mapping[str, str], now: float) -> Session | None:
    """The session of a browser, where it is ours, young enough and not signed out."""
    try:
        value = tenant.seal.open(Sealed.SESSION, cookies.get(SESSION_COOKIE, ""), now, SESSION_LIFETIME)
    except SealError:
        return None
    session = Session(value["sid"], value["oid"], value["at"], value["mfa"])
    return None if tenant.store.get(ENDED, session.sid, now) else session


def keep_session(tenant: Tenant, response: Response, session: Session, now: float) -> None:
    """Give the browser a session. Other sites' silent requests bring it along, as Entra's (SameSite=None)."""
    value = {"sid": session.sid, "oid": session.oid, "at": session.at, "mfa": session.mfa}
    sealed = tenant.seal.close(Sealed.SESSION, value, now)
    response.set_cookie(SESSION_COOKIE, sealed, path="/", secure=True, httponly=True, samesite="None")


def end_session(tenant: Tenant, response: Response, session: Session, now: float) -> None:
    """End a session, also for whoever kept a copy of its cookie."""
    tenant.store.put(ENDED, session.sid, b"1", now + SESSION_LIFETIME)
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="None")


def begin_flow(response: Response, cookies: Mapping[str, str]) -> str:
    """Mark the browser that a sign-in page is made for; answers with what the page's form must be sealed with."""
    flow_id, secret = secrets.token_hex(6), secrets.token_urlsafe(24)
    open_flows = [name for name in cookies if name.startswith(FLOW_COOKIE)]
    for name in open_flows[: max(0, len(open_flows) - MOST_FLOWS + 1)]:  # browsers send the oldest first
        _forget(response, name)
    response.set_cookie(
        FLOW_COOKIE + flow_id, secret, FLOW_LIFETIME, path="/", secure=True, httponly=True, samesite="Lax"
    )
    return f"{flow_id}.{_digest(secret)}"


def check_flow(cookies: Mapping[str, str], mark: str) -> None:
    """Refuse a form that another browser was given, so that nobody signs a visitor in as somebody else."""
    flow_id, _, expected = mark.partition(".")
    found = _digest(cookies.get(FLOW_COOKIE + flow_id, ""))
    if not hmac.compare_digest(found, expected):
        raise TenantError(165000)


def end_flow(response: Response, mark: str) -> None:
    """Forget a sign-in page that came to its end."""
    _forget(response, FLOW_COOKIE + mark.partition(".")[0])


def _forget(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def _digest(secret: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()
