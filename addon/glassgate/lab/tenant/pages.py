"""Makes the tenant's answers: pages under a strict policy, JSON, and redirects."""

import base64
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Response, render_template

from glassgate.lab.tenant.authorize import Reply

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text()
POST_AT_ONCE = "document.forms[0].submit();"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# No form-action: Chromium holds it against every redirect after the POST, and those end at the app.
CSP = f"default-src 'none'; style-src {_hash(STYLE)}; base-uri 'none'; frame-ancestors 'none'"
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page of its own response."""
    return fill(Response(status=status), template, **values)


def fill(response: Response, template: str, **values: Any) -> Response:
    """Make a page of a response that has its cookies already."""
    response.set_data(render_template(template, **values))
    response.mimetype = "text/html"
    return response


def as_json(value: dict[str, Any], status: int = 200, max_age: int | None = None) -> Response:
    """A JSON answer; one that may not be kept, but for `max_age` seconds."""
    response = Response(json.dumps(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = f"max-age={max_age}, private" if max_age else "no-store"
    return response


def redirect(uri: str, answer: dict[str, str | None]) -> Response:
    """A redirect with these parameters besides those that the address has."""
    return Response(status=302, headers={"Location": with_query(uri, answer)})


def with_query(uri: str, answer: dict[str, str | None]) -> str:
    """An address with these parameters besides those that it has."""
    query = urlencode({name: value for name, value in answer.items() if value is not None})
    joint = "" if not query else "&" if "?" in uri else "?"
    return f"{uri}{joint}{query}"


def reply_with(reply: Reply, answer: dict[str, str | None]) -> Response:
    """The authorization response, in the query of a redirect or in a form that posts itself."""
    answer = {**answer, "state": reply.state}
    if reply.mode == "query":
        return redirect(reply.uri, answer)
    fields = {name: value for name, value in answer.items() if value is not None}
    response = page("form_post.html", uri=reply.uri, fields=fields, script=POST_AT_ONCE)
    response.headers["Content-Security-Policy"] = f"{CSP}; script-src {_hash(POST_AT_ONCE)}"
    # With no-referrer the browser would call the sender "null".
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def framing(response: Response, addresses: Iterable[str]) -> Response:
    """Let a page frame what is at these addresses."""
    origins = {"{0.scheme}://{0.netloc}".format(urlsplit(address)) for address in addresses}
    response.headers["Content-Security-Policy"] = f"{CSP}; frame-src {' '.join(sorted(origins))}"
    return response


def with_page_headers(response: Response) -> Response:
    """Give an answer the headers that all have, where it has none of its own."""
    for name, value in PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
