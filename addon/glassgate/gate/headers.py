"""Headers across the gate: what no visitor may tell an origin, what the gate tells it, what an origin may set."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import compress

from glassgate.access import cookies
from glassgate.access.facts import Address
from glassgate.access.token import claims_issuer
from glassgate.gate.exchange import Fields, Request
from glassgate.gate.target import BadRequestError

# RFC 9110 section 7.6.1; Transfer-Encoding stays, since it is the framing of the body that is passed on.
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade", b"http2-settings")
)
FRAMING = frozenset((b"content-length", b"transfer-encoding"))
# Any other sign in a name is read as "-": CGI and WSGI servers cannot tell "_" from it, and some no other sign either.
SIGN = re.compile(rb"[^0-9a-z]")
# What an origin might believe of who asks and from where; in lower case.
SPOOFABLE = re.compile(
    rb"(?:cf-access-.*|x-forwarded(?:-.*)?|forwarded|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip(?:v6)?"
    rb"|cf-ipcountry|cf-ray|cf-visitor|x-original-.*|x-rewrite-.*|remote-.*|proxy(?:-.*)?|host|cookie)"
)
WEBSOCKET_FIELDS: Fields = ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
BETWEEN = re.compile(rb"[\s,;:=\"']+")  # of what an Authorization header may hold (RFC 9110 section 11.4)
MOST_LOOKED_AT = 8  # tokens of one header
UNKNOWN = "unknown"  # RFC 7239 section 6.2
COUNTRY = re.compile(rb"[A-Z][A-Z0-9]")  # T1 among them, Cloudflare's sign for Tor
NOWHERE = b"XX"
MOST_SAID = 200  # bytes of Connection headers that are remembered
MOST_NAMES = 40  # of one request, whose judgement is remembered
MOST_KNOWN = 800  # bytes of them, in all
CONTROLS = bytes(byte for byte in (*range(0x20), 0x7F) if byte != 0x09)  # but the tab, RFC 9110 section 5.5
CONTROL = re.compile(rb"[" + re.escape(CONTROLS) + rb"]")


def check_values(request: Request) -> None:
    """Refuse control bytes in a header's value. Raises BadRequestError.

    A bare carriage return, or a folded line (RFC 9112 section 5.2), is to some origins the start of another header:
    one that nobody removed.
    """
    values = b"".join([value for _, value in request.headers])
    if len(values.translate(None, CONTROLS)) != len(values):
        raise BadRequestError("header_value", "a header's value holds control characters")


def check_framing(request: Request) -> None:
    """Refuse a body that two parties could end at different bytes (RFC 9112 section 6). Raises BadRequestError."""
    codings = request.values(b"transfer-encoding")
    if codings and [coding.strip().lower() for coding in codings] != [b"chunked"]:
        raise BadRequestError("transfer_coding", "a transfer coding other than chunked")
    if len(request.values(b"content-length")) > 1 or (codings and request.values(b"content-length")):
        raise BadRequestError("content_length", "the length of the body is said twice")


def for_origin(
    request: Request,
    *,
    host: str,
    client: Address | None,
    assertion: str | None,
    email: str | None,
    forward_cookie: bool,
    websocket: bool,
    issuer: str,
    without: bytes = b"",
) -> Fields:
    """The headers that the origin gets: hop-by-hop and spoofable ones removed first, then ours added.

    Without `assertion` it is told of nobody. A token that says to be of our `issuer` goes no further in
    Authorization, whatever app or time it is for, nor does the header named `without` (in lower case).
    A Connection header may name further hop-by-hop ones; it can never make one of ours disappear.
    """
    listed = _listed(request.values(b"connection"))
    kept = [*compress(request.headers, _may_stay(tuple([name for name, _ in request.headers])))]
    if listed:
        kept = [field for field in kept if field[0].lower() not in listed]
    if request.values(b"authorization"):
        kept = [field for field in kept if field[0].lower() != b"authorization" or not _is_ours(field[1], issuer)]
    if without:
        kept = [field for field in kept if field[0].lower() != without]
    ours = [
        (b"Host", host.encode()),
        (b"X-Forwarded-For", _said(client)),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", host.encode()),
        (b"Cf-Ray", request.ray.encode()),
    ]
    if assertion is not None:
        ours.append((b"Cf-Access-Jwt-Assertion", assertion.encode()))
    if email is not None:
        ours.append((b"Cf-Access-Authenticated-User-Email", email.encode()))
    cookie = cookies.without_ours(request.values(b"cookie"), app_token=assertion if forward_cookie else None)
    if cookie:
        ours.append((b"Cookie", cookie))
    if websocket:
        ours.extend(WEBSOCKET_FIELDS)
    return (*kept, *ours)


@lru_cache(4096)
def _said(client: Address | None) -> bytes:
    return str(client or UNKNOWN).encode()


def _listed(connection: Iterable[bytes]) -> frozenset[bytes]:
    """What Connection headers name as hop-by-hop. Never the framing, without which the body has another end."""
    said = b",".join(connection)
    return _options(said) if len(said) <= MOST_SAID else _options.__wrapped__(said)


@lru_cache(256)
def _options(said: bytes) -> frozenset[bytes]:
    options = [option.strip().lower() for option in said.split(b",")]
    return frozenset(option for option in options if option and option not in FRAMING)


def _may_stay(names: tuple[bytes, ...]) -> tuple[bool, ...]:
    # A client sends the same names at every request; long ones, which nobody sends twice, would fill the memory.
    known = len(names) <= MOST_NAMES and sum(map(len, names)) <= MOST_KNOWN
    return _may_stay_known(names) if known else _may_stay_known.__wrapped__(names)


@lru_cache(1024)
def _may_stay_known(names: tuple[bytes, ...]) -> tuple[bool, ...]:
    return tuple([_is_harmless(name) for name in names])


def _is_harmless(name: bytes) -> bool:
    lower = name.lower()
    read = SIGN.sub(b"-", lower)
    if read in FRAMING:
        return read == lower  # any other frames nothing here, and must not for an origin
    return read not in HOP_BY_HOP and SPOOFABLE.fullmatch(read) is None


def _is_ours(authorization: bytes, issuer: str) -> bool:
    """Whether it brings a token that says to be of this issuer, however it is written: origins read it leniently."""
    tokens = [piece for piece in BETWEEN.split(authorization) if piece.count(b".") == 2]
    return any(claims_issuer(text.decode("latin-1"), issuer) for text in tokens[:MOST_LOOKED_AT])


def for_visitor(headers: Fields, *, websocket: bool) -> Fields:
    """An origin's response headers as the visitor gets them: our cookies are nobody's to set, and what is answered
    to a signed-in person is for no shared cache."""
    lowered = [name.lower() for name, _ in headers]
    listed: frozenset[bytes] = frozenset()
    if b"connection" in lowered:
        listed = _listed([value for name, (_, value) in zip(lowered, headers, strict=True) if name == b"connection"])
    kept: list[tuple[bytes, bytes]] = []
    for lower, field in zip(lowered, headers, strict=True):
        if lower not in SET_HERE and lower not in listed:
            kept.append(field)
        elif lower in CACHE_HEADERS:
            kept.append((field[0], _private(field[1])))
        elif lower in HOP_BY_HOP or lower in listed:
            if websocket and lower in (b"connection", b"upgrade"):
                kept.append(field)
        elif lower != b"alt-svc" and not (lower == b"set-cookie" and _sets_ours(field[1])):
            kept.append(field)  # Alt-Svc would lead browsers past the gate
    return tuple(kept)


CACHE_HEADERS = frozenset((b"cache-control", b"cdn-cache-control", b"surrogate-control"))
SET_HERE = CACHE_HEADERS | HOP_BY_HOP | {b"alt-svc", b"set-cookie"}
MAY_SHARE = re.compile(rb"public|s-maxage", re.IGNORECASE)
SHARED = re.compile(rb"public|s-maxage(?:\s*=.*)?", re.IGNORECASE)


def _private(value: bytes) -> bytes:
    if not MAY_SHARE.search(value):
        return value
    directives = [directive.strip() for directive in value.split(b",")]
    kept = [directive for directive in directives if not SHARED.fullmatch(directive)]
    if len(kept) == len(directives):
        return value
    return b", ".join([b"private", *(directive for directive in kept if directive.lower() != b"private")])


def _sets_ours(value: bytes) -> bool:
    # A nameless cookie ("=CF_Authorization=x", or "CF_Authorization" without "=") is sent back as its value.
    # A folded line is one line to a browser.
    pair = CONTROL.sub(b" ", value).partition(b";")[0].strip(b" \t")
    name, _, rest = pair.partition(b"=")
    looks = (name.strip(b" \t") or rest.strip(b" \t").partition(b"=")[0]).decode("latin-1")
    return cookies.is_reserved(looks)


def client_address(request: Request, trusted: tuple[object, ...]) -> Address | None:
    """Who asks: the peer, or what the nearest trusted proxies say, read from the right; beyond them nobody is believed.

    None where a trusted proxy's word cannot be read: a visitor from anywhere must not pass for the proxy, whose
    address is often one that policies let in. `trusted` holds ip_networks.
    """
    client = request.peer
    if not trusted:
        return client
    said = b",".join(request.values(b"x-forwarded-for")).split(b",")
    hops = [hop.strip() for hop in said if hop.strip()]
    while hops and any(client in network for network in trusted):  # type: ignore[operator]
        try:
            client = _without_mapping(ip_address(hops.pop().decode("ascii")))
        except ValueError:
            return None
    return client


def country(request: Request, trusted: tuple[object, ...]) -> str | None:
    """Where a request comes from, as the nearest proxy says it in `CF-IPCountry`, if that one is trusted.

    None where nobody can say: Cloudflare writes XX then.
    """
    if not any(request.peer in network for network in trusted):  # type: ignore[operator]
        return None
    said = request.value(b"cf-ipcountry").strip().upper()
    return said.decode() if COUNTRY.fullmatch(said) and said != NOWHERE else None


def _without_mapping(address: Address) -> Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
