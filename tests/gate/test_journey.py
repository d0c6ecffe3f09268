"""What a visitor meets at an app: the journey in, what is refused before it, and what the origin gets."""

import json
from dataclasses import replace

import pytest

from gate.site import (
    BROWSER,
    FINANCE,
    NOW,
    PAYROLL,
    STAFF,
    TEAM,
    WIKI,
    Browser,
    Keys,
    app,
    person,
    request_of,
    site_of,
)  # fmt: skip
from glassgate.access import token
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import Answer, Forward, Local, run
from glassgate.gate.journey import journey, still_allowed


def ask(site, target, **more):
    return run(journey(site, request_of(target, **more)))


def named(answer, name):
    return [value for other, value in answer.headers if other == name]


def reason(answer):
    return answer.events[0].reason


def test_a_browser_lands_where_it_first_wanted_to_go_query_and_all():
    browser = Browser(site_of())
    landed = browser.open(WIKI, "/page?q=a%20b&r=1#".rstrip("#"))
    assert isinstance(landed, Forward)
    assert landed.target == "/page?q=a%20b&r=1"
    assert dict(landed.headers)[b"Cf-Access-Authenticated-User-Email"] == b"alice@contoso.example"
    assert set(browser.jars[WIKI]) == {"CF_Authorization"}
    assert set(browser.jars[TEAM]) == {"__Host-CF_Authorization", "__Host-CF_Provider"}


def test_the_second_app_opens_without_asking_the_provider():
    site = site_of(apps=[app("wiki", WIKI, STAFF), app("notes", "notes.localhost", STAFF)])
    browser = Browser(site)
    browser.open(WIKI, "/")
    assert isinstance(browser.open("notes.localhost", "/x"), Forward)
    assert len(site.parties["entra"].asked) == 1


def test_a_signed_in_visitor_whom_the_policy_refuses_gets_a_reason_and_no_circle():
    browser = Browser(site_of())
    browser.open(WIKI, "/")
    refused = browser.open(PAYROLL, "/")
    assert refused.status == 403
    assert refused.events[-1].policy is None
    assert "finance: include email: bob@contoso.example: no" in refused.events[-1].details
    assert b"0123456789abcdef" in refused.body
    assert named(refused, "Cf-Access-Domain") == [PAYROLL]


def test_an_expired_token_is_renewed_without_the_provider():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    browser.at = NOW + 3601
    landed = browser.open(WIKI, "/later")
    assert isinstance(landed, Forward)
    assert landed.target == "/later"
    assert len(site.parties["entra"].asked) == 1


def test_a_token_never_outlives_its_global_session():
    site = site_of(session_duration=1800)
    browser = Browser(site)
    browser.open(WIKI, "/")
    browser.at = NOW + 1801
    assert browser.ask(WIKI, "/").status == 302
    assert isinstance(browser.open(WIKI, "/"), Forward)
    assert len(site.parties["entra"].asked) == 2


def test_the_shortest_of_the_durations_wins():
    short = replace(STAFF, session_duration=60)
    browser = Browser(site_of(apps=[app("wiki", WIKI, short)]))
    browser.open(WIKI, "/")
    browser.at = NOW + 61
    assert browser.ask(WIKI, "/").status == 302


def test_proof_is_asked_for_once_it_is_known_whom_it_would_help():
    site = site_of()
    browser = Browser(site)
    site.parties["entra"].next = person("bob")
    assert browser.open(PAYROLL, "/").status == 403
    assert [one.acrs for one in site.parties["entra"].asked] == [(), ("c1",)]


def test_who_is_refused_all_the_same_is_asked_for_no_proof():
    site = site_of()
    site.parties["entra"].next = person("alice")
    assert Browser(site).open(PAYROLL, "/").status == 403
    assert [one.acrs for one in site.parties["entra"].asked] == [()]


def test_a_session_that_lacks_only_proof_is_sent_for_it():
    site = site_of()
    site.parties["entra"].next = person("bob")
    browser = Browser(site)
    browser.open(WIKI, "/")
    site.parties["entra"].next = person("bob", acrs=frozenset(["c1"]))
    assert isinstance(browser.open(PAYROLL, "/"), Forward)
    assert [one.acrs for one in site.parties["entra"].asked] == [(), ("c1",)]


