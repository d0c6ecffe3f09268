"""Who is waited for, since when, and what becomes of those who take too long."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from glassgate.config.limits import Limits
from glassgate.mitm.layers.first import GateLayer

if TYPE_CHECKING:
    from glassgate.mitm.driver.conversation import Conversation


class State(Enum):
    """What a client's connection is doing."""

    ARRIVING = auto()  # nothing came yet, or TLS is not set up
    HEAD = auto()  # a part of a head is here
    IDLE = auto()  # between requests
    WORKING = auto()
    UPGRADED = auto()  # a WebSocket
    TAKING = auto()  # it has to take what was said before anything else happens


@dataclass(slots=True)
class Waiting:
    """Since when a connection is in the state that it is in."""

    since: float
    state: State = State.ARRIVING
    unsent: int = 0  # bytes, when it was last looked at


def state_of(http: GateLayer | None) -> State:
    """What a connection is doing, by what its HTTP layer says."""
    if http is None or not http.has_begun:
        return State.ARRIVING
    if http.upgraded:
        return State.UPGRADED
    if http.idle:
        return State.IDLE
    return State.HEAD if http.head_began else State.WORKING


def look(conversation: "Conversation", limits: Limits, now: float) -> None:
    """See whether somebody has waited for too long, or been waited for. Coarse: it is called now and then."""
    if conversation.has_left:
        conversation.abort()
        return
    waiting, unsent = conversation.waiting, conversation.unsent
    state = State.TAKING if conversation.has_to_take else state_of(conversation.http)
    if state is not waiting.state or (state is State.TAKING and unsent < waiting.unsent):
        waiting.state, waiting.since = state, now
    waiting.unsent = unsent
    waited = now - waiting.since
    if state in (State.ARRIVING, State.HEAD):
        if waited > limits.head_time:
            conversation.too_slow()
    elif state is State.IDLE:
        conversation.share_idle()
        if waited > limits.idle_time:
            conversation.drain()
    elif state is State.TAKING:
        if waited > limits.body_pause:
            conversation.abort()
    elif state is State.UPGRADED:
        if now - conversation.heard > limits.websocket_idle:
            conversation.abort()
    elif conversation.give_up_on_origins(now - limits.answer_time):
        return
    elif conversation.waits_for_client and now - conversation.heard > limits.body_pause:
        conversation.too_slow()
