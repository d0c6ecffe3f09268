import json
import logging

import pytest
from jwt.algorithms import RSAAlgorithm

from glassgate.oidc.errors import ProviderUnavailable, Reason
from glassgate.oidc.keys import Keys, read_keys
from oidc.scripted import (
    EC_KEY,
    NOW,
    OTHER_RSA_KEY,
    P384_KEY,
    RSA_KEY,
    WEAK_RSA_KEY,
    Scripted,
    answer,
    at_once,
    jwk,
    refused,
)

ADDRESS = "https://op.example/keys"
AWAY = ProviderUnavailable(Reason.TIMEOUT, "no answer")


def key_set(*entries):
    return json.dumps({"keys": list(entries)}).encode()


def keys_of(*answers):
    script = Scripted({ADDRESS: list(answers)})
    return Keys(ADDRESS, script), script


ONE = {"keys": [jwk(RSA_KEY, "k1")]}
TWO = {"keys": [jwk(RSA_KEY, "k1"), jwk(OTHER_RSA_KEY, "k2")]}


@pytest.mark.parametrize(
    ("entry", "algorithms"),
    [
        (jwk(RSA_KEY), {"RS256", "PS256"}),
        (jwk(RSA_KEY, alg="RS256"), {"RS256"}),
        (jwk(RSA_KEY, alg="PS256"), {"PS256"}),
        (jwk(EC_KEY), {"ES256"}),
        (jwk(RSA_KEY, use=None), {"RS256", "PS256"}),
        (jwk(RSA_KEY, key_ops=["verify"]), {"RS256", "PS256"}),
        (jwk(RSA_KEY, x5c=["MIIC"], x5t="abc", x5u="https://evil.example"), {"RS256", "PS256"}),
    ],
    ids=["RSA", "RS256 alone", "PS256 alone", "EC", "no use", "key_ops", "certificates are ignored"],
)
def test_what_a_key_may_verify(entry, algorithms):
    assert read_keys(key_set(entry)).find("k1").algorithms == algorithms


UNFIT = {
    "weak": jwk(WEAK_RSA_KEY, "bad"),
    "for encryption": jwk(RSA_KEY, "bad", use="enc"),
    "for signing only": jwk(RSA_KEY, "bad", key_ops=["sign"]),
    "key_ops no list": jwk(RSA_KEY, "bad", key_ops="verify"),
    "other curve": jwk(P384_KEY, "bad"),
    "HMAC": {"kty": "oct", "k": "c2VjcmV0", "kid": "bad"},
    "HMAC by alg": jwk(RSA_KEY, "bad", alg="HS256"),
    "alg none": jwk(RSA_KEY, "bad", alg="none"),
    "alg unlike kty": jwk(RSA_KEY, "bad", alg="ES256"),
    "RSA with a curve": jwk(RSA_KEY, "bad", crv="P-256"),
    "private": RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True) | {"kid": "bad", "key_ops": ["verify"]},
    "no modulus": {"kty": "RSA", "e": "AQAB", "kid": "bad"},
    "modulus a number": {"kty": "RSA", "n": 7, "e": "AQAB", "kid": "bad"},
    "modulus no base64": {"kty": "RSA", "n": "!!", "e": "AQAB", "kid": "bad"},
    "modulus empty": {"kty": "RSA", "n": "", "e": "AQAB", "kid": "bad"},
    "exponent 1": jwk(RSA_KEY, "bad", e="AQ"),
    "huge": {"kty": "RSA", "n": "_" * 20_000, "e": "AQAB", "kid": "bad"},
    "off the curve": jwk(EC_KEY, "bad", x="A" * 43),
    "issuer no text": jwk(RSA_KEY, "bad", issuer=7),
    "kty a list": {"kty": ["RSA"], "kid": "bad"},
}


@pytest.mark.parametrize("name", UNFIT)
def test_one_bad_key_locks_nobody_out(name, caplog):
    keys, _ = keys_of({"keys": [jwk(RSA_KEY, "good"), UNFIT[name]]})
    with caplog.at_level(logging.WARNING):
        assert keys.find("good", NOW).kid == "good"
    assert "'bad' is left out" in caplog.text
    assert refused(keys.find, "bad", NOW) == "key_unfit"


