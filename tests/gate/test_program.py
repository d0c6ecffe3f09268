"""A token for a program: who gives it, to whom it goes, and that nothing on the way opens anything alone."""

import json
import secrets
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from gate.site import BROWSER, NOW, PAYROLL, STAFF, TEAM, WIKI, Browser, app, person, reason, site_of
from glassgate.gate import program
from glassgate.gate.exchange import Forward
from glassgate.oidc.relying_party import code_challenge

PATH = "/cdn-cgi/access/cli"
ORIGIN = "https://team.localhost:8443"
VERIFIER, STATE = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
ASKED = {"app": WIKI, "port": "51234", "challenge": code_challenge(VERIFIER), "state": STATE}
FORM = {**BROWSER, "origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}


class Person:
    """Somebody with a browser, and the program that they started."""

    def __init__(self, site=None, at=NOW):
        self.browser = Browser(site or site_of(), at)

    def opened(self, **more):
        """The page that the program opened, after whatever sign-in it took."""
        return self.browser.open(TEAM, f"{PATH}?{urlencode({**ASKED, **more})}")

    @property
    def meta(self):
        [meta] = parse_qs(urlsplit([url for url in self.browser.urls if "meta=" in url and PATH in url][-1]).query)[
            "meta"
        ]
        return meta

    def says(self, answer="yes", meta=None, **headers):
        body = urlencode({"meta": meta or self.meta, "answer": answer}).encode()
        return self.browser.ask(TEAM, PATH, headers={**FORM, **headers}, method="POST", body=body)

    def code(self):
        self.opened()
        return brought(self.says())["code"]


def brought(answer):
    """What the browser brings to loopback."""
    assert answer.status == 303
    url = urlsplit(dict(answer.headers)["Location"])
    assert (url.scheme, url.netloc, url.path) == ("http", "127.0.0.1:51234", "/")
    return {name: values[0] for name, values in parse_qs(url.query).items()}


def redeemed(site, code, verifier=VERIFIER, at=NOW):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode({"code": code, "verifier": verifier}).encode()
    return Browser(site, at).ask(TEAM, f"{PATH}/token", headers=kind, method="POST", body=body)


def test_a_person_signs_in_says_yes_and_the_program_has_a_token_that_opens_the_app():
    who = Person()
    page = who.opened()
    assert page.status == 200
    for shown in (program.compare(ASKED["challenge"]), "https://wiki.localhost:8443", "alice@contoso.example", "51234"):
        assert shown in page.body.decode()
    said = brought(who.says())
    assert (said["state"], said["iss"], said["app"]) == (STATE, ORIGIN, WIKI)
    site = who.browser.site
    answer = redeemed(site, said["code"])
    assert answer.status == 200
    told = json.loads(answer.body)
    claims = jwt.decode(told["token"], options={"verify_signature": False})
    assert (claims["aud"], claims["exp"]) == ([site.apps[WIKI].aud], int(NOW) + 3600)
    assert [(event.action, event.reason, event.email) for event in answer.events] == [
        ("issued", "program", "alice@contoso.example")
    ]
    for headers in (
        {"cf-access-token": told["token"]}, {"authorization": f"Bearer {told['token']}"},
        {"cookie": f"CF_Authorization={told['token']}"},
    ):  # fmt: skip
        assert isinstance(Browser(site).ask(WIKI, "/x", headers=headers), Forward)
        assert Browser(site).ask(PAYROLL, "/x", headers=headers).status == 401


def test_the_page_goes_to_no_frame_and_its_form_says_where_it_comes_from():
    told = dict(Person().opened().headers)
    assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
    assert "form-action" not in told["Content-Security-Policy"]
    assert told["Referrer-Policy"] == "same-origin"


def test_a_no_is_told_and_gives_nothing():
    who = Person()
    who.opened()
    assert brought(who.says("no")) == {"error": "access_denied", "state": STATE}
    assert who.says("yes").status == 404


BAD_QUESTIONS = [
    ("no such app", {"app": "elsewhere.example"}), ("the team itself", {"app": TEAM}), ("no app", {"app": ""}),
    ("a port that is not its own", {"port": "80"}), ("no port", {"port": "99999"}), ("a host", {"port": "51234@evil"}),
    ("a foreign digit", {"port": "5123٤"}), ("no digest", {"challenge": "x"}), ("a plain one", {"challenge": "x" * 44}),
    ("no mark", {"state": ""}), ("a long mark", {"state": "x" * 65}), ("a line", {"state": "x" * 20 + "\n"}),
]  # fmt: skip


@pytest.mark.parametrize("more", [row[1] for row in BAD_QUESTIONS], ids=[row[0] for row in BAD_QUESTIONS])
def test_a_question_that_cannot_be_asked(more):
    assert Person().opened(**more).status == 404


def test_what_is_asked_twice_is_not_asked():
    assert Person().browser.open(TEAM, f"{PATH}?{urlencode(ASKED)}&app={PAYROLL}").status == 404


def test_only_our_own_page_says_yes():
    who = Person()
    who.opened()
    for origin in ("https://evil.example", "null", "https://wiki.localhost:8443", ""):
        assert (who.says(origin=origin).status, reason(who.browser.last)) == (403, "foreign_origin")
    without = {name: value for name, value in FORM.items() if name != "origin"}
    assert who.browser.ask(TEAM, PATH, headers=without, method="POST", body=b"").status == 403


def test_whoever_is_not_signed_in_says_nothing():
    who, stranger = Person(), Person()
    who.opened()
    assert stranger.says(meta=who.meta).status == 404


def test_a_question_stands_for_ten_minutes():
    who = Person()
    who.opened()
    who.browser.at = NOW + program.ASKED_LIFETIME
    assert who.says().status == 404


def test_a_question_has_one_answer():
    who = Person()
    who.opened()
    assert who.says().status == 303
    assert who.says().status == 404


BAD_CODES = [
    ("another's secret", lambda code: (code, "x" * 43, NOW), "program_secret"),
    ("no secret", lambda code: (code, "", NOW), "program_secret"),
    ("the digest for the secret", lambda code: (code, ASKED["challenge"], NOW), "program_secret"),
    ("too late", lambda code: (code, VERIFIER, NOW + 61), "program_code_unknown"),
    ("no code", lambda code: ("", VERIFIER, NOW), "program_code_unknown"),
    ("changed", lambda code: (code[:-4] + "AAAA", VERIFIER, NOW), "program_code_unknown"),
]


@pytest.mark.parametrize(("changed", "said"), [row[1:] for row in BAD_CODES], ids=[row[0] for row in BAD_CODES])
def test_a_code_that_is_worth_nothing(changed, said):
    who = Person()
    code, verifier, at = changed(who.code())
    answer = redeemed(who.browser.site, code, verifier, at)
    assert (answer.status, reason(answer)) == (400, said)
    assert json.loads(answer.body)["error"] == "invalid_grant"


def test_a_code_is_good_once():
    who = Person()
    code = who.code()
    assert redeemed(who.browser.site, code).status == 200
    assert redeemed(who.browser.site, code).status == 400


def test_the_question_is_no_code_and_the_code_no_question():
    who = Person()
    code = who.code()
    assert redeemed(who.browser.site, who.meta).status == 400
    assert who.browser.ask(TEAM, f"{PATH}?{urlencode({'meta': code})}").status == 404


def test_guesses_are_bounded():
    site = site_of()
    found = {redeemed(site, "x").status for _ in range(30)}
    assert found == {400, 429}


def test_after_a_sign_out_the_code_gives_nothing():
    who = Person()
    code = who.code()
    who.browser.open(TEAM, "/cdn-cgi/access/logout")
    assert redeemed(who.browser.site, code).status == 400


def test_whom_the_app_refuses_is_asked_nothing():
    site = site_of()
    site.parties["entra"].next = person("mallory")
    page = Person(site).opened()
    assert page.status == 403
    assert "mallory@contoso.example" in page.body.decode()


def test_more_proof_is_asked_for_once_where_the_app_wants_it():
    site = site_of()
    party = site.parties["entra"]
    party.next = person("bob")
    who = Person(site)
    assert who.opened(app=PAYROLL).status == 403
    assert [ask.acrs for ask in party.asked] == [(), ("c1",)]
    party.next = replace(person("bob"), acrs=frozenset(("c1",)))
    assert Person(site).opened(app=PAYROLL).status == 200


def test_a_program_gets_no_page():
    assert Browser(site_of()).ask(TEAM, f"{PATH}?{urlencode(ASKED)}", headers={}).status == 401


def test_the_token_has_its_own_way_alone():
    site = site_of()
    assert Browser(site).ask(TEAM, f"{PATH}/token").status == 405
    assert Browser(site).ask(WIKI, PATH).status == 404


@pytest.mark.parametrize(
    ("domain", "said", "shown"),
    [
        (f"{WIKI}/admin", f"{WIKI}/admin", "https://wiki.localhost:8443/admin"),
        ("*.apps.localhost", "a.apps.localhost", "https://a.apps.localhost:8443"),
    ],
    ids=["a part of a host", "one of a pattern"],
)
def test_an_app_is_asked_for_wherever_it_is(domain, said, shown):
    site = site_of(apps=[app("tools", domain, STAFF)])
    who = Person(site)
    assert shown in who.opened(app=said).body.decode()
    assert redeemed(site, brought(who.says())["code"]).status == 200
    assert Person(site).opened(app="b.localhost").status == 404
