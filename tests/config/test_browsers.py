"""How an application behaves towards browsers, as it is written and as the rooms get it."""

import pytest

from config.files import app, problems, settings
from glassgate.access.app import Cors, SameSite, TokenCookie, Unauthenticated

PAGE = "https://a.example"


def made(tmp_path, **changes):
    return settings(app(**changes), tmp_path).apps[0]


def test_said_nothing_it_is_strict(tmp_path):
    one = made(tmp_path)
    assert (one.cookie, one.cors, one.deny_url, one.deny_message) == (TokenCookie(), None, None, "")


@pytest.mark.parametrize(
    ("text", "value"), [("lax", SameSite.LAX), ("Strict", SameSite.STRICT), ("NONE", SameSite.NONE)]
)
def test_same_site_however_it_is_written(tmp_path, text, value):
    assert made(tmp_path, same_site=text).cookie.same_site is value


def test_every_wish_about_the_cookie(tmp_path):
    one = made(tmp_path, http_only=False, path_cookie=False, binding_cookie=True, domain="wiki.example.com/a")
    assert one.cookie == TokenCookie(SameSite.LAX, http_only=False, own_path=False, bound=True)


CORS = [
    ({"origins": [PAGE]}, Cors(frozenset([PAGE]), methods=("GET", "HEAD", "POST"), max_age=600)),
    ({"origins": ["*"], "max_age": "0s"}, Cors(any_origin=True, methods=("GET", "HEAD", "POST"))),
    (
        {"origins": [PAGE], "methods": ["PUT"], "headers": ["X-A"], "credentials": True, "max_age": "1h"},
        Cors(frozenset([PAGE]), methods=("PUT",), headers=("X-A",), credentials=True, max_age=3600),
    ),
    ({"preflight": "origin"}, Cors(methods=("GET", "HEAD", "POST"), max_age=600, passes=True)),
]


@pytest.mark.parametrize(("said", "value"), CORS, ids=["a page", "any page", "all of it", "the origin's"])
def test_cors(tmp_path, said, value):
    assert made(tmp_path, cors=said).cors == value


def test_as_cloudflare_has_it_unless_the_app_says_otherwise(tmp_path):
    one = made(tmp_path, compat="cloudflare")
    assert one.cookie == TokenCookie(SameSite.NONE, own_path=False)
    assert (one.unauthenticated, one.forward_cookie) == (Unauthenticated.REDIRECT, True)
    own = made(tmp_path, compat="cloudflare", same_site="lax", unauthenticated="auto", forward_cookie=False)
    assert own.cookie == TokenCookie(SameSite.LAX, own_path=False)
    assert (own.unauthenticated, own.forward_cookie) == (Unauthenticated.AUTO, False)


@pytest.mark.parametrize(
    "url",
    ["https://www.example.com/", "https://wiki.example.com/public", "http://localhost:1/x", "https://x.example?a=%20b"],
)
def test_where_refused_people_may_be_sent(tmp_path, url):
    assert made(tmp_path, domain="wiki.example.com/admin", deny_url=url).deny_url == url


def test_a_page_of_ones_own_lies_beside_the_file(tmp_path):
    assert made(tmp_path, deny_page="pages/no.html").deny_page == tmp_path / "pages" / "no.html"
    assert made(tmp_path).deny_page is None


def test_what_the_page_says_is_one_paragraph(tmp_path):
    assert made(tmp_path, deny_message="Ask the\n  service desk.").deny_message == "Ask the service desk."


def test_a_domain_that_is_wrong_elsewhere_is_told_there_alone(tmp_path):
    found = problems(app(domain="a..b", deny_url="https://www.example.com", cors=7), tmp_path)
    assert {what.split(": ")[1] for _, what, _ in found} == {"`domain`", "`cors`"}
