"""What the lab has of Microsoft Graph (v1.0): who the user is, and in which groups."""

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Flask, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from glassgate.access.seal import MAX_SEALED, SealError
from glassgate.lab.tenant.cloud import TOKEN_LIFETIME, Authority, Call, Cloud, Sealed
from glassgate.lab.tenant.directory import Person, guid
from glassgate.lab.tenant.errors import instant
from glassgate.lab.tenant.id_token import subject
from glassgate.lab.tenant.scopes import READ, permissions

LONGEST_BODY = 32 * 1024  # bytes
PAGE, LARGEST_PAGE = 100, 999  # groups
MOST_CHECKED = 20  # groups of one checkMemberGroups
MOST_LISTED = 11_000  # groups of one getMemberGroups or getMemberObjects
PAGE_LIFETIME = 3600  # seconds for which a page can be followed by the next
MEMBER_OF = "/v1.0/me/transitiveMemberOf/microsoft.graph.group"
GROUP = ("id", "displayName", "securityEnabled")


class GraphError(Exception):
    """Graph says no: with a status, a code for programs, and a sentence."""

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, by a good access token: an application for a person."""

    call: Call
    person: Person
    client_id: str
    scopes: tuple[str, ...]


type View = Callable[[Caller], dict[str, Any]]


def graph_app(cloud: Cloud, log: logging.Logger) -> Flask:
    """The WSGI application of `graph.localhost`. Thread-safe; it keeps nothing between two requests."""
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    everyone = Authority("common", None)

    def begin() -> None:
        now = cloud.clock()
        call = g.call = Call(cloud, everyone, cloud.switchboard.read(now), now)
        _let_faults_happen(call)

    routes: tuple[tuple[str, View, list[str]], ...] = (
        ("/oidc/userinfo", userinfo, ["GET", "POST"]),
        ("/v1.0/me", _reading(me), ["GET"]),
        (MEMBER_OF, _reading(member_of), ["GET"]),
        ("/v1.0/me/checkMemberGroups", _reading(check_member_groups), ["POST"]),
        ("/v1.0/me/getMemberGroups", _reading(get_member_groups), ["POST"]),
        ("/v1.0/me/getMemberObjects", _reading(get_member_groups), ["POST"]),
    )
    for rule, view, methods in routes:
        app.add_url_rule(rule, rule, _answering(view), methods=methods)

    def tell(response: Response) -> Response:
        log.info(
            "%s %s %s %d", instant(cloud.clock()), request.method, request.full_path.rstrip("?"), response.status_code
        )
        return response

    app.before_request(begin)
    app.after_request(tell)
    app.register_error_handler(GraphError, _refusal)
    app.register_error_handler(HTTPException, lambda no: _refusal(GraphError(no.code or 500, "BadRequest", no.name)))
    return app


def _let_faults_happen(call: Call) -> None:
    slow = call.fault("slow")
    if slow:
        call.cloud.sleep(slow.pause)
    if call.fault("down"):
        raise GraphError(503, "serviceNotAvailable", "The service is temporarily unavailable.")
    busy = call.fault("graph429")
    if busy:
        raise GraphError(429, "TooManyRequests", "Too many requests.", retry_after=int(busy.pause))
    if call.fault("graph500"):
        raise GraphError(500, "generalException", "An internal server error occurred.")
    if call.fault("graph403"):
        raise _denied()


def _answering(view: View) -> Callable[[], Response]:
    return lambda: _json(200, view(_caller(g.call)))


def _reading(view: View) -> View:
    """Let only those in who may read the user's profile."""

    def allowed(caller: Caller) -> dict[str, Any]:
        if READ not in permissions(caller.scopes):
            raise _denied()
        return view(caller)

    return allowed


def _caller(call: Call) -> Caller:
    sent = request.authorization
    bearer = (sent.token or "") if sent is not None and sent.type == "bearer" else ""
    if not bearer:
        raise _bad_token("Access token is empty.")
    try:
        access = call.cloud.seal.open(Sealed.ACCESS, bearer, call.now, TOKEN_LIFETIME)
    except SealError as fault:
        said = "Lifetime validation failed, the token is expired." if fault.expired else "CompactToken parsing failed."
        raise _bad_token(said) from fault
    if "oid" not in access:
        raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    person = call.person(access["tid"], access["oid"])
    if person is None:
        raise _bad_token("The user is not in the directory.")
    return Caller(call, person, access["client"], tuple(access["scopes"]))


def userinfo(caller: Caller) -> dict[str, Any]:
    """The userinfo endpoint (OpenID Connect Core 1.0, 5.3), which Entra has here."""
    told: dict[str, Any] = {"sub": subject(caller.call, caller.client_id, caller.person)}
    told |= {"name": caller.person.name} if "profile" in caller.scopes else {}
    return told | ({"email": caller.person.email} if "email" in caller.scopes else {})


def me(caller: Caller) -> dict[str, Any]:
    """The user, with the properties that Graph gives where none are chosen."""
    person = caller.person
    given, _, surname = person.name.rpartition(" ")
    return {
        "@odata.context": _context(caller, "users/$entity"),
        "businessPhones": [],
        "displayName": person.name,
        "givenName": given or person.name,
        "jobTitle": None,
        "mail": person.email,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": surname if given else None,
        "userPrincipalName": person.username,
        "id": person.oid,
    }


