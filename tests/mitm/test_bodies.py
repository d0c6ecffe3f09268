"""Bodies that the gate reads or sends itself: what becomes of them, and that no flow keeps them."""

import asyncio
from ipaddress import ip_address

import pytest
from mitmproxy.test import tflow

from gate.forms import wiki
from glassgate.errors import StoreError
from glassgate.gate.exchange import Answer, Collect, Forward, Lane, Request, ask
from glassgate.mitm.bodies import Bodies, waits_on, was_sent
from glassgate.mitm.guard import Live, Ours, Verdicts
from glassgate.mitm.lanes import Lanes

REQUEST = Request("ray", 0.0, True, "POST", (), "/", (), ip_address("127.0.0.1"))
ANSWER = Answer(303, ())
NOW = 5.0


class Kept:
    """A form, or a body in pieces, that notes what became of it."""

    body = b"a form that was kept"

    def __init__(self, answer=None, fault=None):
        self.answer, self.fault, self.told = answer, fault, []

    def take(self, piece):
        yield from ask(Lane.STORE, lambda: self._note(piece))
        return self.answer

    def broke_off(self):
        yield from ask(Lane.STORE, lambda: self._note("broke off"))

    def ended(self, now, *, sent):
        yield from ask(Lane.STORE, lambda: self._note((now, sent)))

    def meanwhile(self):
        """What happens while the store works."""

    def _note(self, what):
        self.told.append(what)
        self.meanwhile()
        if self.fault:
            raise self.fault


class World:
    """One flow with its standing, and what it was given."""

    def __init__(self, standing, content=b""):
        self.flow = tflow.tflow()
        self.flow.request.data.content = content
        self.flow.server_conn.timestamp_start = None
        self.verdicts = Verdicts()
        if standing:
            self.verdicts.set(self.flow, standing)
        self.applied, self.failed = [], []

    def leave(self):
        """The client goes."""
        self.verdicts.client_left(self.flow.client_conn.id)

    def run(self, *names):
        """Call these, one after the other; whether the last of them had to wait."""
        return asyncio.run(self._run(names))

    async def _run(self, names):
        lanes, waiting = Lanes(), None
        bodies = Bodies(
            self.verdicts, lanes, lambda flow, request, answer, told: self.applied.append(answer),
            lambda flow, request, fault: self.failed.append(fault), lambda: NOW,
        )  # fmt: skip
        for name in names:
            waiting = self.leave() if name == "leave" else getattr(bodies, name)(self.flow)
            if waiting is not None:
                await waiting
        lanes.close()
        return waiting is not None

    @property
    def content(self):
        return self.flow.request.raw_content


def sends(kept):
    return Live(REQUEST, Forward(wiki(), (), "/", False, lambda: None, None, kept=kept), ("192.0.2.1", 80))


def reads(kept, limit=10):
    return Ours(REQUEST, collect=Collect(limit, kept.take, kept))


def test_a_form_that_was_kept_is_put_in_its_place():
    world = World(sends(Kept()))
    assert not world.run("whole")
    assert world.content == Kept.body


@pytest.mark.parametrize(("content", "applied"), [(b"x" * 10, [ANSWER]), (b"x" * 11, [])], ids=["fits", "too long"])
def test_a_body_that_we_read_is_gone_on_with(content, applied):
    world = World(Ours(REQUEST, collect=Collect(10, Kept(ANSWER).take)), content)
    world.run("whole")
    assert world.applied == applied


def test_the_rest_of_one_in_pieces_stays_in_no_flow():
    world = World(reads(Kept(ANSWER)), b"the rest")
    world.run("whole")
    assert (world.applied, world.content) == ([ANSWER], None)


def test_pieces_are_taken_till_there_is_an_answer():
    kept = Kept()
    world = World(reads(kept), b"a piece")
    assert world.run("piece")
    assert (kept.told, world.applied, world.verdicts.of(world.flow)) == ([b"a piece"], [], reads(kept))
    kept.answer = ANSWER
    world.run("piece")
    assert (world.applied, world.content, world.verdicts.of(world.flow)) == ([ANSWER], None, Ours(REQUEST))


@pytest.mark.parametrize("name", ["piece", "whole"])
def test_a_fault_is_told_and_no_more_is_taken(name):
    world = World(reads(Kept(fault=StoreError("is away"))), b"a piece")
    world.run(name)
    assert ([type(fault) for fault in world.failed], world.applied) == ([StoreError], [])
    assert (world.content, world.verdicts.of(world.flow)) == (None, Ours(REQUEST))


def test_of_pieces_that_broke_off_nothing_is_left():
    kept = Kept()
    world = World(reads(kept), b"a piece")
    assert world.run("ended")
    assert (kept.told, world.content) == (["broke off"], None)


@pytest.mark.parametrize("name", ["piece", "whole"])
def test_whose_client_left_meanwhile_leaves_nothing(name):
    kept = Kept(ANSWER)
    world = World(reads(kept), b"a piece")
    kept.meanwhile = world.leave
    assert world.run(name, "ended")
    assert kept.told == [b"a piece", "broke off"]


def test_one_that_failed_leaves_nothing():
    kept = Kept(fault=StoreError("is away"))
    World(reads(kept), b"a piece").run("piece", "ended")
    assert kept.told == [b"a piece", "broke off"]


def test_one_that_has_its_answer_is_whole():
    kept = Kept(ANSWER)
    assert not World(reads(kept), b"the rest").run("whole", "ended")
    assert kept.told == [b"the rest"]


def test_a_form_whose_sender_left_before_it_could_go_waits_on():
    kept = Kept()
    world = World(sends(kept))
    assert world.run("whole", "leave", "ended")
    assert (kept.told, world.content) == ([(NOW, False)], None)


@pytest.mark.parametrize("began", [None, 3.0], ids=["no connection", "a connection"])
def test_whether_a_form_may_have_arrived_is_told(began):
    kept = Kept()
    world = World(sends(kept), Kept.body)
    world.flow.server_conn.timestamp_start = began
    sent = began is not None
    assert (was_sent(world.flow), waits_on(world.flow, world.verdicts.of(world.flow))) == (sent, not sent)
    assert world.run("ended")
    assert (kept.told, world.content) == ([(NOW, sent)], None)


def test_what_cannot_be_cleared_up_is_logged_without_it(caplog):
    world = World(sends(Kept(fault=StoreError("secret"))))
    world.run("ended")
    assert ("StoreError" in caplog.text, "secret" in caplog.text) == (True, False)


OTHERS = [
    ("not judged", None),
    ("answered", Ours(REQUEST)),
    ("of a host in this process", Ours(REQUEST, host="login.localhost")),
    ("let in", sends(None)),
]


@pytest.mark.parametrize("standing", [row[1] for row in OTHERS], ids=[row[0] for row in OTHERS])
@pytest.mark.parametrize("name", ["whole", "piece", "ended"])
def test_of_any_other_request_nothing_is_touched(standing, name):
    world = World(standing, b"a body")
    assert not world.run(name)
    assert (world.content, world.applied, world.failed) == (b"a body", [], [])
    assert not waits_on(world.flow, standing)
