"""Trials of heads and bodies: what is too long, too many, or not wanted."""

from collections.abc import Callable
from functools import partial

from bench.trials import frames
from bench.trials.attempts import Attempt, Came, Table
from bench.trials.findings import size
from bench.trials.ground import MAX_BODY, SMALL, WIKI, Ground
from bench.trials.raw import Poured, pour, status_of

TEAM = "team"
SOON = 0.5  # seconds of silence after which nothing more is to come

type Make = Callable[[Ground], bytes]


def over_http1(make: Make, app: str = WIKI) -> Callable[[Ground], Came]:
    """Send this, and hear what comes."""

    def run(ground: Ground) -> Came:
        with ground.client.connect(app) as connection:
            data = make(ground)
            return came(pour(connection, [data], SOON), len(data))

    return run


def came(poured: Poured, offered: int) -> Came:
    """In words."""
    ends = ", the end" if poured.ended else ""
    return Came(size(offered), status_of(poured.heard) + ends)


def head(lines: str, target: str = "/") -> Make:
    """Alice's request for a page, with these lines besides."""
    return lambda ground: ground.client.head(target=target, more=lines, cookie=ground.cookies[WIKI])


def post(length: int, *, app: str, chunked: bool = False) -> Make:
    """A body of that length; by alice, where she is signed in there."""

    def make(ground: Ground) -> bytes:
        given = {"app": app, "cookie": ground.cookies.get(app, "")}
        if chunked:
            first = ground.client.head("POST", more="Transfer-Encoding: chunked\r\n", **given)
            return first + b"%x\r\n%s\r\n0\r\n\r\n" % (length, b"x" * length)
        return ground.client.head("POST", more=f"Content-Length: {length}\r\n", **given) + b"x" * length

    return make


def broken_chunks(ground: Ground) -> bytes:
    """A body whose second chunk has no length."""
    return post(10, app=WIKI, chunked=True)(ground).removesuffix(b"0\r\n\r\n") + b"zz\r\n"


def long_trailers(ground: Ground) -> bytes:
    """A body that is followed by more than it may be."""
    whole = post(10, app=WIKI, chunked=True)(ground)
    return whole.removesuffix(b"\r\n") + b"X-Long: " + b"a" * 10_000 + b"\r\n\r\n"


def over_http2(length: int, ground: Ground) -> Came:
    """Post to the app that takes little, in frames as the windows let them."""
    client = ground.client
    asked = frames.fields(client, "POST", app=SMALL, cookie=ground.cookies[SMALL])
    with client.connect(SMALL, "h2") as connection:
        pieces = [frames.PREFACE, frames.request(1, asked, end=False), *frames.body(1, length, end=True)]
        poured = pour(connection, pieces, SOON)
    return Came(size(length), frames.said(poured.heard))


REFUSED = "{}, the end"

_HEADS: tuple[tuple[str, str, Make], ...] = (
    ("a head of 60 KB", "200", head("X-Long: " + "a" * 60_000 + "\r\n")),
    ("a head of 70 KB", REFUSED.format(431), head("X-Long: " + "a" * 70_000 + "\r\n")),
    ("a head of 70 KB that goes on", REFUSED.format(431), lambda _: b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000),
    ("126 header lines", "200", head("X: a\r\n" * 124)),
    ("130 header lines", REFUSED.format(431), head("X: a\r\n" * 128)),
    ("an address of 16,000 bytes", "200", head("", "/" + "a" * 15_999)),
    ("an address of 17,000 bytes", "414", head("", "/" + "a" * 17_000)),
    ("a first line that goes on", REFUSED.format(414), lambda _: b"GET /" + b"a" * 70_000),
)
HEADS = Table("heads", [Attempt(what, wanted, over_http1(make)) for what, wanted, make in _HEADS])

TAKEN, MORE = MAX_BODY, MAX_BODY + 1
_BODIES: tuple[tuple[str, str, str, Make], ...] = (
    ("a body as long as its app takes", "200", SMALL, post(TAKEN, app=SMALL)),
    ("a body that is longer", REFUSED.format(413), SMALL, post(MORE, app=SMALL)),
    ("in chunks: as long as its app takes", "200", SMALL, post(TAKEN, app=SMALL, chunked=True)),
    ("in chunks: longer", REFUSED.format(413), SMALL, post(MORE, app=SMALL, chunked=True)),
    ("100 KB for one of the gate's own pages", REFUSED.format("(405|413)"), TEAM, post(100_000, app=TEAM)),
    ("chunks that are none", REFUSED.format(400), WIKI, broken_chunks),
    ("trailers of 10 KB", REFUSED.format(400), WIKI, long_trailers),
)
BODIES = Table(
    "bodies",
    [
        *(Attempt(what, wanted, over_http1(make, app)) for what, wanted, app, make in _BODIES),
        Attempt("by HTTP/2: as long as its app takes", "200", partial(over_http2, TAKEN)),
        Attempt("by HTTP/2: longer", "413", partial(over_http2, MORE)),
    ],
)
