"""The hand-off from the team domain to an app: once, one host, one app, one browser, one minute."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from gate.site import MFA, NOW, PAYROLL, STAFF, TEAM, WIKI, Browser, Keys, app, person, site_of
from glassgate.access.app import SameSite, TokenCookie
from glassgate.access.policy import Decision
from glassgate.gate.exchange import Forward


def up_to_the_hand_off(site, at=NOW):
    """A browser that was sent to `authorized` and has not gone there; and that address."""
    browser = Browser(site, at)
    host, target = WIKI, "/first?x=1"
    for _ in range(8):
        location = dict(browser.ask(host, target).headers)["Location"]
        parts = urlsplit(location)
        if parts.hostname == "login.example":
            state = location.partition("state=")[2]
            host, target = TEAM, f"/cdn-cgi/access/callback?code=c&state={state}"
            continue
        host, target = parts.hostname, f"{parts.path}?{parts.query}"
        if parts.path.endswith("/authorized"):
            return browser, target
    raise AssertionError("no hand-off")


def sets_no_token(browser, host=WIKI):
    return "CF_Authorization" not in browser.jars.get(host, {})


def test_it_sets_the_token_and_returns_to_the_first_address():
    browser, target = up_to_the_hand_off(site_of())
    answer = browser.ask(WIKI, target)
    assert (answer.status, dict(answer.headers)["Location"]) == (302, f"https://{WIKI}:8443/first?x=1")
    line = next(value for name, value in answer.headers if value.startswith("CF_Authorization="))
    assert all(part in line for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Expires="))
    assert "Domain" not in line
    assert not [name for name in browser.jars[WIKI] if name.startswith("__Host-CF_AppSession_")]


def test_used_by_its_own_browser_it_goes_on_and_issues_nothing():
    site = site_of()
    browser, target = up_to_the_hand_off(site)
    kept = dict(browser.jars[WIKI])
    browser.ask(WIKI, target)
    browser.jars[WIKI] |= kept
    token = browser.jars[WIKI]["CF_Authorization"]
    answer = browser.ask(WIKI, target)
    assert (answer.status, dict(answer.headers)["Location"]) == (302, f"https://{WIKI}:8443/first?x=1")
    assert browser.jars[WIKI]["CF_Authorization"] == token
    assert not [value for name, value in answer.headers if name == "Set-Cookie"]


def test_used_where_no_session_stands_it_is_refused():
    browser, target = up_to_the_hand_off(site_of())
    kept = dict(browser.jars[WIKI])
    browser.ask(WIKI, target)
    browser.jars[WIKI] = kept
    assert browser.ask(WIKI, target).status == 400
    assert sets_no_token(browser)


def test_in_another_browser_it_is_refused_and_stays_good_for_its_own():
    site = site_of()
    browser, target = up_to_the_hand_off(site)
    thief = Browser(site)
    assert thief.ask(WIKI, target).status == 400
    assert sets_no_token(thief)
    assert browser.ask(WIKI, target).status == 302


def test_with_the_cookie_of_another_sign_in_it_is_refused():
    site = site_of()
    browser, target = up_to_the_hand_off(site)
    thief, _ = up_to_the_hand_off(site)
    [theirs] = thief.jars[WIKI].values()
    [name] = browser.jars[WIKI]
    thief.jars[WIKI] = {name: theirs}
    assert thief.ask(WIKI, target).status == 400
    assert sets_no_token(thief)


def test_expired_it_offers_to_start_again():
    browser, target = up_to_the_hand_off(site_of())
    browser.at = NOW + 61
    answer = browser.ask(WIKI, target)
    assert answer.status == 400
    assert b"Start again" in answer.body
    assert sets_no_token(browser)


def test_at_another_app_it_is_foreign():
    site = site_of(apps=[app("wiki", WIKI, STAFF), app("payroll", PAYROLL, STAFF)])
    browser, target = up_to_the_hand_off(site)
    browser.jars[PAYROLL] = dict(browser.jars[WIKI])
    assert browser.ask(PAYROLL, target).status == 400
    assert sets_no_token(browser, PAYROLL)


def test_at_another_team_it_is_forged():
    _, target = up_to_the_hand_off(site_of())
    other = Browser(site_of(keys=Keys("two")))
    assert other.ask(WIKI, target).status == 400


@pytest.mark.parametrize(
    "change",
    [
        lambda target: target.replace("nonce=", "nonce=x"),
        lambda target: target.partition("&")[0],
        lambda target: target + "&state=x",
        lambda target: target + "&nonce=x",
        lambda target: target[:-9] + "AAAAAAAAA",
        lambda target: target.partition("?")[0],
        lambda target: target.partition("&")[0] + "&state=" + "A" * 9000,
    ],
    ids=["another nonce", "no state", "two states", "two nonces", "changed", "nothing", "endless"],
)
def test_changed_it_is_refused(change):
    browser, target = up_to_the_hand_off(site_of())
    assert browser.ask(WIKI, change(target)).status == 400
    assert sets_no_token(browser)


def test_a_session_that_ended_meanwhile_issues_nothing():
    site = site_of()
    browser, target = up_to_the_hand_off(site)
    browser.ask(TEAM, "/cdn-cgi/access/logout")
    assert browser.ask(WIKI, target).status == 400
    assert sets_no_token(browser)


def test_a_policy_that_closed_meanwhile_issues_nothing():
    site = site_of()
    browser, target = up_to_the_hand_off(site)
    browser.site = site_of(apps=[app("wiki", WIKI)], keys=site.keys, sessions=site.sessions)
    answer = browser.ask(WIKI, target)
    assert answer.status == 403
    assert sets_no_token(browser)


def test_a_policy_that_wants_more_proof_meanwhile_sends_round_again():
    site = site_of()
    browser, target = up_to_the_hand_off(site)
    stricter = app("wiki", WIKI, replace(STAFF, require=(MFA,)))
    browser.site = site_of(apps=[stricter], keys=site.keys, sessions=site.sessions)
    answer = browser.ask(WIKI, target)
    assert answer.status == 302
    assert "/cdn-cgi/access/login/" in dict(answer.headers)["Location"]
    assert sets_no_token(browser)


def test_where_a_bypass_holds_meanwhile_nothing_is_issued_and_nobody_is_kept_out():
    site = site_of()
    browser, target = up_to_the_hand_off(site)
    opened = app("wiki", WIKI, replace(STAFF, decision=Decision.BYPASS, exclude=()))
    browser.site = site_of(apps=[opened], keys=site.keys, sessions=site.sessions)
    assert browser.ask(WIKI, target).status == 302
    assert sets_no_token(browser)
    assert isinstance(browser.open(WIKI, "/"), Forward)


def test_ten_tabs_all_land_where_they_wanted():
    site = site_of()
    browser = Browser(site)
    starts = [dict(browser.ask(WIKI, f"/tab/{n}").headers)["Location"] for n in range(10)]
    asked = []
    for start in starts:
        parts = urlsplit(start)
        asked.append(dict(browser.ask(TEAM, f"{parts.path}?{parts.query}").headers)["Location"])
    landed = []
    for n, location in enumerate(asked):
        # Each stub sign-in belongs to the request that was begun for it.
        site.parties["entra"].asked.append(site.parties["entra"].asked[n])
        state = location.partition("state=")[2]
        outcome = browser.open(TEAM, f"/cdn-cgi/access/callback?code=c&state={state}")
        landed.append(outcome.target if isinstance(outcome, Forward) else outcome.status)
    assert landed == [f"/tab/{n}" for n in range(10)]


def test_more_than_sixteen_sign_ins_push_out_the_oldest():
    browser = Browser(site_of())
    for n in range(20):
        browser.at = NOW + n
        browser.ask(WIKI, f"/tab/{n}")
    names = [name for name in browser.jars[WIKI] if name.startswith("__Host-CF_AppSession_")]
    assert len(names) == 16
    assert min(names) > f"__Host-CF_AppSession_{int((NOW + 3) * 1000):012x}"


@pytest.mark.parametrize("target", ["/?" + "q" * 2040, "/?" + '"' * 1020, "/?" + "%5c" * 680, "/?" + "\\" * 1020])
def test_every_cookie_fits_a_browser(target):
    site = site_of()
    browser = Browser(site)
    answer = browser.ask(WIKI, target)
    host, parts = TEAM, urlsplit(dict(answer.headers)["Location"])
    answer = browser.ask(host, f"{parts.path}?{parts.query}")
    for jar in browser.jars.values():
        for name, value in jar.items():
            assert len(name) + len(value) <= 4096, name
    assert answer.status == 302


@pytest.mark.parametrize("filling", ["q", '"', "\\"])
def test_an_address_that_would_not_fit_is_told(filling):
    assert Browser(site_of()).ask(WIKI, "/?" + filling * 2047).status == 414


def test_the_token_stays_small_whatever_the_number_of_groups():
    site = site_of()
    site.parties["entra"].next = person("alice", groups=frozenset(f"{n:036d}" for n in range(5000)))
    browser = Browser(site)
    assert isinstance(browser.open(WIKI, "/"), Forward)
    assert len(browser.jars[WIKI]["CF_Authorization"]) < 1500


# --- as the app wants its cookie ------------------------------------------------------------------------------


def issued(*, domain=WIKI, target="/first", **wish):
    """The browser, and what it was given by an app that wants its cookie so."""
    browser = Browser(site_of(apps=[app("wiki", domain, STAFF, cookie=TokenCookie(**wish))]))
    seen = []
    ask = browser.ask

    def watch(host, path, **more):
        outcome = ask(host, path, **more)
        if "/authorized?" in path:
            seen.append(outcome)
        return outcome

    browser.ask = watch
    browser.open(WIKI, target)
    return browser, seen[-1]


def line_of(answer, name):
    [line] = [value for _, value in answer.headers if value.startswith(f"{name}=")]
    return line.split("; ")[1:]


COOKIES = [
    ("as it is", {}, {"SameSite=Lax", "HttpOnly", "Path=/"}),
    ("for other sites", {"same_site": SameSite.NONE}, {"SameSite=None", "HttpOnly", "Path=/"}),
    ("for scripts", {"http_only": False}, {"SameSite=Lax", "Path=/"}),
    ("of a part", {"domain": f"{WIKI}/first"}, {"SameSite=Lax", "HttpOnly", "Path=/first"}),
    ("of a part, for all", {"domain": f"{WIKI}/first", "own_path": False}, {"SameSite=Lax", "HttpOnly", "Path=/"}),
    (
        "of what is below",
        {"domain": f"{WIKI}/first/*", "target": "/first/x"},
        {"SameSite=Lax", "HttpOnly", "Path=/first"},
    ),
]


@pytest.mark.parametrize(("wish", "attributes"), [row[1:] for row in COOKIES], ids=[row[0] for row in COOKIES])
def test_the_cookie_is_set_as_the_app_wants_it(wish, attributes):
    _, answer = issued(**wish)
    line = line_of(answer, "CF_Authorization")
    assert {one for one in line if not one.startswith("Expires=")} == {"Secure", *attributes}


def test_a_strict_cookie_is_followed_from_a_page_of_the_same_site():
    """Browsers send none with a redirect that another site began: whoever goes on so is not signed in, in a circle."""
    browser, answer = issued(same_site=SameSite.STRICT)
    assert answer.status == 200
    assert dict(answer.headers)["Refresh"] == f"0; url=https://{WIKI}:8443/first"
    assert f'href="https://{WIKI}:8443/first"'.encode() in answer.body
    assert "SameSite=Strict" in line_of(answer, "CF_Authorization")
    assert isinstance(browser.ask(WIKI, "/first"), Forward)


def test_a_bound_token_counts_beside_its_binding_alone():
    browser, answer = issued(bound=True)
    assert set(line_of(answer, "__Host-CF_Binding")) >= {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}
    landed = browser.ask(WIKI, "/first")
    assert isinstance(landed, Forward)
    assert not [value for name, value in landed.headers if b"CF_Binding" in value], "no origin sees it"
    token, binding = browser.jars[WIKI]["CF_Authorization"], browser.jars[WIKI]["__Host-CF_Binding"]
    api = {"accept": "*/*"}
    for jar in ({}, {"__Host-CF_Binding": binding[:-1] + "x"}, {"__Host-CF_Binding": ""}):
        browser.jars[WIKI] = {"CF_Authorization": token, **jar}
        answer = browser.ask(WIKI, "/first", headers=api)
        assert (answer.status, answer.events[0].reason) == (401, "binding_missing")
    browser.jars[WIKI] = {}
    assert browser.ask(WIKI, "/first", headers={**api, "cf-access-token": token}).status == 401


def test_a_binding_is_of_one_session():
    browser, _ = issued(bound=True)
    theirs = browser.jars[WIKI]["__Host-CF_Binding"]
    site = browser.site
    other = Browser(site)
    site.parties["entra"].next = person("bob")
    other.open(WIKI, "/")
    other.jars[WIKI]["__Host-CF_Binding"] = theirs
    assert other.ask(WIKI, "/", headers={"accept": "*/*"}).status == 401


def test_two_bound_apps_of_one_host_do_not_end_each_other():
    bound = TokenCookie(bound=True)
    parts = [app("wiki", WIKI, STAFF, cookie=bound), app("admin", f"{WIKI}/admin", STAFF, cookie=bound)]
    browser = Browser(site_of(apps=parts))
    browser.open(WIKI, "/")
    whole = dict(browser.jars[WIKI])
    browser.open(WIKI, "/admin")
    browser.jars[WIKI]["CF_Authorization"] = whole["CF_Authorization"]
    assert isinstance(browser.ask(WIKI, "/"), Forward)


def test_of_a_part_a_hand_off_that_was_used_leads_to_it_and_issues_nothing():
    """Its token does not come along to our path: whether the session stands is seen at the app alone."""
    site = site_of(apps=[app("wiki", f"{WIKI}/first", STAFF)])
    browser, target = up_to_the_hand_off(site)
    kept = dict(browser.jars[WIKI])
    browser.ask(WIKI, target)
    browser.jars[WIKI] = kept  # without the token, as a browser would
    answer = browser.ask(WIKI, target)
    assert answer.status == 400
    assert f'href="https://{WIKI}:8443/first?x=1"'.encode() in answer.body
    assert sets_no_token(browser)