def test_proof_that_does_not_come_is_asked_for_once():
    site = site_of()
    site.parties["entra"].next = person("bob")
    browser = Browser(site)
    browser.open(WIKI, "/")
    assert browser.open(PAYROLL, "/").status == 403
    assert len(site.parties["entra"].asked) == 2


def test_another_user_on_the_same_browser_never_meets_the_first_ones_session():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    first = browser.jars[WIKI]["CF_Authorization"]
    browser.jars[TEAM].clear()
    site.parties["entra"].next = person("bob")
    browser.jars[WIKI]["CF_Authorization"] = first
    browser.at = NOW + 3601  # the first token has ended, the browser still has it
    urls = browser.urls
    landed = browser.open(WIKI, "/")
    assert dict(landed.headers)[b"Cf-Access-Authenticated-User-Email"] == b"bob@contoso.example"
    assert urls


def test_clear_site_data_when_the_user_changes():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    browser.jars[TEAM].clear()
    site.parties["entra"].next = person("bob")
    browser.at = NOW + 3601
    seen = []
    original = browser.ask

    def watch(*args, **more):
        outcome = original(*args, **more)
        seen.extend(named(outcome, "Clear-Site-Data") if isinstance(outcome, Answer) else [])
        return outcome

    browser.ask = watch
    browser.open(WIKI, "/")
    assert seen == ['"cache"']


def test_when_another_user_signs_in_the_old_session_ends():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    stolen = browser.jars[WIKI]["CF_Authorization"]
    site.parties["entra"].next = person("bob", acrs=frozenset(["c1"]))
    # alice's session is refused at payroll; the browser begins anew from there
    callback_state = Browser(site)
    callback_state.jars = browser.jars
    start = callback_state.ask(PAYROLL, "/")
    assert start.status == 302
    site.parties["entra"].next = person("bob")
    browser.jars[TEAM] = {"__Host-CF_Authorization": browser.jars[TEAM]["__Host-CF_Authorization"]}
    fresh = Browser(site)
    fresh.jars[TEAM] = dict(browser.jars[TEAM])
    site.parties["entra"].next = person("bob")
    fresh.at = NOW + 10
    _sign_in_again(site, fresh)
    thief = request_of("/", headers={"cookie": f"CF_Authorization={stolen}", **BROWSER}, at=NOW + 10)
    assert run(journey(site, thief)).status == 302


def _sign_in_again(site, browser):
    """A sign-in that the provider makes even though a session stands: as after `prompt=login`."""
    from glassgate.gate.hand_off import Wish
    from glassgate.gate.sign_in import _begin

    request = request_of("/", host=f"{TEAM}:8443", headers=BROWSER, at=browser.at)
    begun = run(_begin(site, request, Wish(site.apps[WIKI], WIKI, "/", "", ""), site.parties["entra"], ()))
    cookie = next(value for name, value in begun.headers if name == "Set-Cookie").partition(";")[0]
    name, _, value = cookie.partition("=")
    browser.jars[TEAM][name] = value
    state = dict(begun.headers)["Location"].partition("state=")[2]
    return browser.ask(TEAM, f"/cdn-cgi/access/callback?code=c&state={state}")


