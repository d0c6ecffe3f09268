"""Another service has a say: what it is asked, when, and that whatever goes wrong lets nobody in."""

import json
from dataclasses import replace

import jwt
import pytest
from jwt.algorithms import RSAAlgorithm

from gate.site import EVERYONE, NOW, STAFF, TEAM, WIKI, Browser, app, person, request_of, rsa_key, site_of
from glassgate.access.circumstances import ByEvaluation
from glassgate.access.facts import Evaluation
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import Ask, Forward, Lane, advance, run
from glassgate.gate.journey import journey, still_allowed
from glassgate.oidc.errors import ProviderUnavailable
from glassgate.oidc.http import HttpResponse

ASKED = Evaluation("https://ask.example/it", "https://ask.example/keys")
RULE = Rule("external_evaluation", ByEvaluation(ASKED))
GUARDED = replace(STAFF, require=(RULE,), exclude=())


class Service:
    """A service as one writes it: it checks our question with our published keys, and signs its answer."""

    def __init__(self, key="service"):
        self.key, self.asked, self.says, self.changes, self.answer, self.site = rsa_key(key), [], True, {}, None, None

    def __call__(self, request):
        if request.url == ASKED.keys_url:
            jwk = RSAAlgorithm.to_jwk(rsa_key("service").public_key(), as_dict=True)
            return HttpResponse(200, {}, json.dumps({"keys": [jwk | {"kid": "s1", "alg": "RS256"}]}).encode())
        assert (request.method, request.url) == ("POST", ASKED.url)
        question = self.read(json.loads(request.body)["token"])
        self.asked.append(question)
        if self.answer is not None:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        claims = {"success": self.says, "iat": question["iat"], "exp": question["iat"] + 60, "nonce": question["nonce"]}
        token = jwt.encode(claims | self.changes, self.key, algorithm="RS256", headers={"kid": "s1"})
        return HttpResponse(200, {}, json.dumps({"token": token}).encode())

    def read(self, token):
        published = json.loads(Browser(self.site).ask(TEAM, "/cdn-cgi/access/external-evaluation/certs").body)
        [key] = [jwt.PyJWK(key) for key in published["keys"]]
        checks = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
        return jwt.decode(
            token, key, algorithms=["EdDSA"], audience=ASKED.url, issuer=f"https://{TEAM}:8443", options=checks
        )


@pytest.fixture
def service():
    return Service()


def guarded(service, *policies):
    site = site_of(apps=[app("wiki", WIKI, *(policies or (GUARDED,)))], fetch=service)
    service.site = site
    return site


def signed_in(browser):
    return request_of(
        "/", headers={"cookie": f"CF_Authorization={browser.jars[WIKI]['CF_Authorization']}"}, at=browser.at
    )


def test_a_yes_lets_in_and_is_asked_with_who_comes_from_where(service):
    browser = Browser(guarded(service))
    assert isinstance(browser.open(WIKI, "/"), Forward)
    told = service.asked[0]["identity"]
    assert (told["email"], told["user_uuid"], told["ip"]) == (
        "alice@contoso.example", person("alice").user_id, "127.0.0.1",
    )  # fmt: skip


def test_a_no_keeps_out(service):
    service.says = False
    refused = Browser(guarded(service)).open(WIKI, "/")
    assert refused.status == 403
    assert "staff: require external_evaluation: no" in refused.events[-1].details


def test_an_email_that_does_not_count_is_told_to_no_service(service):
    site = guarded(service)
    site.parties["entra"].next = replace(person("alice"), email=None, unverified_email="boss@contoso.example")
    Browser(site).open(WIKI, "/")
    assert "boss@" not in json.dumps(service.asked)


AMISS = [
    ("away", {"answer": ProviderUnavailable("timeout", "no answer")}),
    ("an error", {"answer": HttpResponse(500, {}, b"{}")}),
    ("a redirect", {"answer": HttpResponse(302, {"Location": "https://ask.example/yes"}, b"")}),
    ("no JSON", {"answer": HttpResponse(200, {}, b"yes")}),
    ("JSON without a token", {"answer": HttpResponse(200, {}, b'{"success": true}')}),
    ("a token of nobody's", {"key": rsa_key("stranger")}),
    ("a token without a signature", {"answer": HttpResponse(200, {}, b'{"token": "eyJhbGciOiJub25lIn0.e30."}')}),
    ("another question's nonce", {"changes": {"nonce": "another"}}),
    ("an answer of yesterday", {"changes": {"iat": NOW - 86400, "exp": NOW - 86340}}),
    ("a yes in words", {"changes": {"success": "true"}}),
]


