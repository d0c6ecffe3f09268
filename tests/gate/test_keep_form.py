"""A form that meets an ended session: which is kept, which is not, and that nothing of it goes any further."""

from dataclasses import replace

import pytest

from gate.forms import FORM, HOUR, LIMIT, OWN, Failing, is_kept, location, page_after, post, say, too_late, wiki
from gate.site import NOW, STAFF, TEAM, WIKI, Browser, Keys, app, person, reason, request_of, site_of
from glassgate.access import cookies
from glassgate.access.app import Unauthenticated
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import PIECE, Collect, Forward, run
from glassgate.gate.journey import journey
from glassgate.gate.kept_forms import MOST_OF_SESSION
from glassgate.gate.pace import AT_ONCE
from glassgate.gate.sessions import Sessions
from glassgate.state.memory import MemoryStore

MULTIPART = "multipart/form-data; boundary=b"


def test_it_is_kept_and_its_sender_is_sent_to_sign_in():
    browser = too_late()
    answer = post(browser)
    assert is_kept(answer)
    assert location(answer) == f"{OWN}/save?x=1", "nowhere that a `form-action` of the application's could forbid"
    [event] = answer.events
    assert (event.action, event.reason, event.path) == ("unauthenticated", "form_kept", "/save")


def test_a_page_says_so_and_goes_on_to_the_sign_in():
    browser = too_late()
    post(browser)
    page = browser.ask(WIKI, "/save?x=1")
    said = dict(page.headers)
    assert page.status == 401
    assert b"Your form was kept" in page.body
    assert said["Refresh"].startswith(f"0; url=https://{TEAM}:8443/cdn-cgi/access/login/{WIKI}?")
    assert (said["WWW-Authenticate"], said["Cache-Control"]) == ("Cloudflare-Access", "no-store")
    assert [name for name, _ in page.headers].count("Cache-Control") == 1
    for other in (browser.ask(WIKI, "/save?x=2"), browser.ask(WIKI, "/save?x=1", method="HEAD")):
        assert other.status == 302


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded; charset=utf-8", MULTIPART, "TEXT/PLAIN"])
def test_each_encoding_that_forms_have(kind):
    assert is_kept(post(too_late(), content_type=kind))


NOT_KEPT = [
    ("of another site", lambda browser: post(browser, origin="https://evil.example")),
    ("of another host of the team", lambda browser: post(browser, origin=f"https://{TEAM}:8443")),
    ("of plain http", lambda browser: post(browser, origin=OWN.replace("https", "http"))),
    ("of nowhere", lambda browser: post(browser, origin="null")),
    ("without an origin", lambda browser: post(browser, origin=None)),
    ("JSON", lambda browser: post(browser, content_type="application/json")),
    ("of no kind", lambda browser: post(browser, content_type=None)),
    ("packed", lambda browser: post(browser, content_encoding="gzip")),
    ("in a frame", lambda browser: post(browser, sec_fetch_dest="iframe")),
    ("with a header too long to keep", lambda browser: post(browser, referer="x" * 5000)),
    ("that names its origin twice", lambda browser: post(browser, Origin=OWN)),
    ("of two kinds", lambda browser: post(browser, Content_Type="text/plain")),
    ("fetched ahead", lambda browser: post(browser, sec_purpose="prefetch")),
    ("by another method", lambda browser: post(browser, method="PUT")),
]


@pytest.mark.parametrize("send", [row[1] for row in NOT_KEPT], ids=[row[0] for row in NOT_KEPT])
def test_any_other_post_goes_to_sign_in_without_its_body(send):
    answer = send(too_late())
    assert (answer.status, is_kept(answer)) == (302, False)


NOBODYS = [
    ("that never signed in", lambda browser: browser.jars[WIKI].clear()),
    ("that was signed out", lambda browser: browser.ask(TEAM, "/cdn-cgi/access/logout")),
    ("whose session was revoked", lambda browser: run(browser.site.sessions.end(session_of(browser)))),
    ("that ended more than a day ago", lambda browser: wait(browser, cookies.LAPSED_FOR)),
    ("whose token was changed", lambda browser: browser.jars[WIKI].update(CF_Authorization="a.b.c")),
]


def wait(browser, seconds):
    browser.at += seconds


def session_of(browser):
    cookie = browser.jars[TEAM][cookies.GLOBAL_SESSION]
    return run(browser.site.sessions.presented(cookie, browser.at))


