"""What a request line may say, and every path that an origin may read in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.gate.target import BadRequestError, check, check_reserved, readings

BAD_LINES = [
    ("a space in the method", "GET /evil", "/x", "method"),
    ("no method", "", "/x", "method"),
    ("a control byte in the method", "GE\rT", "/x", "method"),
    ("a long method", "G" * 33, "/x", "method"),
    ("no slash", "GET", "x", "target"),
    ("nothing", "GET", "", "target"),
    ("a star", "OPTIONS", "*", "target"),
    ("absolute", "GET", "http://evil.example/", "target"),
    ("a space", "GET", "/a b", "target"),
    ("a fragment", "GET", "/admin#/public", "target"),
    ("a line feed", "GET", "/a\nHost: x", "target"),
    ("a null", "GET", "/a\0", "target"),
    ("not ASCII", "GET", "/\xe4", "target"),
    ("too long", "GET", "/" + "a" * 17000, "target_too_long"),
]


@pytest.mark.parametrize(
    ("method", "target", "reason"), [row[1:] for row in BAD_LINES], ids=[row[0] for row in BAD_LINES]
)
def test_lines_that_cannot_be_judged(method, target, reason):
    with pytest.raises(BadRequestError) as refused:
        check(method, target)
    assert refused.value.reason == reason


@pytest.mark.parametrize("target", ["/", "/a%2Fb?x=[1]", "/~a/b;c=1", "/a?b=c?d", '/q?x={"a":"b"}'])
def test_lines_as_browsers_and_programs_send_them(target):
    check("PROPFIND", target)


RESERVED = ["/cdn-cgi/access", "/cdn-cgi/access/", "/cdn-cgi/access/certs", "/cdn-cgi/access/login/wiki.localhost"]
AMBIGUOUS = [
    "/CDN-CGI/access/certs", "/cdn-cgi/Access/certs", "/cdn-cgi%2faccess/certs", "/cdn-cgi%252Faccess/certs",
    "/cdn-cgi\\access\\certs", "/cdn-cgi%5caccess/certs", "//cdn-cgi/access/certs", "/cdn-cgi//access/certs",
    "/x/../cdn-cgi/access/certs", "/x/%2e%2e/cdn-cgi/access/certs", "/./cdn-cgi/access/", "/cdn-cgi/./access/certs",
    "/cdn-cgi;a=b/access/certs", "/cdn-cgi/access;x/certs", "/%63dn-cgi/access/certs", "/%2563dn-cgi/access/certs",
    "/cdn-cgi/access/../../wiki", "/cdn-cgi/access/%2e%2e/%2e%2e/wiki", "/cdn-cgi/access%3f", "/cdn-cgi/access%00/x",
    "/..;/cdn-cgi/access/certs", "/a/..;/cdn-cgi/access/certs", "/%5c/../cdn-cgi/access/certs",
    "//x/cdn-cgi/access/certs", "/;%2fx%2f/%63dn-cgi/access/certs", "/x%2fy/../%63dn-cgi/access/certs",
    "/cdn-cgi%u002faccess/certs", "/cdn-cgi/access%23",
]  # fmt: skip
ORDINARY = [
    "/",
    "/wiki",
    "/cdn-cgi/",
    "/cdn-cgi/accessory",
    "/group%2Fproject/-/raw",
    "/a;b/c",
    "/A/b",
    "/.well-known/x",
    "/x/cdn-cgi/access",
]


@pytest.mark.parametrize("path", RESERVED)
def test_our_own_paths(path):
    assert check_reserved(path) is True


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_a_path_that_some_origin_takes_for_ours_is_refused(path):
    with pytest.raises(BadRequestError) as refused:
        check_reserved(path)
    assert refused.value.reason == "target_ambiguous"


@pytest.mark.parametrize("path", ORDINARY)
def test_any_other_path_is_the_origins(path):
    assert check_reserved(path) is False


def test_a_path_of_too_many_readings_is_refused_before_they_are_all_made():
    with pytest.raises(BadRequestError) as refused:
        check_reserved("//a;b/c%2f..;x/%2e/;;//%252f;%253b/%255c..%3f%23%00" * 200)
    assert refused.value.reason == "target_ambiguous"


@given(
    st.lists(
        st.sampled_from(["cdn-cgi", "access", "..", ".", "", "%2e%2e", "%2f", ";", "\\", "%5c", "x", "ACCESS", "%25"])
    )
)
def test_what_is_not_ours_has_no_reading_below_ours(parts):
    path = "/" + "/".join(parts)
    try:
        ours = check_reserved(path)
    except BadRequestError:
        return
    for reading in readings(path):
        assert reading.startswith("/cdn-cgi/access/") <= ours
