"""Names are held against each other, whatever else is wrong with the file."""

import pytest

from config.files import GOOD, LAB, app, good
from glassgate.config.names import check

A, P = GOOD["apps"][0], GOOD["identity_providers"][0]
HERE = "https://login.localhost:8443"


def told(tree):
    return [(problem.path, problem.what) for problem in check(tree)]


@pytest.mark.parametrize("tree", [None, [], "x", {}, {"apps": 1, "groups": [], "lab": "x", "identity_providers": {}}])
def test_anything_can_be_checked(tree):
    assert check(tree) == []


def test_a_good_file_has_no_problems():
    assert told(good(lab=LAB | {"origins": {"wiki": {"listen": "127.0.0.1:9000"}}})) == []


@pytest.mark.parametrize(
    ("origin", "wants", "found"),
    [("https://a.b", True, []), ("http://a.b", False, []), ("http://a.b", True, [("apps", 0, "http2_origin")])],
)
def test_http2_is_for_https_origins(origin, wants, found):
    assert [path for path, _ in told(app(origin=origin, http2_origin=wants))] == found


@pytest.mark.parametrize(
    "wrong", [{"id": "entra"}, {"type": "entra", "client_secret": "x"}, "x", {"id": 1, "type": "oidc"}]
)
def test_nobody_is_accused_for_a_provider_that_cannot_be_read(wrong):
    tree = app(identity_providers=["other"]) | {"identity_providers": [wrong]}
    assert told(tree) == []


@pytest.mark.parametrize(
    ("listen", "provider", "lab", "count"),
    [
        ("0.0.0.0:443", {"authority": HERE}, None, 1),
        ("0.0.0.0:443", {"authority": HERE}, LAB | {"enabled": False}, 1),
        ("0.0.0.0:443", {"issuer": "http://127.0.0.1:1"}, None, 1),
        ("127.0.0.1:443", {"authority": HERE}, None, 0),
        ("[::1]:443", {"authority": HERE}, None, 0),
        ("0.0.0.0:443", {"authority": "https://login.microsoftonline.com"}, None, 0),
        ("127.0.0.1:443", {"authority": HERE}, LAB, 0),
        ("0.0.0.0:443", {}, LAB, 1),
        ("nonsense", {"authority": HERE}, LAB, 0),
    ],
)
def test_what_is_on_this_machine_stays_here(listen, provider, lab, count):
    assert len(told(good(listen=listen, identity_providers=[P | provider], lab=lab))) == count
