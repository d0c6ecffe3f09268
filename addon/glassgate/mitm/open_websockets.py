"""Open WebSockets: whose owner would not be let in any more is closed, within five seconds.

Each is judged again once a second, by the token that opened it. Time is counted in ticks of our own, so that nobody
is to blame for a program that stood still.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from math import ceil
from typing import Protocol

from mitmproxy.http import HTTPFlow
from wsproto.frame_protocol import CloseReason

from glassgate.access.app import App
from glassgate.errors import StoreError
from glassgate.gate.exchange import Steps
from glassgate.gate.journey import still_allowed
from glassgate.gate.site import Site
from glassgate.mitm import annotate
from glassgate.mitm.core import Core
from glassgate.mitm.guard import Live
from glassgate.mitm.lanes import Lanes
from glassgate.mitm.layers.events import CloseWebsocket
from glassgate.record.events import Action
from glassgate.record.recorder import Recorder

TICK = 0.1  # seconds

# Ticks. All of them together, and one for each, are less than five seconds.
EVERY = 10  # from one judgement to the next
GRACE = 25  # for which a WebSocket stays open that could not be judged when it was due
MANNERS = 5  # in which one that was told to close has to; then it is hung up

AT_ONCE = 2  # reads that wait for the store
APP_GONE = "app_gone"
UNDECIDED = "undecided"
FAULT = "fault"

# What its two ends are told (RFC 6455 section 7.4.1), at most 123 bytes.
WORDS = {
    "session_ended": "Your session has ended.",
    "expired": "Your session has expired.",
    "interaction_needed": "Please sign in again.",
    "policy": "You have no access to this application any more.",
    APP_GONE: "This application is not here any more.",
    UNDECIDED: "Whether you still have access cannot be found out just now.",
}
OTHERWISE = "You are not let in any more."

logger = logging.getLogger("glassgate")


class FrontEnd(Protocol):
    """The front end that WebSockets run on: our driver's, or mitmproxy's own."""

    def take(self, core: Core) -> None:
        """Go by another configuration from now on."""
        ...

    def close_websocket(self, event: CloseWebsocket) -> None:
        """Have the layers of its connection close a WebSocket."""
        ...

    def hang_up(self, client: str) -> None:
        """End a client's connection at once, by its id."""
        ...


@dataclass(slots=True, eq=False)
class Company:
    """The WebSockets of one token at one app from one address: they stand or fall together. Times are ticks."""

    key: tuple[str, ...]
    live: Live  # the first one's
    asked: int  # when they were judged last, or began to be
    decided: int  # when a judgement began that came to an end
    members: dict[str, "Open"] = field(default_factory=dict)  # by client
    is_used: bool = False  # since they were judged last, a client said something


@dataclass(slots=True, eq=False)
class Open:
    """A WebSocket. Its client's connection is HTTP/1.1, and so nobody else's."""

    flow: HTTPFlow
    live: Live
    company: Company
    told: int = 0  # the tick at which it was told to close


