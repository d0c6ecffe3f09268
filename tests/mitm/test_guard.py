"""What became of each request: only what is live may connect, and what has ended is forgotten."""

import pytest
from mitmproxy.test import tflow

from gate.site import STAFF, WIKI, app, request_of
from glassgate.access.token import AppToken
from glassgate.gate.exchange import Forward
from glassgate.mitm.guard import Live, Ours, Verdicts
from glassgate.record.events import Action, Event

ADDRESS = ("127.0.0.1", 9000)
REQUEST = request_of("/")
EVENT = Event(Action.ALLOWED, 0.0, REQUEST.ray)
TOKEN = AppToken("aud", None, "sub", "nonce", 0.0, 600.0)
LIVE = Live(REQUEST, Forward(app("wiki", WIKI, STAFF), (), "/", False, lambda: EVENT, TOKEN, "staff", None), ADDRESS)


def one_more(flow):
    """Another flow on the same connection."""
    other = tflow.tflow()
    other.client_conn = flow.client_conn
    return other


def test_a_flow_that_nobody_judged_has_no_standing():
    verdicts, flow = Verdicts(), tflow.tflow()
    assert verdicts.of(flow) is None
    assert not verdicts.may_connect(flow.client_conn.id, ADDRESS)


CONNECTS = [
    ("let in, there", LIVE, ADDRESS, True),
    ("let in, elsewhere", LIVE, ("127.0.0.1", 9001), False),
    ("let in, another host", LIVE, ("127.0.0.2", 9000), False),
    ("let in, nowhere", LIVE, None, False),
    ("answered here", Ours(REQUEST), ADDRESS, False),
    ("answered by a host here", Ours(REQUEST, "login.localhost"), ADDRESS, False),
]


@pytest.mark.parametrize(
    ("standing", "address", "may"), [row[1:] for row in CONNECTS], ids=[row[0] for row in CONNECTS]
)
def test_who_may_connect_where(standing, address, may):
    verdicts, flow = Verdicts(), tflow.tflow()
    verdicts.set(flow, standing)
    assert verdicts.may_connect(flow.client_conn.id, address) is may
    assert not verdicts.may_connect(tflow.tclient_conn().id, address)


def test_one_live_request_of_a_connection_is_enough_and_says_nothing_of_the_others():
    verdicts, flow = Verdicts(), tflow.tflow()
    other = one_more(flow)
    verdicts.set(flow, LIVE)
    verdicts.set(other, Ours(REQUEST))
    assert verdicts.may_connect(flow.client_conn.id, ADDRESS)
    assert isinstance(verdicts.of(other), Ours)
    verdicts.end(flow)
    assert not verdicts.may_connect(flow.client_conn.id, ADDRESS)


def test_the_last_word_counts():
    verdicts, flow = Verdicts(), tflow.tflow()
    verdicts.set(flow, LIVE)
    verdicts.set(flow, Ours(REQUEST))
    assert not verdicts.may_connect(flow.client_conn.id, ADDRESS)


def test_another_connection_cannot_use_a_flow_of_this_one():
    verdicts, flow, other = Verdicts(), tflow.tflow(), tflow.tflow()
    verdicts.set(flow, LIVE)
    other.id = flow.id
    assert verdicts.of(other) is None


def test_what_has_ended_is_forgotten():
    verdicts, flow = Verdicts(), tflow.tflow()
    other = one_more(flow)
    for one in (flow, other):
        verdicts.set(one, LIVE)
    assert len(verdicts) == 2
    verdicts.end(flow)
    verdicts.end(flow)
    assert (len(verdicts), verdicts.of(flow), verdicts.of(other)) == (1, None, LIVE)
    verdicts.client_left(flow.client_conn.id)
    verdicts.client_left(flow.client_conn.id)
    assert len(verdicts) == 0
