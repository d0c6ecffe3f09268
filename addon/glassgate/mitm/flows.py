"""A flow as the gate sees it, and the gate's answer as mitmproxy sends it."""

import secrets
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from mitmproxy import certs, http
from mitmproxy.connection import Client

from glassgate.access.facts import Address
from glassgate.gate.answers import reason_phrase
from glassgate.gate.exchange import Answer, Forward, Request, ShownCertificate

# What stands for an answer as long as nothing is decided: one for all, since it is sent only where a decision breaks.
REFUSED = http.Response(
    b"HTTP/1.1", 503, b"Service Unavailable",
    ((b"Cache-Control", b"no-store"), (b"Retry-After", b"5"), (b"Content-Length", b"0")), b"", None, 0.0, 0.0,
)  # fmt: skip


def read(flow: http.HTTPFlow, at: float) -> Request:
    """The request of a flow. `at` is Unix seconds. Raises ValueError where the peer has no address."""
    return head(flow.client_conn, flow.request, at)


def head(client: Client, request: http.Request, at: float) -> Request:
    """A client's request, as `read` has it."""
    fields = request.headers.fields
    hosts = [value.decode("latin-1") for name, value in fields if len(name) == 4 and name.lower() == b"host"]
    if request.data.authority:
        hosts.append(request.data.authority.decode("latin-1"))
    return Request(
        ray=secrets.token_hex(8),
        at=at,
        secure=client.tls_established,
        method=request.data.method.decode("latin-1"),
        hosts=tuple(hosts),
        target=request.data.path.decode("latin-1"),
        headers=fields,
        peer=peer_address(client.peername),
        sni=client.sni,
        certificate=_certificate(client.certificate_list[0]) if client.certificate_list else None,
    )


def unreadable(client: Client, at: float) -> Request:
    """What is known of a request that could not be read: who sent it. Raises ValueError as `read` does."""
    peer = peer_address(client.peername)
    return Request(secrets.token_hex(8), at, client.tls_established, "", (), "", (), peer)


def peer_address(peername: tuple[str, ...] | tuple[str, int] | None) -> Address:
    """The address of a peer; an IPv4 one that came in over IPv6 is told as what it is."""
    if not peername:
        raise ValueError("the peer has no address")
    return _address(str(peername[0]))


@lru_cache(4096)
def _address(text: str) -> Address:
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(1024)
def _certificate(shown: certs.Cert) -> ShownCertificate:
    """What is told of the certificate that a client showed: TLS has verified it, else there were no connection."""
    return ShownCertificate(shown.cn, shown.fingerprint().hex(), shown.notafter.timestamp())


def response(answer: Answer, *, head: bool = False) -> http.Response:
    """An answer of ours as a response; to a HEAD without its body, whose length is told all the same."""
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if answer.status not in (204, 304):
        headers.append((b"Content-Length", str(len(answer.body)).encode()))
    return http.Response(
        http_version=b"HTTP/1.1",
        status_code=answer.status,
        reason=reason_phrase(answer.status).encode(),
        headers=http.Headers(headers),
        content=b"" if head else answer.body,
        trailers=None,
        timestamp_start=0.0,
        timestamp_end=0.0,
    )


def show_address(flow: http.HTTPFlow, request: Request, port: int) -> None:
    """Let a flow that is answered here show the address that was asked for, and not the upstream that leads nowhere."""
    # Not by the setters, which rewrite the Host header.
    flow.request.data.scheme = b"https" if request.secure else b"http"
    flow.request.data.port = port


def send_to_origin(flow: http.HTTPFlow, forward: Forward, address: tuple[str, int]) -> None:
    """Point a flow at its origin, with the headers decided. The body goes on as it comes, or is a kept one."""
    data = flow.request.data
    # Not by the setters, which rewrite the Host header: as many passes over all headers, for what is replaced here.
    data.host, data.port = address
    data.scheme = forward.app.origin.scheme.encode()
    data.authority = b""
    data.headers.fields = forward.headers
    flow.request.stream = forward.kept is None
    flow.response = None
