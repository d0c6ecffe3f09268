"""What people see of a decision in mitmweb."""

import pytest
from mitmproxy.test import tflow
from mitmproxy.utils import emoji

from glassgate.mitm.annotate import MARKS, annotate, sentence
from glassgate.record.events import Action, Event

RAY = "0123456789abcdef"


def event(action=Action.DENIED, **more):
    return Event(action, 0.0, RAY, **more)


def test_every_action_has_a_mark_that_mitmweb_knows():
    assert set(MARKS) == set(Action)
    assert [mark for mark in MARKS.values() if mark not in emoji.emoji] == []


SENTENCES = [
    ("all of it", event(app="wiki", email="a@x", user_id="u", policy="staff", reason="no", provider="entra"),
     "denied: app wiki, user a@x, policy staff, reason no, provider entra"),
    ("a user without an e-mail that counts", event(user_id="u-1"), "denied: user u-1"),
    ("nothing", event(Action.LOGOUT), "logout"),
    ("another action", event(Action.SIGN_IN_FAILED, reason="state_used"), "sign_in_failed: reason state_used"),
]  # fmt: skip


@pytest.mark.parametrize(("told", "said"), [row[1:] for row in SENTENCES], ids=[row[0] for row in SENTENCES])
def test_a_sentence_for_an_event(told, said):
    assert sentence(told) == said


def test_a_flow_is_marked_by_its_first_event_and_tells_all_with_its_id():
    flow = tflow.tflow()
    annotate(flow, RAY, (event(Action.SIGN_IN, email="a@x"), event(Action.ISSUED, app="wiki")))
    assert flow.marked == MARKS[Action.SIGN_IN]
    assert flow.comment == f"sign_in: user a@x\nissued: app wiki\n· id {RAY}"


def test_every_rule_that_was_asked_has_its_line():
    flow = tflow.tflow()
    annotate(flow, RAY, (event(app="wiki", details=("staff: include email: no", "b")),))
    assert flow.comment.splitlines() == ["denied: app wiki", "· staff: include email: no", "· b", f"· id {RAY}"]


def test_a_flow_of_which_nothing_is_told_has_its_id():
    flow = tflow.tflow()
    annotate(flow, RAY, ())
    assert (flow.marked, flow.comment) == ("", f"· id {RAY}")
