import gzip
import itertools
import socket

import pytest

from glassgate.oidc.errors import ProviderUnavailable
from glassgate.oidc.http import HttpRequest, HttpResponse, is_loopback_name, open_http
from oidc.peer import Authority, Peer
from oidc.scripted import at_once, refused

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Said: yes\r\n\r\nhi"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


def get(peer, fetch=None, host="127.0.0.1", scheme="http", path="/x"):
    return (fetch or open_http(None, timeout=10))(HttpRequest("GET", f"{scheme}://{host}:{peer.port}{path}"))


def test_an_answer():
    with Peer([OK]) as peer:
        said = get(peer)
    assert (said.status, said.body, said.headers["x-said"], said.headers.get("X-SAID")) == (200, b"hi", "yes", "yes")


def test_what_is_sent():
    with Peer([OK]) as peer:
        address = f"http://127.0.0.1:{peer.port}/token?a=%20b"
        open_http(None)(
            HttpRequest("POST", address, (("Content-Type", "x/y"), ("Authorization", "Basic YQ==")), b"a=b")
        )
    head, _, body = peer.heads[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /token?a=%20b HTTP/1.1"
    assert sorted(lines[1:]) == sorted(
        [
            f"Host: 127.0.0.1:{peer.port}", "User-Agent: glassgate", "Accept: application/json",
            "Accept-Encoding: identity", "Connection: close", "Content-Type: x/y", "Content-Length: 3",
            "Authorization: Basic YQ==",
        ]
    )  # fmt: skip
    assert body == b"a=b"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    with Peer([OK]) as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/"
        with Peer([f"HTTP/1.1 {status} Go\r\n{location}\r\nContent-Length: 0\r\n\r\n".encode()]) as peer:
            assert get(peer).status == status
    assert elsewhere.heads == []


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([ENDLESS, b"a" * 1001], "too_large"),
        (itertools.chain([ENDLESS], itertools.repeat(b"a" * 5000)), "too_large"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", b"a" * 1001], "too_large"),
        ([CHUNKED, b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n"], "too_large"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"], "provider_unavailable"),
        ([CHUNKED, b"9\r\nhi"], "provider_unavailable"),
        ([CHUNKED, b"odd\r\nhi"], "provider_unavailable"),
        ([b""], "provider_unavailable"),
        ([b"no HTTP at all\r\n\r\n"], "provider_unavailable"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n"], "provider_unavailable"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 1000 + b"\r\n"], "provider_unavailable"),
    ],
    ids=[
        "over the limit", "endless", "said to be over", "chunked, over", "cut off", "chunked, cut off", "odd chunk",
        "hangs up", "no HTTP", "long header", "many headers",
    ],
)  # fmt: skip
def test_answers_that_cannot_be_used(pieces, reason):
    with Peer(pieces) as peer:
        assert refused(get, peer, open_http(None, limit=1000)) == reason


def test_the_limit_itself_is_within():
    with Peer([CHUNKED, b"3e8\r\n" + b"a" * 1000 + b"\r\n0\r\n\r\n"]) as peer:
        assert get(peer, open_http(None, limit=1000)).body == b"a" * 1000


TRICKLES = {
    "silence": [b""] * 200,
    "head": [bytes([sign]) for sign in OK * 3],
    "body": [ENDLESS, *[b"a"] * 200],
    "chunks": [CHUNKED, *[b"1\r\na\r\n"] * 200],
    "a chunk's length": [CHUNKED, *[b"0"] * 200],
    "body of said length": [b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n", *[b"a"] * 200],
}


@pytest.mark.parametrize(
    ("name", "scheme"), [*((name, "http") for name in TRICKLES), ("head", "https"), ("body", "https")]
)
def test_a_byte_now_and_then_keeps_nobody(name, scheme, ours):
    """A socket's own time-out begins anew at every byte: each of these would go on for long, and then be whole."""
    tls = ours.context("op.localhost") if scheme == "https" else None
    with Peer(TRICKLES[name], pause=0.1, tls=tls) as peer:
        fetch = open_http(ours.pem, timeout=1.0)
        assert refused(get, peer, fetch, "op.localhost", scheme) == "timeout"


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ProviderUnavailable) as caught:
            open_http(None)(HttpRequest("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/x?secret=1"))
    assert caught.value.reason == "provider_unavailable"
    assert "Connection refused" in caught.value.detail
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "x", "http://", "http://[::1", "http://a b/", "https://op.localhost:0/"])
def test_addresses_that_are_none(url):
    assert refused(open_http(None), HttpRequest("GET", url)) == "provider_unavailable"


def test_names_under_localhost_are_here(ours):
    with Peer([OK], tls=ours.context("login.localhost")) as peer:
        assert get(peer, open_http(ours.pem), "login.localhost", "https").body == b"hi"
    assert peer.names == ["login.localhost"]
    assert f"Host: login.localhost:{peer.port}".encode() in peer.heads[0]


