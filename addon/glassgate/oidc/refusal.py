"""Reads how a provider says no (RFC 6749, sections 4.1.2.1 and 5.2, and Microsoft's AADSTS codes)."""

import re
from collections.abc import Mapping

from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.http import HttpResponse
from glassgate.oidc.strict_json import read_object

MAX_NAME = 100  # characters of an error's name
MAX_DESCRIPTION = 1000  # characters of its text
MAX_READ = 16_384  # characters of its text in which the ids, which stand at its end, are looked for
MAX_CLAIMS = 4096  # characters
MAX_RETRY_AFTER = 3600  # seconds

# "Come back later", in OAuth's words: the same as a 503.
PASSING = frozenset({"temporarily_unavailable", "server_error"})

# The answers that another try may change (RFC 9110, section 15).
BUSY = frozenset({408, 429})

CODE = re.compile(r"\bAADSTS\d{4,9}\b", re.ASCII)
NUMBERS = range(1000, 10**9)

# The authorization endpoint says them in the text alone, the token endpoint also in members of their own.
IDS = {
    "trace_id": re.compile(r"\bTrace ID: ([0-9A-Za-z-]{8,64})"),
    "correlation_id": re.compile(r"\bCorrelation ID: ([0-9A-Za-z-]{8,64})"),
    "timestamp": re.compile(r"\bTimestamp: (\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?Z?)", re.ASCII),
}


def refusal(fields: Mapping[str, object]) -> SignInError:
    """The exception for an OAuth error, from the callback's parameters or the members of a JSON answer."""
    refused = _refused(fields)
    if refused.error in PASSING:
        detail = f"the provider says {refused.detail}"
        return ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, detail, said=refused)
    return refused


def check_answer(answer: HttpResponse, malformed: Reason) -> None:
    """Let only a 200 pass. Raises ProviderUnavailable, ProviderRefused, or the reason given."""
    if answer.status == 200:
        return
    said = _members(answer.body) if answer.status >= 400 else {}
    told = isinstance(said.get("error"), str)
    if answer.status >= 500 or answer.status in BUSY:
        raise ProviderUnavailable(
            Reason.PROVIDER_UNAVAILABLE,
            f"the provider answered with status {answer.status}",
            retry_after=_retry_after(answer),
            said=_refused(said) if told else None,
        )
    if told:
        raise refusal(said)
    raise SignInError(malformed, f"expected status 200, got {answer.status}")


def _refused(fields: Mapping[str, object]) -> ProviderRefused:
    text = _plain(fields.get("error_description"), MAX_READ)
    return ProviderRefused(
        _plain(fields.get("error"), MAX_NAME) or "unnamed error",
        text[:MAX_DESCRIPTION].rstrip(),
        suberror=_plain(fields.get("suberror"), MAX_NAME) or None,
        claims=_claims(fields.get("claims")),
        code=_code(fields.get("error_codes"), text),
        trace_id=_id(fields, "trace_id", text),
        correlation_id=_id(fields, "correlation_id", text),
        timestamp=_id(fields, "timestamp", text),
    )


def _members(body: bytes) -> dict[str, object]:
    # An error page in HTML says nothing that its status does not.
    try:
        return read_object(body, Reason.PROVIDER_REFUSED)
    except SignInError:
        return {}


def _plain(value: object, limit: int) -> str:
    # Line breaks are Microsoft's; any other control character has no place in a log.
    text = value if isinstance(value, str) else ""
    return "".join(sign if sign.isprintable() else " " for sign in text[:limit]).strip()


def _claims(value: object) -> str | None:
    # Sent back as it came or not at all: a part of it would ask for something else.
    whole = isinstance(value, str) and 0 < len(value) <= MAX_CLAIMS and value.isascii() and value.isprintable()
    return str(value) if whole else None


def _code(numbers: object, text: str) -> str | None:
    found = CODE.search(text)
    if found:
        return found[0]
    given = numbers if isinstance(numbers, list) else []
    return next((f"AADSTS{number}" for number in given if type(number) is int and number in NUMBERS), None)


def _id(fields: Mapping[str, object], name: str, text: str) -> str | None:
    said = _plain(fields.get(name), 64)
    found = IDS[name].search(text)
    return said or (found[1] if found else None)


def _retry_after(answer: HttpResponse) -> int | None:
    said = answer.headers.get("Retry-After", "").strip()
    return min(int(said), MAX_RETRY_AFTER) if said.isascii() and said.isdigit() and len(said) < 10 else None
