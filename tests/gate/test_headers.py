"""What no visitor can tell an origin, and what no origin can set."""

from ipaddress import ip_address, ip_network

import jwt
import pytest

from gate.site import request_of
from glassgate.gate.headers import client_address, country, for_origin, for_visitor

OURS = "https://team.localhost:8443"
SPOOFS = [
    "Cf-Access-Jwt-Assertion", "CF-ACCESS-JWT-ASSERTION", "Cf_Access_Jwt_Assertion",
    "cf-access_authenticated-user-email", "Cf-Access-Authenticated-User-Email", "Cf-Access-Client-Id",
    "Cf-Access-Client-Secret", "Cf-Access-Token", "Cf-Access-X", "X-Forwarded-For", "X_Forwarded_For",
    "x-forwarded-host", "X-Forwarded-Proto", "X-Forwarded-User", "X-Forwarded-Prefix", "Forwarded",
    "X-Real-IP", "X_Real_IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "CF-IPCountry", "Cf-Ray",
    "X-Original-URL", "X-Original-Host", "X-Rewrite-URL", "Remote-User", "REMOTE_USER", "Remote-Email",
    "Proxy", "Proxy-Authorization", "Host", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade",
    "Proxy-Connection", "Cf.Access.Authenticated.User.Email", "cf~access!jwt^assertion", "Remote.User",
    "X'Forwarded'For", "Keep_Alive", "Transfer_Encoding", "transfer.encoding", "Content_Length",
    "Cf-Access-" + "x" * 100, "X-Original-" + "x" * 100,
]  # fmt: skip


def sent(request, **more):
    given = {
        "host": "wiki.localhost:8443", "client": ip_address("127.0.0.1"), "assertion": "a.b.c",
        "email": "alice@contoso.example", "forward_cookie": False, "websocket": False,
        "issuer": OURS, **more,
    }  # fmt: skip
    return [(name.decode().lower(), value.decode()) for name, value in for_origin(request, **given)]


@pytest.mark.parametrize("name", SPOOFS)
def test_spoofed_headers_are_removed_before_ours_are_set(name):
    got = sent(request_of("/", headers=[(name, "evil"), (name.lower(), "evil2"), ("X-Own", "kept")]))
    assert not [value for _, value in got if value.startswith("evil")]
    assert ("x-own", "kept") in got


def test_what_the_origin_is_told():
    assert sent(request_of("/", headers=[])) == [
        ("host", "wiki.localhost:8443"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "wiki.localhost:8443"),
        ("cf-ray", "0123456789abcdef"),
        ("cf-access-jwt-assertion", "a.b.c"),
        ("cf-access-authenticated-user-email", "alice@contoso.example"),
    ]


def test_without_an_assertion_the_origin_is_told_of_nobody():
    assert not [name for name, _ in sent(request_of("/"), assertion=None, email=None) if name.startswith("cf-access")]


def test_an_authorization_of_another_kind_stays_where_there_is_no_token_of_ours():
    request = request_of("/", headers={"authorization": "Basic YTpi"})
    assert ("authorization", "Basic YTpi") in sent(request, assertion=None)
    assert ("authorization", "Basic YTpi") in sent(request)


COUNTRIES = [
    ("a trusted proxy's word", {"cf-ipcountry": "DE"}, "127.0.0.1", "DE"),
    ("in small letters", {"cf-ipcountry": "de"}, "127.0.0.1", "DE"),
    ("Tor", {"cf-ipcountry": "T1"}, "127.0.0.1", "T1"),
    ("anybody's word", {"cf-ipcountry": "DE"}, "203.0.113.7", None),
    ("a proxy that cannot say", {"cf-ipcountry": "XX"}, "127.0.0.1", None),
    ("a proxy that says nothing", {}, "127.0.0.1", None),
    ("said twice", [("CF-IPCountry", "DE"), ("cf-ipcountry", "FR")], "127.0.0.1", None),
    ("no country", {"cf-ipcountry": "Germany"}, "127.0.0.1", None),
]