@pytest.mark.parametrize("host", ["localhost", "a.b.localhost", "LOGIN.Localhost", "login.localhost."])
def test_names_under_localhost_in_every_form(host):
    with Peer([OK]) as peer:
        assert get(peer, host=host).body == b"hi"


@pytest.mark.parametrize(
    ("name", "here"),
    [("localhost", True), ("x.localhost", True), ("X.LOCALHOST.", True), ("localhost.example", False),
     ("notlocalhost", False), ("", False)],
)  # fmt: skip
def test_which_names_are_here(name, here):
    assert is_loopback_name(name) is here


def trusting(name, ours, theirs, tmp_path):
    nothing = tmp_path / "empty.pem"
    nothing.write_text("")
    return {"ours": ours.pem, "theirs": theirs.pem, "system": None, "empty": nothing}[name]


@pytest.mark.parametrize(
    ("trust", "certificate", "reason"),
    [
        ("ours", "op.localhost", None),
        ("theirs", "op.localhost", "tls_untrusted"),
        ("system", "op.localhost", "tls_untrusted"),
        ("ours", "other.localhost", "tls_untrusted"),
        ("ours", "localhost", "tls_untrusted"),
        ("empty", "op.localhost", "tls_untrusted"),
    ],
)
def test_certificates_are_verified_for_the_name(trust, certificate, reason, ours, theirs, tmp_path):
    fetch = open_http(trusting(trust, ours, theirs, tmp_path))
    with Peer([OK], tls=ours.context(certificate)) as peer:
        if reason:
            assert refused(get, peer, fetch, "op.localhost", "https") == reason
        else:
            assert get(peer, fetch, "op.localhost", "https").status == 200
    assert len(peer.heads) == (0 if reason else 1)


def test_a_connection_verified_for_one_name_serves_no_other(ours):
    fetch = open_http(ours.pem)
    with Peer([OK], tls=ours.context("op.localhost"), keep_open=True) as peer:
        assert get(peer, fetch, "op.localhost", "https").status == 200
        assert refused(get, peer, fetch, "other.localhost", "https") == "tls_untrusted"


def test_a_plain_peer_is_no_tls(ours):
    with Peer([OK], blind=True) as peer:
        assert refused(get, peer, open_http(ours.pem), "op.localhost", "https") == "tls_untrusted"


def test_trust_that_is_not_there_is_told_by_its_path(tmp_path, ours):
    with Peer([OK], tls=ours.context("op.localhost")) as peer, pytest.raises(ProviderUnavailable) as caught:
        get(peer, open_http(tmp_path / "gone.pem"), "op.localhost", "https")
    assert "gone.pem" in caught.value.detail


@pytest.mark.parametrize("trust", ["ours", "system"])
def test_the_environment_changes_neither_trust_nor_way(trust, ours, theirs, tmp_path, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(theirs.pem))
    monkeypatch.setenv("SSL_CERT_DIR", str(theirs.folder))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "netrc").write_text("machine op.localhost login mallory password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fetch = open_http(trusting(trust, ours, theirs, tmp_path))
    with Peer([OK], tls=theirs.context("op.localhost")) as evil:
        assert refused(get, evil, fetch, "op.localhost", "https") == "tls_untrusted"
    with Peer([OK], tls=ours.context("op.localhost")) as good:
        if trust == "ours":
            assert get(good, fetch, "op.localhost", "https").status == 200
            assert b"Authorization" not in good.heads[0]


@pytest.mark.parametrize("keep_open", [True, False])
def test_every_call_has_a_connection_of_its_own(keep_open):
    """One that the provider closes while the next code is sent over it would lose that sign-in."""
    fetch = open_http(None)
    with Peer([OK], keep_open=keep_open) as peer:
        assert [get(peer, fetch).body for _ in range(5)] == [b"hi"] * 5
        assert peer.connections == 5


def test_no_cookie_is_kept():
    fetch = open_http(None)
    with Peer([OK.replace(b"X-Said: yes", b"Set-Cookie: a=b; Path=/")], keep_open=True) as peer:
        for _ in range(2):
            get(peer, fetch)
    assert not [head for head in peer.heads if b"cookie" in head.lower()]


def test_nothing_is_unpacked():
    packed = gzip.compress(b"a" * 1_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with Peer([head + packed]) as peer:
        assert get(peer).body == packed


def test_many_threads_call_at_once(ours):
    fetch = open_http(ours.pem)
    with Peer([OK], tls=ours.context("op.localhost"), keep_open=True) as peer:
        said = at_once(20, lambda: get(peer, fetch, "op.localhost", "https").body)
    assert said == [b"hi"] * 20


def test_headers_of_a_scripted_answer_have_no_case_either():
    assert HttpResponse(200, {"Retry-After": "1"}).headers["retry-after"] == "1"


def test_credentials_are_in_no_repr():
    said = repr(
        [HttpRequest("POST", "https://x", (("Authorization", "hidden"),), b"hidden"), HttpResponse(200, {}, b"hidden")]
    )
    assert "hidden" not in said
