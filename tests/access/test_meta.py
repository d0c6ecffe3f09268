"""The meta of a sign-in: signed by us, for five minutes, for one app."""

import jwt
import pytest

from glassgate.access import meta
from glassgate.access.meta import LIFETIME, TYPE, Meta, MetaError

NOW = 1_800_000_000.0
SECRET, OLD, FOREIGN, LONG = b"a" * 32, b"b" * 32, b"c" * 32, b"d" * 64
SAID = Meta("a" * 64, "wiki.localhost", "/page?q=a%20b", "d" * 64, "id-1")
CLAIMS = jwt.decode(meta.sign(SAID, SECRET, NOW), options={"verify_signature": False})


def signed(claims=None, *, key=SECRET, algorithm="HS256", typ=TYPE):
    return jwt.encode({**CLAIMS, **(claims or {})}, key, algorithm, {"typ": typ})


def test_it_reads_back_as_it_was():
    assert meta.read(meta.sign(SAID, SECRET, NOW), (SECRET,), NOW) == SAID


def test_its_claims_are_cloudflares():
    assert {name: CLAIMS[name] for name in ("type", "aud", "hostname", "redirect_url", "auth_status")} == {
        "type": "meta", "aud": "a" * 64, "hostname": "wiki.localhost", "redirect_url": "/page?q=a%20b",
        "auth_status": "NONE",
    }  # fmt: skip


@pytest.mark.parametrize("after", [0, 1, LIFETIME - 1])
def test_it_lives_five_minutes(after):
    assert meta.read(meta.sign(SAID, SECRET, NOW), (SECRET,), NOW + after) == SAID


def test_an_earlier_secret_still_reads():
    assert meta.read(meta.sign(SAID, OLD, NOW), (SECRET, OLD), NOW) == SAID


REFUSED = [
    ("too old", lambda: meta.sign(SAID, SECRET, NOW - LIFETIME)),
    ("much too old", lambda: meta.sign(SAID, SECRET, NOW - 10**6)),
    ("another team's", lambda: meta.sign(SAID, FOREIGN, NOW)),
    ("nothing", lambda: ""),
    ("no JWT", lambda: "a.b.c"),
    ("endless", lambda: "a" * 100_000),
    ("not ASCII", lambda: "ä.ö.ü"),
    ("one byte changed", lambda: signed()[:-4] + "AAAA"),
    ("no algorithm", lambda: jwt.encode(CLAIMS, None, "none", {"typ": TYPE})),
    ("another algorithm", lambda: signed(algorithm="HS512", key=LONG)),
    ("typ JWT", lambda: signed(typ="JWT")),
    ("no typ", lambda: signed(typ=None)),
    ("type app", lambda: signed({"type": "app"})),
    ("type state", lambda: signed({"type": "state"})),
]


@pytest.mark.parametrize("made", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_anything_else_is_refused(made):
    with pytest.raises(MetaError):
        meta.read(made(), (SECRET, OLD, LONG), NOW)


def test_without_a_secret_nothing_reads():
    with pytest.raises(MetaError):
        meta.read(signed(), (), NOW)
