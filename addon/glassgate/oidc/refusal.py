"""Reads how a provider says no (RFC 6749, sections 4.1.2.1 and 5.2, and Microsoft's AADSTS codes)."""

import re
from collections.abc import Mapping

from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.http import HttpResponse
from glassgate.oidc.strict_json import read_object

MAX_ERROR = 100  # characters of an error's name
MAX_DESCRIPTION = 1000  # characters of its text
MAX_RETRY_AFTER = 3600  # seconds

# "Come back later", in OAuth's words: the same as a 503.
PASSING = frozenset({"temporarily_unavailable", "server_error"})

# The answers that another try may change (RFC 9110, section 15).
BUSY = frozenset({408, 429})

CODE = re.compile(r"\bAADSTS\d{4,9}\b")
IDS = {
    "trace_id": re.compile(r"\bTrace ID: ([0-9A-Za-z-]{8,64})"),
    "correlation_id": re.compile(r"\bCorrelation ID: ([0-9A-Za-z-]{8,64})"),
}


def refusal(fields: Mapping[str, object]) -> SignInError:
    """The exception for an OAuth error, from the callback's parameters or the members of a JSON answer."""
    error = _plain(fields.get("error"), MAX_ERROR) or "unnamed error"
    description = _plain(fields.get("error_description"), MAX_DESCRIPTION)
    if error in PASSING:
        return ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, f"the provider says {error}: {description}")
    code = CODE.search(description)
    return ProviderRefused(
        error,
        description,
        code=code[0] if code else None,
        trace_id=_id(fields, "trace_id", description),
        correlation_id=_id(fields, "correlation_id", description),
    )


def check_answer(answer: HttpResponse, malformed: Reason) -> None:
    """Let only a 200 pass. Raises ProviderUnavailable, ProviderRefused, or the reason given."""
    if answer.status == 200:
        return
    if answer.status >= 500 or answer.status in BUSY:
        raise ProviderUnavailable(
            Reason.PROVIDER_UNAVAILABLE,
            f"the provider answered with status {answer.status}",
            retry_after=_retry_after(answer),
        )
    if answer.status >= 400:
        said = _members(answer.body)
        if isinstance(said.get("error"), str):
            raise refusal(said)
    raise SignInError(malformed, f"expected status 200, got {answer.status}")


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


def _id(fields: Mapping[str, object], name: str, description: str) -> str | None:
    said = _plain(fields.get(name), 64)
    found = IDS[name].search(description)
    return said or (found[1] if found else None)


def _retry_after(answer: HttpResponse) -> int | None:
    said = answer.headers.get("Retry-After", "").strip()
    return min(int(said), MAX_RETRY_AFTER) if said.isascii() and said.isdigit() and len(said) < 10 else None
