"""What never comes out in a log."""

import base64
import json
import logging
import time
import urllib.parse

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from glassgate.record.redact import HIDDEN, MAX_LINE, RedactFilter, redact

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"token {JWT} was bad", "token [hidden] was bad"),
        (f"cut: {JWT[:20]}", "cut: [hidden]"),
        (f"{JWT[:60]}…", "[hidden]…"),
        ("GET /cb?code=abc&state=x.y HTTP/1.1", "GET /cb?code=[hidden]&state=[hidden] HTTP/1.1"),
        ("?redirect_url=%2Fa%3Fcode%3Dabc", "?redirect_url=%2Fa%3Fcode%3D[hidden]"),
        ("loginfmt=alice&passwd=a%26b+c", "loginfmt=alice&passwd=[hidden]"),
        ('{"access_token": "ab\\"c", "expires_in": 3599}', '{"access_token": "[hidden]", "expires_in": 3599}'),
        ("{'client_secret': 'abc', 'a': 1}", "{'client_secret': '[hidden]', 'a': 1}"),
        ("Authorization: Bearer abc\r\nHost: a", "Authorization: [hidden]\r\nHost: a"),
        (r"b'GET /\r\nCookie: a=b; c=d\r\nHost: a\r\n'", r"b'GET /\r\nCookie: [hidden]\r\nHost: a\r\n'"),
        ("CF_Authorization=abc; Path=/", "CF_Authorization=[hidden]; Path=/"),
        ("[('passwd', 'abc'), ('a', 'b')]", "[('passwd', '[hidden]'), ('a', 'b')]"),
    ],
)  # fmt: skip
def test_a_secret_goes_and_what_is_around_it_stays(text, told):
    assert redact(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "exit_code=3 status_code=200 encode=x",
        "error code: 400, state: waiting",
        "[::1]:52110: GET https://wiki.localhost:8443/a/b?page=2 << 200 OK 1.2k",
        "server connect wiki.localhost:9000 ([::1]:9000)",
        'Traceback (most recent call last):\n  File "/x/y.py", line 3, in step\nValueError: no',
        "eager.early.eleven.example and eyeJ",
        "server connect extranet-server-1.contoso-and-partners.example:443",
        "kid 3f9a2a0e6f1c5d0b9d5e0b6a3f4c7d213f9a2a0e6f1c5d0b9d5e0b6a3f4c7d21",
        "",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


# Where secrets stand in lines that a proxy, a client library or a form writes. {} is the secret.
RAW = (
    "GET /cdn-cgi/access/callback?code={}&session_state=1 HTTP/1.1",
    "https://team.localhost/cb?a=1&STATE={}",
    "invalid nonce={}",
    "grant_type=authorization_code&code_verifier={}&client_secret=",
    "POST body b'client_id=a&client_secret={}'",
    'body "refresh_token={}&x=1"',
    "#id_token={}",
    "id_token_hint={}&post_logout_redirect_uri=x",
    "GET /login?redirect_url=%2Fcb%3Fcode%3D{}",
    "GET /login?u=%2Fcb%3Fa%3Db%26code%3D{}",
    "GET /login?u=%252Fcb%253Fa%253Db%2526code%253D{}",
    '{{"id_token":"{}","token_type":"Bearer"}}',
    "{{'access_token': '{}', 'x': 1}}",
    '"{{\\"refresh_token\\": \\"{}\\", \\"x\\": 1}}"',
    "form {{'passwd': b'{}'}}",
    "[('password', '{}')]",
    "Authorization: Bearer {}",
    "authorization: Basic {}\r\nhost: a",
    "Proxy-Authorization: {}",
    "b'GET / HTTP/1.1\\r\\nAuthorization: Bearer {}\\r\\n\\r\\n'",
    "b'POST / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\ncode={}&state=1'",
    "b'HTTP/1.1 200 OK\\r\\nSet-Cookie: sid={}; Path=/\\r\\n\\r\\n'",
    "Headers[(b'authorization', b'Bearer {}'), (b'host', b'a')]",
    "(b'cookie', b'__Host-CF_Authorization={}; a=b')",
    "Cookie: theme=dark; sid={}; lang=sv",
    "Set-Cookie: sid={}; Path=/; HttpOnly",
    "set-cookie: __Host-CF_Login_ab12={}; Secure",
    "cookies: __Host-CF_AppSession_x={}",
    "CF_Authorization={}",
    "{{'CF_Authorization': '{}'}}",
    "Cf-Access-Jwt-Assertion: {}",
    "cf-access-client-secret: {}",
    "Cf-Access-Token: {}",
    "sent Bearer {}",
)
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
SECRETS = st.text(URL_SAFE, min_size=12, max_size=60)


@given(st.sampled_from(RAW), SECRETS, st.text("ab =&\"'\\,;:\n%{}", max_size=20), st.text("ab \"',;&\n", max_size=20))
@settings(max_examples=1500, deadline=None)
def test_no_planted_secret_comes_out(template, secret, before, after):
    assume(secret not in template)  # what stands there anyway, as a parameter's name does, is no secret
    line = f"{before} {template.format(secret)} {after}"
    assert secret not in redact(line)


@given(SECRETS, st.sampled_from(["%26", "%3D", "+", "%27", "%22", "%5C", "%C3%A9", "'", '"', "\\", ";", ","]), SECRETS)
@example("password1234", "%26", "and-the-rest")
@settings(deadline=None)
def test_of_a_password_with_odd_characters_no_part_comes_out(first, between, second):
    for told in (
        redact(f"loginfmt=a&passwd={first}{between}{second}&x=1"),
        redact(f"u=%3Fpasswd%3D{first}{between}{second}"),
    ):
        assert first not in told
        assert second not in told


@given(st.text(max_size=20), st.text(max_size=20))
def test_of_json_no_part_of_a_secret_comes_out(first, second):
    secret = f"{first}secret-1{second}secret-2"
    for line in (json.dumps({"a": 1, "client_secret": secret}), repr({"client_secret": secret, "a": 1})):
        assert "secret-" not in redact(line).replace("client_secret", "")


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ"]), st.text(max_size=20), min_size=1),
    st.binary(min_size=30, max_size=90),
    st.integers(0, 2),
)
@settings(deadline=None)
def test_no_json_web_token_comes_out(header, signature, spaces):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps(header, indent=spaces or None).encode())
    token = f"{head}.{part(b'{}' * 20)}.{part(signature)}"
    told = redact(f"wrong: <{token}>")
    assert not any(piece in told for piece in token.split("."))


