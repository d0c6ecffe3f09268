"""Hosts, listeners and addresses are read as one thing only."""

import pytest

from glassgate.config import addresses
from glassgate.config.problems import BadValueError


@pytest.mark.parametrize(
    ("read", "text", "shown"),
    [
        (addresses.team, "team.localhost:8443", "team.localhost:8443"),
        (addresses.team, "team.example.com", "team.example.com:443"),
        (addresses.listener, "127.0.0.1:8443", "127.0.0.1:8443"),
        (addresses.listener, "[::1]:8443", "[::1]:8443"),
        (addresses.listener, "[0:0::1]:8443", "[::1]:8443"),
        (addresses.domain, "wiki.localhost", "wiki.localhost"),
        (addresses.domain, "wiki.localhost/", "wiki.localhost"),
        (addresses.domain, "wiki.localhost/*", "wiki.localhost"),
        (addresses.domain, "wiki.localhost/Admin/x.y", "wiki.localhost/Admin/x.y"),
        (addresses.domain, "wiki.localhost/.well-known", "wiki.localhost/.well-known"),
        (addresses.domain, "wiki.localhost/a/*/b", "wiki.localhost/a/*/b"),
        (addresses.domain, "*.apps.localhost", "*.apps.localhost"),
        (addresses.domain, "*.localhost", "*.localhost"),
        (addresses.domain, "dev-*.apps.localhost/x", "dev-*.apps.localhost/x"),
        (addresses.authority, "https://login.localhost:8443/", "https://login.localhost:8443"),
        (addresses.authority, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        (addresses.graph, "https://graph.microsoft.us/", "https://graph.microsoft.us"),
        (addresses.issuer, "https://id.example.org/realms/x/", "https://id.example.org/realms/x/"),
        (addresses.issuer, "https://id.example.org/", "https://id.example.org/"),
        (addresses.issuer, "http://idp.localhost:3000", "http://idp.localhost:3000"),
        (addresses.web_origin, "http://localhost:3000", "http://localhost:3000"),
        (addresses.web_origin, "https://[::1]:3000", "https://[::1]:3000"),
    ],
)
def test_what_is_good_is_read(read, text, shown):
    assert str(read(text)) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://127.0.0.1:9000", ("http", "127.0.0.1", 9000)),
        ("https://origin.internal/", ("https", "origin.internal", 443)),
        ("http://[::1]", ("http", "::1", 80)),
        ("http://Origin.Internal:81", ("http", "origin.internal", 81)),
    ],
)
def test_an_origin_is_taken_apart(text, parts):
    url = addresses.origin(text)
    assert (url.scheme, url.host, url.port) == parts


BAD = [
    (addresses.host, ""), (addresses.host, "a..b"), (addresses.host, "-a.example"), (addresses.host, "a b"),
    (addresses.host, "a_b.example"), (addresses.host, "a" * 64), (addresses.host, "a.example\n"),
    (addresses.host, "127.0.0.1"), (addresses.team, "team.example.com:"), (addresses.team, "team.example.com:0"),
    (addresses.team, "team.example.com:8443:1"), (addresses.listener, "127.0.0.1:"), (addresses.listener, ":8443"),
    (addresses.listener, "[127.0.0.1]:80"), (addresses.listener, "[fe80::1%eth0]:80"), (addresses.listener, "1:80"),
    (addresses.listener, "127.0.0.1:\u0661"), (addresses.origin, "127.0.0.1:9000"), (addresses.origin, "http://"),
    (addresses.origin, "http:///x"), (addresses.origin, "http://a b"), (addresses.origin, "http://a\\b"),
    (addresses.origin, "http://[::1"), (addresses.origin, "http://a:99999"), (addresses.origin, "http://a#"),
    (addresses.origin, "http://1.2.3"), (addresses.authority, "https://u:p@login.example.com"),
    (addresses.issuer, "http://127.0.0.1.example.com"), (addresses.issuer, "http://localhost.example.com"),
    (addresses.issuer, "https://[fd00::1]"), (addresses.issuer, "https://192.168.1.1/realm"),
    (addresses.web_origin, "https://A.example.com"), (addresses.web_origin, "https://a.example.com/"),
    (addresses.web_origin, "wss://a.example.com"), (addresses.web_origin, "null"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "text"), BAD, ids=[f"{read.__name__} {text!r}" for read, text in BAD])
def test_what_is_bad_has_a_mend(read, text):
    with pytest.raises(BadValueError) as caught:
        read(text)
    assert caught.value.mend


def test_a_password_in_an_address_is_not_told():
    with pytest.raises(BadValueError) as caught:
        addresses.origin("http://user:hunter2@127.0.0.1")
    assert "hunter2" not in caught.value.what + caught.value.mend


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("::ffff:127.0.0.1", True), ("localhost", True),
        ("login.localhost", True), ("localhost.example", False), ("notlocalhost", False), ("0.0.0.0", False),
        ("10.0.0.1", False), ("", False),
    ],
)  # fmt: skip
def test_loopback_is_known(name, here):
    assert addresses.is_loopback(name) is here


@pytest.mark.parametrize(("text", "host"), [("https://a.example/x", "a.example"), ("x", ""), ("http://[", "")])
def test_the_host_of_an_address(text, host):
    assert addresses.host_of(text) == host
