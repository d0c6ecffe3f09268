"""A form that was kept goes on: whole, once, for its sender alone, as it was sent; for anybody else not at all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gate.forms import (
    HOUR,
    LEAVE,
    LIMIT,
    OWN,
    WORD,
    is_kept,
    location,
    names_of_forms,
    page_after,
    post,
    say,
    target_of,
    too_late,
    wiki,
)  # fmt: skip
from gate.site import BROWSER, STAFF, TEAM, WIKI, Browser, app, email_rule, person, reason, site_of
from glassgate.access import cookies
from glassgate.access.policy import Decision, Policy
from glassgate.gate.exchange import Forward, run
from glassgate.state.memory import MemoryStore
from glassgate.state.sqlite import SqliteStore

BODY = bytes(range(256)) * 2500  # two pieces and a rest
MULTIPART = "multipart/form-data; boundary=----glass"


def asked(browser=None, **more):
    """A browser whose form was kept, and that is signed in again: at the page that asks."""
    browser = browser or too_late()
    assert asks(page_after(browser, post(browser, **more)))
    return browser


def asks(page):
    return (getattr(page, "status", None), b"Send it now" in getattr(page, "body", b"")) == (200, True)


def gone(answer):
    return (answer.status, b"There is no form to send any more" in answer.body) == (410, True)


def fields(forward, name):
    return [value.decode() for field, value in forward.headers if field.lower() == name.encode()]


def sent(outcome):
    """The body that goes on in place of a request's own; None: it is the request's own that does."""
    assert isinstance(outcome, Forward)
    return outcome.kept and outcome.kept.body


def arrives(browser, outcome):
    """Its origin has got it."""
    body = sent(outcome)
    run(outcome.kept.ended(browser.at, sent=True))
    return body


def test_it_goes_on_whole_and_as_it_was_sent():
    browser = asked(body=BODY, content_type=MULTIPART, referer=f"{OWN}/edit", target="/save?x=1&y=%2F")
    outcome = say(browser, "/save?x=1&y=%2F")
    assert (outcome.target, sent(outcome)) == ("/save?x=1&y=%2F", BODY)
    assert fields(outcome, "content-type") == [MULTIPART]
    assert fields(outcome, "content-length") == [str(len(BODY))]
    assert fields(outcome, "transfer-encoding") == []
    assert (fields(outcome, "origin"), fields(outcome, "referer")) == ([OWN], [f"{OWN}/edit"])
    assert fields(outcome, "cf-access-authenticated-user-email") == ["alice@contoso.example"]
    assert outcome.told().reason == "form_sent"


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, LIMIT], ids=str)
def test_every_size(size):
    assert sent(say(asked(body=b"x" * size))) == b"x" * size


def test_its_page_says_what_it_is_and_lets_browsers_tell_where_they_come_from():
    browser = too_late()
    page = page_after(browser, post(browser, target="/save?secret=1", body=b"x" * 2048))
    said = dict(page.headers)
    assert f"{OWN}/save<".encode() in page.body
    assert b"2.0 KiB" in page.body
    assert said["Referrer-Policy"] == "same-origin", "else browsers send `Origin: null`"
    assert "form-action" not in said["Content-Security-Policy"], "the application's answer may lead anywhere"
    assert "frame-ancestors 'none'" in said["Content-Security-Policy"]
    assert [name for name, _ in page.headers].count("Referrer-Policy") == 1


def test_a_path_that_looks_like_another_host_leads_to_none():
    browser = too_late()
    answer = post(browser, target="//evil.example/save")
    assert location(answer) == f"{OWN}//evil.example/save"
    assert asks(page_after(browser, answer))
    assert f'action="{OWN}//evil.example/save"'.encode() in browser.last.body


def test_the_cookie_fits_a_browser():
    browser = asked(target="/save?" + "x" * 1900)
    assert max(len(value) for value in browser.jars[WIKI].values()) < 2000


def test_after_a_whole_new_sign_in_of_the_same_user_it_goes_on():
    browser = too_late()
    browser.at += 24 * HOUR - 60
    answer = post(browser)
    assert is_kept(answer)
    browser.jars[TEAM].clear()
    assert asks(page_after(browser, answer))
    assert sent(say(browser)) == b"note=hello"


def test_another_gate_of_the_same_store_and_keys_sends_it(tmp_path):
    """As after a restart, or where several are at work."""
    first = SqliteStore(tmp_path / "state" / "glassgate.db")
    browser = too_late(site_of(apps=[wiki()], store=first))
    answer = post(browser, body=BODY)
    first.close()
    second = SqliteStore(tmp_path / "state" / "glassgate.db")
    browser.site = site_of(apps=[wiki()], store=second, keys=browser.site.keys, chance=lambda n: f"anew-{n}")
    assert asks(page_after(browser, answer))
    assert sent(say(browser)) == BODY
    second.close()


def test_a_store_that_forgot_it_leaves_the_address_to_the_application():
    browser = too_late()
    answer = post(browser)
    browser.site = site_of(apps=[wiki()], keys=browser.site.keys)
    assert sent(page_after(browser, answer)) is None, "a GET, as any other"
    assert gone(say(browser))


# --- where an app has a part of a host

PART = app("part", f"{WIKI}/docs", STAFF, keep_forms=LIMIT)


def of_part():
    """A browser that was signed in at an app of a part of a host, and whose token there has ended."""
    browser = Browser(site_of(apps=[wiki(), PART]))
    browser.open(WIKI, "/docs/edit")
    browser.at += HOUR + 1
    return browser


def test_an_app_of_a_part_of_a_host_keeps_its_own():
    browser = of_part()
    answer = post(browser, "/docs/save")
    assert is_kept(answer)
    assert asks(page_after(browser, answer))
    outcome = say(browser, "/docs/save")
    assert (outcome.app.name, sent(outcome)) == ("part", b"note=hello")


def test_thrown_away_it_leads_to_where_its_app_begins():
    browser = of_part()
    page_after(browser, post(browser, "/docs/save"))
    [name] = names_of_forms(browser)
    answer = browser.ask(WIKI, f"{LEAVE}?id={name.removeprefix(cookies.FORM)}", method="POST", headers=WORD)
    assert (answer.status, location(answer), names_of_forms(browser)) == (303, f"{OWN}/docs", [])


def test_its_token_keeps_nothing_for_the_rest_of_the_host():
    assert not is_kept(post(of_part(), "/save"))


# --- once


def test_it_goes_on_once():
    browser = asked()
    outcome = say(browser)
    assert sent(outcome)
    assert gone(say(browser)), "not while it is on its way"
    arrives(browser, outcome)
    assert gone(say(browser)), "a reload sends no empty form"
    assert sent(browser.ask(WIKI, "/save?x=1")) is None, "and whoever goes back there meets the application"


def test_a_reload_after_its_time_sends_no_empty_form_either():
    browser = asked()
    arrives(browser, say(browser))
    browser.at += 700
    browser.jars[WIKI] = {name: value for name, value in browser.jars[WIKI].items() if "CF_Form" not in name}
    assert gone(say(browser))


def test_of_two_at_once_one_is_sent():
    browser = asked(body=BODY)

    def go(_):
        tab = Browser(browser.site, browser.at)
        tab.jars[WIKI] = dict(browser.jars[WIKI])
        return say(tab)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(go, range(4)))
    assert [isinstance(one, Forward) for one in outcomes].count(True) == 1
    assert all(isinstance(one, Forward) or gone(one) for one in outcomes)


def test_nothing_is_left_of_it_once_it_arrived():
    store = MemoryStore()
    browser = asked(too_late(site_of(apps=[wiki()], store=store)), body=BODY)
    outcome = say(browser)
    assert store.find("form", "", browser.at), "till then it is there"
    arrives(browser, outcome)
    assert store.find("form", "", browser.at) + store.find("form_slot", "", browser.at) == []


def test_one_that_could_not_leave_waits_on():
    browser = asked(body=BODY)
    run(say(browser).kept.ended(browser.at, sent=False))
    assert asks(browser.ask(WIKI, "/save?x=1"))
    assert sent(say(browser)) == BODY


def test_ten_minutes_later_it_is_gone():
    browser = asked()
    browser.at += 601
    assert sent(browser.ask(WIKI, "/save?x=1")) is None
    assert gone(say(browser))


# --- two tabs


@pytest.mark.parametrize("second", ["/save?x=1", "/save?x=2"], ids=["the same address", "two addresses"])
def test_of_two_tabs_each_form_is_sent(second):
    browser = too_late()
    answers = post(browser, body=b"first"), post(browser, second, body=b"second")
    assert [asks(page_after(browser, answer)) for answer in answers] == [True, True]
    bodies = [arrives(browser, say(browser, target_of(location(answer)))) for answer in answers]
    assert bodies == [b"first", b"second"]
    assert [gone(say(browser, target_of(location(answer)))) for answer in answers] == [True, True]


# --- nobody else


def test_another_user_does_not_see_it_and_it_is_forgotten():
    store = MemoryStore()
    browser = too_late(site_of(apps=[wiki()], store=store))
    answer = post(browser)
    browser.site.parties["entra"].next = person("bob")
    browser.jars[TEAM].clear()
    page = page_after(browser, answer)
    assert (page.status, b"/save" in page.body) == (403, False)
    assert (store.find("form", "", browser.at), names_of_forms(browser)) == ([], [])
    assert gone(say(browser))


def test_another_user_cannot_say_the_word_for_it():
    browser = asked()
    bob = Browser(browser.site, browser.at)
    bob.site.parties["entra"].next = person("bob")
    bob.open(WIKI, "/")
    bob.jars[WIKI] = {**browser.jars[WIKI], "CF_Authorization": bob.jars[WIKI]["CF_Authorization"]}
    assert say(bob).status == 403
    assert gone(say(browser)), "it is forgotten"


def test_in_another_browser_there_is_none():
    browser = asked()
    other = Browser(browser.site, browser.at)
    other.open(WIKI, "/")
    assert sent(other.ask(WIKI, "/save?x=1")) is None
    assert gone(say(other))
    assert sent(say(browser))


def test_a_cookie_of_another_form_does_not_open_it():
    browser = too_late()
    post(browser, body=b"first")
    post(browser, "/other", body=b"second")
    browser.open(WIKI, "/")
    one, other = names_of_forms(browser)
    jar = browser.jars[WIKI]
    jar[one], jar[other] = jar[other], jar[one]
    assert sent(browser.ask(WIKI, "/other")) is None
    assert gone(say(browser))


def test_at_another_app_there_is_none():
    payroll = app("payroll", "payroll.localhost", STAFF, keep_forms=LIMIT)
    browser = asked(too_late(site_of(apps=[wiki(), payroll])))
    browser.open("payroll.localhost", "/")
    browser.jars["payroll.localhost"] |= {name: browser.jars[WIKI][name] for name in names_of_forms(browser)}
    assert sent(browser.ask("payroll.localhost", "/save?x=1")) is None


NO_WORD = [
    ("of another site", {"origin": "https://evil.example"}),
    ("of nowhere", {"origin": "null"}),
    ("of the team domain", {"origin": f"https://{TEAM}:8443"}),
    ("without an origin", {"origin": None}),
    ("with two", {"Origin": OWN}),
    ("an empty form", {"content-type": "application/x-www-form-urlencoded"}),
    ("with a body", {"content-length": "5"}),
    ("in chunks", {"content-length": None, "transfer-encoding": "chunked"}),
    ("of a script", {"sec-fetch-mode": "cors", "accept": "*/*"}),
    ("in a frame", {"sec-fetch-dest": "iframe"}),
]


@pytest.mark.parametrize("more", [row[1] for row in NO_WORD], ids=[row[0] for row in NO_WORD])
def test_what_is_no_word_for_it_goes_on_as_it_is(more):
    browser = asked()
    assert sent(say(browser, **more)) is None
    assert sent(say(browser))


READS = [
    ("a script", {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}),
    ("a frame", {"sec-fetch-dest": "iframe"}),
    ("an image", {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}),
    ("fetched ahead", {"sec-purpose": "prefetch"}),
]


@pytest.mark.parametrize("more", [row[1] for row in READS], ids=[row[0] for row in READS])
def test_only_a_person_s_own_step_is_asked(more):
    browser = asked()
    assert sent(browser.ask(WIKI, "/save?x=1", headers=BROWSER | more)) is None
    assert sent(browser.ask(WIKI, "/save?x=1", method="HEAD")) is None
    assert sent(browser.ask(WIKI, "/save?x=2")) is None
    assert asks(browser.ask(WIKI, "/save?x=1"))


# --- who may not, at that moment


def test_the_policy_is_judged_again():
    browser = too_late()
    answer = post(browser)
    closed = Policy("closed", Decision.DENY, (email_rule("alice@contoso.example"),))
    site = browser.site
    browser.site = site_of(
        apps=[app("wiki", WIKI, closed, STAFF, keep_forms=LIMIT)], keys=site.keys, sessions=site.sessions,
        forms=site.forms,
    )  # fmt: skip
    assert page_after(browser, answer).status == 403
    browser.site = site
    browser.open(WIKI, "/")
    assert asks(browser.ask(WIKI, "/save?x=1"))
    browser.site = site_of(
        apps=[app("wiki", WIKI, closed, STAFF, keep_forms=LIMIT)], keys=site.keys, sessions=site.sessions,
        forms=site.forms,
    )  # fmt: skip
    assert say(browser).status == 403
    browser.site = site
    assert sent(say(browser)), "a refusal takes nothing of it"


def test_who_was_signed_out_meanwhile_signs_in_first():
    browser = asked()
    browser.ask(TEAM, "/cdn-cgi/access/logout")
    answer = browser.ask(WIKI, "/save?x=1")
    assert (answer.status, "/cdn-cgi/access/login/" in dict(answer.headers)["Refresh"]) == (401, True)
    answer = say(browser)
    assert (answer.status, "/cdn-cgi/access/login/" in location(answer)) == (302, True)


def test_a_word_that_meets_an_ended_session_is_no_form():
    browser = too_late()
    browser.at += 23 * HOUR - 60
    asked(browser)
    browser.at += 61
    assert say(browser).status == 302
    assert len(names_of_forms(browser)) == 1
    browser.jars[TEAM].clear()
    browser.open(WIKI, "/")
    assert arrives(browser, say(browser)) == b"note=hello"
    assert sent(browser.ask(WIKI, "/save?x=1")) is None


# --- thrown away


def test_whoever_holds_it_may_throw_it_away():
    store = MemoryStore()
    browser = asked(too_late(site_of(apps=[wiki()], store=store)), body=BODY)
    [name] = names_of_forms(browser)
    page = f"{LEAVE}?id={name.removeprefix(cookies.FORM)}"
    assert f'formaction="{page}"'.encode() in browser.last.body
    for origin in ("https://evil.example", "null", ""):
        answer = browser.ask(WIKI, page, method="POST", headers=WORD | {"origin": origin})
        assert (answer.status, reason(answer)) == (403, "form_origin")
    other = Browser(browser.site, browser.at)
    assert gone(other.ask(WIKI, page, method="POST", headers=WORD))
    assert store.find("form", "", browser.at), "nobody else's word counts"
    answer = browser.ask(WIKI, page, method="POST", headers=WORD)
    assert (answer.status, location(answer)) == (303, f"{OWN}/")
    left = store.find("form", "", browser.at) + store.find("form_slot", "", browser.at)
    assert left + names_of_forms(browser) == []
    assert sent(browser.ask(WIKI, "/save?x=1")) is None


def test_where_no_forms_are_kept_there_is_no_such_page():
    browser = Browser(site_of(apps=[wiki(keep_forms=0)]))
    browser.open(WIKI, "/")
    assert browser.ask(WIKI, f"{LEAVE}?id=x").status == 404
    assert browser.ask(WIKI, f"{LEAVE}?id=x", method="POST", headers=WORD).status == 405
    assert sent(say(browser)) is None, "nor is any POST taken for a word"


# --- what is damaged


@pytest.mark.parametrize("part", ["/0", "/1", "/3"], ids=["the head", "a piece", "the rest"])
def test_of_what_is_not_whole_nothing_is_sent(part):
    store = MemoryStore()
    browser = asked(too_late(site_of(apps=[wiki()], store=store)), body=BODY)
    [key] = [key for key in store.find("form", "", browser.at) if key.endswith(part)]
    sealed = store.get("form", key, browser.at)
    store.put("form", key, sealed[:-1] + bytes([sealed[-1] ^ 1]), browser.at + 60)
    assert gone(say(browser))
