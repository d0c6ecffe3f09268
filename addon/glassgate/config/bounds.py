"""The keys under `limits`: within what each bound may be set, and which of them must agree with each other."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar

from glassgate.config import values
from glassgate.config.kinds import Read
from glassgate.config.limits import KEPT_FORM, LIMITS, Limits
from glassgate.config.part import Part
from glassgate.config.problems import BadValueError, Problem, child
from glassgate.config.tree import Tree


def Size(least: str, most: str, says: str = "") -> Read:  # noqa: N802
    """Bytes, as text with a unit or as a number. `least` and `most` are written as in the file."""
    schema = {"type": ["string", "integer"], "examples": ["64 KiB"]}
    return _within(_size, values.written_size, (least, most), ("small", "large"), says, schema)


def Span(least: str, most: str, says: str) -> Read:  # noqa: N802
    """Seconds, written as a duration."""
    schema = {"type": "string", "examples": ["30s"]}
    return _within(_span, values.written_duration, (least, most), ("short", "long"), says, schema)


def Count(least: int, most: int, says: str) -> Read:  # noqa: N802
    """A whole number."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return _within(_count, int, (least, most), ("few", "many"), says, schema)


def _kept_forms(value: object) -> int:
    if isinstance(value, bool):
        return KEPT_FORM if value else 0
    found: int = KEPT_FORM_SIZE.read(value)  # type: ignore[assignment]
    return found


def _size(value: object) -> int:
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str):
        return values.size(value)
    raise BadValueError("is not a size", "write it as `64 KiB`, or as a number of bytes")


def _span(value: object) -> float:
    if isinstance(value, str):
        return float(values.duration(value))
    raise BadValueError("is not a duration", "write it with its unit, as `10s`, `2m` or `1h`")


def _count(value: object) -> int:
    if type(value) is int:
        return value
    raise BadValueError("is not a whole number", "write it in digits, without quotes")


def _within[N: (int, float)](
    read: Callable[[object], N],
    write: Callable[[N], object],
    bounds: tuple[object, object],
    words: tuple[str, str],
    says: str,
    schema: dict[str, Any],
) -> Read:
    least, most = map(read, bounds)

    def checked(value: object) -> N:
        found = read(value)
        if not least <= found <= most:
            word = words[0] if found < least else words[1]
            raise BadValueError(f"`{write(found)}` is too {word}", f"write from `{bounds[0]}` to `{bounds[1]}`")
        return found

    described = {"description": f"{says} From `{bounds[0]}` to `{bounds[1]}`."} if says else {}
    return Read(checked, {**described, **schema}, write)


KEPT_FORM_SIZE = Size("1 KiB", "64 MiB")
KEPT_FORMS = Read(
    _kept_forms,
    {"type": ["boolean", "string", "integer"], "examples": [True, "20 MiB"]},
    lambda count: values.written_size(count) if count else False,
)

_WITHIN = f"within {LIMITS.span:g} seconds"


class Bounds(Part):
    """How much of everything clients and origins may take of the gate."""

    called: ClassVar = "`limits`"

    connections: Annotated[int, Count(1, 1_000_000, "Connections of all clients.")] = LIMITS.connections
    of_one_address: Annotated[int, Count(1, 1_000_000, "Those of one client's address.")] = LIMITS.of_one_address
    head_time: Annotated[float, Span("1s", "5m", "How long a head may take.")] = LIMITS.head_time
    idle_time: Annotated[float, Span("1s", "1h", "How long a client may rest between requests.")] = LIMITS.idle_time
    body_pause: Annotated[float, Span("1s", "1h", "How long a body may rest.")] = LIMITS.body_pause
    body_rate: Annotated[int, Size("0 B", "1 MiB", "How much of a body comes, or is taken, in a second; `0`: any.")] = (
        LIMITS.body_rate
    )
    websocket_idle: Annotated[float, Span("1s", "31d", "How long a WebSocket may rest.")] = LIMITS.websocket_idle
    drain_time: Annotated[float, Span("0s", "1h", "How long what is under way may take at the end.")] = (
        LIMITS.drain_time
    )
    connect_time: Annotated[float, Span("1s", "5m", "How long an origin may take to connect.")] = LIMITS.connect_time
    answer_time: Annotated[float, Span("1s", "1d", "How long an origin may say nothing.")] = LIMITS.answer_time
    to_origin: Annotated[int, Count(1, 100_000, "Connections to one origin.")] = LIMITS.to_origin
    kept_idle: Annotated[int, Count(0, 100_000, "Of these, those kept though nobody uses them.")] = LIMITS.kept_idle
    kept_time: Annotated[float, Span("1s", "1h", "How long such a one is kept.")] = LIMITS.kept_time
    head: Annotated[int, Size("8 KiB", "1 MiB", "A head: first line and headers.")] = LIMITS.head
    head_lines: Annotated[int, Count(32, 1000, "Headers of one head.")] = LIMITS.head_lines
    refused_body: Annotated[int, Size("4 KiB", "1 MiB", "A body that goes to no origin.")] = LIMITS.refused_body
    trailers: Annotated[int, Size("1 KiB", "1 MiB", "What follows a chunked body.")] = LIMITS.trailers
    streams: Annotated[int, Count(1, 1000, "HTTP/2: requests at once on a connection.")] = LIMITS.streams
    stream_window: Annotated[int, Size("64 KiB", "16 MiB", "HTTP/2: of a body that waits.")] = LIMITS.stream_window
    connection_window: Annotated[int, Size("64 KiB", "64 MiB", "HTTP/2: of all that wait.")] = LIMITS.connection_window
    resets: Annotated[int, Count(10, 10_000, f"HTTP/2: requests taken back {_WITHIN}.")] = LIMITS.resets
    empty_frames: Annotated[int, Count(50, 100_000, f"HTTP/2: frames without content {_WITHIN}.")] = LIMITS.empty_frames
    websocket_message: Annotated[int, Size("1 KiB", "256 MiB", "A message, unpacked.")] = LIMITS.websocket_message
    websocket_frames: Annotated[int, Count(1, 1_000_000, "Frames of a message.")] = LIMITS.websocket_frames
    websocket_pings: Annotated[int, Count(10, 100_000, f"PING and PONG {_WITHIN}.")] = LIMITS.websocket_pings

    def agreed(self) -> Limits:
        """The limits; what is not said follows where what is said leaves less, or needs more."""
        said = dict(self)
        for part, whole, _ in PARTS_OF:
            said[part] = min(said[part], said[whole])
        # A head waits like anything that is not worked on yet, and is read to its end all the same.
        return Limits(**said, unread=max(LIMITS.unread, self.head))


# What cannot be more than another, and how the two are read.
PARTS_OF: tuple[tuple[str, str, Callable[[object], int]], ...] = (
    ("of_one_address", "connections", _count),
    ("kept_idle", "to_origin", _count),
    ("stream_window", "connection_window", _size),
)


def check_limits(tree: Tree) -> Iterator[Problem]:
    """A bound that is set above the one that it is a part of."""
    limits = tree.get("limits")
    for part, whole, read in PARTS_OF:
        try:
            said = child(limits, part)
            given = child(limits, whole)
            most = read(given) if given is not None else getattr(LIMITS, whole)
            if said is None or read(said) <= most:
                continue
        except BadValueError:
            continue  # told elsewhere
        written = values.written_size(most) if read is _size else most
        yield Problem(
            ("limits", part), f"is more than `{whole}`, which is `{written}`", f"raise `{whole}`, too, or lower this"
        )
