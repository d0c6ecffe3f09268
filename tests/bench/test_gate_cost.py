"""The gate's own cost: what is timed is a signed-in request that is let in, and the store holds what it should."""

import sqlite3
import time
from collections import Counter

import pytest

from bench import asked, gate_cost, sessions, signed_in
from glassgate.access import session
from glassgate.gate.sessions import Sessions
from glassgate.mitm import flows
from glassgate.state.open import open_store


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    return signed_in.prepare(folder, port=8443, origin=9000, certificate=folder / "certs" / "edge.pem")


def test_each_part_and_the_whole(tmp_path):
    costs = gate_cost.measure(2, tmp_path, rounds=2)
    assert set(costs) == {*gate_cost.SAYS, gate_cost.WHOLE, gate_cost.FROM_STORE}
    assert all(figure.low > 0 for figure in costs.values())
    assert costs[gate_cost.WHOLE].high >= sum(costs[part].low for part in gate_cost.SAYS)
    assert "| 2 " in gate_cost.markdown({2: costs})


def test_the_visitors_are_let_in_and_a_stranger_stops_the_bench(gate):
    cookies = sessions.fill(gate, 3, time.time())
    store = open_store(gate.settings.store)
    site = sessions.site_of(gate, Sessions(store))
    for cookie in cookies:
        forward = gate_cost.decide(site, flows.read(gate_cost.flow_of(cookie), time.time()))
        assert forward.told().policy == "staff"
    with pytest.raises(gate_cost.Refused):
        gate_cost.decide(site, flows.read(gate_cost.flow_of("a=b"), time.time()))
    store.close()


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """All that a store holds after it was filled with the most visitors and five others: space and value."""
    folder = tmp_path_factory.mktemp("filled")
    gate = signed_in.prepare(folder, port=8443, origin=9000, certificate=folder / "certs" / "edge.pem")
    assert len(sessions.fill(gate, sessions.VISITORS + 5, time.time())) == sessions.VISITORS
    connection = sqlite3.connect(gate.settings.store.partition(":")[2])
    try:
        return connection.execute("SELECT space, value FROM entries").fetchall()
    finally:
        connection.close()


def test_the_store_holds_what_the_gate_would_write(entries):
    assert Counter(space for space, _ in entries) == dict.fromkeys(
        ("session", "cookie", "provider", "grant", "opened"), sessions.VISITORS + 5
    )


def test_visitors_are_in_many_groups_and_others_in_few(entries):
    stored = [session.Session.from_bytes(value) for space, value in entries if space == "session"]
    assert sorted(len(one.identity.groups) for one in stored) == [*[5] * 5, *[50] * sessions.VISITORS]


def test_a_request_weighs_what_a_browsers_does(gate):
    cookie = signed_in.sign_in(gate)
    headers = sum(len(name) + len(value) + 4 for name, value in asked.BROWSER)
    assert 550 <= headers <= 750
    assert 850 <= len(cookie) <= 1000
    assert (signed_in.GROUPS, len(asked.SMALL.body)) == (50, 200)
