"""`glassgate login`: what it opens, what it takes for an answer, and that the token alone goes down the pipe."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cli.program import deployed, glassgate
from glassgate.cli.login import Place, Question, discovered
from glassgate.errors import GlassgateError
from glassgate.oidc.http import HttpResponse

TEAM = "https://team.localhost:8443"
PLACE = Place(TEAM, "wiki.localhost", "https://wiki.localhost:8443")
GOOD = {"code": "the-code", "iss": TEAM, "app": "wiki.localhost"}


def brought(question, **said):
    return question.code(f"/?{urlencode({'state': question.state, **said})}")


ANSWERS = [
    ("a yes", GOOD, "the-code"),
    ("a no", {"error": "access_denied"}, ""),
    ("another team's", {**GOOD, "iss": "https://team.evil.example"}, None),
    ("for another app", {**GOOD, "app": "payroll.localhost"}, None),
    ("to another question", {**GOOD, "state": "x"}, None),
    ("no code", {"iss": TEAM, "app": "wiki.localhost"}, None),
    ("nothing", {}, None),
]


@pytest.mark.parametrize(("said", "code"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_what_counts_as_an_answer(said, code):
    assert brought(Question(PLACE), **said) == code


def test_a_code_that_comes_twice_is_none():
    question = Question(PLACE)
    assert question.code(f"/?{urlencode({'state': question.state, **GOOD})}&code=other") is None


def test_the_address_holds_the_digest_of_the_secret_and_no_address_to_return_to():
    question = Question(PLACE)
    url = question.url(51234)
    assert question.verifier not in url
    assert set(parse_qs(urlsplit(url).query)) == {"app", "port", "challenge", "state"}
    assert question.verifier not in repr(question)


def answering(location):
    """A fetch to which every address leads there."""
    return lambda call: HttpResponse(302, {"Location": location})


@pytest.mark.parametrize("app", ["wiki.localhost", "wiki.localhost/admin"])
def test_an_address_leads_to_its_team(app):
    fetch = answering(f"{TEAM}/cdn-cgi/access/login/{app}?kid=x")
    assert discovered(fetch, "https://Wiki.localhost:8443/x").host == app


LED = [
    ("another app's, whose token would be shown to this one", f"{TEAM}/cdn-cgi/access/login/payroll.localhost?kid=x"),
    ("one that only begins so", f"{TEAM}/cdn-cgi/access/login/wiki.localhost.evil.example"),
    ("in the clear", "http://team.localhost/cdn-cgi/access/login/wiki.localhost"),
    ("elsewhere", f"{TEAM}/login"),
    ("nowhere", ""),
]


@pytest.mark.parametrize("location", [row[1] for row in LED], ids=[row[0] for row in LED])
def test_an_address_that_leads_elsewhere_gets_no_token(location):
    with pytest.raises(GlassgateError):
        discovered(answering(location), "https://wiki.localhost:8443")


def test_an_app_that_is_not_there_is_a_wrong_call(tmp_path):
    deployed(tmp_path)
    done = glassgate(tmp_path, "login", "wikki", "--no-browser")
    assert (done.code, done.out) == (2, "")
    assert "did you mean `wiki`?" in done.err