@pytest.mark.parametrize(
    "entry",
    ["text", 7, None, jwk(RSA_KEY, kid=7), jwk(RSA_KEY, kid="a b")],
    ids=["text", "number", "null", "numeric kid", "kid with a space"],
)
def test_a_bad_key_without_a_name_is_told_by_its_place(entry):
    assert list(read_keys(key_set(jwk(RSA_KEY, "good"), entry)).unfit) == ["#2"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "jwks_malformed"),
        (b"{}", "jwks_malformed"),
        (b'{"keys": {}}', "jwks_malformed"),
        (b'{"keys": [], "keys": []}', "json_duplicate"),
        (key_set(), "jwks_unfit"),
        (key_set(UNFIT["weak"]), "jwks_unfit"),
        (key_set(*[jwk(RSA_KEY)] * 101), "jwks_unfit"),
        (key_set(*[{}] * 10_000), "jwks_unfit"),
    ],
    ids=["HTML", "no keys", "no list", "twice", "empty", "none fit", "101", "10,000"],
)
def test_what_is_no_key_set(body, reason):
    assert refused(keys_of(answer(body))[0].find, "k1", NOW) == reason


def test_the_kid_chooses():
    keys, _ = keys_of(TWO)
    assert keys.find("k2", NOW).public.public_numbers() == OTHER_RSA_KEY.public_key().public_numbers()


@pytest.mark.parametrize(
    ("entries", "kid", "reason"),
    [
        (TWO["keys"], None, "kid_missing"),
        (TWO["keys"], "k3", "kid_unknown"),
        ([jwk(RSA_KEY, "k1"), jwk(OTHER_RSA_KEY, "k1")], "k1", "kid_ambiguous"),
        (ONE["keys"], 7, "kid_malformed"),
        (ONE["keys"], "", "kid_malformed"),
        (ONE["keys"], "a" * 257, "kid_malformed"),
        (ONE["keys"], "k1\n", "kid_malformed"),
        (ONE["keys"], "k\u00e9", "kid_malformed"),
        (ONE["keys"], "../../etc/passwd", "kid_unknown"),
        (ONE["keys"], "' OR 1=1 --", "kid_malformed"),
    ],
)
def test_kids_that_choose_nothing(entries, kid, reason):
    assert refused(keys_of({"keys": entries})[0].find, kid, NOW) == reason


def test_the_only_key_needs_no_name():
    assert keys_of({"keys": [jwk(RSA_KEY, kid=None)]})[0].find(None, NOW).kid is None


def test_a_malformed_kid_costs_no_call():
    keys, script = keys_of(ONE)
    refused(keys.find, "a" * 1000, NOW)
    assert script.calls == []


def test_a_key_rollover_is_followed_at_once():
    keys, script = keys_of(ONE, TWO)
    keys.find("k1", NOW)
    assert keys.find("k2", NOW + 1).kid == "k2"
    assert len(script.calls) == 2


def test_unknown_kids_are_asked_for_once_a_minute():
    keys, script = keys_of(ONE)
    keys.find("k1", NOW)
    for after in (1, 2, 30, 60.9):
        assert refused(keys.find, f"unknown-{after}", NOW + after) == "kid_unknown"
    assert len(script.calls) == 2
    refused(keys.find, "unknown", NOW + 61)
    assert len(script.calls) == 3


def test_an_unknown_kid_that_met_just_loaded_keys_is_not_asked_for_again():
    keys, script = keys_of(ONE)
    assert refused(keys.find, "unknown", NOW) == "kid_unknown"
    assert len(script.calls) == 1


def test_an_unknown_kid_in_an_outage_says_that_it_is_one():
    keys, _ = keys_of(ONE, AWAY)
    keys.find("k1", NOW)
    assert refused(keys.find, "k2", NOW + 1) == "timeout"
    assert keys.find("k1", NOW + 2).kid == "k1"


def test_twenty_threads_with_an_unknown_kid_make_one_call():
    keys, script = keys_of(ONE, TWO)
    keys.find("k1", NOW)
    script.seconds = 0.05
    assert [key.kid for key in at_once(20, lambda: keys.find("k2", NOW + 1))] == ["k2"] * 20
    assert len(script.calls) == 2


def test_twenty_threads_at_the_start_make_one_call():
    keys, script = keys_of(ONE)
    script.seconds = 0.05
    assert [key.kid for key in at_once(20, lambda: keys.find("k1", NOW))] == ["k1"] * 20
    assert len(script.calls) == 1


def test_keys_are_refreshed_every_hour():
    keys, script = keys_of(ONE)
    for after in (0, 3599, 3600, 7199):
        keys.find("k1", NOW + after)
    assert len(script.calls) == 2


def test_a_withdrawn_key_is_gone_after_an_hour():
    keys, _ = keys_of(TWO, ONE)
    keys.find("k2", NOW)
    assert refused(keys.find, "k2", NOW + 3600) == "kid_unknown"


def test_keys_live_a_day_without_contact():
    keys, _ = keys_of(ONE, AWAY)
    keys.find("k1", NOW)
    assert keys.find("k1", NOW + 86_399).kid == "k1"
    assert refused(keys.find, "k1", NOW + 86_400) == "timeout"
