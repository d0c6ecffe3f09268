"""Sessions end when they are ended, whatever is remembered and whoever was reading meanwhile."""

import pytest

from gate.site import NOW, TEAM, WIKI, Browser, person, site_of
from glassgate.access.session import Grant, Session, digest
from glassgate.errors import StoreError
from glassgate.gate.exchange import Forward, run
from glassgate.gate.sessions import Sessions
from glassgate.state.memory import MemoryStore


def written(store):
    sessions = Sessions(store)
    session = Session("s1", person("alice"), NOW, NOW + 3600, digest("cookie"))
    run(sessions.begin(session, None, NOW))
    run(sessions.grant("nonce", Grant("s1", "aud", NOW + 600)))
    return sessions, session


def test_the_store_holds_no_bearer_value():
    store = MemoryStore()
    written(store)
    assert store.get("cookie", "cookie", NOW) is None
    assert store.get("grant", "nonce", NOW) is None
    assert store.get("cookie", digest("cookie"), NOW) == b"s1"


def test_an_ended_session_is_refused_at_once_here():
    sessions, session = written(MemoryStore())
    assert run(sessions.granted("nonce", NOW)).session == session
    run(sessions.end(session))
    assert run(sessions.granted("nonce", NOW)) is None
    assert run(sessions.presented("cookie", NOW)) is None


def test_an_ended_session_is_refused_within_a_second_elsewhere():
    store = MemoryStore()
    sessions, session = written(store)
    elsewhere = Sessions(store)
    assert run(elsewhere.granted("nonce", NOW)) is not None
    run(sessions.end(session))
    assert run(elsewhere.granted("nonce", NOW + 1.01)) is None


def test_a_read_that_was_under_way_cannot_bring_it_back():
    sessions, session = written(MemoryStore())
    reading = sessions.granted("nonce", NOW)
    late = next(reading).call()
    run(sessions.end(session))
    with pytest.raises(StopIteration) as end:
        reading.send(late)
    assert end.value.value is None
    assert run(sessions.granted("nonce", NOW)) is None


def test_what_was_read_ahead_needs_no_store_for_a_second():
    store = MemoryStore()
    sessions, session = written(store)
    run(sessions.grant("other app's", Grant("s1", "aud2", NOW + 600)))
    run(sessions.grant("of none", Grant("s0", "aud", NOW + 600)))
    elsewhere = Sessions(store)
    run(elsewhere.read_ahead(["nonce", "other app's", "of none", "unknown"], NOW))
    for nonce in ("nonce", "other app's"):
        with pytest.raises(StopIteration) as end:
            next(elsewhere.granted(nonce, NOW + 0.9))
        assert end.value.value.session == session
    assert run(elsewhere.granted("of none", NOW)) is None
    assert run(elsewhere.granted("unknown", NOW)) is None
    run(sessions.end(session))
    run(elsewhere.read_ahead(["nonce"], NOW + 0.1))
    assert run(elsewhere.granted("nonce", NOW + 0.2)) is None, "it is read anew, whatever was remembered"


def test_reading_ahead_brings_nothing_back():
    sessions, session = written(MemoryStore())
    reading = sessions.read_ahead(["nonce"], NOW)
    late = next(reading).call()
    run(sessions.end(session))
    with pytest.raises(StopIteration):
        reading.send(late)
    assert run(sessions.granted("nonce", NOW)) is None


def test_a_clock_that_goes_back_asks_the_store():
    store = MemoryStore()
    sessions, _session = written(store)
    run(sessions.granted("nonce", NOW + 100))
    store.delete("session", "s1")
    assert run(sessions.granted("nonce", NOW + 50)) is None


@pytest.mark.parametrize("later", [600, 601, 4000])
def test_what_is_remembered_ends_in_time(later):
    sessions, _ = written(MemoryStore())
    assert run(sessions.granted("nonce", NOW + 599.5)) is not None
    assert run(sessions.granted("nonce", NOW + later)) is None


def test_once_is_once():
    sessions = Sessions(MemoryStore())
    assert run(sessions.use_once("state", "x", NOW + 60, NOW)) is True
    assert run(sessions.use_once("state", "x", NOW + 60, NOW)) is False
    assert run(sessions.use_once("hand_off", "x", NOW + 60, NOW)) is True


def test_the_same_user_signing_in_again_keeps_open_apps_and_changes_the_cookie():
    sessions, session = written(MemoryStore())
    again = Session("s2", person("alice", acrs=frozenset(["c1"])), NOW + 9, NOW + 7200, digest("cookie2"))
    run(sessions.begin(again, session, NOW))
    assert run(sessions.presented("cookie", NOW)) is None
    assert run(sessions.presented("cookie2", NOW)).identity.acrs == {"c1"}
    assert run(sessions.granted("nonce", NOW + 2)) is not None


