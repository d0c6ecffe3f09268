import re
import tracemalloc

import pytest
import requests
from tornado.httputil import HTTPHeaders

from glassgate.lab.origins.handlers import CSP, LONGEST_DOWNLOAD, shortened, shown_headers
from lab.origins.peer import Site, Team, open_sites

MEBI = 1 << 20
PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize("path", ["/", "/search?q=a", "/api/whoami", "/echo", "/download?bytes=1", "/nothing"])
@pytest.mark.parametrize("kind", ["wiki", "payroll"])
def test_without_an_assertion_there_is_nothing(sites, kind, path):
    answer = sites[kind].ask(path, token="")
    assert (answer.status_code, answer.json()["error"]) == (403, "absent")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"aud": ["c" * 64]}, "wrong_aud"), ({"exp": 1}, "expired"), ({"kid": "foreign"}, "unknown_key"),
     ({"iss": "https://evil.example"}, "wrong_iss")],
)  # fmt: skip
def test_a_bad_assertion_is_refused_with_its_reason(wiki, changes, reason):
    token = wiki.team.token(**changes)
    answer = wiki.ask("/api/whoami", token=token)
    assert (answer.status_code, answer.json()["error"]) == (403, reason)
    page = wiki.ask("/", token=token, headers=PAGE)
    assert page.status_code == 403
    assert answer.json()["message"] in page.text
    assert token not in page.text


def test_where_no_keys_can_be_had_the_answer_is_503(tmp_path):
    team = Team()
    team.published = None
    server = open_sites(team, tmp_path)
    server.start()
    try:
        answer = Site(team, "wiki", server.addresses["wiki"][0], tmp_path / "wiki.log").ask("/")
    finally:
        server.close()
    assert (answer.status_code, answer.json()["error"]) == (503, "no_keys")


def test_whoami_tells_headers_and_claims(wiki):
    told = wiki.ask("/api/whoami", headers={"X-Forwarded-For": "127.0.0.1"}).json()
    assert (told["verified"], told["user"]) == (True, "alice@contoso.example")
    assert told["claims"]["iss"] == "https://team.localhost:8443"
    assert told["headers"]["X-Forwarded-For"] == "127.0.0.1"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_echo_tells_what_came(wiki, method):
    told = wiki.ask("/echo?a=%2F&b", method, data=b"x" * 1000).json()
    assert (told["method"], told["path"], told["body_length"]) == (method, "/echo?a=%2F&b", 1000)


def test_echo_of_a_head_has_no_body(wiki):
    assert wiki.ask("/echo", "HEAD").content == b""


@pytest.fixture
def peak():
    """Answers with the most memory held by Python since it began, in MiB."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1] / MEBI
    tracemalloc.stop()


def test_an_upload_is_counted_and_not_kept(wiki, peak):
    chunk = bytes(MEBI)
    told = wiki.ask("/echo", "POST", data=(chunk for _ in range(64))).json()
    assert told["body_length"] == 64 * MEBI
    assert peak() < 16


def test_a_download_is_made_as_it_is_taken(wiki, peak):
    answer = wiki.ask(f"/download?bytes={64 * MEBI + 1}", stream=True)
    assert answer.headers["Content-Length"] == str(64 * MEBI + 1)
    assert sum(len(chunk) for chunk in answer.iter_content(MEBI)) == 64 * MEBI + 1
    assert peak() < 16


@pytest.mark.parametrize("wanted", ["", "-1", "x", "1.5", "²", str(LONGEST_DOWNLOAD + 1), "9" * 30])
def test_a_download_of_no_length_is_refused(wiki, wanted):
    assert wiki.ask(f"/download?bytes={wanted}").status_code == 400


def test_a_download_of_nothing_is_empty(wiki):
    assert wiki.ask("/download?bytes=0").content == b""


def test_a_long_body_is_taken_by_echo_alone(wiki):
    assert wiki.ask("/api/whoami", "POST", data=b"x").status_code == 405
    # Cut off, or answered while it was still being sent.
    with pytest.raises(requests.exceptions.RequestException):
        wiki.ask("/", "POST", data=(bytes(MEBI) for _ in range(64))).raise_for_status()


def test_every_request_has_its_line_in_the_log(wiki):
    before = len(wiki.log)
    wiki.ask("/search?q=a%20b")
    wiki.ask("/nothing", token="")
    wiki.ask("/cookie", "BREW")
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
    assert [re.sub(when, "T", line) for line in wiki.log[before:]] == [
        "T GET /search?q=a%20b alice@contoso.example",
        "T GET /nothing -",
        "T BREW /cookie -",
    ]


def test_a_name_does_not_write_lines_of_its_own(wiki):
    before = len(wiki.log)
    wiki.ask("/", token=wiki.team.token(email="eve\n2026 GET /forged bob@contoso.example"))
    assert len(wiki.log) == before + 1


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/whoami", "/style.css", "/echo"])
@pytest.mark.parametrize("token", [None, ""], ids=["let in", "refused"])
def test_every_answer_is_kept_close(wiki, path, token):
    headers = wiki.ask(path, token=token, headers=PAGE).headers
    assert headers["Content-Security-Policy"] == CSP
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in headers


def test_the_style_needs_no_assertion_and_says_nothing(wiki):
    answer = wiki.ask("/style.css", token="")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")


def test_headers_on_a_page_hold_no_whole_credential():
    headers = HTTPHeaders()
    for name, value in [("Cookie", "session=" + "s" * 90), ("Authorization", "Bearer " + "t" * 90),
                        ("Cf-Access-Jwt-Assertion", "u" * 900), ("Accept", "a" * 200), ("Host", "wiki")]:  # fmt: skip
        headers.add(name, value)
    shown = dict(shown_headers(headers))
    assert shown["Host"] == "wiki"
    assert all(len(value) < 100 for value in shown.values())
    assert all("characters)" in shown[name] for name in ("Cookie", "Authorization", "Cf-Access-Jwt-Assertion"))


def test_a_short_credential_is_not_shown_whole_either():
    assert "secret" not in shortened("session=a-short-secret", is_credential=True)
