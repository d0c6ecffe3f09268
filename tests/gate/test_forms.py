"""Forms that come to our own addresses."""

import pytest

from gate.site import request_of
from glassgate.gate.forms import FORM, MOST_FIELDS, form_text, read_form
from glassgate.oidc.errors import SignInError

KIND = FORM.decode()


def posted(kind=KIND):
    return request_of("/x", method="POST", headers={"content-type": kind} if kind else {})


@pytest.mark.parametrize(
    "kind", [FORM.decode(), "application/x-www-form-urlencoded; charset=UTF-8", FORM.decode().upper()]
)
def test_a_form_is_read(kind):
    assert read_form(posted(kind), b"a=1&b=%20x&c=") == {"a": "1", "b": " x", "c": ""}


REFUSED = [
    ("JSON", "application/json", b"{}", "callback_malformed"),
    ("no kind", "", b"a=1", "callback_malformed"),
    ("a file", "multipart/form-data; boundary=x", b"--x", "callback_malformed"),
    ("bytes", FORM.decode(), b"a=\xff", "callback_malformed"),
    ("twice", FORM.decode(), b"a=1&a=2", "parameter_repeated"),
    ("too many", FORM.decode(), b"&".join(b"f%d=1" % n for n in range(MOST_FIELDS + 1)), "callback_malformed"),
]


@pytest.mark.parametrize(("kind", "body", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_form_is_refused(kind, body, reason):
    with pytest.raises(SignInError) as refused:
        read_form(posted(kind), body)
    assert refused.value.reason == reason


def test_the_text_is_as_it_was_sent():
    assert form_text(posted(), b"b=2&a=%31") == "b=2&a=%31"
