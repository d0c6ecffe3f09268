"""Who a visitor is: an id that stays, and a text that reads back as the same person."""

import json
from dataclasses import replace
from itertools import combinations

import pytest

from glassgate.access.identity import Identity

ALICE = Identity(
    "entra", "entra", "tenant", "oid-alice", "Alice Ä", "alice@contoso.example", None, frozenset(["g2", "g1"]),
    frozenset(["Reader"]), frozenset(["c1"]), {"c1": 1_800_000_000}, frozenset(["mfa", "pwd"]), "sid", "hint",
    {"department": ["x", 1, None]},
)  # fmt: skip


def test_the_user_id_is_pinned():
    """Origins keep it in their databases: it may never change."""
    assert replace(ALICE, realm="t", subject="o").user_id == "a271a5c4-e88b-554f-8d89-3fa7eed70e13"


SAME = [
    ("another e-mail", {"email": "alice@other.example"}),
    ("no e-mail", {"email": None}),
    ("another name", {"name": "Bob"}),
    ("other groups", {"groups": None}),
    ("another label of the provider", {"provider": "entra-two"}),
    ("another session", {"idp_session": None, "login_hint": None, "claims": {}}),
]


@pytest.mark.parametrize("change", [row[1] for row in SAME], ids=[row[0] for row in SAME])
def test_the_user_stays_the_same_user(change):
    assert replace(ALICE, **change).user_id == ALICE.user_id


OTHERS = {
    "alice": ALICE,
    "another tenant": replace(ALICE, realm="tenant2"),
    "another object": replace(ALICE, subject="oid-bob"),
    "another kind of provider": replace(ALICE, provider_type="oidc"),
    "a letter moved from realm to subject": replace(ALICE, realm="tenan", subject="toid-alice"),
    "a letter moved from subject to realm": replace(ALICE, realm="tenanto", subject="id-alice"),
    "a length in the subject": replace(ALICE, realm="", subject="6:tenant9:oid-alice"),
    "other case": replace(ALICE, subject="OID-ALICE"),
}


@pytest.mark.parametrize(("one", "other"), list(combinations(OTHERS, 2)), ids=" and ".join)
def test_no_two_users_share_an_id(one, other):
    assert OTHERS[one].user_id != OTHERS[other].user_id


KEPT = [
    ("everything", ALICE),
    ("the least", Identity("oidc", "oidc", "https://issuer.example", "1")),
    ("groups that could not be read", replace(ALICE, groups=None)),
    ("no groups", replace(ALICE, groups=frozenset())),
    ("groups, some of which were asked about", replace(ALICE, groups_asked=frozenset({"g1", "g2"}))),
    ("an e-mail that does not count", replace(ALICE, email=None, unverified_email="a@b")),
]


@pytest.mark.parametrize("identity", [row[1] for row in KEPT], ids=[row[0] for row in KEPT])
def test_it_reads_back_as_it_was(identity):
    back = Identity.from_json(identity.to_json())
    assert back == identity
    assert type(back.groups) is type(identity.groups)


def test_not_read_and_none_are_not_the_same():
    assert Identity.from_json(replace(ALICE, groups=None).to_json()).groups is None
    assert Identity.from_json(replace(ALICE, groups=frozenset()).to_json()).groups == frozenset()


def test_the_text_is_the_same_whatever_the_order_of_a_set():
    groups = [f"g{n:03d}" for n in range(100)]
    assert json.loads(replace(ALICE, groups=frozenset(groups)).to_json())["groups"] == groups


WRONG = [
    ("no JSON", "x"),
    ("a list", "[]"),
    ("null", "null"),
    ("nothing in it", "{}"),
    ("a field that is not ours", json.dumps({**json.loads(ALICE.to_json()), "admin": True})),
    ("no realm", json.dumps({k: v for k, v in json.loads(ALICE.to_json()).items() if k != "realm"})),
    ("groups as a number", json.dumps({**json.loads(ALICE.to_json()), "groups": 7})),
]


@pytest.mark.parametrize("text", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_anything_else_is_nobody(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Identity.from_json(text)
