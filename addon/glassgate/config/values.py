"""What a text of the file stands for: durations, paths, names, and the words of Entra and OpenID Connect."""

import re
from pathlib import Path

from glassgate.access.questions import fold
from glassgate.access.rule_values import DOMAIN, EMAIL
from glassgate.access.selectors import CONTEXT, GUID
from glassgate.config.problems import BadValueError
from glassgate.oidc.provider import ORGANIZATIONS

MAX_SKEW = 300

_DURATION = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?", re.ASCII)
_SECONDS = (86400, 3600, 60, 1)
_SIZE = re.compile(r"([0-9]{1,12}) ?(B|KiB|MiB|GiB|TiB)?", re.ASCII)
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_VISIBLE = re.compile(r"[!-~]+", re.ASCII)
_LATER_STORES = ("redis:", "rediss:", "redis+sentinel:")


def duration(text: str) -> int:
    """Seconds: `24h`, `8h`, `30m`, `45s`, `7d`, or together `1h30m`."""
    parts = _DURATION.fullmatch(text)
    if not parts or not text:
        raise BadValueError(f"`{text}` is not a duration", "write it as `24h`, `30m`, `45s` or `7d`")
    return sum(int(count) * unit for count, unit in zip(parts.groups("0"), _SECONDS, strict=True))


def written_duration(seconds: float) -> str:
    """A whole number of seconds as the file has it: in the largest unit of which it is a whole number."""
    count, unit = _in_largest(int(seconds), {"s": 1, "m": 60, "h": 3600, "d": 86400})
    return f"{count}{unit}"


def size(text: str) -> int:
    """Bytes: `64 KiB`, `1 MiB`, `2GiB`, `512 B`, or the number of bytes alone."""
    parts = _SIZE.fullmatch(text)
    if not parts:
        raise BadValueError(f"`{text}` is not a size", "write it as `64 KiB`, `10 MiB` or `1 GiB`")
    return int(parts[1]) * _BYTES[parts[2] or "B"]


def written_size(count: int) -> str:
    """A size as the file has it: in the largest unit of which it is a whole number."""
    count, unit = _in_largest(count, _BYTES)
    return f"{count} {unit}"


def _in_largest(count: int, units: dict[str, int]) -> tuple[int, str]:
    fitting = [unit for unit, size in units.items() if count >= size and count % size == 0]
    unit = fitting[-1] if fitting else next(iter(units))
    return count // units[unit], unit


def session(text: str) -> int:
    """The seconds that a session lasts: from 1m to 31d."""
    seconds = duration(text)
    if not 60 <= seconds <= 31 * 86400:
        raise BadValueError(
            f"`{text}` is too {'short' if seconds < 60 else 'long'}", "a session lasts from `1m` to `31d`"
        )
    return seconds


def idle(text: str) -> int | None:
    """The seconds without use after which a session ends, from 5m to 31d; None for `none`: never for that."""
    if text == "none":
        return None
    seconds = duration(text)
    if not 300 <= seconds <= 31 * 86400:
        raise BadValueError(
            f"`{text}` is too {'short' if seconds < 300 else 'long'}", "write from `5m` to `31d`, or `none`"
        )
    return seconds


def skew(text: str) -> int:
    """The seconds that a provider's clock may be off: up to 5m."""
    seconds = duration(text)
    if seconds > MAX_SKEW:
        raise BadValueError(f"`{text}` is too long", "clocks may differ by `5m` at most")
    return seconds


def recheck(text: str) -> int:
    """The seconds after which a session is asked for again: from 5s to 31d."""
    seconds = duration(text)
    if not 5 <= seconds <= 31 * 86400:
        raise BadValueError(f"`{text}` is too {'short' if seconds < 5 else 'long'}", "write from `5s` to `31d`")
    return seconds


def path(text: str) -> Path:
    """A path, relative to the file or absolute."""
    if not text.strip() or not text.isprintable():
        raise BadValueError("this is no path", "write the path of a file")
    if "://" in text:
        raise BadValueError("this is an address, and a file is wanted", "save it beside this file, and write its path")
    return Path(text)


def store(text: str) -> str:
    """Where sessions are kept: `memory:` or `sqlite:PATH`."""
    if text.startswith(_LATER_STORES):
        raise BadValueError("a store in Redis is not there yet", "write `sqlite:state/glassgate.db`")
    kind, _, rest = text.partition(":")
    if text == "memory:" or (kind == "sqlite" and rest and path(rest)):
        return text
    raise BadValueError("this is no store", 'write `sqlite:state/glassgate.db`, or `"memory:"` with its quotes')


