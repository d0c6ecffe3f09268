"""What a bypass lets through, and that nobody is named on that way."""

import pytest

from gate.site import EVERYONE, NOW, STAFF, WIKI, Browser, app, request_of, site_of
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.gate.exchange import Forward, run
from glassgate.gate.journey import journey, still_allowed

HERE = Rule("ip: 127.0.0.1", lambda facts: str(facts.ip) == "127.0.0.1")
OPEN = Policy("open", Decision.BYPASS, (HERE,))


def site(*policies):
    return site_of(apps=[app("wiki", WIKI, *(policies or (STAFF, OPEN)))])


def ask(where, **more):
    return run(journey(where, request_of("/x", **more)))


def test_a_bypass_needs_no_session_and_stands_before_what_is_written_above_it():
    passed = ask(site())
    assert isinstance(passed, Forward)
    assert (passed.told().policy, passed.told().reason, passed.told().allowed) == ("open", "bypass", True)
    assert ask(site(), peer="203.0.113.7", headers={}).status == 401


def test_where_it_does_not_hold_people_are_judged():
    browser = Browser(site(STAFF, Policy("nobody", Decision.BYPASS, (HERE,), exclude=(HERE,))))
    landed = browser.open(WIKI, "/x")
    assert dict(landed.headers)[b"Cf-Access-Authenticated-User-Email"] == b"alice@contoso.example"


SAID = ["Cf-Access-Jwt-Assertion", "Cf-Access-Authenticated-User-Email", "cf_access_token", "CF-Access-Client-Secret"]


@pytest.mark.parametrize("name", SAID)
def test_nobody_is_named_on_a_bypass(name):
    told = ask(site(), headers={name: "mallory", "cookie": "CF_Authorization=a.b.c; own=1"}).headers
    assert not [value for _, value in told if b"mallory" in value]
    assert not [key for key, _ in told if key.lower().startswith(b"cf-access")]
    assert dict(told)[b"Cookie"] == b"own=1"


def test_a_signed_in_visitor_is_not_named_either_however_the_token_comes():
    where = site(STAFF, OPEN)
    browser = Browser(site_of(apps=[app("wiki", WIKI, STAFF)], keys=where.keys))
    browser.open(WIKI, "/")
    held = browser.jars[WIKI]["CF_Authorization"]
    for headers in ({"cookie": f"CF_Authorization={held}"}, {"authorization": f"Bearer {held}"}):
        assert not [value for _, value in ask(where, headers=headers).headers if held.encode() in value]
    late = ask(where, headers={"authorization": f"Bearer {held}"}, at=NOW + 90_000)
    assert not [value for _, value in late.headers if held.encode() in value]


def test_a_token_of_somebody_elses_passes_untouched():
    told = dict(ask(site(), headers={"authorization": "Bearer of.the.origin"}).headers)
    assert told[b"authorization"] == b"Bearer of.the.origin"


def test_a_deny_is_never_asked_after_a_bypass():
    """As at Cloudflare: bypass and service_auth first, then allow and deny."""
    assert isinstance(ask(site(Policy("none", Decision.DENY, (EVERYONE,)), OPEN)), Forward)


def test_a_service_policy_alone_lets_nobody_in_who_shows_nothing():
    assert ask(site(Policy("machines", Decision.SERVICE_AUTH, (EVERYONE,))), headers={}).status == 401


def test_an_open_websocket_of_a_bypass_stands_while_the_bypass_does():
    night = Rule("time", lambda facts: facts.now < NOW + 60)
    where = site(Policy("open", Decision.BYPASS, (night,)))
    request = request_of("/")
    assert run(still_allowed(where, request, where.apps[WIKI], None, NOW + 1)) is None
    assert run(still_allowed(where, request, where.apps[WIKI], None, NOW + 61)) == "policy"


def test_a_browser_that_comes_to_sign_in_where_a_bypass_holds_goes_straight_back():
    one = app("wiki", WIKI, STAFF, OPEN)
    browser = Browser(site_of(apps=[one]))
    browser.open(WIKI, "/")
    other = Browser(site_of(apps=[app("wiki", WIKI, STAFF)]))
    other.open(WIKI, "/")
    other.jars[WIKI].clear()
    sign_in = dict(other.ask(WIKI, "/later").headers)["Location"]
    other.site = site_of(apps=[one], store=None, keys=other.site.keys, sessions=other.site.sessions)
    back = other.ask("team.localhost", sign_in.removeprefix("https://team.localhost:8443"))
    assert dict(back.headers)["Location"] == "https://wiki.localhost:8443/later"