def member_of(caller: Caller) -> dict[str, Any]:
    """The user's groups, page by page."""
    names = tuple(request.args.get("$select", ",".join(GROUP)).split(","))
    odd = next((name for name in names if name not in GROUP), None)
    if odd is not None:
        raise _bad(f"Could not find a property named '{odd[:60]}' on type 'microsoft.graph.group'.")
    size, start = _page_size(), _page_start(caller)
    groups, end = caller.person.groups, start + size
    answer: dict[str, Any] = {"@odata.context": _context(caller, f"groups({','.join(names)})")}
    if request.args.get("$count") == "true" and request.headers.get("ConsistencyLevel", "").lower() == "eventual":
        answer["@odata.count"] = len(groups)
    if end < len(groups):
        answer["@odata.nextLink"] = _next_link(caller, end)
    return answer | {"value": [_group(group, names) for group in groups[start:end]]}


def check_member_groups(caller: Caller) -> dict[str, Any]:
    """Those of at most 20 groups that the user is in."""
    asked = _body().get("groupIds")
    if not isinstance(asked, list) or not all(isinstance(one, str) and guid(one) for one in asked):
        raise _bad("Invalid value specified for property 'groupIds' of resource 'DirectoryObject'.")
    if len(asked) > MOST_CHECKED:
        raise _bad(f"The maximum number of groups that can be checked is {MOST_CHECKED}.")
    mine = set(caller.person.groups)
    return _strings(caller, [one for one in dict.fromkeys(asked) if one.lower() in mine])


def get_member_groups(caller: Caller) -> dict[str, Any]:
    """All groups of the user at once; the lab has no roles and no units that would be besides."""
    if not isinstance(_body().get("securityEnabledOnly"), bool):
        raise _bad("Invalid value specified for property 'securityEnabledOnly' of resource 'DirectoryObject'.")
    if len(caller.person.groups) > MOST_LISTED:
        raise GraphError(400, "Directory_ResultSizeLimitExceeded", "The result set is too large to be returned.")
    return _strings(caller, list(caller.person.groups))


def _group(group: str, names: tuple[str, ...]) -> dict[str, Any]:
    whole = {"id": group, "displayName": f"Group {group[:8]}", "securityEnabled": True}
    return {name: whole[name] for name in names}


def _page_size() -> int:
    top = request.args.get("$top", str(PAGE))
    size = int(top) if top.isascii() and top.isdigit() and len(top) < 6 else 0
    if not 1 <= size <= LARGEST_PAGE:
        raise _bad(f"Invalid page size specified: '{top[:20]}'. Must be between 1 and {LARGEST_PAGE} inclusive.")
    return size


def _page_start(caller: Caller) -> int:
    sealed = request.args.get("$skiptoken", "")
    if not sealed:
        return 0
    try:
        said = caller.call.cloud.seal.open(Sealed.PAGE, sealed[: MAX_SEALED + 1], caller.call.now, PAGE_LIFETIME)
    except SealError as fault:
        code = "Directory_ExpiredPageToken" if fault.expired else "Request_BadRequest"
        raise GraphError(400, code, "The specified page token value is not valid.") from fault
    if said["oid"] != caller.person.oid:
        raise _bad("The specified page token value is not valid.")
    return int(said["start"])


def _next_link(caller: Caller, start: int) -> str:
    cloud = caller.call.cloud
    token = cloud.seal.close(Sealed.PAGE, {"oid": caller.person.oid, "start": start}, caller.call.now)
    kept = {name: value for name, value in request.args.items() if name in ("$select", "$count", "$top")}
    return f"{cloud.graph}{MEMBER_OF}?{urlencode({**kept, '$skiptoken': token}, safe='$,')}"


def _body() -> dict[str, Any]:
    said = request.get_json(silent=True)
    if not isinstance(said, dict):
        raise _bad("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of "
                   "valid JSON format.")  # fmt: skip
    return said


def _strings(caller: Caller, values: list[str]) -> dict[str, Any]:
    return {"@odata.context": _context(caller, "Collection(Edm.String)"), "value": values}


def _context(caller: Caller, what: str) -> str:
    return f"{caller.call.cloud.graph}/v1.0/$metadata#{what}"


def _bad(message: str) -> GraphError:
    return GraphError(400, "Request_BadRequest", message)


def _bad_token(message: str) -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", message)


def _denied() -> GraphError:
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def _json(status: int, value: Mapping[str, object]) -> Response:
    response = Response(json.dumps(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["request-id"] = str(uuid.uuid4())
    return response


def _refusal(no: GraphError) -> Response:
    request_id = str(uuid.uuid4())
    asked = request.headers.get("client-request-id", request_id)[:64]
    date = instant(g.call.now)[:19] if "call" in g else ""
    inner = {"date": date, "request-id": request_id, "client-request-id": asked}
    response = _json(no.status, {"error": {"code": no.code, "message": str(no), "innerError": inner}})
    response.headers["request-id"] = request_id
    if no.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="", error="invalid_token"'
    if no.retry_after is not None:
        response.headers["Retry-After"] = str(no.retry_after)
    return response
