"""Another app's token opens this one where a policy links them, and nothing else does."""

from dataclasses import replace
from ipaddress import ip_network

import jwt
import pytest

from gate.site import NOW, STAFF, WIKI, Browser, app, person, request_of, site_of
from glassgate.access.circumstances import LinkedApp
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import Forward, run
from glassgate.gate.journey import journey, still_allowed

NOTES = "notes.localhost"
SOURCE = app("wiki", WIKI, STAFF)
OTHER = app("calendar", "calendar.localhost", STAFF)
LINK = Policy("from the wiki", Decision.SERVICE_AUTH, (Rule("linked_app_token: wiki", LinkedApp(SOURCE.aud)),))
TARGET = app("notes", NOTES, LINK)


@pytest.fixture
def site():
    return site_of(apps=[SOURCE, OTHER, TARGET])


def held(site, host=WIKI, name="alice"):
    site.parties["entra"].next = person(name)
    browser = Browser(site)
    browser.open(host, "/")
    return browser.jars[host]["CF_Authorization"]


def ask(site, *tokens, at=NOW, headers=()):
    pairs = [*(("Cf-Access-Token", one) for one in tokens), *headers]
    return run(journey(site, request_of("/x", host=f"{NOTES}:8443", headers=pairs, at=at)))


def test_a_live_token_of_the_linked_app_lets_in_and_the_origin_is_told_who(site):
    token = held(site)
    passed = ask(site, token)
    assert isinstance(passed, Forward)
    told = dict(passed.headers)
    assert told[b"Cf-Access-Authenticated-User-Email"] == b"alice@contoso.example"
    said = jwt.decode(told[b"Cf-Access-Jwt-Assertion"], options={"verify_signature": False})
    assert (said["aud"], said["email"], said["sub"]) == ([TARGET.aud], "alice@contoso.example", person("alice").user_id)
    assert token.encode() not in [value for _, value in passed.headers]


def test_what_the_origin_is_told_opens_nothing_at_the_gate(site):
    assertion = dict(ask(site, held(site)).headers)[b"Cf-Access-Jwt-Assertion"].decode()
    cookie = [("cookie", f"CF_Authorization={assertion}")]
    people = site_of(apps=[SOURCE, replace(TARGET, policies=(STAFF,))], keys=site.keys, sessions=site.sessions)
    assert ask(people, headers=cookie).status == 401


REFUSED = [
    ("no token", lambda site: []),
    ("a token of an app that is not linked", lambda site: [held(site, "calendar.localhost")]),
    ("no token of ours", lambda site: ["a.b.c"]),
    ("tokens of two people", lambda site: [held(site), held(site, name="bob")]),
]


@pytest.mark.parametrize("tokens", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_nothing_else_does(site, tokens):
    assert ask(site, *tokens(site)).status == 401


def test_in_a_cookie_it_is_none(site):
    assert ask(site, headers=[("cookie", f"CF_Authorization={held(site)}")]).status == 401


def test_it_ends_with_its_session(site):
    token = held(site)
    assert ask(site, token, at=NOW + 3600).status == 401
    nonce = jwt.decode(token, options={"verify_signature": False})["identity_nonce"]
    session = run(site.sessions.granted(nonce, NOW)).session
    request = request_of("/x", host=f"{NOTES}:8443", headers={"cf-access-token": token})
    assert run(still_allowed(site, request, TARGET, None, NOW + 10)) is None
    run(site.sessions.end(session))
    assert ask(site, token).status == 401
    assert run(still_allowed(site, request, TARGET, None, NOW + 10)) == "policy"


def test_the_rest_of_the_policy_holds_too(site):
    elsewhere = Rule("ip", lambda facts: facts.ip in ip_network("192.0.2.0/24"))
    strict = replace(TARGET, policies=(replace(LINK, require=(elsewhere,)),))
    assert ask(site_of(apps=[SOURCE, strict], keys=site.keys, sessions=site.sessions), held(site)).status == 401
