"""Reads what the browser brings back from the provider (RFC 6749, section 4.1.2). Looks nothing up."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from glassgate.oidc.errors import Reason, SignInError

MAX_QUERY = 16_384  # characters; Entra's codes are about 1,500
MAX_FIELDS = 32

# Parameters that decide something, each at most once (RFC 6749, section 3.1). Any other is ignored.
SECURITY = ("state", "code", "error", "error_description", "iss", "id_token", "access_token", "token_type")
TOKENS = ("id_token", "access_token")  # never asked for: in an address they leak (RFC 9700, section 2.1.2)


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback that has one meaning: either `code` or `error` is there, never both."""

    state: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    error_description: str = ""
    iss: str | None = None  # RFC 9207


def read_callback(query: str) -> Callback:
    """Read the callback's query, as it stands in the target after the `?`.

    Raises SignInError: callback_malformed, parameter_repeated, response_type, state_missing,
    response_ambiguous, response_empty.
    """
    given = _parameters(query)
    token = next((name for name in TOKENS if name in given), None)
    if token:
        raise SignInError(Reason.RESPONSE_TYPE, f"expected a code, got {token} in the address")
    if "state" not in given:
        raise SignInError(Reason.STATE_MISSING, "expected a state, got none")
    if "code" in given and "error" in given:
        raise SignInError(Reason.RESPONSE_AMBIGUOUS, "expected a code or an error, got both")
    if "code" not in given and "error" not in given:
        raise SignInError(Reason.RESPONSE_EMPTY, "expected a code or an error, got neither")
    return Callback(
        state=given["state"],
        code=given.get("code"),
        error=given.get("error"),
        error_description=given.get("error_description", ""),
        iss=given.get("iss"),
    )


def _parameters(query: str) -> dict[str, str]:
    if len(query) > MAX_QUERY:
        raise SignInError(Reason.CALLBACK_MALFORMED, f"expected at most {MAX_QUERY} characters, got {len(query)}")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise SignInError(Reason.CALLBACK_MALFORMED, f"expected at most {MAX_FIELDS} parameters") from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in SECURITY:
            continue
        if name in given:
            raise SignInError(Reason.PARAMETER_REPEATED, f"expected {name} once, got it twice")
        if name != "error_description" and not (value.isascii() and value.isprintable()):
            raise SignInError(Reason.CALLBACK_MALFORMED, f"expected plain ASCII in {name}, got other characters")
        given[name] = value
    # "Parameters sent without a value MUST be treated as if they were omitted" (RFC 6749, section 3.1).
    return {name: value for name, value in given.items() if value}
