"""The service tokens as the gate reads them: how often it asks the store, and how soon it hears of a change."""

import secrets

import jwt
import pytest

from gate.site import NOW, Keys
from glassgate.access import token
from glassgate.access.service_token import Credentials, made
from glassgate.gate import service_tokens as kept
from glassgate.gate.exchange import Ask, advance, run
from glassgate.gate.service_tokens import ServiceTokens
from glassgate.state.memory import MemoryStore

KEYS = Keys()


class World:
    """A store with one token, and a gate that knows it."""

    def __init__(self):
        self.store = MemoryStore()
        self.token, self.shown = made("ci", NOW, NOW + 1000, secrets.token_hex)
        kept.add(self.store, self.token)
        self.tokens = ServiceTokens(self.store)

    def standing(self, at=NOW, shown=None):
        known, standing = run(self.tokens.checked(shown or self.shown, at))
        return known and known.name, standing

    def asks(self, at, shown=None):
        """Whether the store is asked."""
        return isinstance(advance(self.tokens.checked(shown or self.shown, at), [].append), Ask)


@pytest.fixture
def world():
    return World()


def test_one_that_is_there(world):
    assert world.standing() == ("ci", "good")


def test_one_that_nobody_has(world):
    assert world.standing(shown=Credentials("0" * 32 + ".access", world.shown.secret)) == (None, "wrong_secret")


def test_the_store_is_asked_once_in_a_while_and_of_strangers_as_seldom(world):
    stranger = Credentials("0" * 32 + ".access", "x")
    for shown in (world.shown, stranger):
        assert world.asks(NOW, shown)
        world.standing(NOW, shown)
        assert not world.asks(NOW + 0.2, shown)
        assert world.asks(NOW + 0.25, shown)


def test_a_clock_that_was_set_back_makes_it_ask_anew(world):
    world.standing(NOW)
    assert world.asks(NOW - 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda world: kept.remove(world.store, world.token), (None, "wrong_secret")),
        (
            lambda world: kept.replace(world.store, world.token, world.token.rotated("new", NOW, 0), NOW),
            ("ci", "wrong_secret"),
        ),
    ],
    ids=["deleted", "rotated without grace"],
)
def test_a_change_is_heard_within_a_quarter_of_a_second(world, change, said):
    assert world.standing(NOW) == ("ci", "good")
    change(world)
    assert world.standing(NOW + 0.25) == said


def test_a_change_of_what_changed_meanwhile_is_not_written(world):
    kept.remove(world.store, world.token)
    assert not kept.replace(world.store, world.token, world.token.rotated("new", NOW, 0), NOW)
    assert kept.every(world.store, NOW) == []


def test_one_that_has_expired_is_known_for_three_months(world):
    assert world.standing(NOW + 1000) == ("ci", "expired")
    assert world.standing(NOW + 1000 + kept.KEPT) == (None, "wrong_secret")


def test_its_use_is_written_when_it_is_asked_for_and_for_good_ones_alone(world):
    world.standing(NOW + 5)
    world.standing(NOW + 7, Credentials(world.shown.client_id, "wrong"))
    assert kept.last_used(world.store, [world.token], NOW) == {}
    world.tokens.write_used()
    assert kept.last_used(world.store, [world.token], NOW) == {world.token.client_id: NOW + 5}
    kept.remove(world.store, world.token)
    assert kept.last_used(world.store, [world.token], NOW) == {}


def test_a_store_that_is_away_stops_no_thread(world):
    world.standing()
    world.store.close()
    world.tokens.write_used()


class TestAssertion:
    """What the origin is told of a program."""

    def told(self, tokens, at=NOW, keys=KEYS, audience="a" * 64, name="x.access"):
        return tokens.assertion(keys.signing, issuer="https://team", audience=audience, name=name, now=at)

    def test_its_claims_are_those_of_cloudflare_access(self, world):
        said = self.told(world.tokens)
        claims = jwt.decode(said, options={"verify_signature": False})
        assert claims == {
            "type": "app", "aud": ["a" * 64], "exp": int(NOW) + 600, "iss": "https://team", "common_name": "x.access",
            "iat": int(NOW), "sub": "",
        }  # fmt: skip

    def test_it_is_signed_now_and_then_and_never_near_its_end(self, world):
        first = self.told(world.tokens)
        assert self.told(world.tokens, NOW + 299) == first
        assert self.told(world.tokens, NOW + 300) != first

    @pytest.mark.parametrize(
        "other",
        [{"audience": "b" * 64}, {"name": "y.access"}, {"keys": Keys("two")}, {"at": NOW - 9}],
        ids=["audience", "name", "key", "clock"],
    )
    def test_no_other_gets_it(self, world, other):
        assert self.told(world.tokens) != self.told(world.tokens, **other)

    def test_it_opens_nothing_at_the_gate(self, world):
        with pytest.raises(token.TokenError) as refused:
            token.verify(self.told(world.tokens), KEYS.verifying, issuer="https://team", audience="a" * 64, now=NOW)
        assert refused.value.reason == "malformed"
