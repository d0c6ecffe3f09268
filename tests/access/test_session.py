"""Sessions and grants, as the store keeps them."""

import json
from dataclasses import replace

import pytest

from gate.site import NOW, person
from glassgate.access.session import Asking, Grant, Session, digest

SESSION = Session("s1", person("alice", groups=None, acrs=frozenset(["c1"])), NOW, NOW + 3600, digest("the-cookie"))
GRANT = Grant("s1", "a" * 64, NOW + 600)


def test_a_session_reads_back_as_it_was():
    assert Session.from_bytes(SESSION.to_bytes()) == SESSION


def test_so_does_one_that_knows_its_browser():
    session = replace(SESSION, browser="Firefox on Linux")
    assert Session.from_bytes(session.to_bytes()) == session


def test_a_grant_reads_back_as_it_was():
    assert Grant.from_bytes(GRANT.to_bytes()) == GRANT


def test_the_store_gets_no_credential():
    assert b"the-cookie" not in SESSION.to_bytes()
    assert digest("the-cookie").encode() in SESSION.to_bytes()


@pytest.mark.parametrize("kind", [Session, Grant])
@pytest.mark.parametrize("stored", [b"{}", b'{"v": 0}', b'{"v": 2}', b'{"v": "1"}', b'{"v": null}'], ids=str)
def test_another_format_is_none(kind, stored):
    assert kind.from_bytes(stored) is None


BROKEN = [
    ("no JSON", b"\x00"),
    ("cut off", SESSION.to_bytes()[:-5]),
    ("half", b'{"v": 1}'),
    ("a list", b"[]"),
]


@pytest.mark.parametrize("kind", [Session, Grant])
@pytest.mark.parametrize("stored", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_damage_is_told_and_never_a_session(kind, stored):
    with pytest.raises((ValueError, KeyError, AttributeError, TypeError)):
        kind.from_bytes(stored)


def test_a_grant_is_no_session_and_a_session_no_grant():
    with pytest.raises(KeyError):
        Session.from_bytes(GRANT.to_bytes())
    with pytest.raises(KeyError):
        Grant.from_bytes(SESSION.to_bytes())


def test_renewed_it_is_the_same_session_with_new_proof():
    again = replace(SESSION, challenge="").renewed(Session("s2", person("alice"), NOW + 9, NOW + 7200, digest("other")))
    assert (again.id, again.created) == (SESSION.id, SESSION.created)
    assert (again.cookie, again.expires) == (digest("other"), NOW + 7200)
    assert again.identity.acrs == frozenset()
    assert again.stands


@pytest.mark.parametrize("more", [{"asking": Asking("sealed", NOW + 60, NOW)}, {"challenge": ""}, {"challenge": "{}"}])
def test_how_it_is_asked_for_again_reads_back_byte_for_byte(more):
    """A session is swapped by its bytes: reading and writing must not change them."""
    session = replace(SESSION, **more)
    again = Session.from_bytes(session.to_bytes())
    assert again == session
    assert again.to_bytes() == session.to_bytes()
    assert again.stands is ("challenge" not in more)


def test_the_digest_is_sha_256():
    """Pinned: what is stored has to be found again."""
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_groups_that_could_not_be_read_stay_unknown():
    assert json.loads(json.loads(SESSION.to_bytes())["identity"])["groups"] is None
    assert Session.from_bytes(SESSION.to_bytes()).identity.groups is None
