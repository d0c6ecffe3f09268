"""JSON that has one meaning: what two readers could read differently is refused."""

import json

from glassgate.oidc.errors import Reason, SignInError


def read_object(body: bytes, malformed: Reason) -> dict[str, object]:
    """Read a JSON object in UTF-8.

    Raises SignInError: `json_duplicate` for a member that comes twice in any object (RFC 8259, section 4,
    leaves open which one counts; RFC 7519, section 4, lets us refuse), else the reason given as `malformed`:
    no JSON, no object, NaN or Infinity, half a surrogate pair, nesting or numbers beyond what Python reads.
    """
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique)
        # Written again, since Python reads NaN, 1e999 and half a surrogate pair, which are no JSON and no UTF-8.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise SignInError(malformed, f"expected a JSON object, got none that can be read: {_why(error)}") from None
    if not isinstance(value, dict):
        raise SignInError(malformed, f"expected a JSON object, got {type(value).__name__}")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise SignInError(Reason.JSON_DUPLICATE, "expected each member once, got one twice")
    return members


def _why(error: Exception) -> str:
    # A decoder's message may quote the body, which may hold tokens; its kind and place do not.
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return type(error).__name__