REFUSED = [
    ("unknown host", {"host": "evil.example:8443"}, 421),
    ("unknown host over http", {"host": "evil.example:8443", "secure": False}, 421),
    ("another port", {"host": f"{WIKI}:9999"}, 421),
    ("no port", {"host": WIKI}, 421),
    ("a trailing dot", {"host": f"{WIKI}.:8443"}, 421),
    ("an address", {"host": "127.0.0.1:8443"}, 421),
    ("no host", {"hosts": []}, 400),
    ("two hosts", {"hosts": [f"{WIKI}:8443", f"{PAYROLL}:8443"]}, 400),
    ("the same host twice", {"hosts": [f"{WIKI}:8443", f"{WIKI}:8443"]}, 400),
    ("a method that is none", {"method": "GET /evil"}, 400),
    ("TRACE", {"method": "TRACE"}, 405),
    ("two transfer codings", {"headers": [("Transfer-Encoding", "gzip, chunked")]}, 400),
    ("a transfer coding twice", {"headers": [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")]}, 400),
    ("a bare carriage return", {"headers": [("X-A", "b\rCf-Access-Authenticated-User-Email: admin")]}, 400),
    ("a folded line", {"headers": [("X-A", "b\r\n Cf-Access-Authenticated-User-Email: admin")]}, 400),
    ("a NUL", {"headers": [("X-A", "b\0")]}, 400),
    ("a DEL in a cookie", {"headers": [("Cookie", "a=\x7f")]}, 400),
    ("plain http for a program", {"secure": False}, 400),
    ("a POST over plain http", {"secure": False, "method": "POST", "headers": BROWSER}, 400),
    ("the lab from elsewhere", {"host": "login.localhost:8443", "peer": "10.0.0.9"}, 421),
]


@pytest.mark.parametrize(("given", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_before_anything_is_asked(given, status):
    answer = ask(site_of(), "/", **given)
    assert answer.status == status
    assert not named(answer, "Set-Cookie")


@pytest.mark.parametrize(
    "target", ["/cdn-cgi%2faccess/certs", "/x/../cdn-cgi/access/certs", "/a#b", "*", "http://evil/"]
)
def test_targets_that_could_be_read_otherwise(target):
    assert ask(site_of(), target).status == 400


def test_an_address_is_only_so_long():
    assert ask(site_of(), "/" + "a" * 16_384).status == 414
    assert ask(site_of(), "/" + "a" * 16_383).status == 401


def test_host_names_are_compared_in_lower_case():
    assert ask(site_of(), "/", host="WIKI.localhost:8443", headers=BROWSER).status == 302


def test_on_port_443_no_port_is_needed():
    site = site_of(port=443)
    assert ask(site, "/", host=WIKI, headers=BROWSER).status == 302
    assert ask(site, "/", host=f"{WIKI}:443", headers=BROWSER).status == 302
    assert ask(site, "/", host=f"{WIKI}:8443", headers=BROWSER).status == 421


def test_a_browser_on_plain_http_is_sent_to_https_without_a_cookie():
    answer = ask(site_of(), "/x?y", secure=False, headers=BROWSER)
    assert (answer.status, named(answer, "Location")) == (302, [f"https://{WIKI}:8443/x?y"])
    assert not named(answer, "Set-Cookie")


def test_behind_a_trusted_proxy_the_forwarded_scheme_counts():
    from ipaddress import ip_network

    site = site_of(trusted_proxies=(ip_network("10.0.0.0/8"),))
    given = {"peer": "10.0.0.1", "secure": False}
    assert ask(site, "/", headers={**BROWSER, "x-forwarded-proto": "https"}, **given).status == 302
    assert "login" in named(ask(site, "/", headers={**BROWSER, "x-forwarded-proto": "https"}, **given), "Location")[0]
    assert ask(site, "/", headers={**BROWSER, "x-forwarded-proto": "http"}, **given).status == 400
    assert ask(site_of(), "/", secure=False, headers={"x-forwarded-proto": "https"}).status == 400


def test_the_lab_is_served_here_to_this_machine():
    assert ask(site_of(), "/", host="login.localhost:8443") == Local("login.localhost")


def test_a_program_without_a_session_gets_a_401_that_says_where_to_sign_in():
    answer = ask(site_of(), "/api", headers={"accept": "application/json"})
    assert answer.status == 401
    assert json.loads(answer.body)["sign_in"] == f"https://{WIKI}:8443/"
    assert named(answer, "WWW-Authenticate") == ["Cloudflare-Access"]
    assert named(answer, "Cf-Access-Domain") == [WIKI]
    assert not named(answer, "Set-Cookie")


def test_every_answer_of_ours_carries_the_same_armour():
    for answer in (ask(site_of(), "/", headers=BROWSER), ask(site_of(), "/"), ask(site_of(), "/a#b", headers=BROWSER)):
        assert named(answer, "Cache-Control") == ["no-store"]
        assert named(answer, "Cf-Ray") == ["0123456789abcdef"]
        assert named(answer, "Referrer-Policy") == ["no-referrer"]
        assert named(answer, "X-Content-Type-Options") == ["nosniff"]
        assert "default-src 'none'" in named(answer, "Content-Security-Policy")[0]
        assert "frame-ancestors 'none'" in named(answer, "Content-Security-Policy")[0]
        assert not named(answer, "Strict-Transport-Security")


def test_an_unknown_host_learns_nothing():
    answer = ask(site_of(), "/", host="evil.example:8443", headers=BROWSER)
    assert (answer.status, named(answer, "Strict-Transport-Security")) == (421, [])
    assert b"glassgate" not in answer.body.lower()
    assert b"localhost" not in answer.body


def test_hsts_outside_localhost():
    site = site_of(apps=[app("wiki", "wiki.example.com", STAFF)])
    assert named(ask(site, "/", host="wiki.example.com:8443"), "Strict-Transport-Security")


def minted(site, one, **more):
    given = {
        "issuer": site.issuer, "audience": one.aud, "subject": person("alice").user_id,
        "email": "alice@contoso.example", "nonce": "unknown", "now": NOW, "expires": NOW + 600, **more,
    }  # fmt: skip
    return token.mint(site.keys.signing, **given)


def test_a_token_that_the_store_does_not_know_opens_nothing():
    site = site_of()
    answer = ask(site, "/", headers={"cookie": f"CF_Authorization={minted(site, site.apps[WIKI])}"})
    assert answer.status == 401
    assert reason(answer) == "session_ended"


def test_a_token_of_another_app_opens_nothing():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    cookie = browser.jars[WIKI]["CF_Authorization"]
    answer = ask(site, "/", host=f"{PAYROLL}:8443", headers={"cookie": f"CF_Authorization={cookie}"})
    assert (answer.status, reason(answer)) == (401, "audience")


def test_meta_and_the_global_session_open_no_app():
    site = site_of()
    browser = Browser(site)
    start = browser.ask(WIKI, "/")
    meta = dict(start.headers)["Location"].partition("meta=")[2].partition("&")[0]
    browser.open(WIKI, "/")
    for value in (meta, browser.jars[TEAM]["__Host-CF_Authorization"], "", "a.b.c", "x" * 5000):
        assert ask(site, "/", headers={"cookie": f"CF_Authorization={value}"}).status == 401
        assert ask(site, "/", headers={"authorization": f"Bearer {value}"}).status == 401


@pytest.mark.parametrize("header", ["cf-access-token", "authorization"])
def test_a_token_in_a_header_counts_and_does_not_go_on(header):
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    value = browser.jars[WIKI]["CF_Authorization"]
    sent = f"Bearer {value}" if header == "authorization" else value
    outcome = ask(site, "/", headers={header: sent})
    assert isinstance(outcome, Forward)
    assert header.encode() not in [name.lower() for name, _ in outcome.headers]


def test_tokens_of_two_sessions_count_for_none():
    site = site_of()
    cookies = []
    for name in ("alice", "bob"):
        site.parties["entra"].next = person(name)
        browser = Browser(site)
        browser.open(WIKI, "/")
        cookies.append(f"CF_Authorization={browser.jars[WIKI]['CF_Authorization']}")
    answer = ask(site, "/", headers={"cookie": "; ".join(cookies), **BROWSER})
    assert answer.status == 400
    # By its name only the visitor's own would go, and leave them with the one that somebody else planted.
    assert named(answer, "Clear-Site-Data") == ['"cookies"']
    assert not named(answer, "Set-Cookie")


def test_a_key_of_another_team_signs_nothing_here():
    site = site_of()
    forged = token.mint(
        Keys("two").signing, issuer=site.issuer, audience=site.apps[WIKI].aud, subject="s", email="e", nonce="n",
        now=NOW, expires=NOW + 60,
    )  # fmt: skip
    assert reason(ask(site, "/", headers={"cookie": f"CF_Authorization={forged}"})) == "key_unknown"


def test_too_many_tokens_are_not_all_tried():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    good = browser.jars[WIKI]["CF_Authorization"]
    crowd = "; ".join(["CF_Authorization=x.y.z"] * 8 + [f"CF_Authorization={good}"])
    assert ask(site, "/", headers={"cookie": crowd}).status == 401


ORIGINS = [
    (f"https://{WIKI}:8443", True),
    (f"https://{PAYROLL}:8443", False),
    ("null", False),
    (None, False),
    ("https://ok.example", True),
]


@pytest.mark.parametrize(("origin", "passes"), ORIGINS)
def test_a_websocket_needs_the_apps_own_origin(origin, passes):
    site = site_of(apps=[app("wiki", WIKI, STAFF, websocket_origins=("https://ok.example",))])
    browser = Browser(site)
    browser.open(WIKI, "/")
    sent = {"upgrade": "websocket", "connection": "Upgrade"} | ({"origin": origin} if origin else {})
    outcome = browser.ask(WIKI, "/ticks", headers=sent)
    assert (isinstance(outcome, Forward) and outcome.websocket) if passes else outcome.status == 403


def opened(**more):
    """A site, and what `still_allowed` says of a WebSocket that was let in there, so many seconds later."""
    site = site_of(**more)
    browser = Browser(site)
    assert isinstance(browser.open(WIKI, "/"), Forward)
    let_in = browser.ask(WIKI, "/ticks", headers={"upgrade": "websocket", "origin": f"https://{WIKI}:8443"})
    assert isinstance(let_in, Forward)

    def later(seconds, peer="127.0.0.1"):
        heard = []
        request = request_of("/ticks", peer=peer)
        said = run(still_allowed(site, request, let_in.app, let_in.token, NOW + seconds), heard.append)
        assert heard == [], "nothing is told of it"
        return said

    return site, later


def test_what_was_let_in_may_go_on_till_its_token_ends():
    _, later = opened()
    assert [later(0), later(3599), later(3600)] == [None, None, "expired"]


def test_what_was_let_in_goes_by_the_policy_of_now():
    allowed = []
    rule = Rule("now", lambda facts: str(facts.ip) != "192.0.2.1" and not allowed)
    _, later = opened(apps=[app("wiki", WIKI, Policy("now", Decision.ALLOW, (rule,)))])
    assert [later(1), later(1, peer="192.0.2.1")] == [None, "policy"]
    allowed.append("nobody")
    assert later(1) == "policy"


def test_what_was_let_in_ends_with_its_session_whatever_else_the_request_presents():
    site, later = opened()
    for session in run(_sessions_of(site)):
        run(site.sessions.end(session))
    assert later(1) == "session_ended"


def test_what_was_let_in_waits_for_nobody_to_act():
    site, later = opened()
    [session] = run(_sessions_of(site))
    assert run(site.sessions.replace(session, replace(session, challenge=""), NOW))
    assert later(2) == "interaction_needed"


def _sessions_of(site):
    """Every live session of a memory store."""
    stored = [key for space, key in site.sessions._store._entries if space == "session"]
    found = []
    for key in stored:
        found.append((yield from site.sessions.by_id(key, NOW)))
    return found


def test_a_websocket_without_a_session_is_a_401():
    answer = ask(site_of(), "/ticks", headers={"upgrade": "websocket", "origin": f"https://{WIKI}:8443"})
    assert answer.status == 401


def test_a_long_address_is_told_rather_than_forgotten():
    answer = ask(site_of(), "/?" + "x" * 3000, headers=BROWSER)
    assert answer.status == 414


def test_the_policy_is_judged_again_at_every_request():
    site = site_of()
    browser = Browser(site)
    browser.open(WIKI, "/")
    closed = site_of(apps=[app("wiki", WIKI, FINANCE)], keys=site.keys, sessions=site.sessions)
    browser.site = closed
    assert browser.ask(WIKI, "/").status == 403
