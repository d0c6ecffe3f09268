"""Header lists of HTTP/2: a request's as an origin gets it, an origin's answer and trailers as they are passed on."""

import time
from collections.abc import Iterable

from mitmproxy import http
from mitmproxy.proxy.layers.http._http2 import parse_h2_response_headers

type Field = tuple[bytes, bytes]

# What belongs to an HTTP/1 connection (RFC 9113 section 8.2.2), and what a pseudo-header says.
LEFT_OUT = frozenset(
    (b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te")
)
# What frames, routes, says who asks, or is of use only before the body is no trailer (RFC 9110 section 6.5.1).
NO_TRAILERS = LEFT_OUT | frozenset(
    (b"age", b"alt-svc", b"authorization", b"cache-control", b"content-encoding", b"content-length", b"content-range",
     b"content-type", b"cookie", b"expires", b"location", b"set-cookie", b"trailer", b"vary", b"www-authenticate")
)  # fmt: skip


def request_fields(request: http.Request) -> list[Field]:
    """The header list of a request whose headers were decided."""
    fields = [(name.lower(), value) for name, value in request.headers.fields]
    hosts = [value for name, value in fields if name == b"host"]
    said = [
        (b":method", request.data.method),
        (b":scheme", b"https"),
        (b":authority", hosts[0] if hosts else request.data.authority),
        (b":path", request.data.path),
        *(field for field in fields if field[0] not in LEFT_OUT),
    ]
    if request.is_http2:
        said.append((b"te", b"trailers"))  # the only client's kind to whom they are passed on; gRPC asks for it
    return said


def response_of(fields: Iterable[Field], method: bytes, *, ended: bool, for_http2: bool) -> http.Response:
    """An answer by its header list, for a client that speaks HTTP/2 or not. `ended`: it has no body.

    Raises ValueError where it is none.
    """
    status, headers = parse_h2_response_headers(list(fields))
    if not 200 <= status <= 999:
        raise ValueError("not a status of an answer")
    if not for_http2 and "content-length" not in headers and method != b"HEAD" and status not in (204, 304):
        # Else the client's connection would have to end with it.
        name, value = ("Content-Length", "0") if ended else ("Transfer-Encoding", "chunked")
        headers[name] = value
    return http.Response(
        http_version=b"HTTP/2.0" if for_http2 else b"HTTP/1.1", status_code=status, reason=b"", headers=headers,
        content=None, trailers=None, timestamp_start=time.time(), timestamp_end=None,
    )  # fmt: skip


def trailers_of(fields: Iterable[Field]) -> list[Field]:
    """Those of an origin's trailers that may be passed on."""
    return [field for field in fields if field[0] not in NO_TRAILERS and not field[0].startswith(b"cf-access-")]
