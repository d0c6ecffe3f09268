"""An administrator sees every session, and ends those that are meant and no other."""

import pytest

from gate.site import NOW, TEAM, WIKI, Browser, Party, person, site_of
from glassgate.access.session import Grant, Session, digest
from glassgate.gate.exchange import Forward, run
from glassgate.gate.roll import AT_ONCE, enrolled, revoke
from glassgate.gate.sessions import NEWS, Sessions
from glassgate.state.memory import MemoryStore
from glassgate.state.store import MOST_FOUND


def store_of(*names, grants=()):
    """A store with a session of each name, and grants as (name, audience, end)."""
    store = MemoryStore()
    sessions = Sessions(store)
    for name in names:
        run(sessions.begin(Session(name, person(name), NOW, NOW + 3600, digest(name)), None, NOW))
    for number, (name, audience, end) in enumerate(grants):
        run(sessions.grant(f"nonce {number}", Grant(name, audience, end)))
    return store


def test_everybody_is_on_the_roll_with_the_apps_that_are_open():
    store = store_of("alice", "bob", grants=[("alice", "w", NOW + 9), ("alice", "p", NOW + 1), ("bob", "w", NOW)])
    found = {one.session.id: one.audiences for one in enrolled(store, NOW)}
    assert found == {"alice": {"w", "p"}, "bob": frozenset()}
    assert list(enrolled(store, NOW + 3600)) == []


def test_the_roll_is_as_long_as_it_has_to_be():
    names = [f"user{number}" for number in range(MOST_FOUND + 3)]
    assert {one.session.id for one in enrolled(store_of(*names), NOW)} == set(names)


NAMES = [
    ("e-mail", "alice@contoso.example", True),
    ("in capitals", "Alice@Contoso.Example", True),
    ("user id", person("alice").user_id, True),
    ("another's", "bob@contoso.example", False),
    ("a part of it", "alice", False),
    ("nothing", "", False),
]


@pytest.mark.parametrize(("name", "is_hers"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_a_user_is_known_by(name, is_hers):
    [alice] = enrolled(store_of("alice"), NOW)
    assert alice.is_of(name) is is_hers


def test_an_email_that_does_not_count_names_a_user_all_the_same():
    store = MemoryStore()
    who = person("alice", unverified_email="a@else.example")
    run(Sessions(store).begin(Session("s", who, NOW, NOW + 60, digest("c")), None, NOW))
    [alice] = enrolled(store, NOW)
    assert alice.is_of("a@else.example")


def test_those_that_are_revoked_end_and_no_other():
    names = [f"user{number}" for number in range(AT_ONCE + 5)]
    store = store_of(*names, grants=[(name, "w", NOW + 9) for name in names])
    before = store.get(*NEWS, NOW)
    revoke(store, [one.session for one in enrolled(store, NOW) if one.session.id != "user7"], NOW, "news")
    assert [one.session.id for one in enrolled(store, NOW)] == ["user7"]
    assert store.get(*NEWS, NOW) != before


def test_nobody_hears_of_nothing():
    store = store_of("alice")
    revoke(store, [], NOW, "news")
    assert store.get(*NEWS, NOW) is None


def test_a_revoked_browser_is_asked_who_is_there_once():
    site = site_of(store=(store := MemoryStore()))
    browser = Browser(site)
    assert isinstance(browser.open(WIKI, "/page"), Forward)
    revoke(store, [one.session for one in enrolled(store, NOW)], NOW, "news")
    browser.at = NOW + 1.5
    assert browser.ask(WIKI, "/data", headers={"accept": "application/json"}).status == 401
    party = site.parties["entra"]
    party.asked.clear()
    assert isinstance(browser.open(WIKI, "/page"), Forward)
    assert [ask.prompt for ask in party.asked] == ["login"]
    browser.ask(TEAM, "/cdn-cgi/access/logout")
    browser.open(WIKI, "/page")
    assert [ask.prompt for ask in party.asked] == ["login", None], "whoever signed out by themselves is trusted"


def test_who_comes_back_with_an_older_sign_in_was_not_asked():
    party = Party(site_of().parties["entra"].provider, person("alice"))
    site = site_of(store=(store := MemoryStore()), parties={"entra": party})
    browser = Browser(site)
    browser.open(WIKI, "/")
    assert party.expected.anew is False
    revoke(store, [one.session for one in enrolled(store, NOW)], NOW, "news")
    browser.at = NOW + 2
    browser.open(WIKI, "/")
    assert party.expected.anew is True, "the provider's token has to tell of a new sign-in"
