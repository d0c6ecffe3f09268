"""What goes into the journey and what comes out of it: plain values, whatever server carries them."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import parse_qs

from glassgate.access.app import App
from glassgate.access.facts import Address
from glassgate.access.token import AppToken
from glassgate.gate.target import BadRequestError
from glassgate.record.events import Event

MOST_FIELDS = 16
PIECE = 256 * 1024  # bytes of a body that is taken in pieces

type Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """A client's certificate, as TLS proved it. Times are Unix seconds."""

    common_name: str | None
    fingerprint: str  # SHA-256 of it, 64 hex digits
    not_after: float


@dataclass(frozen=True, slots=True)
class Request:
    """The head of one request, as it was received. Nothing of its body: what is decided is decided before it."""

    ray: str  # the id of this exchange
    at: float  # Unix seconds
    secure: bool  # it came over TLS
    method: str
    hosts: tuple[str, ...]  # every Host header, and the authority of the request line or of HTTP/2
    target: str  # path and query, as sent
    headers: Fields
    peer: Address
    sni: str | None = None  # the host that TLS was begun for, in lower case
    certificate: ShownCertificate | None = None  # the client's, trusted by that host's app
    _by_name: dict[bytes, list[bytes]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            key = name.lower()
            if key in by_name:
                by_name[key].append(value)
            else:
                by_name[key] = [value]
        object.__setattr__(self, "_by_name", by_name)

    def values(self, name: bytes) -> list[bytes]:
        """The values of every header of this name (lower case)."""
        return self._by_name.get(name, [])

    def value(self, name: bytes) -> bytes:
        """The only value of a header; b"" where there is none, or where it is sent twice and so says nothing."""
        values = self.values(name)
        return values[0] if len(values) == 1 else b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the first question mark of the target."""
        return self.target.partition("?")[2]

    def fields(self) -> dict[str, list[str]]:
        """The query's fields. Raises BadRequestError where there are too many to be ours."""
        try:
            return parse_qs(self.query, max_num_fields=MOST_FIELDS)
        except ValueError as fault:
            raise BadRequestError("query", f"the query has more than {MOST_FIELDS} fields") from fault


@dataclass(frozen=True, slots=True)
class Answer:
    """Our own answer. Nothing reaches an origin."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """The request was let in: send it to this app's origin, with exactly these headers."""

    app: App
    headers: Fields
    target: str
    websocket: bool
    told: Callable[[], Event]  # what is recorded of it; of most requests nobody wants more than their number
    token: AppToken | None  # what let it in; None: a policy that needs no sign-in
    policy: str = ""  # the policy that did
    client: Address | None = None  # for whom
    kept: "Kept | None" = None  # a form that was kept: its body is sent in place of the request's own


@dataclass(frozen=True, slots=True)
class Local:
    """The request is for a host that is served in this process (the lab's)."""

    host: str


class Kept(Protocol):
    """A body that the gate sends itself."""

    @property
    def body(self) -> bytes:
        """All of it."""
        ...

    def ended(self, now: float, *, sent: bool) -> "Steps[None]":
        """The request has ended. `sent`: its origin may have got it, or a part of it."""
        ...


class Pieces(Protocol):
    """Whoever writes away a body that is too much for the memory, while it comes."""

    def take(self, piece: bytes) -> "Steps[Answer | None]":
        """Take the next bytes, PIECE of them or more; an answer where no more is wanted."""
        ...

    def broke_off(self) -> "Steps[None]":
        """The body did not come to its end."""
        ...


@dataclass(frozen=True, slots=True)
class Collect:
    """The body decides, and only we read it: at most `limit` bytes, with which the journey goes on.

    With `pieces` it goes on with the rest that these have not taken.
    """

    limit: int
    go_on: "Callable[[bytes], Steps[Answer]]"
    pieces: Pieces | None = None


type Outcome = Answer | Forward | Local | Collect


class Lane(StrEnum):
    """Who is asked, so that one who hangs does not hold up the others."""

    STORE = "store"
    PROVIDER = "provider"  # people wait for it to sign in
    EVALUATION = "evaluation"  # services that policies ask about a visitor
    RECHECK = "recheck"  # the provider, too, for sessions that are there already


@dataclass(frozen=True, slots=True)
class Ask:
    """A call that may block. The journey yields it, whoever drives the journey runs it elsewhere and sends back
    what it returned, or throws in what it raised."""

    lane: Lane
    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Tell:
    """Something to record that is not the outcome of this request."""

    event: Event


type Steps[T] = Generator[Ask | Tell, Any, T]


def ask[T](lane: Lane, call: Callable[[], T]) -> Steps[T]:
    """Yield one call and return its answer: `answer = yield from ask(Lane.STORE, lambda: store.get(…))`."""
    answer: T = yield Ask(lane, call)
    return answer


def tell(event: Event) -> Steps[None]:
    """Have something recorded: `yield from tell(event)`."""
    yield Tell(event)


@dataclass(frozen=True, slots=True)
class Ended[T]:
    """Steps that came to their end, and to what."""

    result: T


def advance[T](
    steps: Steps[T], heard: Callable[[Event], object], answer: Any = None, fault: Exception | None = None
) -> Ask | Ended[T]:
    """Take steps till the next call that may block, or to their end; `heard` gets what they tell on the way.

    `answer` is what the call before returned, `fault` what it raised. Raises what the steps raise.
    """
    try:
        wanted = steps.throw(fault) if fault else steps.send(answer)
        while isinstance(wanted, Tell):
            heard(wanted.event)
            wanted = next(steps)
    except StopIteration as end:
        return Ended(end.value)
    return wanted


def run[T](steps: Steps[T], heard: Callable[[Event], object] = lambda event: None) -> T:
    """Drive steps to their end in this thread, running each call in place. For tests and command lines."""
    reached = advance(steps, heard)
    while isinstance(reached, Ask):
        try:
            answer = reached.call()
        except Exception as fault:  # noqa: BLE001 - thrown into the journey, which must meet it
            reached = advance(steps, heard, fault=fault)
        else:
            reached = advance(steps, heard, answer)
    return reached.result
