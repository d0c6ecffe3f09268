"""A flow as a request, an answer as a response."""

from ipaddress import ip_address

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from gate.site import STAFF, WIKI, app
from glassgate.access.app import Origin
from glassgate.access.token import AppToken
from glassgate.gate.exchange import Answer, Forward
from glassgate.mitm import flows
from glassgate.record.events import Action, Event

NOW = 1_800_000_000.0


def flow_of(**more):
    flow = tflow.tflow(req=tutils.treq(**{"headers": http.Headers([(b"Host", b"wiki.localhost:8443")]), **more}))
    flow.client_conn.peername = ("127.0.0.1", 50000)
    return flow


def test_a_request_is_read_as_it_was_sent():
    flow = flow_of(method=b"PATCH", path=b"/a%2Fb?c=%20#d", headers=http.Headers([(b"hOsT", b"A"), (b"x_Y", b"\xe4")]))
    request = flows.read(flow, NOW)
    assert (request.method, request.target, request.at) == ("PATCH", "/a%2Fb?c=%20#d", NOW)
    assert request.headers == ((b"hOsT", b"A"), (b"x_Y", b"\xe4"))
    assert request.hosts == ("A",)


HOSTS = [
    ("a Host header", {}, ("wiki.localhost:8443",)),
    ("none", {"headers": http.Headers()}, ()),
    ("two", {"headers": http.Headers([(b"Host", b"a"), (b"HOST", b"b")])}, ("a", "b")),
    ("an authority alone", {"headers": http.Headers(), "authority": b"a:1"}, ("a:1",)),
    ("an authority and a Host header", {"authority": b"a:1"}, ("wiki.localhost:8443", "a:1")),
]


@pytest.mark.parametrize(("given", "hosts"), [row[1:] for row in HOSTS], ids=[row[0] for row in HOSTS])
def test_every_host_that_it_names_is_told(given, hosts):
    assert flows.read(flow_of(**given), NOW).hosts == hosts


@pytest.mark.parametrize("secure", [True, False], ids=["TLS", "plain"])
def test_whether_it_came_by_tls_is_the_connections_to_say(secure):
    flow = flow_of(scheme=b"http" if secure else b"https")
    flow.client_conn.timestamp_tls_setup = 1.0 if secure else None
    assert flows.read(flow, NOW).secure is secure


def test_every_request_has_an_id_of_its_own():
    flow = flow_of()
    assert len({flows.read(flow, NOW).ray for _ in range(100)}) == 100
    assert len(flows.read(flow, NOW).ray) == 16


PEERS = [
    ("IPv4", ("192.0.2.7", 1), "192.0.2.7"),
    ("IPv6", ("2001:db8::7", 1, 0, 0), "2001:db8::7"),
    ("IPv6 with a zone", ("fe80::1%eth0", 1, 0, 2), "fe80::1"),
    ("IPv4 that came in over IPv6", ("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
    ("loopback that came in over IPv6", ("::ffff:127.0.0.1", 1, 0, 0), "127.0.0.1"),
]


@pytest.mark.parametrize(("peer", "address"), [row[1:] for row in PEERS], ids=[row[0] for row in PEERS])
def test_peers(peer, address):
    assert flows.peer_address(peer) == ip_address(address)


@pytest.mark.parametrize("peer", [None, (), ("", 1), ("somewhere", 1)], ids=["none", "empty", "no name", "a name"])
def test_a_peer_without_an_address_is_nobody(peer):
    with pytest.raises(ValueError, match=r".+"):
        flows.peer_address(peer)


ANSWERS = [
    ("a page", Answer(200, (), b"hello"), False, b"hello", "5"),
    ("a page to a HEAD", Answer(200, (), b"hello"), True, b"", "5"),
    ("nothing", Answer(302, ()), False, b"", "0"),
    ("204", Answer(204, ()), False, b"", None),
    ("304", Answer(304, ()), False, b"", None),
]


@pytest.mark.parametrize(
    ("answer", "head", "body", "length"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_an_answer_says_its_length(answer, head, body, length):
    made = flows.response(answer, head=head)
    assert (made.status_code, made.raw_content) == (answer.status, body)
    assert made.headers.get("Content-Length") == length


def test_an_answers_headers_stay_as_they_are_and_two_cookies_two_lines():
    given = (("Set-Cookie", "a=1"), ("Cf-Ray", "r"), ("Set-Cookie", "b=2"), ("X", "ä"), ("Y", "\u20ac"))
    made = flows.response(Answer(503, given))
    assert made.headers.fields[:-1] == (
        (b"Set-Cookie", b"a=1"), (b"Cf-Ray", b"r"), (b"Set-Cookie", b"b=2"), (b"X", b"\xe4"), (b"Y", b"?"),
    )  # fmt: skip
    assert made.reason == "Service Unavailable"


def test_what_was_judged_is_what_is_sent():
    flow = flow_of(path=b"/a%2Fb?c", authority=b"wiki.localhost:8443", method=b"POST")
    flow.response = http.Response.make(503)
    fields = ((b"Host", b"wiki.localhost:8443"), (b"Cf-Ray", b"r"), (b"a", b"1"), (b"a", b"2"))
    one = app("wiki", WIKI, STAFF, origin=Origin("https", "origin.internal", 9443))
    let_in_by = AppToken(one.aud, None, "sub", "nonce", NOW, NOW + 600)
    forward = Forward(one, fields, "/a%2Fb?c", False, lambda: Event(Action.ALLOWED, NOW, "r"), let_in_by, "staff", None)
    flows.send_to_origin(flow, forward, ("192.0.2.1", 9443))
    request = flow.request
    assert (request.scheme, request.host, request.port) == ("https", "192.0.2.1", 9443)
    assert (request.method, request.path, request.authority) == ("POST", "/a%2Fb?c", "")
    assert request.headers.fields == fields
    assert request.stream is True
    assert flow.response is None
