"""The negative table: everything that must not sign anybody in, said row by row, against the whole gate.

Each row takes a sign-in that is good and spoils one thing of it. That the good one passes is tested for every row too,
so that none is refused by accident.
"""

import json

import pytest

from glassgate.gate.exchange import Answer, Forward
from glassgate.oidc.errors import Reason
from oidc.negative import afterwards, calls, tokens, way_back
from oidc.negative.flow import Flow
from oidc.scripted import CLIENT

TABLE = [*way_back.ROWS, *calls.ROWS, *tokens.ROWS, *afterwards.ROWS]
BY_END = {end: [row for row in TABLE if row.ends == end] for end in
          ("refused", "denied", "ended", "unsettled", "kept", "ignored", "cannot")}  # fmt: skip
POSSIBLE = [row for row in TABLE if row.ends != "cannot"]


def rows(end):
    return pytest.mark.parametrize("row", BY_END[end], ids=[row.name for row in BY_END[end]])


@pytest.fixture
def begin(caplog):
    """A flow, good or spoiled by the row's change, at an open gate."""
    begun = []

    def made(row, *, spoiled):
        flow = Flow(row.kind, log=caplog)
        if row.good:
            row.good(flow)
        if spoiled and row.change:
            row.change(flow)
        begun.append(flow)
        return flow.open()

    yield made
    for flow in begun:
        flow.world.close()


def checked(row, flow, outcome):
    if row.check:
        row.check(flow, outcome)


@pytest.mark.parametrize("row", POSSIBLE, ids=[row.name for row in POSSIBLE])
def test_without_what_the_row_does_all_is_well(row, begin):
    flow = begin(row, spoiled=False)
    assert isinstance(flow.sign_in(), Forward), flow.told()
    assert len(flow.cookies()) == 2
    if row.ends == "ended":
        assert isinstance(flow.go_on(), Forward), flow.told()
        assert flow.script.count(flow.token_endpoint) == 2
    if row.ender:
        assert row.ender(flow).status == 200
        assert not isinstance(flow.ask(flow.host, "/later"), Forward)


@rows("refused")
def test_nobody_is_signed_in(row, begin):
    flow = begin(row, spoiled=True)
    outcome = row.does(flow) if row.does else flow.sign_in()
    assert isinstance(outcome, Answer)
    assert outcome.status in (400, 403, 414, 502, 503)
    assert flow.reasons() == [row.reason]
    assert flow.cookies() == []
    assert flow.held() == flow.before
    assert not [one for one in flow.answers if isinstance(one, Forward)]
    headers = dict(outcome.headers)
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    told = outcome.body.decode() + str(flow.told())
    assert not [secret for secret in flow.secrets() if secret in told]
    checked(row, flow, outcome)


@rows("denied")
def test_the_policy_keeps_them_out(row, begin):
    flow = begin(row, spoiled=True)
    outcome = flow.sign_in()
    assert isinstance(outcome, Answer)
    assert outcome.status == 403
    assert not [one for one in flow.answers if isinstance(one, Forward)]
    assert [line for line in flow.cookies() if line.startswith("CF_Authorization=")] == []
    assert flow.held()["grant"] == []
    said = [detail for _, details in flow.told() for detail in details]
    assert [detail.partition(":")[0] for detail in said if detail.startswith(("groups_unknown", "graph_link"))] == (
        [row.reason] if row.reason else []
    )
    checked(row, flow, outcome)


@rows("ended")
def test_a_session_ends_that_its_provider_does_not_confirm(row, begin):
    flow = begin(row, spoiled=False)
    assert isinstance(flow.sign_in(), Forward)
    row.change(flow)
    flow.answers = []
    outcome = flow.go_on()
    assert not isinstance(outcome, Forward)
    assert flow.reasons()[-1] == row.reason
    assert flow.held()["session"] == flow.held()["cookie"] == []
    assert flow.cookies() == []
    checked(row, flow, outcome)


@rows("unsettled")
def test_what_is_not_about_the_person_is_asked_again_later(row, begin):
    flow = begin(row, spoiled=False)
    assert isinstance(flow.sign_in(), Forward)
    row.change(flow)
    outcome = flow.go_on()
    assert isinstance(outcome, Forward)
    assert flow.reasons()[-1] == row.reason
    checked(row, flow, outcome)


@rows("kept")
def test_nobody_is_signed_out(row, begin):
    flow = begin(row, spoiled=False)
    assert isinstance(flow.sign_in(), Forward)
    said = row.does(flow)
    assert (said.status, json.loads(said.body)["reason"]) == (400, row.reason)
    assert isinstance(flow.ask(flow.host, "/later"), Forward)
    checked(row, flow, said)


@rows("ignored")
def test_it_changes_nothing(row, begin):
    flow = begin(row, spoiled=True)
    outcome = flow.sign_in()
    assert isinstance(outcome, Forward), flow.told()
    if row.does:
        row.does(flow)
    assert isinstance(flow.ask(flow.host, "/later"), Forward)
    checked(row, flow, outcome)


@rows("cannot")
def test_what_cannot_come_about_says_why(row, begin):
    assert row.why
    assert not any((row.change, row.does, row.reason))
    flow = Flow().open()
    flow.start()
    assert flow.asked["response_type"] == "code"
    assert set(flow.asked) <= {
        "client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method",
    }  # fmt: skip
    assert (flow.asked["client_id"], flow.asked["code_challenge_method"]) == (CLIENT, "S256")


def test_no_row_is_there_twice():
    names = [row.name for row in TABLE]
    assert sorted(set(names)) == sorted(names)
    assert all(row.name and row.source for row in TABLE)


def test_the_length_of_the_table():
    """What specifications and history name comes to 85; each has its row, most several. Five cannot come about."""
    assert len(POSSIBLE) >= 300
    assert len(BY_END["cannot"]) == 5


def test_every_reason_is_reached():
    """No way to fail is there that no row can take."""
    gates_own = {"target_too_long"}
    reached = {row.reason for row in TABLE if row.reason} - gates_own
    assert reached == set(Reason)
