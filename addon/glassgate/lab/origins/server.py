"""Runs the sample origins: one thread with an event loop of its own, apart from the gate's."""

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import jinja2
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from glassgate.config.settings import Endpoint, LabOrigin
from glassgate.errors import StartError
from glassgate.lab.access_log import access_log
from glassgate.lab.origins.assertion import TeamKeys
from glassgate.lab.origins.handlers import NotFound, Origin
from glassgate.lab.origins.sites import PAGES, SITES

LONGEST_BODY = 1 << 20  # bytes, of whatever does not stream
LONGEST_MESSAGE = 64 * 1024  # bytes of a WebSocket message
PATIENCE = 10.0  # seconds that a start or an end may take


class Server:
    """The origins' servers. `start` and `close` are called by one thread, once each, in this order."""

    def __init__(self, listens: Sequence[tuple[Endpoint, Origin]], executor: ThreadPoolExecutor) -> None:
        self._listens = tuple(listens)
        self._executor = executor
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self.addresses: Mapping[str, tuple[Endpoint, ...]] = {}

    def start(self) -> None:
        """Bind every port, then serve. Raises StartError where a port cannot be had; none is held then."""
        bound: list[tuple[Origin, Endpoint, list[socket.socket]]] = []
        try:
            for listen, origin in self._listens:
                sockets = _bind(listen, origin.kind)
                bound.append((origin, Endpoint(listen.host, sockets[0].getsockname()[1]), sockets))
        except StartError:
            for _, _, sockets in bound:
                for one in sockets:
                    one.close()
            raise
        kinds = dict.fromkeys(origin.kind for origin, _, _ in bound)
        self.addresses = {kind: tuple(at for origin, at, _ in bound if origin.kind == kind) for kind in kinds}
        self._thread = threading.Thread(target=self._run, args=(bound,), name="lab origins", daemon=True)
        self._thread.start()
        self._ready.wait(PATIENCE)

    def close(self) -> None:
        """Stop listening, cut what is open, end the thread."""
        if self._thread and self._loop:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(PATIENCE)
        self._thread = None
        self._executor.shutdown(wait=False, cancel_futures=True)
        for _, origin in self._listens:
            for handler in origin.log.handlers:
                handler.close()

    def _run(self, bound: list[tuple[Origin, Endpoint, list[socket.socket]]]) -> None:
        asyncio.run(self._serve(bound))

    async def _serve(self, bound: list[tuple[Origin, Endpoint, list[socket.socket]]]) -> None:
        self._loop = asyncio.get_running_loop()
        servers = []
        for origin, _, sockets in bound:
            server = HTTPServer(_application(origin), max_body_size=LONGEST_BODY)
            server.add_sockets(sockets)
            servers.append(server)
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.stop()
        # What still streams or ticks ends with the loop: asyncio.run cancels it.
        for server in servers:
            await asyncio.wait({asyncio.ensure_future(server.close_all_connections())}, timeout=1)


def open_server(
    origins: Sequence[LabOrigin],
    *,
    keys: TeamKeys,
    issuer: str,
    auds: Mapping[Endpoint, tuple[str, ...]],
    logs: Path,
) -> Server:
    """Make the servers of these origins. Their access logs are `<kind>.log` in `logs`. Raises StartError.

    `auds` is looked into at each request: it may change meanwhile.
    """
    executor = ThreadPoolExecutor(1, thread_name_prefix="lab keys")
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    log = {kind: access_log(logs / f"{kind}.log") for kind in dict.fromkeys(one.kind for one in origins)}

    def auds_at(listen: Endpoint) -> Callable[[], tuple[str, ...]]:
        return lambda: auds.get(listen, ())

    make = partial(Origin, issuer=issuer, keys=keys, executor=executor, templates=templates)
    return Server(
        [(one.listen, make(kind=one.kind, auds=auds_at(one.listen), log=log[one.kind])) for one in origins],
        executor,
    )


def _application(origin: Origin) -> Application:
    shared = {"origin": origin}
    routes = [(path, handler, shared | more) for path, handler, more in SITES[origin.kind]]
    return Application(
        routes,
        default_handler_class=NotFound,
        default_handler_args=shared,
        log_function=lambda handler: None,  # Guarded logs for itself
        websocket_max_message_size=LONGEST_MESSAGE,
    )


def _bind(listen: Endpoint, kind: str) -> list[socket.socket]:
    try:
        return bind_sockets(listen.port, listen.host)
    except OSError as fault:
        raise StartError(
            f"the lab's {kind} cannot listen: {fault.strerror or fault}",
            where=str(listen),
            mend="end what uses the port, or choose another one under lab.origins and for the app's origin",
        ) from fault