@pytest.mark.parametrize("wrong", [row[1] for row in AMISS], ids=[row[0] for row in AMISS])
def test_whatever_goes_wrong_is_no_answer(service, wrong):
    """Which keeps out where it is required, and where it would exclude; and it is asked anew the next time."""
    for name, value in wrong.items():
        setattr(service, name, value)
    for policy in (GUARDED, replace(STAFF, exclude=(RULE,))):
        refused = Browser(guarded(service, policy)).open(WIKI, "/")
        assert refused.status == 403
        assert "external_evaluation: unknown" in refused.events[-1].details[-1]
    service.answer, service.changes, service.key = None, {}, rsa_key("service")
    assert isinstance(Browser(guarded(service)).open(WIKI, "/"), Forward)


def test_our_own_question_sent_back_is_no_answer():
    def mirror(request):
        if request.url == ASKED.keys_url:
            return HttpResponse(200, {}, json.dumps(site.evaluations.public_keys()).encode())
        return HttpResponse(200, {}, request.body)

    site = site_of(apps=[app("wiki", WIKI, GUARDED)], fetch=mirror)
    assert Browser(site).open(WIKI, "/").status == 403


def test_an_answer_is_believed_till_its_own_end_for_one_visitor_at_one_address(service):
    site = guarded(service)
    browser = Browser(site)
    browser.open(WIKI, "/")
    asked = len(service.asked)
    for at, more in ((NOW + 59, 0), (NOW + 60, 1), (NOW + 61, 1)):
        browser.at = at
        assert isinstance(browser.ask(WIKI, "/"), Forward)
        assert len(service.asked) == asked + more
    service.says = False
    browser.at = NOW + 121
    assert browser.ask(WIKI, "/").status == 403
    other = Browser(site)
    other.open(WIKI, "/")
    assert len(service.asked) == asked + 3


def test_nobody_is_asked_where_it_could_change_nothing(service):
    first = Policy("first", Decision.ALLOW, (EVERYONE,))
    Browser(guarded(service, first, GUARDED)).open(WIKI, "/")
    nobody = Rule("email: bob", lambda facts: facts.identity and facts.identity.name == "bob")
    Browser(guarded(service, replace(GUARDED, include=(nobody,)))).open(WIKI, "/")
    assert service.asked == []


def test_a_stranger_makes_nobody_ask(service):
    """Only whom the answer would let in is asked about: who has not signed in is nobody."""
    browser = Browser(guarded(service))
    browser.ask(WIKI, "/")
    assert service.asked == []


def test_a_stranger_makes_nobody_ask_where_programs_pass(service):
    """They could keep the service, and all who wait for it, as busy as they like."""
    site = guarded(service, Policy("machines", Decision.SERVICE_AUTH, (RULE,)), STAFF)
    wrong = {"Cf-Access-Client-Id": "0" * 32 + ".access", "Cf-Access-Client-Secret": "x"}
    for headers in ({}, wrong):
        assert run(journey(site, request_of("/", headers=headers))).status == 401
    assert service.asked == []


def test_it_waits_in_a_lane_of_its_own(service):
    site = guarded(service)
    browser = Browser(site)
    browser.open(WIKI, "/")
    browser.at = NOW + 100
    request = signed_in(browser)
    lanes = []
    steps = journey(site, request)
    reached = advance(steps, [].append)
    while isinstance(reached, Ask):
        lanes.append(reached.lane)
        reached = advance(steps, [].append, reached.call())
    assert lanes[-1] is Lane.EVALUATION


def test_an_open_websocket_is_judged_by_it_again(service):
    site = guarded(service)
    browser = Browser(site)
    forward = browser.open(WIKI, "/")
    request = signed_in(browser)
    assert run(still_allowed(site, request, forward.app, forward.token, NOW + 100)) is None
    service.says = False
    assert run(still_allowed(site, request, forward.app, forward.token, NOW + 200)) == "policy"


def test_only_the_team_domain_shows_the_keys_and_certs_does_not(service):
    site = guarded(service)
    assert Browser(site).ask(WIKI, "/cdn-cgi/access/external-evaluation/certs").status == 404
    kid = site.evaluations.public_keys()["keys"][0]["kid"]
    assert kid.encode() not in Browser(site).ask(TEAM, "/cdn-cgi/access/certs").body