@pytest.mark.parametrize("end", [row[1] for row in NOBODYS], ids=[row[0] for row in NOBODYS])
def test_of_a_browser(end):
    browser = too_late()
    end(browser)
    answer = post(browser)
    assert (answer.status, is_kept(answer)) == (302, False)


def test_revoked_while_its_token_lasts_it_leaves_nothing_either():
    browser = too_late()
    browser.at = NOW + 10
    run(browser.site.sessions.end(session_of(browser)))
    for at in (NOW + 10, NOW + HOUR + 1):
        browser.at = at
        assert not is_kept(post(browser))


def test_revoked_in_the_moment_of_its_hand_off_it_leaves_nothing():
    store = MemoryStore()
    site = site_of(apps=[wiki()], store=store)
    browser = Browser(site)
    browser.open(WIKI, "/")
    session = session_of(browser)
    run(site.sessions.end(session))
    run(site.forms.may_lapse("late", session, NOW + 60, NOW))
    assert run(site.forms.lapsed("late", NOW + 61, of_idleness_alone=False)) is None


def idle_after(minutes):
    """A browser that was signed in and did nothing since, where half an hour of that ends a session."""
    store = MemoryStore()
    browser = Browser(site_of(apps=[wiki()], store=store, sessions=Sessions(store, 1800, NOW)))
    browser.open(WIKI, "/edit")
    browser.at += 60 * minutes
    return browser


def test_of_a_session_that_ended_of_idleness_it_is_kept_and_goes_on():
    browser = idle_after(40)
    answer = post(browser)
    assert is_kept(answer)
    assert b"Send it now" in page_after(browser, answer).body
    assert say(browser).kept.body == b"note=hello"


def test_idle_or_not_who_was_revoked_leaves_nothing():
    browser = idle_after(20)
    run(browser.site.sessions.end(session_of(browser)))
    browser.at += 3600
    assert not is_kept(post(browser))


def test_whom_the_provider_wants_to_see_leaves_nothing_while_the_token_lasts():
    browser = Browser(site_of(apps=[wiki()]))
    browser.open(WIKI, "/edit")
    session = session_of(browser)
    assert run(browser.site.sessions.replace(session, replace(session, challenge=""), NOW))
    browser.at += 2
    answer = post(browser)
    assert (answer.status, is_kept(answer)) == (302, False)


def test_who_is_not_idle_yet_has_a_session():
    assert isinstance(post(idle_after(20)), Forward)


def test_signed_by_another_team_it_is_not():
    browser = too_late()
    browser.site = site_of(apps=[wiki()], keys=Keys("two"))
    assert not is_kept(post(browser))


def test_of_two_users_tokens_neither_says_whose_it_is():
    alice = too_late()
    alice.site.parties["entra"].next = person("bob")
    bob = too_late(alice.site)
    both = "; ".join(f"{cookies.APP_TOKEN}={one.jars[WIKI][cookies.APP_TOKEN]}" for one in (alice, bob))
    headers = {**FORM, "cookie": both}
    outcome = run(journey(bob.site, request_of("/save", method="POST", headers=headers, at=bob.at)))
    assert (outcome.status, is_kept(outcome)) == (302, False)


def test_a_script_gets_a_401_that_says_where_to_sign_in():
    for mode in ("cors", "same-origin"):
        answer = post(too_late(), sec_fetch_mode=mode, accept="*/*")
        assert answer.status == 401
        assert f'"sign_in": "{OWN}/"'.encode() in answer.body


def test_to_an_address_too_long_to_come_back_to_it_is_not_kept():
    answer = post(too_late(), target="/save?x=" + "1" * 3000)
    assert (answer.status, b"too long to come back to" in answer.body) == (414, True)


def test_whom_no_sign_in_would_help_leaves_nothing():
    store = MemoryStore()
    browser = too_late(site_of(apps=[wiki()], store=store))
    here = Rule("ip: 127.0.0.1", lambda facts: str(facts.ip) == "127.0.0.1")
    kept_out = app("wiki", WIKI, Policy("not from here", Decision.DENY, (here,)), STAFF, keep_forms=LIMIT)
    browser.site = site_of(apps=[kept_out], keys=browser.site.keys, store=store)
    answer = post(browser)
    assert (answer.status, is_kept(answer), store.find("form_slot", "", browser.at)) == (403, False, [])


