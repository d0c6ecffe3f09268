"""Whose an address is: the longest match, and nobody's where an origin might see it otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.site import LOCAL, NOW, STAFF, TEAM, WIKI, Browser, app, person, request_of, site_of
from glassgate.access.app import App
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.apps import Apps
from glassgate.gate.exchange import Answer, Forward, run
from glassgate.gate.journey import journey
from glassgate.gate.target import BadRequestError, spellings

EVERYONE = Rule("everyone", lambda facts: True)
OPEN = Policy("open", Decision.BYPASS, (EVERYONE,))
NOBODY = Policy("nobody", Decision.ALLOW, (Rule("nobody", lambda facts: False),))

APPS = Apps(
    [
        app("wiki", WIKI, STAFF),
        app("admin", f"{WIKI}/admin", STAFF),
        app("super", f"{WIKI}/admin/super", STAFF),
        app("files", f"{WIKI}/files/*", STAFF),
        app("Mixed", f"{WIKI}/Mixed", STAFF),
        app("many", "*.apps.localhost", STAFF),
        app("one", "one.apps.localhost", STAFF),
        app("part", "*.apps.localhost/part", STAFF),
        app("docs", "docs.localhost/only", STAFF),
    ]
)
FOUND = [
    (WIKI, "/", "wiki"),
    (WIKI, "/administrator", "wiki"),
    (WIKI, "/admin", "admin"),
    (WIKI, "/admin/x", "admin"),
    (WIKI, "/admin/super", "super"),
    (WIKI, "/admin/superb", "admin"),
    (WIKI, "/files", "wiki"),
    (WIKI, "/files/x/y", "files"),
    (WIKI, "/Mixed/x", "Mixed"),
    (WIKI, "/a%20b", "wiki"),
    (WIKI, "/group%2Fproject/-/raw", "wiki"),
    (WIKI, "/admin/group%2Fproject", "admin"),
    (WIKI, "/admin/a;b=c/d", "admin"),
    ("x.apps.localhost", "/", "many"),
    ("x.apps.localhost", "/part/y", "part"),
    ("one.apps.localhost", "/", "one"),
    ("one.apps.localhost", "/part/y", "one"),
    ("docs.localhost", "/only", "docs"),
    ("docs.localhost", "/other", None),
    ("x.y.apps.localhost", "/", None),
    ("apps.localhost", "/", None),
    ("unknown.localhost", "/", None),
    ("a" * 60_000 + ".apps.localhost", "/", None),
]
AMBIGUOUS = [
    "/ADMIN", "/Admin/x", "/mixed", "/MIXED", "/%61dmin", "/%2561dmin", "/admin%2fx", "//admin", "/x/../admin",
    "/admin/../x", "/admin/..", "/admin;x", "/;/admin", "/\\admin", "/%5cadmin", "/admin%3fx", "/admin%00",
    "/admin/%2e%2e/x", "/admin/%2e%2e%2fx", "/admin/x%2f..%2f..", "/./admin", "/admin/..;/x", "/files/%2e%2e/x",
    "/admin/super/..", "/admin%2fsuper", "/admin/SUPER", "//x/admin", "///x/admin", "/\\x/admin", "//x@y:1/%61dmin",
    "//a%2fb@x/%61dmin", "/;%2fx%2f/%61dmin", "/admin/s;%2f..%2f/../super", "/x%2fy/../%61dmin",
    "/x%2fy/%2e%2e/%61dmin", "/%u0061dmin", "/x%u002f..%u002fadmin", "/admin%23x",
]  # fmt: skip


@pytest.mark.parametrize(("host", "path", "name"), FOUND, ids=[f"{row[0][:30]}{row[1]}" for row in FOUND])
def test_the_longest_match(host, path, name):
    found = APPS.of(host, path)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_what_could_be_another_apps_is_nobodys(path):
    with pytest.raises(BadRequestError) as refused:
        APPS.of(WIKI, path)
    assert refused.value.reason == "target_ambiguous"


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_an_app_that_has_all_of_a_host_has_it_however_it_is_read(path):
    assert APPS.of("one.apps.localhost", path).name == "one"


@given(st.lists(st.sampled_from(["admin", "Admin", "..", ".", "", "%2e%2e", "%2f", ";", "\\", "%5c", "x", "%61dmin"])))
def test_whatever_an_origin_reads_is_of_the_app_that_was_judged(parts):
    path = "/" + "/".join(parts)
    try:
        found = APPS.of(WIKI, path)
    except BadRequestError:
        return
    for reading in spellings(path):
        assert next(one for one in APPS.at(WIKI) if one.here.covers(reading)).aud == found.aud


def test_each_app_once_where_people_can_go():
    both = App("both", ("*.both.localhost", "both.localhost/x"), "f" * 64, LOCAL, (STAFF,), 60, ("entra",))
    found = Apps([both, app("wiki", WIKI, STAFF), app("many", "*.apps.localhost", STAFF)]).each()
    assert [(one.name, one.here.text) for one in found] == [
        ("both", "both.localhost/x"), ("wiki", WIKI), ("many", "*.apps.localhost"),
    ]  # fmt: skip


# --- what a visitor meets -------------------------------------------------------------------------------------


def parted(**more):
    """A wiki for everybody, and a part of it for administrators."""
    return site_of(apps=[app("wiki", WIKI, STAFF), app("admin", f"{WIKI}/admin", STAFF)], **more)


def set_cookies(answer):
    return [value for name, value in answer.headers if name == "Set-Cookie"]


def test_a_part_of_a_host_has_its_own_sign_in_and_its_own_cookie():
    browser = Browser(parted())
    first = browser.ask(WIKI, "/admin/users?x=1")
    headers = dict(first.headers)
    assert headers["Cf-Access-Domain"] == f"{WIKI}/admin"
    assert headers["Cf-Access-Aud"] == browser.site.apps[f"{WIKI}/admin"].aud
    assert f"/cdn-cgi/access/login/{WIKI}/admin?kid={headers['Cf-Access-Aud']}" in headers["Location"]
    seen = []
    ask = browser.ask

    def watch(*args, **more):
        outcome = ask(*args, **more)
        seen.extend(set_cookies(outcome) if isinstance(outcome, Answer) else [])
        return outcome

    browser.ask = watch
    landed = browser.open(WIKI, "/admin/users?x=1")
    assert isinstance(landed, Forward)
    assert (landed.app.name, landed.target) == ("admin", "/admin/users?x=1")
    assert any("/cdn-cgi/access/authorized?" in url for url in browser.urls)
    [token] = [line for line in seen if line.startswith("CF_Authorization=")]
    assert "Path=/admin" in token.split("; ")


def test_the_token_of_one_part_opens_no_other():
    browser = Browser(parted())
    browser.open(WIKI, "/admin")
    assert browser.ask(WIKI, "/").status == 302
    assert isinstance(browser.open(WIKI, "/"), Forward)
    assert len(browser.site.parties["entra"].asked) == 1


def test_both_tokens_come_to_the_part_and_the_right_one_counts():
    site = parted()
    browser = Browser(site)
    browser.open(WIKI, "/")
    whole = browser.jars[WIKI]["CF_Authorization"]
    browser.open(WIKI, "/admin")
    part = browser.jars[WIKI]["CF_Authorization"]
    for order in (f"{part}; CF_Authorization={whole}", f"{whole}; CF_Authorization={part}"):
        sent = {"cookie": f"CF_Authorization={order}"}
        for path, assertion in (("/admin/x", part), ("/x", whole)):
            outcome = run(journey(site, request_of(path, headers=sent)))
            assert dict(outcome.headers)[b"Cf-Access-Jwt-Assertion"].decode() == assertion


def test_a_part_that_is_open_opens_nothing_beside_it():
    site = site_of(apps=[app("wiki", WIKI, NOBODY), app("public", f"{WIKI}/public", OPEN)])
    assert isinstance(run(journey(site, request_of("/public/x"))), Forward)
    for path in (
        "/",
        "/publication",
        "/PUBLIC/x",
        "/public/../x",
        "/public%2f..%2fx",
        "/public;/../x",
        "/public/..;/x",
    ):
        answer = run(journey(site, request_of(path)))
        assert answer.status in (400, 401, 403), path


def test_a_part_inherits_nothing():
    site = site_of(apps=[app("wiki", WIKI, STAFF), app("admin", f"{WIKI}/admin", NOBODY)])
    browser = Browser(site)
    assert isinstance(browser.open(WIKI, "/"), Forward)
    assert browser.open(WIKI, "/admin").status == 403


def test_where_no_app_is_there_is_nothing():
    site = site_of(apps=[app("admin", f"{WIKI}/admin", STAFF)])
    assert run(journey(site, request_of("/"))).status == 404
    assert run(journey(site, request_of("/", host="other.localhost:8443"))).status == 421
    assert run(journey(site, request_of("/cdn-cgi/access/certs"))).status == 200
    assert run(journey(site, request_of("/admin"))).status == 401


def test_a_pattern_has_a_sign_in_at_each_of_its_hosts_and_one_aud():
    site = site_of(apps=[app("many", "*.apps.localhost", STAFF)])
    browser = Browser(site)
    for host in ("one.apps.localhost", "two.apps.localhost"):
        assert f"/login/{host}?" in dict(browser.ask(host, "/").headers)["Location"]
        assert isinstance(browser.open(host, "/x"), Forward)
    assert len(site.parties["entra"].asked) == 1
    assert run(journey(site, request_of("/", host="a.b.apps.localhost:8443"))).status == 421


def test_a_name_below_a_pattern_may_be_the_teams():
    site = site_of(apps=[app("many", "*.localhost", STAFF)])
    assert Browser(site).ask(TEAM, "/cdn-cgi/access/callback").status == 400
    assert run(journey(site, request_of("/", host="login.localhost:8443"))).host == "login.localhost"


def test_a_hand_off_for_one_part_is_not_taken_for_another():
    """By a configuration that changed meanwhile: the host is the same, the app of the address is not."""
    site = site_of(apps=[app("wiki", WIKI, STAFF)])
    browser = Browser(site)
    answer = browser.ask(WIKI, "/admin")
    later = parted(keys=site.keys, sessions=site.sessions)
    assert Browser(later).ask(TEAM, dict(answer.headers)["Location"].partition(":8443")[2]).status == 404


def test_who_is_signed_in_and_signing_out_at_a_host_of_several_apps():
    site = parted()
    browser = Browser(site)
    browser.open(WIKI, "/admin")
    assert browser.ask(WIKI, "/cdn-cgi/access/get-identity", headers={}).status == 200
    answer = browser.ask(WIKI, "/cdn-cgi/access/logout")
    assert any(line.startswith("CF_Authorization=;") and "Path=/admin" in line for line in set_cookies(answer))
    browser.at = NOW + 1
    assert browser.ask(WIKI, "/admin").status == 302
    assert person("alice").user_id
