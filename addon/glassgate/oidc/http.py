"""The room's only I/O: one HTTP call, bounded in time and in size."""

import contextlib
import functools
import http.client
import io
import socket
import ssl
import time
from collections.abc import Buffer, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection

from glassgate.oidc.errors import ProviderUnavailable, Reason

CHUNK = 65_536  # bytes asked for at a time


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A call to make. Headers and body hold credentials, so neither is in the repr."""

    method: str
    url: str  # https, or http on loopback; no user information
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole answer. `headers` are looked up in any case where `open_http` or `answer` made it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", CaseInsensitiveDict(self.headers))


type Fetch = Callable[[HttpRequest], HttpResponse]


def open_http(ca: Path | None, *, timeout: float = 10.0, limit: int = 1_048_576) -> Fetch:
    """Make the real client. It may be called from many threads.

    `ca` is a PEM file to trust instead of the system's certificates. A call ends within about `timeout`
    seconds (the resolver's own time apart) or raises ProviderUnavailable, as it does for an untrusted
    certificate, a lost connection and a body over `limit` bytes. Nothing follows redirects.
    No environment variable changes whom it trusts or where it connects; there are no cookies and no proxies.
    """
    return functools.partial(_call, str(ca) if ca else system_trust(), timeout, limit)


def is_loopback_name(host: str) -> bool:
    """Whether a name is this machine, whatever a resolver says: localhost and all below (RFC 6761, 6.3)."""
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _call(trust: str, timeout: float, limit: int, request: HttpRequest) -> HttpResponse:
    try:
        # The adapter without a session: nothing reads the environment, follows a redirect or keeps a cookie.
        prepared = requests.Request(request.method, request.url, headers=_headers(request), data=request.body).prepare()
        until = urllib3.Timeout(total=timeout)
        # A connection for each call. One kept open may be closed by the provider, or forgotten by a firewall, just
        # when the next code is sent over it; and a code, once sent, must not be sent again.
        with contextlib.closing(_Adapter()) as adapter:
            answer = adapter.send(prepared, stream=True, timeout=until, verify=trust)  # type: ignore[arg-type]
            body = _read(answer.raw, limit)
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise ProviderUnavailable(Reason.TLS_UNTRUSTED, f"{_place(request)}: {_cause(error)}") from error
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise ProviderUnavailable(
            Reason.TIMEOUT, f"{_place(request)}: no whole answer in {timeout:g} seconds"
        ) from error
    except (OSError, ValueError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
        raise ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, f"{_place(request)}: {_cause(error)}") from error
    if body is None:
        raise ProviderUnavailable(Reason.TOO_LARGE, f"{_place(request)}: an answer of over {limit} bytes")
    return HttpResponse(answer.status_code, answer.headers, body)


def _headers(request: HttpRequest) -> dict[str, str]:
    # Host is said here, since a name under .localhost is connected to by its address.
    address = urlsplit(request.url).netloc
    ours = {"Host": address, "Connection": "close", "User-Agent": "glassgate", "Accept": "application/json"}
    return ours | dict(request.headers)


def _read(raw: urllib3.HTTPResponse, limit: int) -> bytes | None:
    # None: over the limit. Not decoded: no coding was asked for, and a bomb is one that is unpacked.
    body = bytearray()
    with contextlib.closing(raw):
        for chunk in raw.stream(CHUNK, decode_content=False):
            body += chunk
            if len(body) > limit:
                return None
    return bytes(body)


def _place(request: HttpRequest) -> str:
    # Without the query, which may hold what is nobody's business.
    try:
        parts = urlsplit(request.url)
    except ValueError:
        return f"{request.method} to what is no address"
    return f"{request.method} {parts.scheme}://{parts.netloc}{parts.path}"


def _cause(error: BaseException) -> str:
    # The innermost error is the one that says something; its wrappers repeat addresses and object ids.
    while inner := error.__cause__ or error.__context__:
        error = inner
    return f"{type(error).__name__}: {error}"[:300]


def system_trust() -> str:
    """The file or the folder of the authorities that the system trusts (PEM)."""
    # OpenSSL's compiled-in places: unlike its defaults, SSL_CERT_FILE and SSL_CERT_DIR do not move them.
    places = ssl.get_default_verify_paths()
    if Path(places.openssl_cafile).is_file():
        return places.openssl_cafile
    folder = Path(places.openssl_capath)
    if folder.is_dir() and any(folder.iterdir()):
        return places.openssl_capath
    return str(DEFAULT_CA_BUNDLE_PATH)


class _Until(io.RawIOBase):
    """Reads a socket until a moment, whereas a socket's own time-out begins anew at every byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._end = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the whole answer is over")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Until(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _Response


class _Tls(HTTPSConnection):
    response_class = _Response


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls


class _Adapter(HTTPAdapter):
    """Requests' own adapter, on connections that keep the time, which knows where .localhost is."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        name = str(host["host"])
        if is_loopback_name(name):
            host["host"] = "127.0.0.1"
            # Sent as SNI, and what the certificate must be for.
            pool["server_hostname"] = name  # type: ignore[typeddict-unknown-key]
        return host, pool