class OpenWebsockets:
    """All that are open. Its methods are called in the loop's thread."""

    def __init__(self, site: Site, lanes: Lanes, recorder: Recorder, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds."""
        self.take(site)
        self._lanes = lanes
        self._recorder = recorder
        self._clock = clock
        self._front: FrontEnd | None = None
        self._tick = 0
        self._open: dict[str, Open] = {}  # by client
        self._told: dict[str, Open] = {}
        self._companies: OrderedDict[tuple[str, ...], Company] = OrderedDict()  # who was asked longest ago is first
        self._reading = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def take(self, site: Site) -> None:
        """Judge by another configuration from now on, those too that were opened under the one before."""
        self._site = site
        self._apps: dict[str, App] = {app.aud: app for app in site.apps.values()}

    # Which there are

    def opened(self, flow: HTTPFlow, live: Live) -> None:
        """An origin took a WebSocket. Raises LookupError where nobody would ever close it."""
        if self._front is None:
            raise LookupError("nobody watches over WebSockets")
        token = live.forward.token
        # Who passed without a sign-in is alone: nothing says that two of them are the same.
        name = token.nonce if token else live.request.ray
        key = (live.forward.app.aud, name, str(self._site.client(live.request)))
        company = self._companies.get(key)
        if company is None:
            company = self._companies[key] = Company(key, live, self._tick, self._tick)
        client = flow.client_conn.id
        self._open[client] = company.members[client] = Open(flow, live, company)

    def heard(self, flow: HTTPFlow) -> None:
        """A client said something: its session is in use."""
        one = self._open.get(flow.client_conn.id)
        if one is not None:
            one.company.is_used = True

    def ended(self, flow: HTTPFlow) -> None:
        """A flow has ended. It may have been none of a WebSocket."""
        one = self._open.get(flow.client_conn.id)
        if one is not None and one.flow is flow:
            self.client_left(flow.client_conn.id)

    def client_left(self, client: str) -> None:
        """A client's connection is gone."""
        self._told.pop(client, None)
        one = self._open.pop(client, None)
        if one is None:
            return
        one.company.members.pop(client, None)
        if not one.company.members:
            self._forget(one.company)

    def _forget(self, company: Company) -> None:
        if self._companies.get(company.key) is company:
            del self._companies[company.key]

    # How time goes by

    def watch(self, front: FrontEnd) -> None:
        """Begin to judge them, in the running loop."""
        self._front = front
        self._run(self._watch())

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            # A tick that was late does not make the next ones late; those that were missed are not made up for.
            due = max(due + TICK, clock())
            await asyncio.sleep(due - clock())
            try:
                self.tick()
            except Exception as fault:  # noqa: BLE001 - the others must be judged all the same
                logger.error("A look at the open WebSockets failed: %s", type(fault).__name__)

    def tick(self) -> None:
        """Close those that could not be judged for too long, hang up on those that do not close, judge a share."""
        self._tick += 1
        for company in [one for one in self._companies.values() if self._tick - one.decided > EVERY + GRACE]:
            self._close(company, UNDECIDED)
        for client in [client for client, one in self._told.items() if self._tick - one.told > MANNERS]:
            self.client_left(client)
            if self._front:
                self._front.hang_up(client)
        share = self._share()
        if share:
            self._run(self._judge_all(share, self._tick))

    def _share(self) -> list[Company]:
        """A part of those that are due, so that the work is spread over the time."""
        if self._reading >= AT_ONCE:
            return []
        first = islice(self._companies.values(), ceil(len(self._companies) / EVERY))
        due = list(takewhile(lambda company: self._tick - company.asked >= EVERY, first))
        for company in due:
            company.asked = self._tick
            self._companies.move_to_end(company.key)
        return due

    def done(self) -> None:
        """The program ends."""
        for task in self._tasks:
            task.cancel()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # What is decided

    async def _judge_all(self, share: list[Company], tick: int) -> None:
        now = self._clock()
        nonces = [token.nonce for company in share if (token := company.live.forward.token)]
        self._reading += 1
        try:
            await self._lanes.drive(self._site.sessions.read_ahead(nonces, now), self._recorder.tell)
        except StoreError:
            return
        except Exception as fault:  # noqa: BLE001 - read one by one it is the fault of one alone
            logger.error("Sessions could not be read together: %s", type(fault).__name__)
        finally:
            self._reading -= 1
        for company in share:
            self._run(self._judge(company, self._still_allowed(company, now), tick))

    def _still_allowed(self, company: Company, now: float) -> Steps[str | None]:
        live, is_use, company.is_used = company.live, company.is_used, False
        app = self._apps.get(live.forward.app.aud)
        if app is None:
            return APP_GONE
        steps = still_allowed(self._site, live.request, app, live.forward.token, now, is_use=is_use)
        return (yield from steps)

    async def _judge(self, company: Company, steps: Steps[str | None], tick: int) -> None:
        try:
            reason = await self._lanes.drive(steps, self._recorder.tell)
        except StoreError:
            return
        except Exception as fault:  # noqa: BLE001 - whatever it is, who cannot be judged does not stay
            logger.error("%s: a WebSocket could not be judged, %s", company.live.request.ray, type(fault).__name__)
            reason = FAULT
        if reason is None:
            company.decided = max(company.decided, tick)
        else:
            self._close(company, reason)

    def _close(self, company: Company, reason: str) -> None:
        self._forget(company)
        for client, one in tuple(company.members.items()):
            if client not in self._told:
                one.told = self._tick
                self._told[client] = one
                self._say(one, reason)

    def _say(self, one: Open, reason: str) -> None:
        event = replace(
            one.live.forward.told(), action=Action.WEBSOCKET_CLOSED, at=self._clock(), allowed=False, reason=reason
        )
        self._recorder.tell(event)
        annotate.annotate(one.flow, event.ray, (event,))
        logger.info("%s %s %s%s %s", event.ray, event.method, event.host, event.path, annotate.sentence(event))
        try:
            if self._front:
                words = WORDS.get(reason, OTHERWISE)
                self._front.close_websocket(CloseWebsocket(one.flow, CloseReason.POLICY_VIOLATION, words))
        except Exception as fault:  # noqa: BLE001 - it is hung up a moment later
            logger.error("%s: a WebSocket could not be closed, %s", event.ray, type(fault).__name__)