@pytest.mark.parametrize(
    ("more", "status"), [({"keep_forms": 0}, 302), ({"unauthenticated": Unauthenticated.ANSWER_401}, 401)]
)
def test_where_the_app_does_not_want_it(more, status):
    browser = too_late()
    site = browser.site
    browser.site = site_of(apps=[wiki(**more)], keys=site.keys, sessions=site.sessions, forms=site.forms)
    answer = post(browser)
    assert (answer.status, is_kept(answer)) == (status, False)


class Noting(Browser):
    """A browser that notes every cookie that it is given."""

    lines = ()

    def ask(self, *arguments, **more):
        outcome = super().ask(*arguments, **more)
        self.lines += tuple(value for name, value in getattr(outcome, "headers", ()) if name == "Set-Cookie")
        return outcome


def test_the_browser_brings_an_ended_token_for_a_day_where_forms_are_kept():
    def lasts(**more):
        browser = Noting(site_of(apps=[wiki(**more)]))
        browser.open(WIKI, "/")
        line = next(line for line in browser.lines if line.startswith("CF_Authorization="))
        return line.partition("Expires=")[2].partition(";")[0]

    assert (lasts(), lasts(keep_forms=0)) == ("Sat, 16 Jan 2027 09:00:00 GMT", "Fri, 15 Jan 2027 09:00:00 GMT")


# --- what cannot be kept


def test_one_that_is_too_large_is_told_before_its_body():
    browser = too_late()
    answer = post(browser, body=b"", content_length=str(LIMIT + 1))
    assert (answer.status, reason(answer)) == (413, "form_too_large")
    assert b"Your form could not be kept" in answer.body
    assert b'target="_blank"' in answer.body


def test_the_app_s_own_limit_holds_too():
    assert post(too_late(max_body=99), body=b"", content_length="100").status == 413


def test_so_many_of_one_browser_and_no_more():
    browser = too_late()
    said = [post(browser).status for _ in range(MOST_OF_SESSION + 1)]
    assert said == [303] * MOST_OF_SESSION + [429]
    browser.at += 601
    assert post(browser).status == 303, "they end by themselves"


def test_a_store_that_has_no_place_to_give_is_told():
    store = Failing()
    browser = too_late(site_of(apps=[wiki()], store=store))
    store.no_place = True
    answer = post(browser)
    assert (answer.status, reason(answer)) == (503, "form_not_written")


def test_whoever_begins_again_and_again_is_slowed_down():
    browser = too_late()
    jar = "; ".join(f"{name}={value}" for name, value in browser.jars[WIKI].items())
    request = request_of("/save", method="POST", headers={**FORM, "cookie": jar}, at=browser.at)
    for _ in range(int(AT_ONCE)):
        outcome = run(journey(browser.site, request))
        assert isinstance(outcome, Collect)
        run(outcome.pieces.broke_off())
    assert post(browser).status == 429
    browser.at += 2
    assert is_kept(post(browser))


@pytest.mark.parametrize("left", [0, 1, 2], ids=["the first piece", "the second", "the head"])
def test_a_store_that_fails_on_the_way_is_told(left):
    store = Failing()
    browser = too_late(site_of(apps=[wiki()], store=store))
    store.left = left
    answer = post(browser, body=b"x" * (PIECE + 10))
    assert (answer.status, reason(answer)) == (503, "form_not_written")
    assert store.find("form", "", browser.at) == []
    store.left = 99
    assert [post(browser).status for _ in range(MOST_OF_SESSION)] == [303] * MOST_OF_SESSION, "its slots are free"


# --- what is stored


def test_a_stolen_store_opens_nothing():
    store = MemoryStore()
    browser = too_late(site_of(apps=[wiki()], store=store))
    post(browser, target="/save?secret-target", body=b"secret-body" * 50_000)
    values = [store.get("form", key, browser.at) for key in store.find("form", "", browser.at)]
    assert len(values) == 4, "a head and three pieces"
    assert not any(b"secret" in value for value in values)


def test_of_a_form_that_breaks_off_nothing_is_left():
    store = MemoryStore()
    browser = too_late(site_of(apps=[wiki()], store=store))
    jar = "; ".join(f"{name}={value}" for name, value in browser.jars[WIKI].items())
    headers = {**FORM, "cookie": jar}
    outcome = run(journey(browser.site, request_of("/save", method="POST", headers=headers, at=browser.at)))
    assert isinstance(outcome, Collect)
    assert run(outcome.pieces.take(b"x" * PIECE)) is None
    assert store.find("form", "", browser.at)
    run(outcome.pieces.broke_off())
    assert store.find("form", "", browser.at) == []
    assert post(browser).status == 303
