"""Saying no: to a person with a page that says whose move it is, to a program in words that it can read."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gate.site import FINANCE, PAYROLL, STAFF, WIKI, Browser, app, request_of, site_of
from glassgate.access.block_page import CSP, checked
from glassgate.gate.denials import BAD_CALLBACK, MOVES, OUT_OF_DATE, failed
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.explanation import Move
from glassgate.oidc.refusal import refusal

PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}
PROGRAM = {"accept": "application/json"}
AGAIN = f"https://{WIKI}:8443/first"
TRACE, CORRELATION = "5a5a5a5a-0000-1111-2222-333333333333", "6b6b6b6b-0000-1111-2222-333333333333"
TAIL = f"\r\nTrace ID: {TRACE}\r\nCorrelation ID: {CORRELATION}\r\nTimestamp: 2027-01-15 07:59:58Z"


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


ENTRA_MOVES = {
    "user": (403, "Your move"),
    "administrator": (403, "A move for your Entra administrator"),
    "deployer": (502, "A move for whoever runs this gate"),
    "wait": (503, "Wait a moment"),
}
REFUSALS = [
    (50011, "invalid_request", "deployer", "address is not registered"),
    (700016, "unauthorized_client", "deployer", "does not know this gate"),
    (7000215, "invalid_client", "deployer", "secret is wrong"),
    (7000222, "invalid_client", "deployer", "secret has expired"),
    (90002, "invalid_request", "deployer", "unknown organisation"),
    (50105, "access_denied", "administrator", "not been given access"),
    (53003, "access_denied", "administrator", "rule of your organisation"),
    (90094, "access_denied", "administrator", "administrator has to agree"),
    (50057, "invalid_grant", "administrator", "account is switched off"),
    (65004, "access_denied", "user", "have not agreed"),
    (50076, "interaction_required", "user", "second step is missing"),
    (50126, "invalid_grant", "user", "User name or password"),
    (54005, "invalid_grant", "user", "used before"),
    (90033, "invalid_request", "wait", "Entra is busy"),
    (50196, "invalid_request", "wait", "Too many sign-ins"),
    (90033, "temporarily_unavailable", "wait", "Entra is busy"),
    (888888, "server_error", "wait", "provider is busy"),
    (888888, "invalid_scope", "deployer", "asks for too much"),
    (888888, "access_denied", "user", "said no"),
    (888888, "never_seen", "administrator", "said no"),
]
each_refusal = pytest.mark.parametrize(
    ("number", "error", "move", "title"), REFUSALS, ids=[f"{row[0]} {row[1]}" for row in REFUSALS]
)


def entras(number, error, headers=PAGE):
    return told(refusal({"error": error, "error_description": f"AADSTS{number}: Words.{TAIL}"}), headers)


class Text(HTMLParser):
    """What a page says, by element, white space drawn together."""

    def __init__(self, html):
        super().__init__()
        self.open, self.texts = [], {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in self.open:
            self.texts[tag] = " ".join(f"{self.texts.get(tag, '')} {data}".split())


@each_refusal
def test_a_refusal_says_what_happened_and_whose_move_it_is(number, error, move, title):
    answer = entras(number, error)
    page = Text(answer.body.decode()).texts
    status, whose_move = ENTRA_MOVES[move]
    assert answer.status == status
    assert title in page["h1"]
    assert page["h2"] == whose_move
    assert page["section"].startswith(f"{whose_move} ")
    assert ("hand this page on" in page["section"]) is (move in ("administrator", "deployer"))
    assert page["p"].startswith(f"glassgate {status} ")


@each_refusal
def test_all_that_support_asks_for_stands_on_the_page(number, error, move, title):
    page = Text(entras(number, error).body.decode()).texts
    facts = page["code"]
    assert all(
        one in facts
        for one in (f"AADSTS{number}", error, TRACE, CORRELATION, "2027-01-15 07:59:58Z", "client", "0123456789abcdef")
    )
    assert f"AADSTS{number}: Words." in page["details"]


@each_refusal
def test_a_refusal_leads_back_to_the_application(number, error, move, title):
    assert f'href="{AGAIN}"' in entras(number, error).body.decode()


@each_refusal
def test_only_what_passes_asks_to_come_back(number, error, move, title):
    said = dict(entras(number, error).headers).get("Retry-After")
    assert said == ("10" if move == "wait" else None)


@each_refusal
def test_a_program_gets_the_same_in_json(number, error, move, title):
    answer = entras(number, error, PROGRAM)
    said = json.loads(answer.body)
    mend, message = said.pop("mend"), said.pop("message")
    assert answer.status == ENTRA_MOVES[move][0]
    assert mend
    assert message
    assert said == {
        "error": "provider_unavailable" if move == "wait" else "sign_in_refused", "code": f"AADSTS{number}",
        "provider_error": error, "move": move, "trace_id": TRACE, "correlation_id": CORRELATION,
        "id": "0123456789abcdef",
    }  # fmt: skip


@each_refusal
def test_the_log_has_the_code_first(number, error, move, title):
    (event,) = entras(number, error).events
    passing = error in ("temporarily_unavailable", "server_error")
    assert event.reason == ("provider_unavailable" if passing else "provider_refused")
    assert event.details[0] == f"AADSTS{number}"
    assert TRACE in event.details[1]


def test_a_refusal_without_a_code_is_told_as_it_is():
    answer = told(ProviderRefused("access_denied"))
    (event,) = answer.events
    page = Text(answer.body.decode()).texts
    assert event.details == ("access_denied",)
    assert "2027-01-15 08:00:00Z" in page["code"], "our own time, where the provider gives none"
    assert not {"Code", "Trace id", "Suberror"} & set(page["dt"].split())
    assert "details" not in page


def test_what_a_provider_calls_passing_stays_so_whatever_its_number_says():
    answer = entras(50105, "server_error")
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "10")
    assert "A move for your Entra administrator" in answer.body.decode()


def test_a_busy_providers_wish_counts():
    said = refusal({"error": "x", "error_description": f"AADSTS90033: Words.{TAIL}"})
    answer = told(ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "status 429", retry_after=77, said=said))
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "77")
    assert "AADSTS90033" in answer.body.decode()


def test_entras_finer_names_are_gone_by():
    fault = ProviderRefused("invalid_grant", "AADSTS777777: x", code="AADSTS777777", suberror="consent_required")
    page = Text(told(fault).body.decode()).texts
    assert "not agreed" in page["h1"]
    assert "consent_required" in page["code"]


def test_another_providers_refusal_names_no_entra():
    site = site_of()
    party = site.parties["entra"]
    other = type(party)(replace(party.provider, type="oidc"), party.next)
    answer = failed(site, request_of("/", headers=PAGE), ProviderRefused("odd", "no"), other, AGAIN)
    assert "A move for your provider&#39;s administrator" in answer.body.decode()
    assert "Entra" not in answer.body.decode()


EVIL = "</dd></code><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x1b[2J{{ 7*7 }}"


def test_a_strangers_words_stay_words():
    fault = refusal(
        {
            "error": EVIL, "error_description": f"AADSTS50105: {EVIL}", "suberror": EVIL, "trace_id": EVIL,
            "correlation_id": EVIL, "timestamp": EVIL,
        }
    )  # fmt: skip
    html = told(fault).body.decode()
    assert "<script>" not in html
    assert "<img" not in html
    assert "49" not in html
    assert not {"\x1b", "\u202e"} & set(html)
    assert len(html) < 20_000
    assert json.loads(told(fault, PROGRAM).body)["code"] == "AADSTS50105"


def test_every_move_has_its_words():
    assert set(MOVES) == set(Move)


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


def refused_at(**more):
    browser = Browser(site_of(apps=[app("payroll", PAYROLL, FINANCE, **more)]))
    return browser, browser.open(PAYROLL, "/")


def test_an_app_may_send_those_whom_it_refuses_elsewhere():
    elsewhere = "https://www.example.com/no-access?app=payroll"
    browser, _ = refused_at(deny_url=elsewhere)
    assert browser.urls[-1] == elsewhere


def test_a_program_is_told_of_a_refusal_wherever_people_are_sent():
    site = site_of(apps=[app("payroll", PAYROLL, STAFF, deny_url="https://www.example.com/")])
    browser = Browser(site)
    browser.open(PAYROLL, "/")
    closed = app("payroll", PAYROLL, FINANCE, deny_url="https://www.example.com/")
    browser.site = site_of(apps=[closed], keys=site.keys, sessions=site.sessions)
    assert browser.ask(PAYROLL, "/api", headers={"accept": "application/json"}).status == 403


def test_an_app_may_say_itself_what_refused_people_can_do():
    _, answer = refused_at(deny_message="Ask the <b>service desk</b>.")
    assert answer.status == 403
    assert b"Ask the &lt;b&gt;service desk&lt;/b&gt;." in answer.body
    assert answer.body.index(b"Ask the") < answer.body.index(b"<dt>Signed in as")


def test_an_app_may_have_a_page_of_its_own_for_those_whom_it_refuses():
    own = app("payroll", PAYROLL, FINANCE, deny_message="Ask <us>.")
    page = checked(b"<p>{{ email }}: {{ app }}, {{ message }} {{ id }}</p><a href='{{ again_url }}'>again</a>")
    browser = Browser(site_of(apps=[own], block_pages={own.aud: page}))
    answer = browser.open(PAYROLL, "/month?of='may'")
    assert answer.status == 403
    headers = dict(answer.headers)
    assert answer.body.decode() == (
        f"<p>alice@contoso.example: payroll, Ask &lt;us&gt;. {headers['Cf-Ray']}</p>"
        f"<a href='https://{PAYROLL}:8443/month?of=&#39;may&#39;'>again</a>"
    )
    assert headers["Content-Security-Policy"] == CSP
    assert "script-src" not in CSP
    assert browser.ask(PAYROLL, "/", headers={"accept": "*/*"}).status == 401, "a program gets no page"


def test_whom_no_sign_in_would_help_may_be_sent_elsewhere_a_program_is_told():
    site = site_of(apps=[app("payroll", PAYROLL, machine_deny_url="https://www.example.com/not-from-here")])
    answer = Browser(site).ask(PAYROLL, "/")
    assert (answer.status, dict(answer.headers)["Location"]) == (302, "https://www.example.com/not-from-here")
    assert Browser(site).ask(PAYROLL, "/", headers={"accept": "*/*"}).status == 403