def tenant(text: str) -> str:
    """Entra's tenant: its id, or one of its domains."""
    if text == ORGANIZATIONS:
        return text
    if text in {"common", "consumers"}:
        raise BadValueError(
            f"`{text}` lets accounts of anybody in",
            f"write the tenant id, or `{ORGANIZATIONS}` and name the `allowed_tenants`",
        )
    if not GUID.fullmatch(text) and not (DOMAIN.fullmatch(fold(text)) and "." in text):
        raise BadValueError(f"`{text}` is not a tenant", "write the Directory (tenant) ID, or one of its domains")
    return fold(text)


def object_id(text: str) -> str:
    """The object id of something in Entra, in lower case."""
    if not GUID.fullmatch(text):
        raise BadValueError(f"`{text}` is not an object id", "write it as `8f0c7d52-0000-4000-8000-000000000000`")
    return text.lower()


def context(text: str) -> str:
    """One of Entra's authentication contexts."""
    if not CONTEXT.fullmatch(text):
        raise BadValueError(f"`{text}` is not an authentication context", "write its id in Entra, `c1` to `c99`")
    return text


def email_domain(text: str) -> str:
    """What follows the @ of an e-mail address, in lower case."""
    if not DOMAIN.fullmatch(fold(text)):
        raise BadValueError(f"`{text}` is not a domain", "write what follows the @, such as `contoso.example`")
    return fold(text)


def email(text: str) -> str:
    """One e-mail address."""
    if not EMAIL.fullmatch(fold(text)):
        raise BadValueError(f"`{text}` is not one e-mail address", "write it as `carol@fabrikam.example`")
    return text


def aud(text: str) -> str:
    """The AUD tag of an app: 64 hex digits."""
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise BadValueError(
            "this is not an AUD tag", "write 64 hex digits in lower case, or leave it out for the default"
        )
    return text


def identifier(text: str) -> str:
    """A short name that may stand in a URL: a provider's id."""
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,31}", text):
        raise BadValueError(f"`{text}` is no id", "write up to 32 letters, digits, `-` and `_`")
    return text


def name(text: str) -> str:
    """A name that people read: one line, up to 64 characters."""
    if not text.strip() or text != text.strip() or len(text) > 64 or not text.isprintable():
        raise BadValueError("this is no name", "write one line of up to 64 characters")
    return text


def sentence(text: str) -> str:
    """A few sentences that people read: up to 500 characters, in one line."""
    text = " ".join(text.split())
    if not text or len(text) > 500 or not text.isprintable():
        raise BadValueError("this is no text for people", "write one line of up to 500 characters")
    return text


def scope(text: str) -> str:
    """One scope (RFC 6749 section 3.3)."""
    if not re.fullmatch(r"[!#-\[\]-~]{1,200}", text):
        raise BadValueError(f"`{text}` is no scope", "write each scope as an entry of its own")
    return text


def claim(text: str) -> str:
    """The name of a claim."""
    if not re.fullmatch(r"[!#-\[\]-~]{1,200}", text):
        raise BadValueError(f"`{text}` is no name of a claim", "write it as the provider's tokens have it")
    return text


def preflight_age(text: str) -> int:
    """The seconds that an answer to a preflight may be remembered: up to 24h, as no browser does longer."""
    seconds = duration(text)
    if seconds > 86400:
        raise BadValueError(f"`{text}` is too long", "write up to `24h`: no browser remembers it longer")
    return seconds


def token_of_http(text: str) -> str:
    """A method, or the name of a header; `*` for any (RFC 9110 section 5.6.2)."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", text, re.ASCII):
        raise BadValueError("this is no method and no name of a header", "write it as `GET`, or `X-Requested-With`")
    return text


def token(text: str) -> str:
    """Text without spaces that is sent to a provider: a client id, a hint."""
    if len(text) > 255 or not _VISIBLE.fullmatch(text):
        raise BadValueError("this is not one word of plain text", "write it without spaces, as the provider shows it")
    return text


_TAKEN_HEADERS = {
    "host",
    "cookie",
    "connection",
    "upgrade",
    "te",
    "transfer-encoding",
    "content-length",
    "content-type",
}


def header(text: str) -> str:
    """The name of a header that a visitor may set for us, and that means nothing else (RFC 9110 section 5.1)."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9-]{0,63}", text):
        raise BadValueError(f"`{text}` is no header's name", "write it without a colon, such as `Authorization`")
    if text.lower() in _TAKEN_HEADERS or text.lower().startswith("cf-access-"):
        raise BadValueError(f"`{text}` means something else", "take `Authorization`, or a name of your own")
    return text


def secret(text: str) -> str:
    """A secret: anything without control characters. No message of ours quotes it."""
    if not text or len(text) > 4096 or not text.isprintable():
        raise BadValueError("this is not a secret", "write it as the provider shows it, in one line")
    return text
