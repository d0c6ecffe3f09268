"""What a program shows of itself: in which forms it is read, and which answers look alike."""

import json
import secrets
from dataclasses import replace

import jwt
import pytest

from gate.site import BROWSER, EVERYONE, NOW, STAFF, WIKI, Browser, app, reason, request_of, site_of
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.service_token import made
from glassgate.gate import machine
from glassgate.gate import service_tokens as kept
from glassgate.gate.exchange import Forward, run
from glassgate.gate.journey import journey, still_allowed
from glassgate.state.memory import MemoryStore

TOKEN, SHOWN = made("ci", NOW, NOW + 1000, secrets.token_hex)
ID, SECRET = SHOWN.client_id, SHOWN.secret
TWO = [("CF-Access-Client-Id", ID), ("CF-Access-Client-Secret", SECRET)]
ONE = json.dumps({"cf-access-client-id": ID, "cf-access-client-secret": SECRET})
APP = replace(app("wiki", WIKI, STAFF), service_token_header=b"authorization")


def recognised(headers, at=NOW, one=APP):
    """The name of the program that a request shows; None where it shows none. Raises MachineError."""
    store = MemoryStore()
    kept.add(store, TOKEN)
    site = site_of(apps=[one], store=store)
    request = request_of("/", headers=headers, at=at)
    brought = machine.shown(request, one)
    assert machine.shows(request, one) == (brought is not None)
    return run(machine.known(site, brought, at)).name if brought else None


READ = [
    ("two headers", TWO),
    ("in any case", [("cf-access-client-ID", ID), ("CF-ACCESS-CLIENT-SECRET", SECRET)]),
    ("with spaces around", [("CF-Access-Client-Id", f" {ID}"), ("CF-Access-Client-Secret", f"{SECRET}\t")]),
    ("one header", [("Authorization", ONE)]),
    ("one header, in Cloudflare's other spelling", [("Authorization", ONE.replace("cf-access", "CF-Access"))]),
    ("two headers, and an Authorization of the origin's", [*TWO, ("Authorization", "Basic YTpi")]),
]


@pytest.mark.parametrize("headers", [row[1] for row in READ], ids=[row[0] for row in READ])
def test_it_is_known(headers):
    assert recognised(headers) == "ci"


NOTHING = [
    ("nothing", []),
    ("a bearer", [("Authorization", "Bearer x")]),
    ("another's JSON in another header", [("X-Token", ONE)]),
    ("an app token", [("Cf-Access-Token", "a.b.c")]),
]


@pytest.mark.parametrize("headers", [row[1] for row in NOTHING], ids=[row[0] for row in NOTHING])
def test_it_is_none(headers):
    assert recognised(headers) is None


def test_without_the_setting_the_one_header_is_the_origins():
    assert recognised([("Authorization", ONE)], one=app("wiki", WIKI, STAFF)) is None


