"""Pages of other origins: true preflights alone are answered or passed, and nothing of anybody goes with them."""

import pytest

from gate.site import NOW, STAFF, WIKI, Browser, app, request_of, site_of
from glassgate.access.app import Cors
from glassgate.gate.cors import is_preflight
from glassgate.gate.exchange import Answer, Forward, run
from glassgate.gate.journey import journey

PAGE = "https://app.example"
ASKS = {"origin": PAGE, "access-control-request-method": "PUT", "access-control-request-headers": "x-a"}
SESSIONS = Cors(frozenset([PAGE]), methods=("GET", "PUT"), headers=("X-A",), credentials=True, max_age=600)
ANYBODY = Cors(any_origin=True, methods=("GET",), max_age=5)
ORIGINS = Cors(passes=True)


def site(cors):
    return site_of(apps=[app("wiki", WIKI, STAFF, cors=cors)])


def ask(cors, headers=ASKS, method="OPTIONS"):
    return run(journey(site(cors), request_of("/api", method=method, headers=headers)))


def access_control(answer):
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-") or name == "Vary"}


NONE = [
    ("another method", "POST", ASKS),
    ("no origin", "OPTIONS", {"access-control-request-method": "PUT"}),
    ("two origins", "OPTIONS", [("origin", PAGE), ("origin", PAGE), ("access-control-request-method", "PUT")]),
    ("no method asked for", "OPTIONS", {"origin": PAGE}),
    ("a body", "OPTIONS", {**ASKS, "content-length": "3"}),
    ("a body of any length", "OPTIONS", {**ASKS, "transfer-encoding": "chunked"}),
    ("a WebSocket", "OPTIONS", {**ASKS, "upgrade": "websocket"}),
]


@pytest.mark.parametrize(("method", "headers"), [row[1:] for row in NONE], ids=[row[0] for row in NONE])
@pytest.mark.parametrize("cors", [SESSIONS, ANYBODY, ORIGINS], ids=["sessions", "anybody", "origin"])
def test_what_only_looks_like_a_preflight_is_a_request_like_any_other(method, headers, cors):
    assert not is_preflight(request_of("/api", method=method, headers=headers))
    assert ask(cors, headers, method).status in (401, 403)


def test_the_gate_answers_for_the_pages_that_are_named():
    answer = ask(SESSIONS)
    assert (answer.status, answer.body) == (204, b"")
    assert access_control(answer) == {
        "Access-Control-Allow-Origin": PAGE, "Vary": "Origin", "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, PUT", "Access-Control-Allow-Headers": "X-A",
        "Access-Control-Max-Age": "600",
    }  # fmt: skip


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://app.example.evil", "http://app.example", "*"]
)
def test_any_other_page_is_told_nothing(origin):
    answer = ask(SESSIONS, {**ASKS, "origin": origin})
    assert (answer.status, access_control(answer)) == (403, {})


def test_for_anybody_there_are_no_credentials():
    said = access_control(ask(ANYBODY))
    assert said["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in said


def test_there_is_no_such_value_as_anybody_with_credentials():
    with pytest.raises(ValueError, match="any page"):
        Cors(any_origin=True, credentials=True)


def test_without_cors_a_preflight_is_refused():
    assert (ask(None).status, access_control(ask(None))) == (401, {})


SMUGGLED = {
    "cookie": "session=of-the-origin", "authorization": "Basic abc", "cf-access-jwt-assertion": "x",
    "cf-access-authenticated-user-email": "root@contoso.example", "x-api-key": "k", "x-forwarded-for": "192.0.2.1",
    "cf-access-token": "t", "user-agent": "browser", "sec-fetch-mode": "cors",
}  # fmt: skip


def test_the_origin_gets_a_preflight_and_nothing_of_anybody():
    browser = Browser(site(ORIGINS))
    browser.open(WIKI, "/")
    outcome = browser.ask(WIKI, "/api?x=1", method="OPTIONS", headers={**ASKS, **SMUGGLED})
    assert isinstance(outcome, Forward)
    assert (outcome.target, outcome.token, outcome.app.max_body) == ("/api?x=1", None, 0)
    sent = {name.decode().lower(): value.decode() for name, value in outcome.headers}
    assert sent.pop("cf-ray")
    assert sent == {
        **ASKS, "user-agent": "browser", "sec-fetch-mode": "cors", "host": f"{WIKI}:8443",
        "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "x-forwarded-host": f"{WIKI}:8443",
    }  # fmt: skip
    assert outcome.told().reason == "preflight"


def test_a_script_of_a_named_page_can_read_why_it_got_nothing():
    answer = ask(SESSIONS, {"origin": PAGE}, "GET")
    said = access_control(answer)
    assert answer.status == 401
    assert (said["Access-Control-Allow-Origin"], said["Access-Control-Allow-Credentials"]) == (PAGE, "true")
    assert "Cf-Ray" in said["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("cors", [SESSIONS, ORIGINS], ids=["named", "origin's"])
def test_a_script_of_another_page_cannot(cors):
    assert access_control(ask(cors, {"origin": "https://evil.example"}, "GET")) == {}


def test_what_is_let_in_is_for_the_origin_to_tell():
    browser = Browser(site(SESSIONS), NOW)
    browser.open(WIKI, "/")
    outcome = browser.ask(WIKI, "/api", headers={"origin": PAGE})
    assert isinstance(outcome, Forward)
    assert not isinstance(outcome, Answer)
