"""What the lab has of Microsoft Graph: the userinfo endpoint that the tenant's discovery points to."""

import json
from collections.abc import Mapping

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from glassgate.access.seal import SealError
from glassgate.lab.tenant.tenant import TOKEN_LIFETIME, Sealed, Tenant
from glassgate.lab.tenant.tokens import subject


def graph_app(tenant: Tenant) -> Flask:
    """The WSGI application of `graph.localhost`."""
    app = Flask(__name__, static_folder=None, template_folder=None)

    def userinfo() -> Response:
        sent = request.authorization
        bearer = (sent.token or "") if sent is not None and sent.type == "bearer" else ""
        try:
            access = tenant.seal.open(Sealed.ACCESS, bearer, tenant.clock(), TOKEN_LIFETIME)
        except SealError:
            return _refusal(401, "InvalidAuthenticationToken", "Access token is missing, expired or not ours.")
        person = tenant.person(access["oid"])
        if person is None:
            return _refusal(401, "InvalidAuthenticationToken", "The user is not in the directory.")
        told = {"sub": subject(tenant, access["client"], person)}
        told |= {"name": person.name} if "profile" in access["scopes"] else {}
        told |= {"email": person.email} if "email" in access["scopes"] else {}
        return _json(200, told)

    app.add_url_rule("/oidc/userinfo", "userinfo", userinfo, methods=["GET", "POST"])
    app.register_error_handler(HTTPException, lambda fault: _refusal(fault.code or 500, "Request_Invalid", fault.name))
    return app


def _json(status: int, value: Mapping[str, object]) -> Response:
    response = Response(json.dumps(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _refusal(status: int, code: str, message: str) -> Response:
    response = _json(status, {"error": {"code": code, "message": message}})
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="", error="invalid_token"'
    return response
