"""Heads and chunks that two readers could take for two things, and those that have no end."""

import time
import tracemalloc

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.http import Headers, Request, Response
from mitmproxy.net.http import http1
from mitmproxy.net.http.http1 import expected_http_body_size
from mitmproxy.net.http.validate import validate_headers

from glassgate.config.limits import Limits
from glassgate.mitm.layers.heads import Buffer, Chunks, Framing, HeadError, check, request_of, response_of

LIMITS = Limits(head=1024, head_lines=8)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"

FAULTS = [
    ("a line feed alone", GET + b"X: a\nY: b\r\n\r\n", "bare_line_feed"),
    ("a line feed alone after the first line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", "bare_line_feed"),
    ("a carriage return alone", GET + b"X: a\rY: b\r\n\r\n", "bare_carriage_return"),
    ("two carriage returns", GET + b"X: a\r\r\n\r\n", "bare_carriage_return"),
    ("a NUL", GET + b"X: a\0b\r\n\r\n", "nul"),
    ("a folded line", GET + b"X: a\r\n b\r\n\r\n", "folded_line"),
    ("a line folded by a tab", GET + b"X: a\r\n\tb\r\n\r\n", "folded_line"),
    ("a fold right after the first line", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded_line"),
    ("no version", b"GET /\r\n\r\n", "request_line"),
    ("version 0.9", b"GET / HTTP/0.9\r\n\r\n", "request_line"),
    ("version 2.0", b"GET / HTTP/2.0\r\n\r\n", "request_line"),
    ("version 1.2", b"GET / HTTP/1.2\r\n\r\n", "request_line"),
    ("a version in lower case", b"GET / http/1.1\r\n\r\n", "request_line"),
    ("two spaces", b"GET  / HTTP/1.1\r\n\r\n", "request_line"),
    ("a space before", b" GET / HTTP/1.1\r\n\r\n", "request_line"),
    ("a space after", b"GET / HTTP/1.1 \r\n\r\n", "request_line"),
    ("a tab for a space", b"GET\t/ HTTP/1.1\r\n\r\n", "request_line"),
    ("a form feed", b"GET /\x0ca HTTP/1.1\r\n\r\n", "malformed_head"),
    ("no target", b"GET HTTP/1.1\r\n\r\n", "request_line"),
    ("a header without a colon", GET + b"X\r\n\r\n", "malformed_head"),
    ("a header without a name", GET + b": x\r\n\r\n", "malformed_head"),
    ("an absolute address that is none", b"GET http:///x HTTP/1.1\r\n\r\n", "malformed_head"),
    ("nothing that is HTTP", b"\x00\x01\x02 hello\r\n\r\n", "nul"),
]


@pytest.mark.parametrize(("head", "reason"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_request_that_could_be_read_in_two_ways(head, reason):
    with pytest.raises(HeadError) as fault:
        request_of(head, LIMITS)
    assert (fault.value.code, fault.value.reason) == ("bad_request", reason)


def test_a_request_with_too_many_lines():
    head = GET + b"X: a\r\n" * 7 + b"\r\n"
    assert len(request_of(head, LIMITS).headers.fields) == 8
    with pytest.raises(HeadError) as fault:
        request_of(GET + b"X: a\r\n" * 8 + b"\r\n", LIMITS)
    assert fault.value.code == "head_too_large"


WHOLE = [
    ("HTTP/1.1", GET + b"\r\n", "HTTP/1.1"),
    ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n", "HTTP/1.0"),
    ("an absolute address", b"GET https://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1"),
    ("bytes beyond ASCII", GET + b"X: \xe4\r\n\r\n", "HTTP/1.1"),
    ("a tab in a value", GET + b"X: a\tb\r\n\r\n", "HTTP/1.1"),
    ("a value of nothing", GET + b"X:\r\n\r\n", "HTTP/1.1"),
]


@pytest.mark.parametrize(("head", "version"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_a_head_is_found_however_it_comes(head, version, step):
    buffer, found = Buffer(), []
    stream = head + b"after"
    for start in range(0, len(stream), step):
        buffer += stream[start : start + step]
        found.append(buffer.take_head(1024))
    assert [one for one in found if one] == [head]
    assert bytes(buffer) == b"after"
    assert request_of(head, LIMITS).http_version == version


ENDLESS = [
    ("header lines", GET + b"X: aaaaaaaa\r\n" * 100, "head_too_large"),
    ("one header", GET + b"X: " + b"a" * 2000, "head_too_large"),
    ("a first line", b"GET /" + b"a" * 2000, "target_too_long"),
    ("a whole head", GET + b"X: " + b"a" * 2000 + b"\r\n\r\n", "head_too_large"),
    ("a first line of a whole head", b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\n\r\n", "target_too_long"),
    ("line feeds alone", b"GET / HTTP/1.1\nHost: a\n\n", "bad_request"),
    ("the last line feed alone", b"GET / HTTP/1.1\r\nHost: a\n\r\n", "bad_request"),
]


@pytest.mark.parametrize(("head", "code"), [row[1:] for row in ENDLESS], ids=[row[0] for row in ENDLESS])
@pytest.mark.parametrize("step", [1, 50, 5000])
def test_a_head_without_an_end_is_refused_while_it_comes(head, code, step):
    buffer = Buffer()
    with pytest.raises(HeadError) as fault:
        feed(buffer, head, step)
    assert fault.value.code == code
    assert len(buffer) <= 1024 + step


def feed(buffer, head, step):
    for start in range(0, len(head), step):
        buffer += head[start : start + step]
        assert buffer.take_head(1024) is None


def test_a_head_that_comes_byte_by_byte_costs_no_more_than_its_bytes():
    """Each arrival looks at what is new. Where all was looked at again, this would take a minute."""
    buffer = Buffer()
    began = time.process_time()
    for _ in range(200_000):
        buffer += b"a"
        buffer.take_head(1 << 20)
    assert time.process_time() - began < 5


EMPTIED = [(b"", 0), (b"\r", 0), (b"\r\n", 1), (b"\r\n\r\n\r", 2), (b"\r\nGET", 1), (b"GET\r\n", 0)]


@pytest.mark.parametrize(("data", "count"), EMPTIED)
def test_empty_lines_before_a_request(data, count):
    buffer = Buffer()
    buffer += data
    assert buffer.take_empty_lines() == count
    assert bytes(buffer) == data[2 * count :]


# Answers of origins

ANSWERS = [
    ("plain", b"HTTP/1.1 200 OK\r\nX: a\r\n\r\n", (200, "a")),
    ("HTTP/1.0", b"HTTP/1.0 200 OK\r\nX: a\r\n\r\n", (200, "a")),
    ("no words", b"HTTP/1.1 204\r\nX: a\r\n\r\n", (204, "a")),
    ("a folded line", b"HTTP/1.1 200 OK\r\nX: a\r\n  b\r\n\r\n", (200, "a b")),
    ("a carriage return alone", b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", (200, "a b")),
    ("a NUL", b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", (200, "a b")),
    ("an unusual status", b"HTTP/1.1 999 Go away\r\nX: a\r\n\r\n", (999, "a")),
]


@pytest.mark.parametrize(("head", "read"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_an_answer_is_read_in_one_way(head, read):
    response = response_of(head, LIMITS)
    assert (response.status_code, response.headers["X"]) == read
    assert not any(byte in response.headers["X"] for byte in "\r\n\0")


BROKEN = [
    ("no status", b"HTTP/1.1 OK\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\n\r\n"),
    ("a negative status", b"HTTP/1.1 -20 OK\r\n\r\n"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\n\r\n"),
    ("HTTP/0.9", b"<html>\r\n\r\n"),
    ("a header without a colon", b"HTTP/1.1 200 OK\r\nX\r\n\r\n"),
    ("too many headers", b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 9 + b"\r\n"),
]


@pytest.mark.parametrize("head", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_an_answer_that_is_none(head):
    with pytest.raises(HeadError) as fault:
        response_of(head, LIMITS)
    assert fault.value.code == "origin_broken"


LENIENT = [
    ("line feeds alone", b"HTTP/1.1 200 OK\nX: a\n\nbody\r\n\r\n", b"body\r\n\r\n"),
    ("one line feed alone", b"HTTP/1.1 200 OK\nX: a\r\n\r\nbody", b"body"),
    ("a whole one", b"HTTP/1.1 200 OK\r\nX: a\r\n\r\nbody\n\n", b"body\n\n"),
]


@pytest.mark.parametrize(("data", "rest"), [row[1:] for row in LENIENT], ids=[row[0] for row in LENIENT])
@pytest.mark.parametrize("step", [1, 1000])
def test_an_origins_line_feeds_are_ends_of_lines(data, rest, step):
    buffer, found = Buffer(), []
    for start in range(0, len(data), step):
        buffer += data[start : start + step]
        if not found and (head := buffer.take_head(1024, lenient=True)):
            found.append(head)
    assert found == [b"HTTP/1.1 200 OK\r\nX: a\r\n\r\n"]
    assert bytes(buffer) == rest


@pytest.mark.parametrize("filler", [b"a", b"X: a\n", b"X: a\r\n"])
def test_an_answers_head_without_an_end(filler):
    buffer = Buffer()
    buffer += b"HTTP/1.1 200 OK\r\nX: " + filler * 2000
    with pytest.raises(HeadError):
        buffer.take_head(1024, lenient=True)


# Chunks


def read(data, step=1000, most=100):
    buffer, reader, body = Buffer(), Chunks(most), b""
    for start in range(0, len(data), step):
        buffer += data[start : start + step]
        while (found := reader(buffer)) is not None:
            if isinstance(found, h11.EndOfMessage):
                assert list(found.headers) == []
                return body, bytes(buffer) + data[start + step :]
            body += found.data
    return body, None


CHUNKED = [
    ("plain", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    ("an extension", b"5;a=b\r\nhello\r\n0\r\n\r\n"),
    ("a trailer", b"5\r\nhello\r\n0\r\nX: a\r\n\r\n"),
    ("a forged trailer", b"5\r\nhello\r\n0\r\nCf-Access-Jwt-Assertion: a\r\nContent-Length: 9\r\n\r\n"),
    ("capitals and zeros", b"0005\r\nhello\r\n000\r\n\r\n"),
]


@pytest.mark.parametrize("data", [row[1] for row in CHUNKED], ids=[row[0] for row in CHUNKED])
@pytest.mark.parametrize("step", [1, 2, 5, 1000])
def test_a_body_in_chunks_ends_where_it_ends_and_has_no_trailers(data, step):
    assert read(data + b"GET /next", step) == (b"hello", b"GET /next")


BAD_CHUNKS = [
    ("no number", b"x\r\n"),
    ("a negative number", b"-1\r\n"),
    ("a number that Python would take", b"1_0\r\n"),
    ("a line feed alone", b"5\nhello\r\n0\r\n\r\n"),
    ("a chunk that is longer", b"2\r\nhello\r\n"),
    ("a line without an end", b"5;" + b"a" * 200),
    ("a trailer without an end", b"0\r\nX: " + b"a" * 200),
    ("trailers without an end", b"0\r\n" + b"X: a\r\n" * 40),
    ("a long line", b"5;" + b"a" * 200 + b"\r\nhello\r\n0\r\n\r\n"),
    ("a long trailer", b"0\r\nX: " + b"a" * 200 + b"\r\n\r\n"),
    ("many trailers", b"0\r\n" + b"X: a\r\n" * 40 + b"\r\n"),
    ("a trailer that is none", b"0\r\nX\r\n\r\n"),
    ("a trailer that ends with a line feed", b"0\r\nX: a\n\r\n\r\n"),
    ("a number without an end", b"1" * 200),
]


@pytest.mark.parametrize("data", [row[1] for row in BAD_CHUNKS], ids=[row[0] for row in BAD_CHUNKS])
@pytest.mark.parametrize("step", [1, 1000])
def test_chunks_that_cannot_be_read(data, step):
    with pytest.raises(h11.ProtocolError):
        read(data, step)


def test_a_body_that_comes_in_one_piece_is_not_copied():
    buffer = Buffer()
    buffer += bytes(8 << 20)
    tracemalloc.start()
    whole = buffer.maybe_extract_at_most(1 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(whole), len(buffer)) == (8 << 20, 0)
    assert peak < 1 << 20


def test_a_piece_of_what_is_there():
    buffer = Buffer()
    assert buffer.maybe_extract_at_most(3) is None
    buffer += b"hello"
    assert (buffer.maybe_extract_at_most(3), bytes(buffer)) == (b"hel", b"lo")


CLOSING = [(None, False), ("close", True), ("Close", True), ("keep-alive, CLOSE", True), ("closed", False), ("", False)]


@pytest.mark.parametrize(("said", "closes"), CLOSING)
def test_whether_a_connection_ends(said, closes):
    assert Framing(Headers([] if said is None else [(b"Connection", said.encode())])).closes is closes


def test_two_connection_headers_are_one():
    assert Framing(Headers([(b"connection", b"x"), (b"CONNECTION", b"close")])).closes


SIZES = [
    ("a length", "GET", 200, [(b"Content-Length", b"5")], 5),
    ("chunks", "GET", 200, [(b"TRANSFER-ENCODING", b"chunked")], None),
    ("neither", "GET", 200, [(b"X", b"5")], -1),
    ("HEAD", "HEAD", 200, [(b"Content-Length", b"5")], 0),
    ("204", "GET", 204, [(b"Content-Length", b"5")], 0),
    ("304", "GET", 304, [(b"Transfer-Encoding", b"chunked")], 0),
    ("101", "GET", 101, [], 0),
]


@pytest.mark.parametrize("row", SIZES, ids=[row[0] for row in SIZES])
def test_where_an_answer_ends(row):
    """As mitmproxy says it of whole heads."""
    _, method, status, fields, size = row
    assert Framing(Headers([]), method).size(Framing(Headers(fields), status_code=status)) == size
    request, response = Request.make(method, "http://a/"), Response.make(status)
    response.headers = Headers(fields)
    assert expected_http_body_size(request, response) == size


BAD_SIZES = [
    [(b"Content-Length", b"1"), (b"Content-Length", b"1")],
    [(b"Content-Length", b"+1")],
    [(b"Content-Length", b"1_0")],
    [(b"Content-Length", b"\xb2")],
    [(b"Transfer-Encoding", b"magic")],
    [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")],
    [(b"Transfer-Encoding", "chun\N{KELVIN SIGN}ed".encode())],
]


@pytest.mark.parametrize("fields", BAD_SIZES)
def test_where_a_request_has_no_end_that_is_sure(fields):
    with pytest.raises(ValueError, match=r".+"):
        Framing(Headers(fields), "POST").size()


ODD = [
    ("a name that is no token", b"A b: c", False),
    ("a space before the colon", b"A : c", False),
    ("a name beyond ASCII", b"\xe4: c", False),
    ("two lengths", b"Content-Length: 1\r\nContent-Length: 1", False),
    ("a length of another kind", b"Content-Length: +1", False),
    ("a length and chunks", b"Content-Length: 1\r\nTransfer-Encoding: chunked", False),
    ("chunks twice", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", False),
    ("a coding that is none", b"Transfer-Encoding: xchunked", False),
    ("a name as long as one that frames", b"X-Content-Leng: +1", True),
    ("any sign that a token has", b"!#$%&'*+-.^_`|~09azAZ: c", True),
    ("one length", b"content-length: 12", True),
]


@pytest.mark.parametrize(("lines", "holds"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
def test_headers_are_checked_as_mitmproxy_checks_them(lines, holds):
    request = request_of(GET + lines + b"\r\n\r\n", LIMITS)
    for checks in (check, validate_headers):
        if holds:
            checks(request)
        else:
            with pytest.raises(ValueError, match=r"."):
                checks(request)


LINES = st.lists(st.sampled_from([b"A", b"b-C", b":", b" ", b"\t", b"\xe4", b"\x0b", b"\x01", b"1", b","])).map(
    b"".join
)


@given(st.lists(LINES.filter(lambda line: line[:1] not in (b"", b" ", b"\t")), max_size=4), LINES)
def test_a_head_is_read_as_mitmproxy_reads_it(lines, target):
    """The quick way reads what mitmproxy's would, or leaves it to that."""
    head = b"\r\n".join([b"GET /" + target.replace(b" ", b"") + b" HTTP/1.1", *lines, b"", b""])
    try:
        theirs = http1.read_request_head(head[:-4].split(b"\r\n"))
    except ValueError:
        theirs = None
    try:
        ours = request_of(head, LIMITS)
    except HeadError:
        ours = None
    assert (ours and ours.data.path, ours and ours.headers) == (theirs and theirs.data.path, theirs and theirs.headers)
