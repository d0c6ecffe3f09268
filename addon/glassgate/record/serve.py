"""The listener of the metrics: /metrics, /healthz and /readyz, for whoever watches the gate."""

import json
import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from socket import AF_INET, AF_INET6
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from glassgate.errors import StartError

MAX_REQUESTS = 16  # at once; further ones are hung up on
TIME_OUT = 5.0  # seconds that a slow client may hold a thread for each read or write

Reply = tuple[int, str, bytes]  # status, content type, body
Address = tuple[Any, ...]


class Monitor:
    """Answers on its own threads. `ready` names what must be well for /readyz to say 200, each by a function.

    Made stopped. `start` raises StartError where the address cannot be had; port 0 takes a free one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        ready: Mapping[str, Callable[[], bool]],
        *,
        time_out: float = TIME_OUT,
    ) -> None:
        self._host = host
        self._time_out = time_out
        self._registry = registry
        self._ready = ready
        self._server: _Server | None = None
        self.port = port
        """The port that is listened on; after `start`, never 0."""

    def start(self) -> None:
        """Listen."""
        try:
            self._server = _Server(self._host, self.port, self._answer, self._time_out)
        except (OSError, OverflowError) as fault:
            raise StartError(
                f"the metrics cannot be served: {getattr(fault, 'strerror', None) or fault}",
                where=f"{self._host}:{self.port}",
                mend="end what listens there, or set metrics.listen to another address",
            ) from fault
        self.port = self._server.server_address[1]
        run = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="glassgate-metrics", daemon=True)
        run.start()

    def close(self) -> None:
        """Stop listening. Nothing happens where it does not listen."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _answer(self, path: str, accept: str) -> Reply:
        route = {"/metrics": self._metrics, "/healthz": self._healthz, "/readyz": self._readyz}.get(path)
        return route(accept) if route else (404, "text/plain; charset=utf-8", b"Not found.\n")

    def _metrics(self, accept: str) -> Reply:
        encode, content_type = choose_encoder(accept)
        return 200, content_type, encode(self._registry)

    def _healthz(self, _accept: str) -> Reply:
        return _json(200, {"alive": True})

    def _readyz(self, _accept: str) -> Reply:
        missing = [name for name, well in self._ready.items() if not _holds(well)]
        return _json(503 if missing else 200, {"ready": not missing, "missing": missing})


def _holds(well: Callable[[], bool]) -> bool:
    try:
        return well() is True
    except Exception:  # noqa: BLE001 - what cannot say that it is well is not
        return False


def _json(status: int, said: dict[str, Any]) -> Reply:
    return status, "application/json", json.dumps(said).encode() + b"\n"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, host: str, port: int, answer: Callable[[str, str], Reply], time_out: float) -> None:
        self.time_out = time_out
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.answer = answer
        self._free = threading.BoundedSemaphore(MAX_REQUESTS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Address) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Address) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Address) -> None:
        """Say nothing: a client that hung up is no fault, and the answers have their own."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "glassgate"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.time_out)

    def do_GET(self) -> None:
        self._send(head_only=False)

    def do_HEAD(self) -> None:
        self._send(head_only=True)

    def _send(self, *, head_only: bool) -> None:
        path = self.path.partition("?")[0]
        status, content_type, body = self.server.answer(path, self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if not head_only:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: whoever watches asks every few seconds."""
