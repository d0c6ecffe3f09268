"""What a browser holds of the tenant: its session, and one cookie for each sign-in page that is open in it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from werkzeug.wrappers import Response

from glassgate.access.seal import SealError
from glassgate.lab.tenant.cloud import ENDED, FLOW_LIFETIME, OPENED, SESSION_LIFETIME, Call, Sealed, Session
from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.registration import Registration

SESSION_COOKIE = "__Host-ESTSAUTH"
# One a sign-in: with one for all, the ten tabs of a restored window would overwrite each other's.
FLOW_COOKIE = "__Host-ctx-"
MOST_FLOWS = 16


def session_of(call: Call, cookies: Mapping[str, str]) -> Session | None:
    """The session of a browser, where it is ours, young enough, not signed out, and its user still may sign in."""
    try:
        value = call.cloud.seal.open(Sealed.SESSION, cookies.get(SESSION_COOKIE, ""), call.now, SESSION_LIFETIME)
        session = Session(value["sid"], value["tid"], value["oid"], value["at"], value["mfa"])
    except (SealError, KeyError):
        return None
    account = call.cloud.tenants.person(session.tid, session.oid)
    if account is None or call.cloud.store.get(ENDED, session.sid, call.now):
        return None
    try:
        call.check_standing(account, session.at)
    except TenantError:
        return None
    return session


def keep_session(call: Call, response: Response, session: Session) -> None:
    """Give the browser a session. Other sites' silent requests bring it along, as Entra's (SameSite=None)."""
    value = {"sid": session.sid, "tid": session.tid, "oid": session.oid, "at": session.at, "mfa": session.mfa}
    sealed = call.cloud.seal.close(Sealed.SESSION, value, call.now)
    response.set_cookie(SESSION_COOKIE, sealed, path="/", secure=True, httponly=True, samesite="None")


def end_session(call: Call, response: Response, session: Session) -> None:
    """End a session, also for whoever kept a copy of its cookie."""
    call.cloud.store.put(ENDED, session.sid, b"1", call.now + SESSION_LIFETIME)
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="None")


def opened(call: Call, sid: str, client_id: str) -> None:
    """Note that a session signed in to an application, which is to be told of its end."""
    call.cloud.store.put(OPENED, f"{sid}/{client_id}", b"1", call.now + SESSION_LIFETIME)


def opened_apps(call: Call, session: Session) -> list[Registration]:
    """The applications that a session signed in to."""
    names = call.cloud.store.find(OPENED, f"{session.sid}/", call.now)
    known = call.cloud.registrations
    return [known[client] for name in names if (client := name.partition("/")[2]) in known]


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
