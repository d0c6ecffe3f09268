"""Header lists of HTTP/2: what an origin gets, and what of its answer is passed on."""

import pytest
from mitmproxy import http

from glassgate.mitm.layers.header_lists import request_fields, response_of, trailers_of


def request(version=b"HTTP/1.1", **more):
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in more.items()]
    return http.Request(
        host="127.0.0.1", port=9000, method=b"POST", scheme=b"https", authority=b"", path=b"/x?y", http_version=version,
        headers=http.Headers(fields), content=None, trailers=None, timestamp_start=0.0, timestamp_end=None,
    )  # fmt: skip


PSEUDO = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"wiki"), (b":path", b"/x?y")]
FIELDS = [
    ("names are written small", {"Host": "wiki", "X_Odd": "A"}, [(b"x-odd", b"A")]),
    ("a length stays", {"Host": "wiki", "Content_Length": "5"}, [(b"content-length", b"5")]),
    ("a framing of HTTP/1 goes", {"Host": "wiki", "Transfer_Encoding": "chunked"}, []),
    ("what is of a connection goes", {"Host": "wiki", "Connection": "x", "Keep_Alive": "y", "TE": "gzip"}, []),
]


@pytest.mark.parametrize(("given", "made"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_a_request_for_an_origin(given, made):
    assert request_fields(request(**given)) == [*PSEUDO, *made]
    assert request_fields(request(b"HTTP/2.0", **given)) == [*PSEUDO, *made, (b"te", b"trailers")]


ANSWERS = [
    ("chunks", b"GET", b"200", [], False, [(b"Transfer-Encoding", b"chunked")]),
    ("nothing", b"GET", b"200", [], True, [(b"Content-Length", b"0")]),
    ("a length", b"GET", b"200", [(b"content-length", b"2")], False, [(b"content-length", b"2")]),
    ("HEAD", b"HEAD", b"200", [], True, []),
    ("204", b"GET", b"204", [], True, []),
    ("304", b"GET", b"304", [], True, []),
]


@pytest.mark.parametrize(
    ("method", "status", "fields", "ended", "made"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_an_answer_for_a_client(method, status, fields, ended, made):
    said = [(b":status", status), *fields]
    by_http1 = response_of(said, method, ended=ended, for_http2=False)
    assert (by_http1.http_version, list(by_http1.headers.fields)) == ("HTTP/1.1", made)
    by_http2 = response_of(said, method, ended=ended, for_http2=True)
    assert (by_http2.http_version, by_http2.status_code, list(by_http2.headers.fields)) == (
        "HTTP/2.0", int(status), fields,
    )  # fmt: skip


@pytest.mark.parametrize("status", [b"", b"ok", b"99", b"101", b"1000"])
def test_what_is_no_answer(status):
    with pytest.raises(ValueError, match=r".+"):
        response_of([(b":status", status)], b"GET", ended=True, for_http2=True)
    with pytest.raises(ValueError, match=r".+"):
        response_of([], b"GET", ended=True, for_http2=True)


@pytest.mark.parametrize("name", [b"grpc-status", b"grpc-message", b"server-timing", b"digest"])
def test_a_trailer_is_passed_on(name):
    assert trailers_of([(name, b"x")]) == [(name, b"x")]


@pytest.mark.parametrize(
    "name",
    [b"set-cookie", b"content-length", b"transfer-encoding", b"host", b"alt-svc", b"location", b"cookie", b"te",
     b"cf-access-jwt-assertion", b"connection", b"www-authenticate", b"cache-control"],
)  # fmt: skip
def test_what_is_no_trailer(name):
    assert trailers_of([(name, b"x"), (b"own", b"y")]) == [(b"own", b"y")]
