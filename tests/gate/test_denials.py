"""Saying no: to a person with a page that says whose move it is, to a program in words that it can read."""

import json

import pytest

from gate.site import PAYROLL, WIKI, Browser, request_of, site_of
from glassgate.gate.denials import BAD_CALLBACK, OUT_OF_DATE, failed
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError

PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}
AGAIN = f"https://{WIKI}:8443/first"


def told(fault, headers=PAGE):
    site = site_of()
    return failed(site, request_of("/", headers=headers), fault, site.parties["entra"], AGAIN)


ROWS = [
    ("an old state", SignInError(Reason.STATE_EXPIRED, "old"), 400, "out of date"),
    ("another browser", SignInError(Reason.STATE_OTHER_BROWSER, "other"), 400, "out of date"),
    ("a repeated parameter", SignInError(Reason.PARAMETER_REPEATED, "twice"), 400, "did not work"),
    ("a bad signature", SignInError(Reason.SIGNATURE, "bad"), 502, "cannot be trusted"),
    ("the provider said no", ProviderRefused("access_denied", "no"), 403, "said no"),
    ("the provider is away", ProviderUnavailable(Reason.TIMEOUT, "late"), 503, "does not answer"),
]


@pytest.mark.parametrize(("fault", "status", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_kind_of_failure_has_its_own_page_and_a_way_on(fault, status, words):
    answer = told(fault)
    assert answer.status == status
    assert words in answer.body.decode()
    assert AGAIN in answer.body.decode()
    assert answer.events[0].reason == fault.reason


@pytest.mark.parametrize(("asked", "said"), [(None, "10"), (7, "7")])
def test_a_provider_that_is_away_says_when_to_come_back(asked, said):
    answer = told(ProviderUnavailable(Reason.TIMEOUT, "late", retry_after=asked))
    assert dict(answer.headers)["Retry-After"] == said
    assert all(part in answer.body.decode() for part in ("timeout", "late", "0123456789abcdef")), "and why"


def test_what_an_administrator_needs_stands_on_the_page():
    fault = ProviderRefused(
        "invalid_client", "AADSTS7000215: bad", code="AADSTS7000215", trace_id="trace-1", correlation_id="corr-2"
    )
    page = told(fault).body.decode()
    assert all(part in page for part in ("AADSTS7000215", "trace-1", "corr-2", "0123456789abcdef"))


def test_a_program_gets_json():
    answer = told(SignInError(Reason.SIGNATURE, "bad"), headers={"accept": "application/json"})
    assert json.loads(answer.body)["error"] == "sign_in_untrusted"


def test_every_reason_of_the_gates_own_checks_has_its_page():
    assert {
        Reason.STATE_UNKNOWN,
        Reason.STATE_OTHER_BROWSER,
        Reason.STATE_REPLAYED,
        Reason.STATE_EXPIRED,
    } == OUT_OF_DATE
    assert not OUT_OF_DATE & BAD_CALLBACK


def test_a_program_that_the_policy_refuses_gets_the_reason_in_json():
    browser = Browser(site_of())
    browser.open(WIKI, "/")
    browser.open(PAYROLL, "/")
    wiki = browser.jars[WIKI]["CF_Authorization"]
    answer = Browser(_closed(browser.site)).ask(
        WIKI, "/", headers={"accept": "application/json", "cookie": f"CF_Authorization={wiki}"}
    )
    said = json.loads(answer.body)
    assert (answer.status, said["error"], said["policy"]) == (403, "denied", "default_deny")
    assert dict(answer.headers)["Cf-Access-Aud"] == browser.site.apps[WIKI].aud


def _closed(site):
    from gate.site import app

    return site_of(apps=[app("wiki", WIKI)], keys=site.keys, sessions=site.sessions)
