"""Hosts that are served in this process: a flow's request to a WSGI application, and its answer back (PEP 3333)."""

import io
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import StartResponse, WSGIApplication

from mitmproxy import http

from glassgate.gate.exchange import Request
from glassgate.gate.site import authority


def environ(request: Request, flow: http.HTTPFlow, host: str, port: int) -> dict[str, Any]:
    """The WSGI environ of a request that came over TLS for `host` on the public port."""
    found: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": str(request.peer),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(flow.request.raw_content or b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(flow.request.raw_content or b"")),
    }
    for name, value in request.headers:
        key = name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if key == "CONTENT_TYPE":
            found[key] = text
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            joint = "; " if key == "COOKIE" else ", "
            found[f"HTTP_{key}"] = joint.join([found[f"HTTP_{key}"], text]) if f"HTTP_{key}" in found else text
    found["HTTP_HOST"] = authority(host, port)
    return found


def call(application: WSGIApplication, environ: dict[str, Any]) -> http.Response:
    """Run a WSGI application to its end. Raises what it raises."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        begun[:] = [(status, headers)]
        return written.append

    written: list[bytes] = []
    answer: StartResponse = start_response
    chunks: Iterable[bytes] = application(environ, answer)
    try:
        body = b"".join([*written, *chunks])
    finally:
        getattr(chunks, "close", lambda: None)()
    status, headers = begun[0]
    code, _, reason = status.partition(" ")
    response = http.Response.make(
        int(code), body, [(name.encode(), value.encode("latin-1")) for name, value in headers]
    )
    response.reason = reason
    response.headers.setdefault("Date", formatdate(usegmt=True))  # a server's part (RFC 9110, section 6.6.1)
    if environ["REQUEST_METHOD"] == "HEAD":
        response.raw_content = b""
    return response