def test_another_format_is_no_session():
    store = MemoryStore()
    sessions, _ = written(store)
    store.put("session", "s1", b'{"v": 99}', NOW + 60)
    assert run(sessions.granted("nonce", NOW)) is None


def test_a_users_sessions_are_found_with_what_they_have_open():
    store = MemoryStore()
    sessions, session = written(store)
    run(sessions.grant("again", Grant("s1", "aud", NOW + 500)))
    run(sessions.grant("other", Grant("s1", "aud2", NOW + 100)))
    second = Session("s2", person("alice"), NOW + 5, NOW + 3600, digest("second"))
    run(sessions.begin(second, None, NOW))
    run(sessions.begin(Session("s3", person("bob"), NOW, NOW + 3600, digest("bob's")), None, NOW))
    own = {one.session.id: one for one in run(sessions.of_user(person("alice"), NOW + 10))}
    assert {key: one.session for key, one in own.items()} == {"s1": session, "s2": second}
    assert [sorted(own[key].audiences) for key in ("s1", "s2")] == [["aud", "aud2"], []]
    assert [own[key].seen for key in ("s1", "s2")] == [NOW, NOW + 5]
    run(sessions.end(session))
    assert [one.session.id for one in run(sessions.of_user(person("alice"), NOW + 110))] == ["s2"]


@pytest.mark.parametrize("use", ["granted", "presented"])
def test_that_a_session_is_used_is_written_down_every_quarter_of_an_hour(use):
    sessions, session = written(MemoryStore())

    def seen_after(seconds):
        run(getattr(sessions, use)("nonce" if use == "granted" else "cookie", NOW + seconds))
        (own,) = run(sessions.of_user(session.identity, NOW + seconds))
        return own.seen - NOW

    run(sessions.grant("nonce", Grant("s1", "aud", NOW + 3600)))
    assert [seen_after(seconds) for seconds in (5, 899, 900, 1000, 1799, 1800)] == [0, 0, 900, 900, 900, 1800]


class Full(MemoryStore):
    """A store whose disk is full, later."""

    full = False

    def put(self, *entry):
        if self.full:
            raise StoreError("there is no room")
        super().put(*entry)


def test_nobody_is_kept_out_where_a_use_cannot_be_written_down():
    store = Full()
    sessions, session = written(store)
    store.full = True
    assert run(sessions.granted("nonce", NOW + 599)).session == session
    assert run(sessions.presented("cookie", NOW + 3000)) == session


def test_a_restart_loses_nobody():
    store = MemoryStore()
    first = site_of(store=store)
    browser = Browser(first)
    browser.open(WIKI, "/")
    browser.site = site_of(store=store, keys=first.keys)
    assert isinstance(browser.ask(WIKI, "/"), Forward)
    assert browser.ask(TEAM, "/").status == 200


# Ended by others


def test_what_was_read_before_others_were_heard_is_asked_for_anew():
    store = MemoryStore()
    sessions, session = written(store)
    elsewhere = Sessions(store)
    assert run(elsewhere.granted("nonce", NOW)) is not None
    run(sessions.end(session))
    elsewhere.hear()
    assert run(elsewhere.granted("nonce", NOW + 0.001)) is None


def test_a_read_that_was_under_way_when_others_were_heard_is_not_remembered():
    store = MemoryStore()
    sessions, session = written(store)
    elsewhere = Sessions(store)
    reading = elsewhere.granted("nonce", NOW)
    late = next(reading).call()
    run(sessions.end(session))
    elsewhere.hear()
    with pytest.raises(StopIteration):
        reading.send(late)
    assert run(elsewhere.granted("nonce", NOW + 0.001)) is None


# Idleness

IDLE = 900


class Counting(MemoryStore):
    """Counts the writes."""

    writes = 0

    def change(self, changes):
        self.writes += 1
        super().change(changes)

    def put(self, *entry):
        self.writes += 1
        super().put(*entry)

    def add(self, *entry):
        done = super().add(*entry)
        self.writes += done
        return done

    def swap(self, *entry):
        done = super().swap(*entry)
        self.writes += done
        return done


def used(store=None, since=NOW):
    """A gate where idleness ends sessions, with one session of ten hours."""
    sessions = Sessions(store or MemoryStore(), IDLE, since)
    session = Session("s1", person("alice"), NOW, NOW + 36000, digest("cookie"))
    run(sessions.begin(session, None, NOW))
    run(sessions.grant("nonce", Grant("s1", "aud", NOW + 36000)))
    return sessions


