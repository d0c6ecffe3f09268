"""Addresses among many networks, and times of the week in a place."""

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.access.circumstances import Networks, TimeOfDay
from glassgate.access.facts import Facts


def wide(pair):
    return ip_network((pair[0].to_bytes(16), pair[1]), strict=False)


NETWORKS = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: ip_network(pair, strict=False)),
        st.tuples(st.integers(0, 2**16), st.integers(20, 32)).map(lambda pair: ip_network(pair, strict=False)),
        st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(wide),
    ),
    max_size=20,
)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6), st.integers(0, 2**16).map(ip_address))


@given(NETWORKS, ADDRESSES)
def test_many_networks_hold_what_one_of_them_holds(networks, address):
    assert (address in Networks.of(networks)) is any(address in network for network in networks)


def test_edges_of_networks():
    networks = Networks.of(map(ip_network, ["10.0.0.0/31", "10.0.0.4", "::/128", "ffff::/16"]))
    inside = ["10.0.0.0", "10.0.0.1", "10.0.0.4", "::", "ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
    outside = ["9.255.255.255", "10.0.0.2", "10.0.0.3", "10.0.0.5", "255.255.255.255", "::1", "fffe:ffff::"]
    assert [ip_address(text) in networks for text in inside] == [True] * len(inside)
    assert [ip_address(text) in networks for text in outside] == [False] * len(outside)


BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = TimeOfDay(frozenset({4}), 22 * 3600, 6 * 3600, BERLIN)  # from Friday evening to Saturday morning
SUNDAY = TimeOfDay(frozenset({6}), 0, 86400, BERLIN)
TWO_TO_THREE = TimeOfDay(frozenset({6}), 7200, 10800, BERLIN)
TIMES = [
    ("just before the night", NIGHT, "2026-11-27 20:59:59", False),
    ("the night begins", NIGHT, "2026-11-27 21:00:00", True),
    ("after midnight it is still Friday's", NIGHT, "2026-11-28 04:59:59", True),
    ("the night ends", NIGHT, "2026-11-28 05:00:00", False),
    ("Friday's morning was Thursday's night", NIGHT, "2026-11-27 02:00:00", False),
    ("Saturday's night is not Friday's", NIGHT, "2026-11-28 22:00:00", False),
    ("a whole day begins at midnight there", SUNDAY, "2026-11-28 23:00:00", True),
    ("and ends there", SUNDAY, "2026-11-29 23:00:00", False),
    ("the hour that comes twice, first", TWO_TO_THREE, "2026-10-25 00:30:00", True),
    ("the hour that comes twice, again", TWO_TO_THREE, "2026-10-25 01:30:00", True),
    ("the hour that is left out", TWO_TO_THREE, "2026-03-29 01:30:00", False),
]


@pytest.mark.parametrize(("asked", "utc", "answer"), [row[1:] for row in TIMES], ids=[row[0] for row in TIMES])
def test_a_time_is_one_on_the_wall(asked, utc, answer):
    assert asked(Facts(now=datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp())) is answer
