"""Reads a form that came as the body of a request to one of our own addresses."""

from urllib.parse import parse_qsl

from glassgate.gate.exchange import Request
from glassgate.oidc.errors import Reason, SignInError

FORM = b"application/x-www-form-urlencoded"
MOST_FIELDS = 32


def read_form(request: Request, body: bytes) -> dict[str, str]:
    """The fields, each once. Raises SignInError: callback_malformed, parameter_repeated."""
    text = form_text(request, body)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise SignInError(Reason.CALLBACK_MALFORMED, f"expected at most {MOST_FIELDS} fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise SignInError(Reason.PARAMETER_REPEATED, "expected each field once, got one twice")
    return fields


def form_text(request: Request, body: bytes) -> str:
    """The form as it was sent. Raises SignInError (callback_malformed) for any other kind of body."""
    kind = request.value(b"content-type").partition(b";")[0].strip().lower()
    if kind != FORM or not body.isascii():
        raise SignInError(Reason.CALLBACK_MALFORMED, "expected a form (application/x-www-form-urlencoded) in ASCII")
    return body.decode("ascii")