@given(st.text(max_size=300))
def test_redacting_again_changes_nothing(text):
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "\\" * MAX_LINE,
        "code=" * 500,
        '"code":"' * 300,
        "e" * MAX_LINE,
        "ey0" * 700,
        "cookie: " * 300,
        "eyJaaaaaaa." * 200,
        " " * MAX_LINE,
    ],
)
def test_no_line_takes_long(text):
    """Compared with a plain line of the same length, so that a slow machine changes nothing."""

    def took(line):
        start = time.process_time()
        for _ in range(5):
            redact(line)
        return time.process_time() - start

    assert took(text) < 200 * max(took("plain text " * 190), 0.0005)


@pytest.fixture
def written():
    """A logger behind the filter, and the lines that its handler wrote."""
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    logger = logging.Logger("test")  # not of the tree, so that tests do not meet
    handler = Keep()
    handler.addFilter(RedactFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    return logger, lines


def test_a_message_and_its_arguments_are_cleaned(written):
    logger, lines = written
    logger.error("bad %s at %r", "code=abc", {"passwd": "hunter2"})
    assert lines == ["ERROR bad code=[hidden] at {'passwd': '[hidden]'}"]


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x9b31m", "\r", "\0", "\b", "\x7f"], ids=ascii)
def test_a_visitor_cannot_write_to_the_terminal(written, sign):
    logger, lines = written
    logger.info("GET /%sx refused", sign)
    try:
        raise ValueError(f"/{sign}x")
    except ValueError:
        logger.exception("failed")
    assert sign not in lines[0] + lines[1]
    assert f"/\\x{ord(sign[0]):02x}" in lines[0]


def test_a_message_that_is_no_text_is_cleaned(written):
    logger, lines = written
    logger.error(ValueError("code=abc"))
    assert lines == ["ERROR code=[hidden]"]


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ({},)])
def test_arguments_that_do_not_fit_are_no_fault(written, arguments):
    logger, lines = written
    logger.error("50% of code=abc %d %s %s", *arguments)
    assert len(lines) == 1
    assert "abc" not in lines[0]


class Rude:
    def __str__(self):
        raise RuntimeError("code=abc")


def test_what_cannot_be_shown_is_no_fault(written):
    logger, lines = written
    logger.error("%s", Rude())
    logger.error(Rude())
    assert len(lines) == 2
    assert "abc" not in "".join(lines)


def test_a_traceback_is_cleaned(written):
    logger, lines = written
    try:
        try:
            raise KeyError("client_secret=abcabc")
        except KeyError as fault:
            raise ValueError(f"got {JWT}") from fault
    except ValueError:
        logger.exception("failed", stack_info=True)
    assert "Traceback" in lines[0]
    assert "ValueError: got [hidden]" in lines[0]
    assert "abcabc" not in lines[0]
    assert "eyJ" not in lines[0]


def test_other_handlers_cannot_show_the_exception_again(written):
    logger, _ = written
    seen = []

    class Second(logging.Handler):
        def emit(self, record):
            seen.append((record.exc_info, record.getMessage(), record.args))

    logger.addHandler(Second())
    try:
        raise ValueError("code=abc")
    except ValueError:
        logger.exception("with %s", "state=abc")
    assert seen == [(None, "with state=[hidden]", None)]


def test_lines_are_cut(written):
    logger, lines = written
    logger.error("x" * 100_000)
    assert len(lines[0]) < MAX_LINE + 20
    assert lines[0].endswith(" [cut]")


@pytest.mark.parametrize("fill", range(0, 60, 7))
def test_a_cut_never_bares_a_secret(written, fill):
    logger, lines = written
    logger.error("x " * ((MAX_LINE - fill) // 2) + f"code={JWT.replace('.', '')[3:]} " + "y" * 100)
    assert not any(JWT[start : start + 6] in lines[0] for start in range(3, 30))


def test_a_long_traceback_keeps_its_end(written):
    logger, lines = written

    def deep(level):
        if level:
            deep(level - 1)
        raise ValueError(f"passwd={'hunter2' * 500}\nthe end")

    try:
        deep(5)
    except ValueError:
        logger.exception("failed")
    assert lines[0].endswith("the end")
    assert "hunter2" not in lines[0]
    assert len(lines[0]) < MAX_LINE + 100


def test_levels_and_names_stay(written):
    logger, _ = written
    record = logger.makeRecord("mitmproxy.proxy", logging.INFO, "f", 1, "%s", ("a",), None)
    assert RedactFilter().filter(record) is True
    assert (record.name, record.levelno, record.getMessage()) == ("mitmproxy.proxy", logging.INFO, "a")


def test_the_mark_is_plain():
    assert redact(HIDDEN) == HIDDEN
    assert urllib.parse.quote(HIDDEN) != HIDDEN
