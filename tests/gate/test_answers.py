"""The gate's own answers: what each carries, as a page and as JSON, and what is told of it."""

import json
from html import unescape
from ipaddress import ip_network

import pytest

from gate.site import BROWSER, NOW, STAFF, WIKI, app, request_of, site_of
from glassgate.access import pages
from glassgate.access.messages import MESSAGES
from glassgate.gate import answers
from glassgate.record.events import Action

PERSON = request_of("/page", headers=BROWSER)
PROGRAM = request_of("/page", headers={"accept": "application/json"})
RAY = "0123456789abcdef"
ARMOUR = {
    "Cf-Ray": RAY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": pages.CSP,
}  # fmt: skip

MADE = [
    ("a page", answers.page(PERSON, 200, "<p>ä")),
    ("data", answers.data(PROGRAM, 200, {"a": 1})),
    ("a redirect", answers.redirect(PERSON, "https://wiki.localhost:8443/")),
    ("a message", answers.standard(PERSON, "not_found")),
    ("a message to a program", answers.standard(PROGRAM, "not_found")),
    ("a wrong method", answers.wrong_method(PERSON, "GET")),
    ("a refusal", answers.refused(PERSON, site_of(), "target")),
]


@pytest.mark.parametrize("answer", [row[1] for row in MADE], ids=[row[0] for row in MADE])
def test_every_answer_carries_the_same_armour_once(answer):
    names = [name for name, _ in answer.headers]
    assert ARMOUR.items() <= dict(answer.headers).items()
    assert len(names) == len(set(names))
    assert "Set-Cookie" not in names
    assert "Access-Control-Allow-Origin" not in names


@pytest.mark.parametrize("code", MESSAGES)
def test_every_message_is_a_page_for_a_person_and_json_for_a_program(code):
    page, data = answers.standard(PERSON, code), answers.standard(PROGRAM, code)
    said = MESSAGES[code]
    assert page.status == data.status == said.status
    assert dict(page.headers)["Content-Type"] == "text/html; charset=utf-8"
    assert said.title in unescape(page.body.decode())
    assert RAY in page.body.decode()
    assert dict(data.headers)["Content-Type"] == "application/json"
    assert json.loads(data.body) == {"error": code, "message": said.text, "id": RAY}


@pytest.mark.parametrize("code", MESSAGES)
def test_every_status_has_its_words(code):
    assert answers.reason_phrase(MESSAGES[code].status)


def test_facts_and_the_way_on_stand_on_the_page():
    page = answers.standard(PERSON, "sign_in_failed", facts=(("Reason", "why"),), action=("Again", "/go"))
    assert all(part in page.body.decode() for part in ("Reason", "why", "Again", 'href="/go"'))


def test_a_redirect_is_a_302_without_a_body():
    answer = answers.redirect(PERSON, "https://team.localhost:8443/x")
    assert (answer.status, answer.body) == (302, b"")
    assert dict(answer.headers)["Location"] == "https://team.localhost:8443/x"


def test_a_wrong_method_names_the_right_ones():
    answer = answers.wrong_method(PROGRAM, "GET, HEAD")
    assert (answer.status, dict(answer.headers)["Allow"]) == (405, "GET, HEAD")


def test_clients_know_access_by_three_headers():
    site = site_of()
    assert answers.access_headers(site.apps[WIKI], WIKI) == [
        ("WWW-Authenticate", "Cloudflare-Access"), ("Cf-Access-Aud", site.apps[WIKI].aud), ("Cf-Access-Domain", WIKI),
    ]  # fmt: skip


PUBLIC = "wiki.example.com"
HSTS = [
    ("a public host", {"host": PUBLIC}, 200, True),
    ("a public host with a port", {"host": f"{PUBLIC}:8443"}, 200, True),
    ("over plain http", {"host": PUBLIC, "secure": False}, 302, False),
    ("misdirected", {"host": PUBLIC}, 421, False),
    ("localhost", {"host": "localhost"}, 200, False),
    ("below localhost", {"host": "a.localhost:8443"}, 200, False),
    ("a look-alike of localhost", {"host": "notlocalhost"}, 200, True),
]


@pytest.mark.parametrize(("given", "status", "there"), [row[1:] for row in HSTS], ids=[row[0] for row in HSTS])
def test_browsers_are_told_to_stay_with_https(given, status, there):
    headers = dict(answers.base_headers(request_of("/", **given), status))
    assert ("Strict-Transport-Security" in headers) is there


def test_what_is_told_names_the_path_and_not_the_query():
    request = request_of("/callback?code=the-code&state=the-state", headers={"user-agent": "Curl/8"})
    event = answers.told(Action.REFUSED, request, site_of(), reason="why", status=400)
    assert (event.ray, event.at, event.ip, event.host) == (RAY, NOW, "127.0.0.1", WIKI)
    assert (event.method, event.path, event.user_agent) == ("GET", "/callback", "Curl/8")
    assert "the-code" not in repr(event)


def test_what_is_told_is_bounded():
    long = request_of("/" + "p" * 9000, method="M" * 900, headers={"user-agent": "u" * 9000})
    event = answers.told(Action.REFUSED, long, site_of())
    assert (len(event.path), len(event.method), len(event.user_agent)) == (512, 32, 256)


STRANGE = [
    ("no host", {"hosts": []}, ""),
    ("no port", {"host": "wiki.localhost"}, "wiki.localhost"),
    ("two hosts", {"hosts": ["a:1", "b:2"]}, "a"),
    ("an IPv6 address", {"host": "[::1]:8443"}, "[::1]"),
]


@pytest.mark.parametrize(("given", "host"), [row[1:] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_the_host_that_is_told(given, host):
    assert answers.told(Action.REFUSED, request_of("/", **given), site_of()).host == host


def test_a_refusal_is_told_with_its_reason_and_says_nothing_of_it():
    answer = answers.refused(PERSON, site_of(), "target_ambiguous")
    [event] = answer.events
    assert (event.action, event.allowed, event.status, event.reason) == (
        Action.REFUSED, False, 400, "target_ambiguous",
    )  # fmt: skip
    assert b"target_ambiguous" not in answer.body


def test_the_client_that_is_told_is_seen_past_trusted_proxies():
    site = site_of(trusted_proxies=(ip_network("127.0.0.0/8"),), apps=[app("wiki", WIKI, STAFF)])
    request = request_of("/", headers={"x-forwarded-for": "192.0.2.9"})
    assert answers.told(Action.REFUSED, request, site).ip == "192.0.2.9"
    assert answers.told(Action.REFUSED, request, site_of()).ip == "127.0.0.1"
    unreadable = request_of("/", headers={"x-forwarded-for": "192.0.2.9:443"})
    assert answers.told(Action.REFUSED, unreadable, site).ip == "unknown"


def test_the_country_that_is_told_is_a_trusted_proxys_word():
    request = request_of("/", headers={"cf-ipcountry": "DE"})
    assert answers.told(Action.REFUSED, request, site_of()).country is None
    site = site_of(trusted_proxies=(ip_network("127.0.0.0/8"),))
    assert answers.told(Action.REFUSED, request, site).country == "DE"