@pytest.mark.parametrize(
    ("sent_with", "peer", "said"), [row[1:] for row in COUNTRIES], ids=[row[0] for row in COUNTRIES]
)
def test_a_country_is_a_trusted_proxys_to_say(sent_with, peer, said):
    assert country(request_of("/", headers=sent_with, peer=peer), (ip_network("127.0.0.1/32"),)) == said


def test_an_email_that_does_not_count_is_not_told():
    assert "cf-access-authenticated-user-email" not in dict(sent(request_of("/"), email=None))


def test_connection_cannot_name_our_headers_away():
    got = dict(sent(request_of("/", headers=[("Connection", "X-Own, Cf-Access-Jwt-Assertion, close"), ("X-Own", "1")])))
    assert got["cf-access-jwt-assertion"] == "a.b.c"
    assert "x-own" not in got


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding"])
def test_connection_cannot_name_the_framing_away(name):
    """The body would go on with another end than it came with; to an HTTP/1.0 origin in chunks that it cannot read."""
    given = ((b"Connection", name.upper().encode()), (name.encode(), b"5"))
    assert (name.lower(), "5") in sent(request_of("/", headers=[(key.decode(), said.decode()) for key, said in given]))
    assert for_visitor(given, websocket=False) == given[1:]


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("CF_Authorization=t", None),
        ("a=1; CF_Authorization=t; b=2", "a=1; b=2"),
        ("__Host-CF_AppSession_x=1;a=1", "a=1"),
        ("=CF_Authorization=x; a=1", "a=1"),
        ("CF_Authorization; a=1", "a=1"),
        (" CF_Authorization = x ; a=1", "a=1"),
        ("xCF_Authorization=1", "xCF_Authorization=1"),
    ],
)
def test_our_cookies_stay_here(cookie, expected):
    assert dict(sent(request_of("/", headers=[("Cookie", cookie)]))).get("cookie") == expected


def test_the_app_token_goes_along_where_an_app_asks_for_it():
    cookie = "CF_Authorization=a.b.c; CF_Authorization=t; __Host-CF_Login_a=1; a=1"
    request = request_of("/", headers=[("Cookie", cookie)])
    assert dict(sent(request, forward_cookie=True))["cookie"] == "CF_Authorization=a.b.c; a=1"


def test_cookies_of_http2_are_joined():
    assert dict(sent(request_of("/", headers=[("cookie", "a=1"), ("cookie", "b=2")])))["cookie"] == "a=1; b=2"


def bearer(issuer, scheme="Bearer "):
    return scheme + jwt.encode({"iss": issuer, "aud": ["another"], "exp": 1}, "x" * 32)


WAYS = [
    "Bearer ",
    "bearer  ",
    "Bearer\t",
    "DPoP ",
    "Basic x, Bearer ",
    'Bearer "',
    "Bearer: ",
    "Bearer Bearer ",
    " ",
    "",
]


@pytest.mark.parametrize(
    "value", [*(bearer(OURS, way) for way in WAYS), bearer(OURS) + " ", bearer(OURS) + ", Bearer x"]
)
def test_a_bearer_token_of_ours_goes_whatever_it_is_for(value):
    assert "authorization" not in dict(sent(request_of("/", headers=[("Authorization", value)])))
    got = sent(request_of("/", headers=[("authorization", value), ("Authorization", "Basic eDp5")]))
    assert [value for name, value in got if name == "authorization"] == ["Basic eDp5"]


@pytest.mark.parametrize(
    "value",
    [bearer(OURS + ".example"), bearer(""), "Bearer x.y.z", "Bearer", "Basic eDp5", "Negotiate a.b.c", bearer("x")],
)
def test_any_other_authorization_stays(value):
    assert dict(sent(request_of("/", headers=[("Authorization", value)])))["authorization"] == value


