"""Where names lead, on a scripted network."""

from dataclasses import replace
from pathlib import Path

import pytest

from gate.site import app
from glassgate.access.app import Origin
from glassgate.cli.dns_names import Led, Look, examine
from glassgate.config.settings import Endpoint, Settings

EDGE, ORIGIN, OTHER = "203.0.113.7", "203.0.113.9", "198.51.100.1"
WIKI = replace(app("wiki", "wiki.example.com"), origin=Origin("https", "origin.internal.example", 443))


def settings_of(*apps):
    return Settings(
        path=Path("config.yaml"), team=Endpoint("team.localhost", 443), listen=Endpoint("127.0.0.1", 443),
        certificates=(), ca=Path("ca.pem"), state=Path("state"), store="memory:", session_duration=86400, providers=(),
        apps=apps,
    )  # fmt: skip


def looking(names, edge=(EDGE, "127.0.0.1"), silent=()):
    return Look(
        lambda host: names.get(host, ("127.0.0.1",) if host.endswith(".localhost") else ()),
        lambda host: {"origin.internal.example": (ORIGIN,)}.get(host, ()),
        lambda host, address: None if address in silent else address in edge,
    )


@pytest.mark.parametrize(
    ("addresses", "led"),
    [
        ((EDGE,), [Led.EDGE]),
        ((), [Led.NOWHERE]),
        ((OTHER,), [Led.ELSEWHERE]),
        ((ORIGIN,), [Led.ORIGIN]),
        ((EDGE, ORIGIN), [Led.EDGE, Led.ORIGIN]),
        ((EDGE, OTHER), [Led.EDGE, Led.ELSEWHERE]),
    ],
)
def test_each_address_of_a_name_is_followed(addresses, led):
    found = [
        one
        for one in examine(settings_of(WIKI), looking({"wiki.example.com": addresses}))
        if one.host != "team.localhost"
    ]
    assert [one.led for one in found] == led
    assert all(one.good is (one.led is Led.EDGE) for one in found)
    assert all(one.good or one.mend for one in found)


def test_one_that_does_not_answer():
    found = examine(settings_of(WIKI), looking({"wiki.example.com": (OTHER,)}, silent=(OTHER,)))
    assert found[-1].led is Led.SILENT


def test_an_edge_that_is_an_origin_too_is_no_good_place():
    """Whoever finds the origin's port there goes past the gate."""
    found = examine(settings_of(WIKI), looking({"wiki.example.com": (ORIGIN,)}, edge=(ORIGIN,)))
    assert found[-1].led is Led.ORIGIN


def test_a_name_of_this_machine_is_not_taken_for_an_origins():
    local = replace(app("local", "local.localhost"), origin=Origin("http", "127.0.0.1", 9000))
    look = replace(looking({}), origin=lambda host: ("127.0.0.1",))
    assert all(one.good for one in examine(settings_of(local), look))


def test_a_pattern_is_tried_by_a_name_that_it_covers():
    many = replace(WIKI, domains=("*.apps.example.com",))
    found = examine(settings_of(many), looking({"glassgate-check.apps.example.com": (EDGE,)}))
    assert (found[-1].host, found[-1].led) == ("*.apps.example.com", Led.EDGE)