BAD = [
    ("unknown", [("CF-Access-Client-Id", "0" * 32 + ".access"), TWO[1]], NOW, "service_token_unknown"),
    ("of another form", [("CF-Access-Client-Id", "ci"), TWO[1]], NOW, "service_token_unknown"),
    ("both swapped", [("CF-Access-Client-Id", SECRET), ("CF-Access-Client-Secret", ID)], NOW, "service_token_unknown"),
    ("expired", TWO, NOW + 1000, "service_token_expired"),
    ("wrong", [TWO[0], ("CF-Access-Client-Secret", "x")], NOW, "service_token_wrong_secret"),
    ("not ASCII", [TWO[0], ("CF-Access-Client-Secret", "\xfc")], NOW, "service_token_wrong_secret"),
    ("half", TWO[:1], NOW, "service_token_malformed"),
    ("the other half", TWO[1:], NOW, "service_token_malformed"),
    ("empty", [TWO[0], ("CF-Access-Client-Secret", " ")], NOW, "service_token_malformed"),
    ("id twice", [*TWO, TWO[0]], NOW, "service_token_malformed"),
    ("secret twice", [*TWO, TWO[1]], NOW, "service_token_malformed"),
    ("both forms", [*TWO, ("Authorization", ONE)], NOW, "service_token_malformed"),
    ("one form twice", [("Authorization", ONE), ("Authorization", ONE)], NOW, "service_token_malformed"),
    ("broken JSON", [("Authorization", ONE[:-1])], NOW, "service_token_malformed"),
    ("JSON of something else", [("Authorization", '{"a": "b"}')], NOW, "service_token_malformed"),
    ("no text", [("Authorization", '{"cf-access-client-id": 1, "cf-access-client-secret": 2}')], NOW,
     "service_token_malformed"),
    ("a member twice", [("Authorization", ONE[:-1] + f', "cf-access-client-id": "{ID}"}}')], NOW,
     "service_token_malformed"),
    ("a member twice in two spellings", [("Authorization", ONE[:-1] + f', "CF-Access-Client-Id": "{ID}"}}')], NOW,
     "service_token_malformed"),
    ("endless", [("Authorization", ONE[:-1] + " " * 1024 + "}")], NOW, "service_token_malformed"),
    ("deep", [("Authorization", "{" + '"a":[' * 150)], NOW, "service_token_malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "at", "said"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_it_does_not_count(headers, at, said):
    with pytest.raises(machine.MachineError) as fault:
        recognised(headers, at)
    assert fault.value.reason == said
    assert SECRET not in fault.value.client_id


def refused(why, client_id=""):
    site, request = site_of(apps=[APP]), request_of("/", headers={"accept": "text/html"})
    return machine.refused(site, request, APP, WIKI, machine.MachineError(why, client_id))


def test_unknown_expired_and_wrong_are_one_answer_and_three_lines_of_the_log():
    found = [refused(why, ID) for why in machine.ALIKE]
    assert len({(answer.status, answer.headers, answer.body) for answer in found}) == 1
    assert found[0].status == 401
    assert json.loads(found[0].body)["reason"] == "service_token_invalid"
    assert len({reason(answer) for answer in found}) == 3
    assert all(answer.events[0].details == (f"client id {ID}",) for answer in found)


def test_no_answer_sets_a_cookie_or_leads_elsewhere():
    for why in machine.Reason:
        names = {name for name, _ in refused(why).headers}
        assert not names & {"Set-Cookie", "Location"}
        assert names >= {"WWW-Authenticate", "Cf-Access-Aud", "Cf-Access-Domain"}


def test_what_is_malformed_is_said_since_it_says_nothing_of_any_token():
    assert "each once" in json.loads(refused(machine.Reason.MALFORMED).body)["message"]


class TestJourney:
    """The whole way of a request that shows a service token."""

    CI = Rule("service_token: ci", lambda facts: facts.service_token and facts.service_token.name == "ci")
    PROGRAMS = Policy("programs", Decision.SERVICE_AUTH, (CI,))
    OPEN = Policy("open", Decision.BYPASS, (EVERYONE,))

    def site(self, *policies):
        store = MemoryStore()
        kept.add(store, TOKEN)
        one = replace(app("wiki", WIKI, *policies), service_token_header=b"authorization")
        return site_of(apps=[one], store=store)

    def ask(self, where, headers=TWO, **more):
        return run(journey(where, request_of("/x", headers=headers, **more)))

    @pytest.mark.parametrize(
        "headers", [TWO, [("Authorization", ONE)], [*TWO, ("Accept", "text/html")]], ids=["two", "one", "html"]
    )
    def test_it_is_let_in_and_the_origin_hears_its_name_alone(self, headers):
        passed = self.ask(self.site(STAFF, self.PROGRAMS), headers)
        assert isinstance(passed, Forward)
        told = dict(passed.headers)
        claims = jwt.decode(told[b"Cf-Access-Jwt-Assertion"].decode(), options={"verify_signature": False})
        assert (claims["common_name"], claims["sub"], claims["type"]) == (ID, "", "app")
        assert not [value for _, value in passed.headers if SECRET.encode() in value]
        assert b"Cf-Access-Authenticated-User-Email" not in told
        assert passed.told().policy == "programs"

    def test_a_person_beside_it_is_not_taken_along(self):
        where = self.site(STAFF)
        browser = Browser(where)
        browser.open(WIKI, "/")
        cookie = f"CF_Authorization={browser.jars[WIKI]['CF_Authorization']}"
        assert isinstance(self.ask(where, {"cookie": cookie}), Forward)
        denied = self.ask(where, [*TWO, ("Cookie", cookie)])
        assert (denied.status, reason(denied)) == (403, "service_token_not_allowed")
        assert self.ask(where, [TWO[0], ("Cookie", cookie)]).status == 401

    def test_no_person_is_sent_elsewhere_with_it(self):
        assert self.ask(self.site(STAFF), [*TWO, *BROWSER.items()]).status == 403
        assert self.ask(self.site(STAFF), [TWO[0], *BROWSER.items()]).status == 401

    def test_people_are_judged_where_none_is_shown(self):
        assert self.ask(self.site(STAFF, self.PROGRAMS), BROWSER).status == 302
        assert self.ask(self.site(STAFF, self.PROGRAMS), {}).status == 401

    def test_a_bypass_lets_it_in_whatever_it_shows_and_takes_it_off(self):
        for headers in (TWO, TWO[:1], [("Authorization", ONE)], [("Authorization", ONE[:-1])]):
            passed = self.ask(self.site(STAFF, self.OPEN), headers)
            assert isinstance(passed, Forward)
            assert not [value for _, value in passed.headers if SECRET.encode() in value]
            assert b"Cf-Access-Jwt-Assertion" not in dict(passed.headers)

    def test_one_that_is_bad_is_let_in_by_no_other_programs_policy(self):
        anyone = Policy("anyone", Decision.SERVICE_AUTH, (EVERYONE,))
        assert self.ask(self.site(anyone), TWO[:1]).status == 401
        assert isinstance(self.ask(self.site(anyone), TWO), Forward)
        assert self.ask(self.site(anyone), {}).status == 401

    def test_its_websocket_stands_as_long_as_it_counts(self):
        where = self.site(STAFF, self.PROGRAMS)
        request = request_of("/x", headers=TWO)
        one = where.apps[WIKI]
        assert isinstance(run(journey(where, request)), Forward)
        assert run(still_allowed(where, request, one, None, NOW + 1)) is None
        assert run(still_allowed(where, request, one, None, NOW + 1000)) == "policy"

    def test_its_assertion_is_no_credential(self):
        where = self.site(STAFF, self.PROGRAMS)
        held = dict(self.ask(where).headers)[b"Cf-Access-Jwt-Assertion"].decode()
        for headers in (
            {"cf-access-token": held}, {"authorization": f"Bearer {held}"}, {"cookie": f"CF_Authorization={held}"},
        ):  # fmt: skip
            assert self.ask(where, headers).status == 401
