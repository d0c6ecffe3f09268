"""Seals: nobody reads, nobody changes, and one purpose never opens another's."""

import base64
from itertools import permutations

import pytest
from cryptography.fernet import Fernet
from hypothesis import assume, given
from hypothesis import strategies as st

from glassgate.access.seal import MAX_SEALED, Purpose, Seal, SealError

NOW = 1_800_000_000
VALUE = {"i": "one", "n": [1, 2], "ä": None}


def ring(*names):
    """The secrets of each purpose, by the names of the masters that they come from."""
    return lambda purpose: tuple(f"{name} {purpose}".encode().rjust(32, b".")[-32:] for name in names)


SEAL = Seal(ring("one"))


def refused(seal, sealed, purpose=Purpose.STATE, now=NOW, lifetime=60):
    with pytest.raises(SealError) as fault:
        seal.open(purpose, sealed, now, lifetime)
    return "expired" if fault.value.expired else "not ours"


@pytest.mark.parametrize("purpose", Purpose)
def test_it_opens_as_it_was(purpose):
    assert SEAL.open(purpose, SEAL.close(purpose, VALUE, NOW), NOW, 60) == VALUE


@pytest.mark.parametrize(("made_for", "used_as"), list(permutations(Purpose, 2)), ids=" as ".join)
def test_no_purpose_opens_for_another(made_for, used_as):
    assert refused(SEAL, SEAL.close(made_for, VALUE, NOW), used_as) == "not ours"


def test_every_purpose_has_a_secret_of_its_own():
    asked = []

    def secrets(purpose):
        asked.append(purpose)
        return ring("one")(purpose)

    for purpose in Purpose:
        Seal(secrets).close(purpose, {}, NOW)
    assert len(set(asked)) == len(Purpose)


def test_nothing_of_it_can_be_read_and_no_two_look_alike():
    one, two = (SEAL.close(Purpose.LOGIN, {"v": "the-verifier"}, NOW) for _ in range(2))
    assert one != two
    assert b"the-verifier" not in base64.urlsafe_b64decode(one + "==")


def test_it_fits_a_cookie_and_an_address():
    sealed = SEAL.close(Purpose.STATE, {"i": "x" * 20}, NOW)
    assert set(sealed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


EDGES = [
    ("at once", 0, None),
    ("just in time", 59, None),
    ("a fraction before its end", 59.999, None),
    ("at its end", 60, "expired"),
    ("later", 61, "expired"),
    ("much later", 10**8, "expired"),
    ("by another edge's clock, a minute behind", -60, None),
    ("from the future", -61, "expired"),
]


@pytest.mark.parametrize(("after", "result"), [row[1:] for row in EDGES], ids=[row[0] for row in EDGES])
def test_it_lives_as_long_as_was_said(after, result):
    sealed = SEAL.close(Purpose.HAND_OFF, VALUE, NOW)
    if result is None:
        assert SEAL.open(Purpose.HAND_OFF, sealed, NOW + after, 60) == VALUE
    else:
        assert refused(SEAL, sealed, Purpose.HAND_OFF, NOW + after) == result


SEALED = SEAL.close(Purpose.STATE, VALUE, NOW)  # once, since every sealing differs and an example must not
LAST = len(SEALED) - 2  # the character after it has bits that say nothing


@given(st.integers(0, LAST), st.sampled_from("Aa0_-.=% "))
def test_one_changed_character_and_it_is_not_ours(at, other):
    assume(other != SEALED[at])
    assert refused(SEAL, SEALED[:at] + other + SEALED[at + 1 :]) == "not ours"


@given(st.text(max_size=200))
def test_nothing_else_is_ours(text):
    assert refused(SEAL, text) == "not ours"


STRANGE = [
    ("nothing", ""),
    ("padding alone", "===="),
    ("not ASCII", "ä" * 40),
    ("endless", "A" * 10_000_000),
    ("just too long", "A" * (MAX_SEALED + 1)),
    ("as long as may be", "A" * MAX_SEALED),
    ("a Fernet version that is none", "B" * 140),
]


@pytest.mark.parametrize("text", [row[1] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_strange_input(text):
    assert refused(SEAL, text) == "not ours"


def test_what_is_ours_and_too_long_is_not_even_opened():
    sealed = SEAL.close(Purpose.STATE, {"x": "y" * MAX_SEALED}, NOW)
    assert refused(SEAL, sealed) == "not ours"


PLAIN = [("a list", b"[]"), ("null", b"null"), ("a text", b'"x"'), ("no JSON", b"{"), ("no text", b"\xff")]


@pytest.mark.parametrize("plain", [row[1] for row in PLAIN], ids=[row[0] for row in PLAIN])
def test_what_was_sealed_with_our_key_and_is_no_object(plain):
    key = base64.urlsafe_b64encode(ring("one")("seal state")[0])
    sealed = Fernet(key).encrypt_at_time(plain, NOW).decode().rstrip("=")
    assert refused(SEAL, sealed) == "not ours"


def test_after_a_rotation_the_older_secret_opens_and_the_newer_seals():
    before, during, after = Seal(ring("one")), Seal(ring("two", "one")), Seal(ring("two"))
    old = before.close(Purpose.STATE, VALUE, NOW)
    new = during.close(Purpose.STATE, VALUE, NOW)
    assert during.open(Purpose.STATE, old, NOW, 60) == VALUE
    assert after.open(Purpose.STATE, new, NOW, 60) == VALUE
    assert refused(after, old) == "not ours"
    assert refused(before, new) == "not ours"


def test_an_error_holds_nothing_of_what_was_sealed():
    sealed = SEAL.close(Purpose.STATE, {"v": "the-verifier"}, NOW)
    with pytest.raises(SealError) as fault:
        SEAL.open(Purpose.STATE, sealed, NOW + 100, 60)
    assert str(fault.value) == "expired"
