"""Who is waited for, since when, and what becomes of those who take too long."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from mitmproxy.proxy.layers.http import HttpStream

from glassgate.config.limits import Limits
from glassgate.mitm.layers.first import GateLayer

if TYPE_CHECKING:
    from glassgate.mitm.driver.conversation import Conversation

SPARE_TIME = 1.0  # seconds without a request, after which others may have what a client holds of an origin
LEAVING_TIME = 5.0  # seconds in which nothing comes any more, as nginx's lingering_timeout
GRPC = "application/grpc"  # how the content type of its requests begins


class State(Enum):
    """What a client's connection is doing."""

    ARRIVING = auto()  # nothing came yet, or TLS is not set up
    HEAD = auto()  # a part of a head is here
    IDLE = auto()  # between requests
    WORKING = auto()
    UPGRADED = auto()  # a WebSocket
    TAKING = auto()  # it has to take what was said before anything else happens
    LEAVING = auto()  # it has all that is ever said to it, and is to close


@dataclass(slots=True)
class Credit:
    """How long a client's bytes are still waited for. Each of them buys time; more than a whole pause is never left."""

    left: float = 0.0  # seconds
    total: int = 0  # bytes, when it was last looked at
    at: float | None = None  # when that was, if any were waited for

    def is_spent(self, total: int, now: float, limits: Limits) -> bool:
        """Whether so many bytes in all are too few by now."""
        more, self.total = max(total - self.total, 0), total
        passed, self.at = now - (now if self.at is None else self.at), now
        bought = more / limits.body_rate if limits.body_rate else limits.body_pause * (more > 0)
        self.left = min(self.left + bought - passed, limits.body_pause)
        return self.left < 0


@dataclass(slots=True)
class Waiting:
    """Since when a connection is in the state that it is in, and how it stands with its bodies."""

    since: float
    state: State = State.ARRIVING
    asked: int = -1  # requests, in the layer's own count
    rests: float = 0.0  # since when nothing was asked
    oldest: int | None = None  # of the requests under way
    coming: Credit = field(default_factory=Credit)
    taking: Credit = field(default_factory=Credit)


def state_of(http: GateLayer | None) -> State:
    """What a connection is doing, by what its HTTP layer says."""
    if http is None or not http.has_begun:
        return State.ARRIVING
    if http.upgraded:
        return State.UPGRADED
    if http.idle:
        return State.IDLE
    return State.HEAD if http.head_began else State.WORKING


def _state(conversation: "Conversation") -> State:
    if conversation.has_to_take:
        return State.TAKING
    return State.LEAVING if conversation.has_said_all else state_of(conversation.http)


def look(conversation: "Conversation", limits: Limits, now: float) -> None:
    """See whether somebody has waited for too long, or been waited for. Coarse: it is called now and then."""
    if conversation.has_left:
        conversation.abort()
        return
    waiting = conversation.waiting
    state = _state(conversation)
    if state is not waiting.state:
        waiting.state, waiting.since, waiting.coming = state, now, Credit(limits.body_pause, conversation.came)
    asked = conversation.http.asked if conversation.http else 0
    if asked != waiting.asked or state is State.WORKING:
        waiting.asked, waiting.rests = asked, now
    waited = now - waiting.since
    if _takes_too_slowly(conversation, limits, now):
        conversation.abort()
    elif state is State.LEAVING:
        if waited > limits.body_pause or now - max(conversation.heard, waiting.since) > LEAVING_TIME:
            conversation.abort()
    elif state is State.UPGRADED:
        if now - conversation.heard > limits.websocket_idle:
            conversation.abort()
    elif state in (State.ARRIVING, State.HEAD):
        if waited > limits.head_time:
            conversation.too_slow()
    elif state is State.IDLE:
        conversation.share_idle(rested=now - waiting.rests >= SPARE_TIME)
        if now - waiting.rests > limits.idle_time:
            conversation.drain()
    elif state is State.WORKING and not conversation.give_up_on_origins(now - limits.answer_time):
        rests = conversation.waits_for_client and now - conversation.heard > limits.body_pause
        if _comes_too_slowly(conversation, limits, now) or rests:
            conversation.too_slow()


def _takes_too_slowly(conversation: "Conversation", limits: Limits, now: float) -> bool:
    """Whether a client does what is there for it. What it sends counts, too: by HTTP/2 it may be uploading."""
    waiting = conversation.waiting
    if waiting.state is not State.TAKING and not _has_something_to_take(conversation):
        waiting.taking.at = None
        return False
    moved = conversation.taken + conversation.came
    if waiting.taking.at is None:
        waiting.taking = Credit(limits.body_pause, moved)
    return waiting.taking.is_spent(moved, now, limits)


def _has_something_to_take(conversation: "Conversation") -> bool:
    http = conversation.http
    if http is None or http.upgraded:
        return False
    return conversation.unsent > 0 or http.unsent > 0


def _comes_too_slowly(conversation: "Conversation", limits: Limits, now: float) -> bool:
    """Whether a body does. Its time stands still while an origin is waited for, or it is the client that waits."""
    waiting, streams = conversation.waiting, conversation.http.streams if conversation.http else {}
    oldest = next(iter(streams), None)
    if oldest != waiting.oldest:
        waiting.oldest, waiting.coming = oldest, Credit(limits.body_pause, conversation.came)
    talks = bool(streams) and all(_is_a_talk(stream) for stream in streams.values())
    if talks or not conversation.waits_for_client or _has_something_to_take(conversation):
        waiting.coming.at = None
        return False
    return waiting.coming.is_spent(conversation.came, now, limits)


def _is_a_talk(stream: HttpStream) -> bool:
    """Whether a client may say something whenever it likes: where its answer has begun, and to origins by gRPC."""
    if stream.server_state == stream.state_stream_response_body:
        return True
    if stream.client_state != stream.state_stream_request_body:
        return False
    kind: str = stream.flow.request.headers.get("content-type", "")
    return kind.startswith(GRPC)