def test_a_session_that_nobody_uses_ends():
    sessions, told = used(), []
    assert run(sessions.granted("nonce", NOW + IDLE), told.append) is None
    assert [(event.action, event.email) for event in told] == [("session_idle", "alice@contoso.example")]
    assert run(sessions.presented("cookie", NOW + IDLE)) is None
    assert run(sessions.was_revoked("cookie", NOW + IDLE)), "the next person at that desk has to prove who they are"


def test_the_global_session_ends_so_too():
    sessions = used()
    assert run(sessions.presented("cookie", NOW + IDLE)) is None
    assert run(sessions.granted("nonce", NOW + IDLE)) is None


@pytest.mark.parametrize("by", ["granted", "presented"])
def test_a_session_that_is_used_lives_as_long_as_it_may(by):
    sessions = used()
    value = {"granted": "nonce", "presented": "cookie"}[by]
    for turn in range(1, 40):
        assert run(getattr(sessions, by)(value, NOW + turn * (IDLE - 61))) is not None


def test_a_use_is_written_once_a_minute_at_most():
    sessions = used(store := Counting())
    before = store.writes
    for second in range(0, 3600, 2):
        run(sessions.granted("nonce", NOW + second))
    assert 50 < store.writes - before <= 60


def test_of_many_requests_at_once_one_writes():
    sessions = used(store := Counting())
    run(sessions.granted("nonce", NOW + 69.5))
    before, later = store.writes, NOW + 69.5 + 70
    run(sessions.granted("nonce", later, is_use=False))  # read from the store
    writing = sessions.granted("nonce", later)
    wrote = next(writing).call
    for _ in range(5):
        assert run(sessions.granted("nonce", later + 0.01)) is not None
    wrote()
    assert store.writes == before + 1


def test_of_several_gates_at_once_one_writes():
    gates = [used(store := Counting()), *(Sessions(store, IDLE, NOW) for _ in range(3))]
    before, asked = store.writes, []
    for one in gates:
        steps = one.granted("nonce", NOW + 100)
        asked.append(steps.send(next(steps).call()))  # each has read, and none has written
    for wanted in asked:
        wanted.call()
    assert store.writes == before + 1


def test_without_idle_timeout_nothing_is_written():
    sessions, _ = written(store := Counting())
    before = store.writes
    for second in range(0, 500, 7):
        assert run(sessions.granted("nonce", NOW + second)) is not None
    assert store.writes == before


def test_a_use_on_one_gate_counts_on_another():
    first = used(store := MemoryStore())
    other = Sessions(store, IDLE, NOW)
    run(first.granted("nonce", NOW + 800))
    assert run(other.granted("nonce", NOW + 1600)) is not None


def test_looking_at_a_session_is_no_use_of_it():
    sessions = used()
    for second in range(0, IDLE, 10):
        assert run(sessions.granted("nonce", NOW + second, is_use=False)) is not None
    assert run(sessions.granted("nonce", NOW + IDLE, is_use=False)) is None


def test_sessions_from_before_there_was_a_timeout_count_as_used_when_it_began():
    store = MemoryStore()
    run(Sessions(store).begin(Session("s1", person("alice"), NOW, NOW + 36000, digest("cookie")), None, NOW))
    later = Sessions(store, IDLE, since=NOW + 7200)
    assert run(later.presented("cookie", NOW + 7200 + IDLE - 1)) is not None
    again = Sessions(store, IDLE, since=NOW + 7200)
    assert run(again.presented("cookie", NOW + 7200 + 2 * IDLE)) is None


# On one browser


@pytest.mark.parametrize("planted", ["", "known", "an ended one"])
def test_whoever_knew_a_browsers_cookie_before_a_sign_in_has_nothing_of_it(planted):
    site = site_of()
    victim = Browser(site)
    if planted == "an ended one":
        victim.open(WIKI, "/")
        planted = victim.jars[TEAM]["__Host-CF_Authorization"]
        victim.ask(TEAM, "/cdn-cgi/access/logout")
        victim.jars.clear()
    victim.jars[TEAM] = {"__Host-CF_Authorization": planted} if planted else {}
    assert isinstance(victim.open(WIKI, "/"), Forward)
    attacker = Browser(site)
    attacker.jars[TEAM] = {"__Host-CF_Authorization": planted}
    attacker.ask(TEAM, "/")
    assert attacker.last.status == 302, "it presents nobody"
    assert victim.jars[TEAM]["__Host-CF_Authorization"] != planted
