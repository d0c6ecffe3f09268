"""Bodies that do not just pass: those that the gate reads itself, and the forms that it kept and sends.

Nothing of them is left in a flow. mitmweb would list it, and a flow file would keep it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakKeyDictionary

from mitmproxy import http

from glassgate.gate.exchange import Answer, Kept, Pieces, Request, Steps
from glassgate.mitm.guard import Live, Ours, Standing, Verdicts
from glassgate.mitm.lanes import Lanes
from glassgate.record.events import Event

DECISION_LIMIT = 30.0  # seconds; a sign-in waits for its provider within it

type Apply = Callable[[http.HTTPFlow, Request, Answer, Sequence[Event]], None]
type Failed = Callable[[http.HTTPFlow, Request, Exception], None]

logger = logging.getLogger("glassgate")


class Bodies:
    """What the hooks do about them. Each gives what has to be waited for; None: nothing has."""

    def __init__(
        self, verdicts: Verdicts, lanes: Lanes, apply: Apply, failed: Failed, clock: Callable[[], float]
    ) -> None:
        """`apply` gives an answer to a flow, `failed` tells that there will be none; `clock` says Unix seconds."""
        self._verdicts = verdicts
        self._lanes = lanes
        self._apply = apply
        self._failed = failed
        self._clock = clock
        # Who has to hear of a request's end: where its client has left, there is no verdict any more by then.
        self._sending: WeakKeyDictionary[http.HTTPFlow, tuple[Request, Kept]] = WeakKeyDictionary()
        self._taking: WeakKeyDictionary[http.HTTPFlow, tuple[Request, Pieces]] = WeakKeyDictionary()

    def whole(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """A request is whole: go on with what its body says, or give it the one that was kept."""
        standing = self._verdicts.of(flow)
        if isinstance(standing, Live) and standing.forward.kept:
            self._sending[flow] = standing.request, standing.forward.kept
            flow.request.data.content = standing.forward.kept.body
        if isinstance(standing, Ours) and standing.collect:
            body = flow.request.raw_content or b""
            if len(body) <= standing.collect.limit:  # else the refusal of requestheaders stands
                return self._go_on(flow, standing, standing.collect.go_on(body))
        return None

    def piece(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Have a piece written away. Whoever cannot do so has an answer, and the rest is not wanted."""
        standing = self._verdicts.of(flow)
        if standing and (pieces := pieces_of(standing)):
            return self._go_on(flow, standing, pieces.take(flow.request.raw_content or b""))
        return None

    async def _go_on(self, flow: http.HTTPFlow, standing: Standing, steps: Steps[Answer | None]) -> None:
        """Take the steps that a body allows. Where they come to an answer, or fail, no more of it is wanted."""
        request, told = standing.request, list[Event]()
        if pieces := pieces_of(standing):
            self._taking[flow] = request, pieces
        try:
            async with asyncio.timeout(DECISION_LIMIT):
                answer = await self._lanes.drive(steps, told.append)
            if answer is not None:
                if self._verdicts.of(flow):  # else its client has left, and will never have it
                    self._taking.pop(flow, None)
                self._no_more(flow, standing)
                self._apply(flow, request, answer, told)
        except Exception as fault:  # noqa: BLE001 - the refusal of requestheaders stands
            self._no_more(flow, standing)
            self._failed(flow, request, fault)

    def _no_more(self, flow: http.HTTPFlow, standing: Standing) -> None:
        if pieces_of(standing):
            flow.request.data.content = None
        self._verdicts.set(flow, Ours(standing.request))

    def ended(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """A request has ended, well or not. What was written away of its body is of no use, or is sent."""
        standing = self._verdicts.of(flow)
        sending, taking = self._sending.pop(flow, None), self._taking.pop(flow, None)
        if standing and (kept := kept_of(standing)):
            sending = standing.request, kept
        if standing and (pieces := pieces_of(standing)):
            taking = standing.request, pieces
        if sending:
            flow.request.data.content = None
            return self._clear_up(sending[0], sending[1].ended(self._clock(), sent=was_sent(flow)))
        if taking:
            flow.request.data.content = None
            return self._clear_up(taking[0], taking[1].broke_off())
        return None

    async def _clear_up(self, request: Request, steps: Steps[None]) -> None:
        try:
            await self._lanes.drive(steps, lambda _: None)
        except Exception as fault:  # noqa: BLE001 - it ends by itself, some minutes later
            logger.error("%s: a part of a body is still there, %s", request.ray, type(fault).__name__)


def kept_of(standing: Standing | None) -> Kept | None:
    """The body that a request is sent with in place of its own."""
    return standing.forward.kept if isinstance(standing, Live) else None


def pieces_of(standing: Standing | None) -> Pieces | None:
    """Who writes the body of a request away, piece by piece."""
    return standing.collect.pieces if isinstance(standing, Ours) and standing.collect else None


def was_sent(flow: http.HTTPFlow) -> bool:
    """Whether there was a connection to its origin: mitmproxy gives a flow no other than one that stands."""
    return flow.server_conn.timestamp_start is not None


def waits_on(flow: http.HTTPFlow, standing: Standing) -> bool:
    """Whether a form was to be sent, and nothing of it was."""
    return kept_of(standing) is not None and not was_sent(flow)
