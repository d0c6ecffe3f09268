import time

import pytest

from glassgate.lab.origins.assertion import FRESH, PAUSE, KeysUnavailable, check, key_id
from lab.origins.peer import AUDS, ISSUER, Team, new_key

TEAM = Team()
FOREIGN = new_key()
PAST = int(time.time()) - 60


def judged(token, keys=None):
    kid = key_id(token)
    key = (keys or TEAM.keys()).find(kid) if kid else None
    return check(token, key, issuer=ISSUER, auds=(AUDS["wiki"],))


def test_a_good_assertion_says_who():
    checked = judged(TEAM.token())
    assert (checked.reason, checked.said) == ("", "assertion verified: alice@contoso.example")
    assert checked.user == "alice@contoso.example"


SIGNED, _, _ = TEAM.token().rpartition(".")
REFUSED = {
    "none": (None, "absent"),
    "empty": ("", "absent"),
    "no JWT": ("x", "malformed"),
    "three parts": ("a.b.c", "malformed"),
    "endless": ("x" * 20_000, "malformed"),
    "cut": (TEAM.token()[:-21], "malformed"),
    "another one's signature": (f"{SIGNED}.{TEAM.token(sub='x').rpartition('.')[2]}", "bad_signature"),
    "other app": (TEAM.token("payroll"), "wrong_aud"),
    "no aud": (TEAM.token(aud=None), "claim_missing"),
    "other team": (TEAM.token(iss="https://evil.example"), "wrong_iss"),
    "no iss": (TEAM.token(iss=None), "claim_missing"),
    "expired": (TEAM.token(exp=PAST), "expired"),
    "no exp": (TEAM.token(exp=None), "claim_missing"),
    "not yet": (TEAM.token(nbf=PAST + 4000), "not_yet_valid"),
    "foreign key": (TEAM.token(key=FOREIGN), "bad_signature"),
    "unknown key": (TEAM.token(key=FOREIGN, kid="foreign"), "unknown_key"),
    "no kid": (TEAM.token(kid=None), "malformed"),
    "RS512": (TEAM.token(alg="RS512"), "wrong_alg"),
    "HS256": (TEAM.token(key="x" * 64, alg="HS256"), "wrong_alg"),
    "none alg": ("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.e30.", "wrong_alg"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_is_wrong_is_told_apart(row):
    token, reason = REFUSED[row]
    checked = judged(token)
    assert checked.reason == reason
    assert checked.said
    assert not checked.claims
    assert not checked.user


@pytest.mark.parametrize(
    ("changes", "user"),
    [({}, "alice@contoso.example"), ({"email": None, "common_name": "robot"}, "robot"), ({"email": ""}, "c0ffee00-")],
    ids=["e-mail", "service token", "neither"],
)
def test_whom_it_names(changes, user):
    assert judged(TEAM.token(**changes)).user.startswith(user)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def team():
    return Team()


@pytest.fixture
def clock():
    return Clock()


def test_keys_are_fetched_once(team, clock):
    keys = team.keys(clock)
    assert keys.known("k1") is None
    assert all(keys.find("k1") for _ in range(5))
    assert keys.known("k1")
    assert team.asked == 1


def test_a_new_key_is_taken_and_a_withdrawn_one_goes(team, clock):
    keys = team.keys(clock)
    keys.find("k1")
    team.published = {"keys": [team.jwk("k2")]}
    clock.now = PAUSE
    assert keys.find("k2")
    assert keys.find("k1") is None


def test_made_up_key_ids_do_not_make_us_ask_and_ask(team, clock):
    keys = team.keys(clock)
    assert [keys.find(f"made up {number}") for number in range(50)] == [None] * 50
    assert team.asked == 1


def test_keys_are_asked_for_again_when_they_are_old(team, clock):
    keys = team.keys(clock)
    keys.find("k1")
    clock.now = FRESH
    assert keys.known("k1") is None
    assert keys.find("k1")
    assert team.asked == 2


@pytest.mark.parametrize("published", [None, b"", b"<html>", b"[]", b"{}", {"keys": []}, {"keys": [{"kty": "x"}]}])
def test_keys_that_cannot_be_had_leave_the_known_ones(team, clock, published):
    keys = team.keys(clock)
    keys.find("k1")
    team.published = published
    clock.now = FRESH
    assert keys.find("k1")


def test_without_any_keys_nothing_is_checked(team, clock):
    team.published = None
    keys = team.keys(clock)
    with pytest.raises(KeysUnavailable):
        keys.find("k1")
    team.published = {"keys": [team.jwk("k1")]}
    clock.now = PAUSE
    assert keys.find("k1")