def test_a_websocket_keeps_its_upgrade():
    request = request_of(
        "/", headers=[("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "k")]
    )
    got = dict(sent(request, websocket=True))
    assert (got["connection"], got["upgrade"], got["sec-websocket-key"]) == ("Upgrade", "websocket", "k")


SETS = [
    ("CF_Authorization=x; Path=/", False), ("__Host-CF_Authorization=x", False), ("__Host-CF_Login_1=x", False),
    ("=CF_Authorization=x", False), ("CF_Authorization", False), (" CF_Authorization =x", False),
    ("=__Host-CF_x=1", False), ("session=1; Path=/", True), ("CF_Authorization2=1", True),
    ("x=CF_Authorization=1", True), ("\r\n CF_Authorization=x", False), ("\x0b__Host-CF_x=1", False),
]  # fmt: skip


@pytest.mark.parametrize(("line", "passes"), SETS)
def test_an_origin_cannot_set_our_cookies(line, passes):
    kept = for_visitor(((b"Set-Cookie", line.encode()), (b"X-A", b"1")), websocket=False)
    assert bool([value for name, value in kept if name == b"Set-Cookie"]) is passes


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("public, max-age=60", "private, max-age=60"),
        ("max-age=60, s-maxage=600", "private, max-age=60"),
        ("Public", "private"),
        ("no-store", "no-store"),
        ("private, public, max-age=1", "private, max-age=1"),
    ],
)
def test_answers_are_for_no_shared_cache(given, expected):
    assert for_visitor(((b"Cache-Control", given.encode()),), websocket=False) == (
        (b"Cache-Control", expected.encode()),
    )


def test_hop_by_hop_headers_end_here():
    given = (
        (b"Connection", b"X-Hop"),
        (b"X-Hop", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Alt-Svc", b'h3=":443"'),
        (b"Date", b"d"),
    )
    assert for_visitor(given, websocket=False) == ((b"Date", b"d"),)


LAN = (ip_network("10.0.0.0/8"),)
CLIENTS = [
    ("nobody is trusted", "10.0.0.1", "1.1.1.1", (), "10.0.0.1"),
    ("a stranger says it", "2.2.2.2", "1.1.1.1", LAN, "2.2.2.2"),
    ("one proxy", "10.0.0.1", "1.1.1.1", LAN, "1.1.1.1"),
    ("read from the right", "10.0.0.1", "6.6.6.6, 1.1.1.1", LAN, "1.1.1.1"),
    ("two proxies", "10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", LAN, "1.1.1.1"),
    ("nonsense", "10.0.0.1", "evil", LAN, None),
    ("nonsense at the right", "10.0.0.1", "1.1.1.1, evil", LAN, None),
    ("an address and a port", "10.0.0.1", "1.1.1.1:443", LAN, None),
    ("nonsense of a stranger's", "10.0.0.1", "evil, 1.1.1.1", LAN, "1.1.1.1"),
    ("nothing", "10.0.0.1", "", LAN, "10.0.0.1"),
    ("an empty element", "10.0.0.1", "1.1.1.1, ", LAN, "1.1.1.1"),
    ("an IPv4 address written as IPv6", "10.0.0.1", "1.1.1.1, ::ffff:10.0.0.2", LAN, "1.1.1.1"),
]


@pytest.mark.parametrize(
    ("peer", "said", "trusted", "expected"), [row[1:] for row in CLIENTS], ids=[row[0] for row in CLIENTS]
)
def test_who_asks_behind_proxies(peer, said, trusted, expected):
    request = request_of("/", peer=peer, headers=[("X-Forwarded-For", said)])
    assert client_address(request, trusted) == (expected and ip_address(expected))


def test_an_origin_is_not_told_the_proxys_address_for_a_visitors():
    assert dict(sent(request_of("/"), client=None))["x-forwarded-for"] == "unknown"
