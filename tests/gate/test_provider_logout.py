"""A provider ends sessions of its own: in a frame, and from server to server."""

import json
from dataclasses import replace

import pytest

from gate.site import NOW, TEAM, WIKI, Browser, Party, person, request_of, site_of
from glassgate.access.session import Session
from glassgate.errors import StoreError
from glassgate.gate.apps import Apps
from glassgate.gate.exchange import Forward, run
from glassgate.gate.journey import journey
from glassgate.gate.pace import AT_ONCE
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError
from glassgate.oidc.logout_token import LogoutToken
from glassgate.oidc.provider import Provider
from glassgate.record.events import Action
from glassgate.state.memory import MemoryStore
from glassgate.state.store import MOST_FOUND

FRONT = "/cdn-cgi/access/frontchannel-logout/"
BACK = "/cdn-cgi/access/backchannel-logout/"
ENTRA = Provider("entra", "entra", "client", (ClientSecret("x"),))
OKTA = Provider("okta", "oidc", "client", (ClientSecret("x"),), issuer="https://okta.example")
FORM = {"content-type": "application/x-www-form-urlencoded"}
TOKEN = b"logout_token=the.logout.token"


def of_okta(name, sid):
    return replace(person(name), provider="okta", provider_type="oidc", realm="https://okta.example", idp_session=sid)


def at(provider, identity, store=None):
    """A browser signed in with one provider."""
    parties = {
        "entra": Party(ENTRA, person("nobody"), home="https://login.microsoftonline.com"),
        "okta": Party(OKTA, person("nobody"), home="https://okta.example/realms/staff"),
    }
    parties[provider].next = identity
    site = site_of(parties=parties, store=store)
    apps = Apps(replace(app, providers=(provider,)) for app in site.apps.values())
    browser = Browser(replace(site, apps=apps))
    assert isinstance(browser.open(WIKI, "/"), Forward)
    return browser


def still_in(browser):
    """Whether the session still opens the wiki, without asking the provider."""
    return isinstance(browser.ask(WIKI, "/"), Forward)


def framed(site, target, **more):
    """What a frame of the provider's page asks for: no cookie comes along."""
    frame = {
        "accept": "text/html",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "iframe",
        "sec-fetch-site": "cross-site",
    }
    heard = []
    return run(journey(site, request_of(target, host=f"{TEAM}:8443", headers=frame, **more)), heard.append), heard


def test_a_frame_with_the_sid_alone_ends_the_session():
    browser = at("entra", replace(person("alice"), idp_session="sid-1"))
    answer, heard = framed(browser.site, f"{FRONT}entra?sid=sid-1")
    assert answer.status == 200
    assert [(event.action, event.reason) for event in heard] == [(Action.SESSION_ENDED, "provider_sign_out")]
    assert not still_in(browser)


IGNORED = [
    ("unknown", f"{FRONT}entra?sid=sid-2"),
    ("none", f"{FRONT}entra"),
    ("empty", f"{FRONT}entra?sid="),
    ("two", f"{FRONT}entra?sid=sid-1&sid=sid-1"),
    ("another provider's", f"{FRONT}okta?sid=sid-1"),
    ("a part", f"{FRONT}entra?sid=sid-"),
    ("long", f"{FRONT}entra?sid={'x' * 600}"),
    ("a user's id", f"{FRONT}entra?sid=oid-alice"),
]


def test_a_users_name_is_no_session_in_a_frame():
    """A `sub` is no secret: whoever knows it signs nobody out."""
    browser = at("okta", of_okta("alice", "sid-1"))
    framed(browser.site, f"{FRONT}okta?sid=oid-alice")
    assert still_in(browser)


@pytest.mark.parametrize("target", [row[1] for row in IGNORED], ids=[row[0] for row in IGNORED])
def test_what_names_no_session_ends_none_and_is_answered_alike(target):
    browser = at("entra", replace(person("alice"), idp_session="sid-1"))
    answer, heard = framed(browser.site, target)
    named, _ = framed(browser.site, f"{FRONT}entra?sid=nobody")
    assert (answer.status, answer.body, heard) == (200, named.body, [])
    assert still_in(browser)


