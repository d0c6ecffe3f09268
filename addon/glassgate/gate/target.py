"""A request's method and target: what grammar they keep, and every path that an origin may read in one."""

import re
from collections.abc import Callable
from urllib.parse import unquote

METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")  # token, RFC 9110 section 5.6.2
TARGET = re.compile(r"/[!-\"$-~]*")  # origin-form of visible ASCII, and no "#", RFC 9112 section 3.2.1
MAX_TARGET = 16 * 1024
PLAIN = re.compile(r"(?:/[0-9A-Za-z_~!$&'()*+,=:@-][0-9A-Za-z_~!$&'()*+,=:@.-]*)*/?")
WIDE = re.compile(r"%u([0-9A-Fa-f]{4})")  # IIS reads these, too
DOT = re.compile(r"%2e", re.IGNORECASE)  # to the URL Standard (section 4.4) a dot, before anything is decoded
PARAMETER = re.compile(r";[^/]*")
SLASHES = re.compile(r"/{2,}")
HOST = re.compile(r"//+[^/]*")  # RFC 3986 section 4.2: where a target is read as a reference, as Node and Python do
DECODED = 2  # times
MOST_READINGS = 128  # of one path: an ordinary one has fewer than twenty
NOT_SERVED = frozenset({"CONNECT", "TRACE", "TRACK"})

RESERVED = "/cdn-cgi/access"


class BadRequestError(Exception):
    """The request cannot be judged. `reason` is a short name, the text says what is wrong."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(said)
        self.reason = reason


def check(method: str, target: str) -> None:
    """Refuse a method that is no token and a target that is no plain path. Raises BadRequestError.

    HTTP/2 lets both carry spaces, which an HTTP/1 origin reads as another request line.
    """
    if not METHOD.fullmatch(method):
        raise BadRequestError("method", "the method is no token (RFC 9110 section 9.1)")
    if len(target) > MAX_TARGET:
        raise BadRequestError("target_too_long", f"the address is longer than {MAX_TARGET} bytes")
    if not TARGET.fullmatch(target):
        raise BadRequestError(
            "target", "the address is not a path of visible ASCII characters (RFC 9112 section 3.2.1)"
        )


def readings(path: str) -> frozenset[str]:
    """Every path that some origin may take this one for."""
    found = spellings(path)
    return found | {spelling.lower() for spelling in found}


def spellings(path: str) -> frozenset[str]:
    """The same, of origins that heed the case of letters. Raises BadRequestError where there are too many.

    They differ in whether they decode once or twice, and in what else they do, before that or after it (STEPS). All of
    it may be combined, so all of it is tried.
    """
    if PLAIN.fullmatch(path):
        return frozenset((path,))
    found: set[str] = set()
    level = {path}
    for _ in range(DECODED + 1):
        spread = _spread(level, found)
        level = {unquote(text, "latin-1") for one in spread for text in (one, WIDE.sub(_narrow, one))} - found
    return frozenset(found)


def _spread(texts: set[str], found: set[str]) -> list[str]:
    """What the steps make of these, in any order, and themselves: all that is new, which is added to `found`."""
    new = list(texts)
    found |= texts
    for one in new:
        for made in [step(one) or "/" for step in STEPS]:
            if made not in found:
                found.add(made)
                new.append(made)
        if len(found) > MOST_READINGS:
            raise BadRequestError("target_ambiguous", "the address could be read in too many ways")
    return new


def _narrow(sign: re.Match[str]) -> str:
    return chr(int(sign[1], 16))


def is_reserved(path: str) -> bool:
    """Whether this very path lies below /cdn-cgi/access/, which is never forwarded."""
    return path == RESERVED or path.startswith(RESERVED + "/")


def check_reserved(path: str) -> bool:
    """Whether `path` is reserved. Raises BadRequestError where some origin would say yes and another no."""
    if PLAIN.fullmatch(path) and RESERVED not in path.lower():
        return False  # as most are: it has no other reading
    answers = {is_reserved(reading) for reading in readings(path)}
    if len(answers) > 1:
        raise BadRequestError("target_ambiguous", "the address could be read as one of the gate's own")
    return answers.pop()


def _without_dots(path: str) -> str:
    # RFC 3986 section 5.2.4, on segments; an empty segment is one that ".." can remove.
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept) + ("/" if segments[-1] in (".", "..") else "")


# What origins do with a path beside decoding it.
STEPS: tuple[Callable[[str], str], ...] = (
    lambda path: path.replace("\\", "/"),
    lambda path: DOT.sub(".", path),
    lambda path: PARAMETER.sub("", path),
    lambda path: SLASHES.sub("/", path),
    lambda path: path[len(host[0]) :] if (host := HOST.match(path)) else path,
    lambda path: path.partition("?")[0],
    lambda path: path.partition("#")[0],
    lambda path: path.partition("\0")[0],
    _without_dots,
)
