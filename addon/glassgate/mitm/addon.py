"""The hooks. Each refuses first; only a positive verdict of the gate undoes that, for its own flow alone."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from wsgiref.types import WSGIApplication

from mitmproxy import http, tls
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer, NextLayer
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from OpenSSL import SSL

from glassgate.access.messages import MESSAGES
from glassgate.config.limits import LIMITS, Limits
from glassgate.gate import answers, headers
from glassgate.gate.exchange import Answer, Ask, Collect, Forward, Local, Outcome, Request, Steps, advance
from glassgate.gate.journey import journey
from glassgate.gate.site import Site
from glassgate.mitm import annotate, bodies, flows, local
from glassgate.mitm.bodies import DECISION_LIMIT, Bodies
from glassgate.mitm.core import Core
from glassgate.mitm.guard import Live, Ours, Verdicts
from glassgate.mitm.lanes import Lanes
from glassgate.mitm.layers.first import first_layer
from glassgate.mitm.open_websockets import FrontEnd, OpenWebsockets
from glassgate.mitm.tls import OriginTrust, address_of
from glassgate.record.events import Action, Event
from glassgate.record.recorder import Recorder

LOCAL_LIMIT = 20.0  # seconds for an answer of a host in this process
KEPT_MESSAGES = 50  # of a WebSocket, for those who look; mitmproxy would keep all of them

# The answers of a request's end that no hook is asked about: what is told of each.
ENDS = {
    "bad_request": (Action.REFUSED, "body_malformed"),
    "body_too_large": (Action.REFUSED, "body_too_large"),
    "timeout": (Action.REFUSED, "body_too_slow"),
    "origin_broken": (Action.ERROR, "origin_broken"),
    "origin_busy": (Action.ERROR, "origin_busy"),
    "origin_timeout": (Action.ERROR, "origin_timeout"),
    "origin_unreachable": (Action.ERROR, "origin_away"),
}

logger = logging.getLogger("glassgate")


class GateAddon:
    """The gate as a mitmproxy addon. It must see `next_layer` and `tls_start_server` before mitmproxy's own addons."""

    name = "glassgate"

    def __init__(
        self,
        site: Site,
        recorder: Recorder,
        trust: OriginTrust,
        lanes: Lanes,
        hosts: Mapping[str, WSGIApplication],
        limits: Limits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.clock = clock
        self.site = site
        self._recorder = recorder
        self.trust = trust
        self.is_watched = True  # somebody may look at the flows
        self._lanes = lanes
        self._hosts = hosts
        self._rooms = ThreadPoolExecutor(8, "glassgate-local")
        self._verdicts = Verdicts()
        self._bodies = Bodies(self._verdicts, lanes, self._apply, self._fault_of_body, time.time)
        self._websockets = OpenWebsockets(site, lanes, recorder, time.time)
        self._front: FrontEnd | None = None
        self._layered: set[str] = set()  # connections whose HTTP layer is ours

    def watch(self, front: FrontEnd) -> None:
        """Watch over the WebSockets of the front end that is about to take connections, in the running loop."""
        self._front = front
        self._websockets.watch(front)

    def take(self, core: Core) -> None:
        """Decide by another configuration from the next request on. Called in the loop's thread, between two hooks."""
        self.site, self.trust, self.limits = core.site, core.trust, core.limits
        self._websockets.take(core.site)
        self._recorder.know([app.name for app in core.site.apps.values()], core.site.parties)
        if self._front:
            self._front.take(core)

    def hang_up(self, clients: Iterable[str]) -> None:
        """End connections at once, by their ids. Called in the loop's thread."""
        if self._front:
            for client in clients:
                self._front.hang_up(client)

    # Connections

    def next_layer(self, nextlayer: NextLayer) -> None:
        """Put our HTTP layer under every connection, before mitmproxy's addon chooses one."""
        if len(nextlayer.context.layers) != 1:
            return
        nextlayer.layer = self.first_layer(nextlayer.context, nextlayer.data_client())

    def first_layer(
        self, context: Context, data: bytes, *, tls_outside: bool = False, refusal: str | None = None
    ) -> Layer | None:
        """The layer for a client's first bytes; None where they are too few."""
        made = first_layer(context, data, self, tls_outside=tls_outside, refusal=refusal)
        if made:
            self._layered.add(context.client.id)
        return made

    def turned_away(self, reason: str, *, told: bool) -> None:
        """There was no room for a connection, which no hook hears of."""
        self._recorder.turned_away(reason, told=told)

    def client_disconnected(self, client: Client) -> None:
        """Forget whatever was let in on a connection that is gone."""
        self._layered.discard(client.id)
        self._verdicts.client_left(client.id)
        self._websockets.client_left(client.id)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse every address for which no request under way was let in."""
        if not self._verdicts.may_connect(data.client.id, data.server.address):
            data.server.error = "glassgate: nobody was let in there"

    def tls_start_server(self, data: tls.TlsData) -> None:
        """Verify the origin by its app's own trust. mitmproxy would fall back on its own where this hook fails."""
        data.ssl_conn = self.trust.refuse()
        if not isinstance(data.conn, Server) or data.conn.address is None:
            return
        try:
            data.ssl_conn = self.trust.connect(data.conn.address, http2=not data.conn.alpn_offers)
        except (KeyError, SSL.Error, UnicodeError):
            logger.error("There is no trust for the origin at %s; it is refused.", data.conn.address)

    # Requests

    def requestheaders(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Decide, before any of the body is here. Most often there is nothing to wait for."""
        flow.response = flows.REFUSED.copy() if self.is_watched else flows.REFUSED
        flow.request.stream = False
        if flow.error or flow.client_conn.id not in self._layered:
            return None
        began = time.perf_counter()
        request = flows.read(flow, time.time())
        self._verdicts.set(flow, Ours(request))
        flows.show_address(flow, request, self.site.port)
        steps, told = journey(self.site, request), list[Event]()
        reached = None
        try:
            reached = advance(steps, told.append)
            if not isinstance(reached, Ask):
                self._apply(flow, request, reached.result, told)
        except BaseException as fault:
            reached = None
            self._failed(flow, request, fault)
            if not isinstance(fault, Exception):
                raise
        if isinstance(reached, Ask):
            return self._decide_later(flow, request, steps, reached, told, began)
        self._decided(flow, began)
        return None

    async def _decide_later(
        self,
        flow: http.HTTPFlow,
        request: Request,
        steps: Steps[Outcome],
        reached: Ask,
        told: list[Event],
        began: float,
    ) -> None:
        """Go on where something had to be asked for."""
        try:
            async with asyncio.timeout(DECISION_LIMIT):
                outcome = await self._lanes.drive(steps, told.append, reached)
            self._apply(flow, request, outcome, told)
        except BaseException as fault:
            self._failed(flow, request, fault)
            if not isinstance(fault, Exception):
                raise
        finally:
            self._decided(flow, began)

    def _failed(self, flow: http.HTTPFlow, request: Request, fault: BaseException) -> None:
        """Refuse what could not be decided."""
        flow.request.stream = False
        flow.response = self._internal(request)
        self._verdicts.set(flow, Ours(request))
        self._told(flow, request, (self._fault(request, fault),))

    def _decided(self, flow: http.HTTPFlow, began: float) -> None:
        # Without it a client that waits for "100 Continue" would send a body that nobody wants.
        if flow.response:
            flow.request.headers.pop("expect", None)
        self._recorder.decided(time.perf_counter() - began)

    def _apply(self, flow: http.HTTPFlow, request: Request, outcome: object, told: Sequence[Event]) -> None:
        if isinstance(outcome, Answer):
            flow.response = flows.response(outcome, head=request.method == "HEAD")
            self._told(flow, request, (*told, *outcome.events))
        elif isinstance(outcome, Collect):
            self._verdicts.set(flow, Ours(request, collect=outcome))
            self._told(flow, request, told)
        elif isinstance(outcome, Local) and outcome.host in self._hosts:
            self._verdicts.set(flow, Ours(request, outcome.host))
        elif isinstance(outcome, Forward):
            address = address_of(outcome.app.origin)
            self._verdicts.set(flow, Live(request, outcome, address))
            flows.send_to_origin(flow, outcome, address)
            by = outcome.token.nonce if outcome.token else ""
            self._recorder.note(request.ray, request.at, by, outcome.client, outcome.app.name, outcome.policy)
            if self.is_watched or logger.isEnabledFor(logging.INFO):
                self._told(flow, request, (*told, outcome.told()))
            else:
                self._told(flow, request, told)
                self._recorder.let_in(outcome.app.name)
        else:
            raise TypeError(f"the journey ended in {type(outcome).__name__}")

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Answer where the body has a say: for the hosts that are served in this process, and for our own forms."""
        standing = self._verdicts.of(flow)
        if isinstance(standing, Ours) and standing.host is not None:
            return self._local(flow, standing.request, standing.host)
        return self._bodies.whole(flow)

    def body_piece(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """A piece of a body has come that is written away as it comes."""
        return self._bodies.piece(flow)

    async def _local(self, flow: http.HTTPFlow, request: Request, host: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            environ = local.environ(request, flow, host, self.site.port)
            serve = partial(local.call, self._hosts[host], environ)
            async with asyncio.timeout(LOCAL_LIMIT):
                flow.response = await loop.run_in_executor(self._rooms, serve)
        except Exception as fault:  # noqa: BLE001 - the refusal of requestheaders stands
            self._told(flow, request, (self._fault(request, fault),))

    # Answers

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Take from an origin's answer what is the gate's to set. What cannot be judged does not pass."""
        try:
            standing = self._verdicts.of(flow)
            if isinstance(standing, Ours):
                return
            if not isinstance(standing, Live) or flow.response is None:
                raise LookupError("an answer to nothing that was let in")
            upgraded = flow.response.status_code == 101
            if upgraded and not standing.forward.websocket:
                raise LookupError("an upgrade that nobody asked for")
            flow.response.headers.fields = headers.for_visitor(flow.response.headers.fields, websocket=upgraded)
            flow.response.stream = True
            if upgraded:
                self._websockets.opened(flow, standing)
        except Exception as fault:  # noqa: BLE001 - whatever it is, nothing passes
            logger.error("An origin's answer was stopped: %s", type(fault).__name__)
            flow.kill()

    def response(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """A request has ended, unless a WebSocket begins."""
        return None if flow.websocket else self._ended(flow)

    def error(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """A request has failed."""
        return self._ended(flow)

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Note that somebody uses it, and keep memory bounded."""
        if flow.websocket:
            if flow.websocket.messages and flow.websocket.messages[-1].from_client:
                self._websockets.heard(flow)
            del flow.websocket.messages[:-KEPT_MESSAGES]

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """A WebSocket has ended."""
        self._ended(flow)

    def _ended(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        left = self._bodies.ended(flow)
        self._verdicts.end(flow)
        self._websockets.ended(flow)
        return left

    def for_origin(self, flow: http.HTTPFlow, code: str) -> http.Response:
        """Our answer to a request that was judged and cannot be finished."""
        standing = self._verdicts.of(flow)
        if standing is None:
            return self._bare(code)
        app = standing.forward.app.name if isinstance(standing, Live) else None
        action, reason = ENDS[code]
        said = "form_waits" if code.startswith("origin_") and bodies.waits_on(flow, standing) else code
        return self._standing(standing.request, said, action, reason=reason, app=app)

    def for_head(self, client: Client, code: str, request: http.Request | None, reason: str) -> http.Response:
        """Our answer to a head that could not be judged."""
        try:
            now = time.time()
            read = flows.head(client, request, now) if request else flows.unreadable(client, now)
        except ValueError:
            return self._bare(code)
        return self._standing(read, code, Action.REFUSED, reason=reason)

    def limit_of(self, flow: http.HTTPFlow) -> int | None:
        """How many bytes the body of a judged request may have."""
        standing = self._verdicts.of(flow)
        if isinstance(standing, Live):
            return standing.forward.app.max_body if standing.forward.kept is None else None
        if isinstance(standing, Ours) and standing.collect:
            return standing.collect.limit
        return self.limits.refused_body if isinstance(standing, Ours) and standing.host else None

    def in_pieces(self, flow: http.HTTPFlow) -> bool:
        """Whether the body of a request is written away piece by piece."""
        return bodies.pieces_of(self._verdicts.of(flow)) is not None

    def _standing(self, request: Request, code: str, action: Action, **more: str | None) -> http.Response:
        status = MESSAGES[code].status
        try:
            self._recorder.tell(answers.told(action, request, self.site, status=status, **more))
        except Exception as fault:  # noqa: BLE001 - the visitor gets the answer all the same
            logger.error("%s: could not be recorded, %s", request.ray, type(fault).__name__)
        again = [("Retry-After", "5")] if status in (429, 503) else []
        return flows.response(answers.standard(request, code, headers=again), head=request.method == "HEAD")

    def _bare(self, code: str) -> http.Response:
        return flows.response(Answer(MESSAGES[code].status, (("Cache-Control", "no-store"),)))

    def done(self) -> None:
        """The program ends."""
        self._websockets.done()
        self._rooms.shutdown(wait=False, cancel_futures=True)

    def _internal(self, request: Request) -> http.Response:
        answer = answers.standard(request, "internal", headers=[("Retry-After", "5")])
        return flows.response(answer, head=request.method == "HEAD")

    def _fault(self, request: Request, fault: BaseException) -> Event:
        # The kind of the fault alone: its text may hold what the request held.
        logger.error("%s: refused, %s", request.ray, type(fault).__name__)
        return answers.told(Action.ERROR, request, self.site, allowed=False, status=503, reason=type(fault).__name__)

    def _fault_of_body(self, flow: http.HTTPFlow, request: Request, fault: Exception) -> None:
        self._told(flow, request, (self._fault(request, fault),))

    def _told(self, flow: http.HTTPFlow, request: Request, events: Sequence[Event]) -> None:
        for event in events:
            self._recorder.tell(event)
            if logger.isEnabledFor(logging.INFO):
                said = annotate.sentence(event)
                logger.info("%s %s %s%s %s", request.ray, event.method, event.host, event.path, said)
        if self.is_watched:
            annotate.annotate(flow, request.ray, events)
