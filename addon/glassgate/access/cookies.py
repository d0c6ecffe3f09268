"""Our cookies: their names, how they are set and read, and how they are kept from the origin."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from werkzeug.http import dump_cookie

APP_TOKEN = "CF_Authorization"  # noqa: S105 - a name
GLOBAL_SESSION = "__Host-CF_Authorization"
LOGIN = "__Host-CF_Login_"
APP_SESSION = "__Host-CF_AppSession_"
BINDING = "__Host-CF_Binding"
PROVIDER = "__Host-CF_Provider"
FORM = "__Host-CF_Form_"
RESERVED_PREFIX = "__Host-CF_"

SIGN_IN_LIFETIME = 600  # seconds that a sign-in may take
PROVIDER_LIFETIME = 90 * 86400  # seconds
LAPSED_FOR = 86400  # seconds that an ended token is still sent, where a form is kept for it: over a night
MAX_SIGN_INS = 16  # at once, on one host of one browser
MAX_TOKENS = 8  # cookies of one name that are tried

# In the value of another: Python's http.cookies, and readers by RFC 2109, begin a cookie there, too.
WITHIN = re.compile(rb"[\s,\"](?:CF_Authorization|__Host-CF_[^\s,=]*)\s*=")


def is_reserved(name: str) -> bool:
    """Whether nobody but the gate may set or see a cookie of this name."""
    return name == APP_TOKEN or name.startswith(RESERVED_PREFIX)


def read(sent: Iterable[bytes], having: str = "") -> list[tuple[str, str]]:
    """Every cookie of the Cookie headers that were sent, or of pairs that have `having` somewhere.

    A name may repeat (RFC 6265 section 5.4), and its values keep their order. HTTP/2 may send one header a pair (RFC
    9113 section 8.2.3).
    """
    # Pair by pair, and nothing in quotes: none of our values has any, to a browser they are plain characters, and who
    # may set a `"` at a sibling host would hide every cookie between two of them. Nor may an odd pair cost more than
    # any other: a head can hold thousands.
    pairs = b";".join(sent).decode("latin-1").split(";")
    parts = [pair.partition("=") for pair in pairs if having in pair]
    return [(name, value.strip(" \t")) for key, _, value in parts if (name := key.strip(" \t"))]


def values(sent: Iterable[bytes], name: str) -> list[str]:
    """The values of all cookies of this name, at most MAX_TOKENS."""
    return [value for other, value in read(sent, name) if other == name][:MAX_TOKENS]


def without_ours(sent: Iterable[bytes], *, app_token: str | None = None) -> bytes:
    """The Cookie header for the origin: what was sent, byte for byte, less our own; b"" where nothing is left.

    `app_token` is the one that was judged, where it may stay: of another one nobody knows whose session it was.
    """
    pairs = [pair.strip(b" \t") for pair in b";".join(sent).split(b";")]
    may_stay = b"%s=%s" % (APP_TOKEN.encode(), app_token.encode()) if app_token else b""
    kept = [pair for pair in pairs if pair and (pair == may_stay or not _holds_ours(pair))]
    return b"; ".join(kept)


def _holds_ours(pair: bytes) -> bool:
    if b"CF_" not in pair:
        return False
    # A nameless cookie of the value "CF_Authorization=x" comes as "=CF_Authorization=x", or without the first "=".
    name = pair.strip(b" \t=").partition(b"=")[0].strip(b" \t").decode("latin-1")
    return is_reserved(name) or WITHIN.search(pair) is not None


def set_app_token(
    token: str, expires: float, path: str = "/", *, same_site: str = "Lax", http_only: bool = True, lapses: bool = False
) -> str:
    """Set-Cookie for an application token: host-only, with Expires, since clients take none without.

    `lapses`: the browser is to bring it for LAPSED_FOR after its end, where it tells whose form comes too late.
    """
    until = expires + LAPSED_FOR * lapses
    return _set(APP_TOKEN, token, expires=until, path=path, same_site=same_site, http_only=http_only)


def set_binding(value: str, expires: float, *, same_site: str) -> str:
    """Set-Cookie for what a token is bound to; of all of a host, as the prefix wants it."""
    return _set(BINDING, value, expires=expires, same_site=same_site)


def set_global_session(value: str, expires: float) -> str:
    """Set-Cookie for the global session on the team domain."""
    return _set(GLOBAL_SESSION, value, expires=expires)


def set_sign_in(prefix: str, sign_in: str, sealed: str, now: float) -> str:
    """Set-Cookie for one sign-in's memory; `prefix` is LOGIN or APP_SESSION."""
    return _set(prefix + sign_in, sealed, expires=now + SIGN_IN_LIFETIME)


def set_provider(provider: str, now: float) -> str:
    """Set-Cookie for the provider that somebody signed in with: no secret, so that it stands first the next time."""
    return _set(PROVIDER, provider, expires=now + PROVIDER_LIFETIME)


def clear(name: str, path: str = "/") -> str:
    """Set-Cookie that deletes a cookie of ours: with the attributes it was set with, else browsers keep it."""
    return _set(name, "", expires=0, path=path)


def set_form(form: str, sealed: str, until: float) -> str:
    """Set-Cookie for where a form is kept, and the key to it."""
    return _set(FORM + form, sealed, expires=until)


def crowded_out(sent: Iterable[bytes], prefix: str) -> list[str]:
    """Names of the oldest sign-ins that must go before another begins. Ids sort by their time."""
    names = sorted({name for name, _ in read(sent, prefix) if name.startswith(prefix)})
    return names[: max(0, len(names) - MAX_SIGN_INS + 1)]


def _set(
    name: str, value: str, *, expires: float, path: str = "/", same_site: str = "Lax", http_only: bool = True
) -> str:
    return dump_cookie(
        name, value, expires=datetime.fromtimestamp(expires, UTC), path=path, secure=True, httponly=http_only,
        samesite=same_site, max_size=0,
    )  # fmt: skip