def test_its_provider_alone_may_frame_the_answer():
    browser = at("entra", person("alice"))
    for provider, origin in (("entra", "https://login.microsoftonline.com"), ("okta", "https://okta.example")):
        answer, _ = framed(browser.site, f"{FRONT}{provider}?sid=x")
        policy = dict(answer.headers)["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors {origin}")
        assert "default-src 'none'" in policy
    other, _ = framed(browser.site, "/cdn-cgi/access/nothing")
    assert dict(other.headers)["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_a_provider_that_is_none_is_no_page():
    browser = at("entra", person("alice"))
    assert framed(browser.site, f"{FRONT}google?sid=x")[0].status == 404


def test_who_asks_too_often_is_answered_and_nothing_is_looked_up():
    browser = at("entra", replace(person("alice"), idp_session="sid-1"))
    for _ in range(int(AT_ONCE)):
        framed(browser.site, f"{FRONT}entra?sid=guess")
    answer, _ = framed(browser.site, f"{FRONT}entra?sid=sid-1")
    assert answer.status == 200
    assert still_in(browser)
    framed(browser.site, f"{FRONT}entra?sid=sid-1", peer="192.0.2.7")
    assert not still_in(browser)


def test_a_session_that_was_renewed_goes_by_its_new_name():
    browser = at("entra", replace(person("alice"), idp_session="sid-1"))
    browser.site.parties["entra"].next = replace(person("alice"), idp_session="sid-2")
    browser.jars[TEAM] = {}
    browser.jars[WIKI] = {}
    browser.open(WIKI, "/")
    framed(browser.site, f"{FRONT}entra?sid=sid-1")
    assert still_in(browser)
    framed(browser.site, f"{FRONT}entra?sid=sid-2")
    assert not still_in(browser)


def told_by_server(browser, body=TOKEN, provider="okta", headers=FORM):
    return browser.ask(TEAM, BACK + provider, method="POST", headers=headers, body=body)


def signed_in_at_okta(said, store=None):
    browser = at("okta", of_okta("alice", "sid-1"), store)
    browser.site.parties["okta"].logout = said
    server = Browser(browser.site)
    return browser, server


SAID = [
    ("its session", LogoutToken("oid-alice", "sid-1", "jti", NOW + 60), False),
    ("the user", LogoutToken("oid-alice", None, "jti", NOW + 60), False),
    ("another session of the user", LogoutToken("oid-alice", "sid-2", "jti", NOW + 60), True),
    ("another user", LogoutToken("oid-bob", None, "jti", NOW + 60), True),
]


@pytest.mark.parametrize(("said", "stays"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_a_logout_token_ends_what_it_names(said, stays):
    browser, server = signed_in_at_okta(said)
    answer = told_by_server(server)
    assert (answer.status, dict(answer.headers)["Cache-Control"]) == (200, "no-store")
    assert still_in(browser) is stays


def test_a_logout_token_counts_once():
    _, server = signed_in_at_okta(LogoutToken("oid-alice", None, "jti", NOW + 60))
    assert told_by_server(server).status == 200
    again = told_by_server(server)
    assert (again.status, json.loads(again.body)["reason"]) == (400, "logout_replayed")


def test_all_of_a_users_sessions_end_however_many():
    browser, server = signed_in_at_okta(LogoutToken("oid-alice", None, "jti", NOW + 60))
    store = browser.site.sessions._store
    for number in range(2 * MOST_FOUND + 3):
        session = Session(f"s{number:05}", of_okta("alice", None), NOW, NOW + 3600, f"cookie-{number}")
        run(browser.site.sessions.begin(session, None, NOW))
    assert told_by_server(server).status == 200
    assert not [key for space, key in store._entries if space in ("session", "provider")]


def test_a_store_that_fails_in_between_lets_the_provider_say_it_again():
    class Failing(MemoryStore):
        fails = False

        def change(self, changes):
            if self.fails:
                raise StoreError("away")
            super().change(changes)

    store = Failing()
    browser, server = signed_in_at_okta(LogoutToken("oid-alice", None, "jti", NOW + 60), store)
    store.fails = True
    with pytest.raises(StoreError):
        told_by_server(server)
    store.fails = False
    assert told_by_server(server).status == 200
    assert not still_in(browser)


def test_good_logout_tokens_are_not_counted():
    browser, server = signed_in_at_okta(None)
    for number in range(int(AT_ONCE) + 5):
        browser.site.parties["okta"].logout = LogoutToken("oid-nobody", None, f"jti-{number}", NOW + 60)
        assert told_by_server(server).status == 200


def test_bad_ones_are():
    _, server = signed_in_at_okta(SignInError(Reason.SIGNATURE, "bad"))
    statuses = [told_by_server(server).status for _ in range(int(AT_ONCE) + 1)]
    assert statuses == [400] * int(AT_ONCE) + [429]


REFUSED = [
    ("a bad signature", TOKEN, FORM, SignInError(Reason.SIGNATURE, "bad"), 400, "signature"),
    ("an ID token", TOKEN, FORM, SignInError(Reason.LOGOUT_NONCE, "nonce"), 400, "logout_nonce"),
    ("JSON", b"{}", {"content-type": "application/json"}, None, 400, "callback_malformed"),
    ("twice", TOKEN + b"&" + TOKEN, FORM, None, 400, "parameter_repeated"),
]


@pytest.mark.parametrize(
    ("body", "headers", "said", "status", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_is_no_good_logout_token_ends_nothing(body, headers, said, status, reason):
    browser, server = signed_in_at_okta(said)
    answer = told_by_server(server, body, headers=headers)
    assert (answer.status, json.loads(answer.body)["reason"]) == (status, reason)
    assert still_in(browser)


def test_keys_that_cannot_be_had_are_asked_for_again_later():
    browser, server = signed_in_at_okta(ProviderUnavailable(Reason.TIMEOUT, "late"))
    answer = told_by_server(server)
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "10")
    assert still_in(browser)


def test_only_a_post_to_a_provider_of_ours():
    browser = at("okta", of_okta("alice", "sid-1"))
    assert browser.ask(TEAM, BACK + "okta").status == 405
    assert told_by_server(browser, provider="google").status == 404
    assert browser.ask(WIKI, BACK + "okta", method="POST", headers=FORM, body=TOKEN).status == 405
