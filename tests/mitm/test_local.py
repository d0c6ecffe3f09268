"""Hosts that are served in this process: requests and answers as PEP 3333 has them."""

import sys
import time
from email.utils import parsedate_to_datetime
from wsgiref.validate import validator

import pytest
from mitmproxy.test import tflow, tutils

from gate.site import request_of
from glassgate.mitm import local

HOST, PORT = "login.localhost", 8443


def ask(application, target="/", *, method="GET", headers=(), body=b"", port=PORT):
    """Call an application as the gate does: (response, environ)."""
    request = request_of(target, host=f"{HOST}:{PORT}", method=method, headers=headers)
    environ = local.environ(request, tflow.tflow(req=tutils.treq(content=body)), HOST, port)
    return local.call(application, environ), environ


def seen(target="/", **more):
    """The environ that an application sees."""

    def application(environ, start_response):
        start_response("204 No Content", [])
        return []

    return ask(application, target, **more)[1]


def echo(environ, start_response):
    length = int(environ["CONTENT_LENGTH"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [environ["wsgi.input"].read(length), b"!"]


REQUESTS = [
    ("GET", {}),
    ("POST", {"method": "POST", "body": b"a=1", "headers": [("Content-Type", "text/plain"), ("Content-Length", "3")]}),
    ("a query", {"target": "/a%20b?c=%20&d"}),
    ("many headers", {"headers": [("Accept", "a"), ("Accept", "b"), ("Cookie", "x=1"), ("X-Y", "\xe4")]}),
    ("HEAD", {"method": "HEAD"}),
    ("a chunked body", {"method": "POST", "body": b"abc", "headers": [("Transfer-Encoding", "chunked")]}),
]


@pytest.mark.parametrize("given", [row[1] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
@pytest.mark.filterwarnings("error")
def test_it_keeps_to_pep_3333(given):
    """The validator of the standard library stands between, and raises where either side breaks a rule."""

    def application(environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.errors"].write("seen")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]

    response, _ = ask(validator(application), **given)
    assert response.status_code == 200
    assert response.raw_content == given.get("body", b"")


VARIABLES = [
    ("path and query", {"target": "/a%20b/%C3%A4?c=%20&d"}, {"PATH_INFO": "/a b/\xc3\xa4", "QUERY_STRING": "c=%20&d"}),
    ("the method", {"method": "PATCH"}, {"REQUEST_METHOD": "PATCH"}),
    ("the host, by the configuration", {"headers": [("X-Forwarded-Host", "evil")]}, {"HTTP_HOST": f"{HOST}:{PORT}"}),
    ("the host on 443", {"port": 443}, {"HTTP_HOST": HOST, "SERVER_PORT": "443"}),
    ("always https", {}, {"wsgi.url_scheme": "https", "SERVER_NAME": HOST, "SCRIPT_NAME": ""}),
    ("who asks", {}, {"REMOTE_ADDR": "127.0.0.1"}),
    ("a header", {"headers": [("X-Some-Thing", "1")]}, {"HTTP_X_SOME_THING": "1"}),
    ("a header twice", {"headers": [("Accept", "a"), ("accept", "b")]}, {"HTTP_ACCEPT": "a, b"}),
    ("cookies in two headers", {"headers": [("Cookie", "a=1"), ("Cookie", "b=2")]}, {"HTTP_COOKIE": "a=1; b=2"}),
    ("the type of the body", {"headers": [("Content-Type", "a/b")]}, {"CONTENT_TYPE": "a/b"}),
    ("the length that is here", {"headers": [("Content-Length", "99")], "body": b"abc"}, {"CONTENT_LENGTH": "3"}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in VARIABLES], ids=[row[0] for row in VARIABLES])
def test_what_the_application_sees(given, expected):
    assert expected.items() <= seen(**given).items()


@pytest.mark.parametrize("name", ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"])
def test_what_has_a_name_of_its_own_has_no_other(name):
    sent = [("Content-Type", "a/b"), ("Content-Length", "3"), ("Transfer-Encoding", "chunked")]
    assert name not in seen(headers=sent)


def test_the_answer_comes_back_whole():
    response, _ = ask(echo, method="POST", body=b"hello")
    assert (response.status_code, response.reason, response.raw_content) == (200, "OK", b"hello!")
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["Content-Length"] == "6"


def test_a_head_gets_the_length_and_no_body():
    response, _ = ask(echo, method="HEAD", body=b"hello")
    assert (response.raw_content, response.headers["Content-Length"]) == (b"", "6")


def test_what_is_written_comes_before_what_is_returned():
    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    assert ask(application)[0].raw_content == b"one two three"


def test_an_application_may_begin_only_when_it_is_iterated():
    def application(environ, start_response):
        start_response("201 Created", [])
        yield b"a"
        yield b"b"

    response, _ = ask(application)
    assert (response.status_code, response.raw_content) == (201, b"ab")


class Chunks:
    """An answer that must be closed."""

    def __init__(self, fault=None):
        self.fault, self.closed = fault, 0

    def __iter__(self):
        yield b"a"
        if self.fault:
            raise self.fault

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("fault", [None, OSError("broken")], ids=["at the end", "after a fault"])
def test_what_is_returned_is_closed_once(fault):
    chunks = Chunks(fault)

    def application(environ, start_response):
        start_response("200 OK", [])
        return chunks

    if fault:
        with pytest.raises(OSError, match="broken"):
            ask(application)
    else:
        ask(application)
    assert chunks.closed == 1


def test_an_application_that_fails_half_way_may_say_so():
    """With exc_info it may begin again, and nothing of what came before has been sent."""

    def application(environ, start_response):
        start_response("200 OK", [("Set-Cookie", "half=1")])
        try:
            raise LookupError("gone")
        except LookupError:
            start_response("500 Internal Server Error", [("X-Fault", "1")], sys.exc_info())
        return [b"sorry"]

    response, _ = ask(application)
    assert (response.status_code, response.raw_content) == (500, b"sorry")
    assert response.headers.get_all("Set-Cookie") == []


def no_start(environ, start_response):
    return [b"never begun"]


def raises(environ, start_response):
    raise LookupError("gone")


def no_status(environ, start_response):
    start_response("fine", [])
    return []


@pytest.mark.parametrize("application", [no_start, raises, no_status], ids=lambda one: one.__name__)
def test_what_is_no_answer_is_raised_and_never_guessed(application):
    with pytest.raises((LookupError, ValueError)):
        ask(application)


def test_an_answer_bears_the_time_unless_the_application_says_one():
    def dated(environ, start_response):
        start_response("204 No Content", [("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])
        return []

    said = parsedate_to_datetime(ask(echo)[0].headers["Date"])
    assert abs(said.timestamp() - time.time()) < 60
    assert ask(dated)[0].headers.get_all("Date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]
