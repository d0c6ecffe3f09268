"""A service token: which of its secrets count, and till when; what the store is given of it."""

import secrets

import pytest

from glassgate.access.service_token import CLIENT_ID, ServiceToken, made

NOW = 1_800_000_000.0
TOKEN, SHOWN = made("ci", NOW, NOW + 1000, secrets.token_hex)
NEXT = "the next secret"
ROTATED = TOKEN.rotated(NEXT, NOW + 100, 60)

ROWS = [
    ("its secret", TOKEN, SHOWN.secret, NOW, "good"),
    ("another", TOKEN, SHOWN.secret[:-1] + "x", NOW, "wrong_secret"),
    ("none", TOKEN, "", NOW, "wrong_secret"),
    ("in its last second", TOKEN, SHOWN.secret, NOW + 999, "good"),
    ("when it has expired", TOKEN, SHOWN.secret, NOW + 1000, "expired"),
    ("a wrong one when it has expired", TOKEN, "x", NOW + 1000, "wrong_secret"),
    ("the digest of its secret", TOKEN, TOKEN.secret, NOW, "wrong_secret"),
    ("the new one", ROTATED, NEXT, NOW + 100, "good"),
    ("the old one, in its grace", ROTATED, SHOWN.secret, NOW + 159, "good"),
    ("the old one, after it", ROTATED, SHOWN.secret, NOW + 160, "wrong_secret"),
    ("the new one, after it", ROTATED, NEXT, NOW + 160, "good"),
    ("the old one without grace", TOKEN.rotated(NEXT, NOW, 0), SHOWN.secret, NOW, "wrong_secret"),
    ("one before the old one", ROTATED.rotated("third", NOW + 101, 60), SHOWN.secret, NOW + 102, "wrong_secret"),
    ("the old one when all has expired", ROTATED.rotated("third", NOW + 990, 60), NEXT, NOW + 1001, "expired"),
    ("in a new life", TOKEN.rotated(NEXT, NOW, 0, NOW + 9000), NEXT, NOW + 1001, "good"),
]


@pytest.mark.parametrize(("token", "secret", "at", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_which_secret_counts(token, secret, at, said):
    assert token.standing(secret, at) == said


def test_its_form_is_that_of_cloudflare_access():
    assert CLIENT_ID.fullmatch(SHOWN.client_id)
    assert len(bytes.fromhex(SHOWN.secret)) == 32


def test_the_store_is_given_all_but_the_secret():
    stored = ROTATED.to_bytes()
    assert ServiceToken.from_bytes(stored) == ROTATED
    assert SHOWN.secret.encode() not in stored
    assert NEXT.encode() not in stored


def test_another_format_is_no_token():
    assert ServiceToken.from_bytes(TOKEN.to_bytes().replace(b'"v":1', b'"v":2')) is None


def test_no_log_shows_the_secret():
    assert SHOWN.secret not in repr(SHOWN)
