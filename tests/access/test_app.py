"""The AUD tag of an app that names none, and in which order its policies are."""

import re
from itertools import pairwise, product

import pytest

from glassgate.access.app import App, Launcher, Origin, OriginTls, Unauthenticated, default_aud
from glassgate.access.policy import Decision, Policy


def test_it_is_64_hex_digits():
    assert re.fullmatch("[0-9a-f]{64}", default_aud("team.localhost", "wiki"))


def test_it_is_the_same_on_every_edge_and_for_ever():
    """Pinned: origins have it in their configurations."""
    pinned = "6fb9ce8bb2bde4e604a731a797c933fefd9c5bb9b881686d10e4f8d813edca2a"
    assert default_aud("team.localhost", "wiki") == pinned


def test_no_two_apps_of_any_two_teams_share_one():
    names = ["", "a", "ab", "b", "1:a", "a1:b", "a1:", ":b", "11:b"]
    tags = sorted(default_aud(team, name) for team, name in product(names, names))
    assert all(one != other for one, other in pairwise(tags))


def test_an_app_is_strict_unless_it_says_otherwise():
    one = App("wiki", ("wiki.localhost",), "a" * 64, Origin("https", "wiki.internal", 443), (), 3600, ("entra",))
    assert one.origin.tls == OriginTls(ca=None, client_certificate=None, server_name=None)
    assert one.unauthenticated is Unauthenticated.AUTO
    assert not one.forward_cookie
    assert one.websocket_origins == ()
    assert one.launcher == Launcher(visible=True, logo=None, tags=())


@pytest.mark.parametrize(
    ("providers", "said", "straight"),
    [
        (("a",), None, True), (("a", "b"), None, False), (("a", "b"), True, True), (("a",), False, False),
        (("a", "b"), False, False), (("a",), True, True),
    ],
)  # fmt: skip
def test_a_sign_in_goes_straight_where_there_is_nothing_to_pick_or_the_app_says_so(providers, said, straight):
    origin = Origin("https", "wiki.internal", 443)
    one = App("wiki", ("wiki.localhost",), "a" * 64, origin, (), 3600, providers, auto_redirect=said)
    assert one.goes_straight is straight


def test_its_policies_are_in_the_order_of_evaluation_however_they_were_written():
    written = tuple(Policy(str(place), decision, ()) for place, decision in enumerate((*Decision, *reversed(Decision))))
    one = App("wiki", ("wiki.localhost",), "a" * 64, Origin("https", "wiki.internal", 443), written, 3600, ("entra",))
    said = [(policy.decision.value, policy.name) for policy in one.policies]
    assert said == [
        ("bypass", "0"), ("service_auth", "1"), ("service_auth", "6"), ("bypass", "7"),
        ("allow", "2"), ("deny", "3"), ("deny", "4"), ("allow", "5"),
    ]  # fmt: skip
    assert [policy.name for policy in one.without_sign_in] == ["0", "1", "6", "7"]
