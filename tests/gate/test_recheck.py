"""A live session is asked for again at its provider: what each answer does to it, and how often anybody asks."""

import json
from dataclasses import replace

import pytest

from gate.site import NOW, PAYROLL, TEAM, WIKI, Browser, Party, person, site_of
from glassgate.access.seal import Purpose
from glassgate.gate.exchange import Forward, run
from glassgate.gate.recheck import LEASE, Meaning, meaning
from glassgate.gate.sessions import Sessions
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.kept import Kept
from glassgate.oidc.provider import Provider
from glassgate.record.events import Action
from glassgate.state.memory import MemoryStore

EVERY = 3600
KEPT = Kept("refresh-0", "issuer", "sub", "digest-of-a-nonce")
ENTRA = Provider("entra", "entra", "client", (ClientSecret("secret"),), recheck=EVERY)
CHALLENGE = '{"id_token":{"acrs":{"essential":true,"value":"c2"}}}'


def refused(error, code=None, **more):
    return ProviderRefused(error, f"{code}: words" if code else "words", code=code, **more)


MEANINGS = [
    ("time-out", ProviderUnavailable(Reason.TIMEOUT, "late"), Meaning.LATER),
    ("503", ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "503", retry_after=7), Meaning.LATER),
    ("user disabled", refused("invalid_grant", "AADSTS50057"), Meaning.ENDED),
    ("sessions revoked", refused("invalid_grant", "AADSTS50173"), Meaning.ENDED),
    ("refresh token too old", refused("invalid_grant", "AADSTS700082"), Meaning.ENDED),
    ("a code nobody knows", refused("invalid_grant", "AADSTS99999"), Meaning.ENDED),
    ("factor due", refused("invalid_grant", "AADSTS50076", suberror="basic_action", claims=CHALLENGE), Meaning.ACT),
    ("claims alone", refused("invalid_grant", claims=CHALLENGE), Meaning.ACT),
    ("password expired", refused("invalid_grant", suberror="user_password_expired"), Meaning.ACT),
    ("consent taken back", refused("invalid_grant", "AADSTS65001", suberror="consent_required"), Meaning.ACT),
    ("interaction_required", refused("interaction_required"), Meaning.ACT),
    ("login_required", refused("login_required"), Meaning.ACT),
    ("our secret expired", refused("invalid_client", "AADSTS7000222"), Meaning.LATER),
    ("our request is wrong", refused("invalid_request"), Meaning.LATER),
    ("another user's token", SignInError(Reason.REFRESH_SUBJECT, "another"), Meaning.ENDED),
    ("a bad signature", SignInError(Reason.SIGNATURE, "bad"), Meaning.ENDED),
    ("our certificate cannot be read", SignInError(Reason.CLIENT_AUTH, "gone"), Meaning.LATER),
    ("a page of some proxy's", SignInError(Reason.TOKEN_NOT_JSON, "404"), Meaning.LATER),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "means"), [row[1:] for row in MEANINGS], ids=[row[0] for row in MEANINGS])
def test_what_a_failed_refresh_means(fault, means):
    assert meaning(fault) is means


def signed_in(store=None, **more):
    """A browser with a session at the wiki, and the party that it came from."""
    party = Party(ENTRA, person("alice"), kept=KEPT)
    browser = Browser(site_of(parties={"entra": party}, store=store or MemoryStore(), **more))
    assert isinstance(browser.open(WIKI, "/"), Forward)
    return browser, party


def actions(browser):
    return [event.action for event in browser.heard]


def test_nobody_is_asked_before_it_is_time():
    browser, party = signed_in()
    browser.at = NOW + EVERY - 1
    assert isinstance(browser.ask(WIKI, "/"), Forward)
    assert party.refreshes == []


def test_it_is_asked_once_in_each_interval_with_the_newest_refresh_token():
    browser, party = signed_in()
    for after in (1, 1.5, 30, EVERY - 1, EVERY + 1, EVERY + 2, 2 * EVERY + 2):
        browser.at = NOW + EVERY + after
        browser.open(WIKI, "/")
    assert [token for token, _ in party.refreshes] == ["refresh-0", "refresh-1", "refresh-2"]
    assert actions(browser) == [Action.RECHECKED] * 3


def test_the_refresh_token_is_stored_sealed():
    store = MemoryStore()
    signed_in(store)
    everything = b"".join(value for _, value in store._entries.values())
    assert b"refresh-0" not in everything


def test_groups_are_those_of_now():
    in_finance = replace(person("alice"), groups=frozenset({"finance"}))
    browser, party = signed_in()
    browser.at = NOW + EVERY
    party.refreshed = in_finance
    browser.open(WIKI, "/")
    told = json.loads(browser.ask(WIKI, "/cdn-cgi/access/get-identity", headers={}).body)
    assert told["groups"] == [{"id": "finance", "name": ""}]


def test_a_dead_account_ends_the_session_at_that_very_request():
    browser, party = signed_in(apps=long_tokens())
    party.refreshed = refused("invalid_grant", "AADSTS50057")
    browser.at = NOW + EVERY - 10
    assert isinstance(browser.ask(WIKI, "/"), Forward)
    browser.at = NOW + EVERY
    answer = browser.ask(WIKI, "/", headers={"accept": "application/json"})
    assert answer.status == 401
    assert actions(browser) == [Action.SESSION_ENDED]
    assert browser.ask(TEAM, "/cdn-cgi/access/get-identity", headers={}).status == 400


def long_tokens():
    """Apps whose token outlives the interval, so that what is tried is the recheck and no renewal."""
    from gate.site import STAFF, app

    return [replace(app("wiki", WIKI, STAFF), session_duration=86400), app("payroll", PAYROLL, STAFF)]


LATER = [
    ("away", ProviderUnavailable(Reason.TIMEOUT, "late"), 60),
    ("throttled", ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "429", retry_after=300), 300),
    ("our own fault", refused("invalid_client"), 60),
]


@pytest.mark.parametrize(("fault", "pause"), [row[1:] for row in LATER], ids=[row[0] for row in LATER])
def test_a_provider_that_cannot_say_keeps_the_session_and_is_left_in_peace(fault, pause):
    browser, party = signed_in(apps=long_tokens())
    party.refreshed = fault
    for after in (0, 1, pause - 1):
        browser.at = NOW + EVERY + after
        assert isinstance(browser.ask(WIKI, "/"), Forward)
    assert len(party.refreshes) == 1
    browser.at = NOW + EVERY + pause
    assert isinstance(browser.ask(WIKI, "/"), Forward)
    assert len(party.refreshes) == 2
    assert actions(browser) == [Action.RECHECK_FAILED] * 2


def test_its_silence_is_borne_for_a_bounded_time():
    browser, party = signed_in(apps=long_tokens())
    party.refreshed = ProviderUnavailable(Reason.TIMEOUT, "late")
    for hour in (1, 2, 3):
        browser.at = NOW + hour * EVERY
        assert isinstance(browser.ask(WIKI, "/"), Forward)
    browser.at = NOW + 4 * EVERY
    answer = browser.ask(WIKI, "/", headers={"accept": "application/json"})
    assert (answer.status, json.loads(answer.body)["reason"]) == (401, "interaction_needed")


WANTS = refused("invalid_grant", "AADSTS50076", suberror="basic_action", claims=CHALLENGE)


class Wanting(Party):
    """A provider that wants more of a person, until it was asked for just that."""

    def refresh(self, kept, identity, now):
        met = self.asked and self.asked[-1].claims == CHALLENGE
        self.refreshed = None if met else WANTS
        return super().refresh(kept, identity, now)


def challenged():
    browser, party = signed_in(apps=long_tokens())
    wanting = Wanting(ENTRA, person("alice"), kept=KEPT, asked=party.asked)
    browser.site.parties["entra"] = wanting
    browser.at = NOW + EVERY
    return browser, wanting


def test_a_person_who_has_to_act_is_sent_back_once_with_the_claims():
    browser, party = challenged()
    before = len(party.asked)
    assert isinstance(browser.open(WIKI, "/page?a=b"), Forward)
    assert browser.last.target == "/page?a=b"
    assert len(party.asked) == before + 1
    assert party.asked[-1].claims == CHALLENGE
    assert actions(browser) == [Action.CHALLENGED]
    browser.at += 1
    assert isinstance(browser.open(WIKI, "/"), Forward)
    assert len(party.asked) == before + 1, "and not in a circle"


def test_whoever_leaves_the_claims_out_of_the_address_is_not_let_in():
    """The request goes through their own browser: what the provider wanted is asked for once more at the callback."""
    browser, party = challenged()

    class Stripped(Wanting):
        def sign_in(self, callback, expected, now):
            signed = super().sign_in(callback, expected, now)
            self.asked[-1] = replace(self.asked[-1], claims=None)
            return signed

    browser.site.parties["entra"] = Stripped(ENTRA, person("alice"), kept=KEPT, asked=party.asked)
    assert browser.open(WIKI, "/").status == 403
    assert browser.ask(WIKI, "/", headers={"accept": "application/json"}).status == 401


def test_a_program_is_told_that_somebody_has_to_act():
    browser, party = challenged()
    answer = browser.ask(WIKI, "/api", headers={"accept": "application/json"})
    assert (answer.status, json.loads(answer.body)["reason"]) == (401, "interaction_needed")
    assert browser.ask(WIKI, "/api", headers={"accept": "application/json"}).status == 401
    assert len(party.refreshes) == 1, "it is not asked at every request"


def test_while_somebody_has_to_act_the_session_opens_nothing():
    browser, _party = challenged()
    browser.ask(WIKI, "/api", headers={"accept": "application/json"})
    for host in (WIKI, TEAM):
        assert browser.ask(host, "/cdn-cgi/access/get-identity", headers={}).status == 400
    payroll = browser.ask(PAYROLL, "/")
    assert payroll.status == 302
    login = dict(payroll.headers)["Location"].removeprefix(f"https://{TEAM}:8443")
    assert dict(browser.ask(TEAM, login).headers)["Location"].startswith("https://login.example/authorize")


def test_the_team_page_sends_back_too():
    browser, party = challenged()
    answer = browser.ask(TEAM, "/")
    assert dict(answer.headers)["Location"].startswith("https://login.example/authorize")
    assert party.asked[-1].claims == CHALLENGE


@pytest.mark.parametrize("claims", ["", "no json", "[1]", '"text"', "{" * 3000])
def test_claims_that_are_no_object_are_not_sent_back(claims):
    browser, party = signed_in(apps=long_tokens())
    party.refreshed = refused("interaction_required", claims=claims)
    browser.at = NOW + EVERY
    browser.open(WIKI, "/")
    assert party.asked[-1].claims is None


def test_one_process_asks_and_the_others_go_on_meanwhile():
    store = MemoryStore()
    browser, party = signed_in(store, apps=long_tokens())
    elsewhere = Browser(replace(browser.site, sessions=Sessions(store)), at=NOW + EVERY)
    elsewhere.jars = browser.jars
    seen = []

    class Slow(Party):
        def refresh(self, kept, identity, now):
            seen.append(elsewhere.ask(WIKI, "/"))
            return super().refresh(kept, identity, now)

    slow = Slow(ENTRA, person("alice"), kept=KEPT)
    browser.site.parties["entra"] = slow
    browser.at = NOW + EVERY
    assert isinstance(browser.ask(WIKI, "/"), Forward)
    assert isinstance(seen[0], Forward)
    assert (len(slow.refreshes), len(party.refreshes)) == (1, 0)


def test_a_process_that_died_while_it_asked_holds_up_nobody_for_long():
    store = MemoryStore()
    browser, party = signed_in(store, apps=long_tokens())
    (session,) = [key for space, key in store._entries if space == "session"]
    store.add("lease", session, b"a process that died", NOW + EVERY + LEASE, NOW + EVERY)
    browser.at = NOW + EVERY + 1
    assert isinstance(browser.ask(WIKI, "/"), Forward)
    assert party.refreshes == []
    browser.at = NOW + EVERY + LEASE + 1
    browser.ask(WIKI, "/")
    assert len(party.refreshes) == 1


def test_a_sign_out_while_the_provider_is_asked_is_not_undone():
    browser, party = signed_in(apps=long_tokens())

    class SignsOut(Party):
        def refresh(self, kept, identity, now):
            other = Browser(browser.site, at=now)
            other.jars = {host: dict(jar) for host, jar in browser.jars.items()}
            other.ask(TEAM, "/cdn-cgi/access/logout")
            return super().refresh(kept, identity, now)

    browser.site.parties["entra"] = SignsOut(ENTRA, person("alice"), kept=KEPT)
    browser.at = NOW + EVERY
    assert browser.ask(WIKI, "/", headers={"accept": "application/json"}).status == 401
    assert party.refreshes == []


def test_what_cannot_be_opened_any_more_asks_for_the_person():
    store = MemoryStore()
    browser, party = signed_in(store, apps=long_tokens())
    [(name, (expires, value))] = [item for item in store._entries.items() if item[0][0] == "session"]
    fields = json.loads(value)
    fields["asking"][0] = browser.site.seal.close(Purpose.STATE, KEPT.to_json(), NOW)
    store.put(*name, json.dumps(fields, separators=(",", ":")).encode(), expires)
    browser.at = NOW + EVERY
    assert browser.ask(WIKI, "/", headers={"accept": "application/json"}).status == 401
    assert actions(browser) == [Action.CHALLENGED]
    assert party.refreshes == []


@pytest.mark.parametrize("recheck", [EVERY, None])
def test_without_a_refresh_token_it_is_the_person_who_is_asked_again(recheck):
    """Also where the visitor left out the scope that brings one: the request goes through their own browser."""
    party = Party(replace(ENTRA, recheck=recheck), person("alice"))
    browser = Browser(site_of(parties={"entra": party}, apps=long_tokens()))
    browser.open(WIKI, "/")
    browser.at = NOW + EVERY - 1
    assert isinstance(browser.ask(WIKI, "/"), Forward)
    browser.at = NOW + EVERY
    answer = browser.ask(WIKI, "/", headers={"accept": "application/json"})
    assert isinstance(answer, Forward) is (recheck is None)
    assert len(party.asked) == 1
    browser.open(WIKI, "/")
    assert len(party.asked) == (1 if recheck is None else 2)
    assert party.refreshes == []


def test_a_fault_of_ours_counts_as_a_silent_provider_and_holds_nothing_up():
    browser, party = signed_in(apps=long_tokens())
    party.refreshed = RuntimeError("a fault that a test made")
    for hour in (1, 2, 3):
        browser.at = NOW + hour * EVERY
        assert isinstance(browser.ask(WIKI, "/"), Forward)
    assert actions(browser) == [Action.RECHECK_FAILED] * 3
    browser.at = NOW + 4 * EVERY
    assert browser.ask(WIKI, "/", headers={"accept": "application/json"}).status == 401


def test_a_lease_is_let_go_by_its_owner_alone():
    store = MemoryStore()
    sessions = Sessions(store)
    assert run(sessions.lease("s", "one", NOW + LEASE, NOW))
    run(sessions.let_go("s", "other", NOW))
    assert not run(sessions.lease("s", "other", NOW + LEASE, NOW))
    run(sessions.let_go("s", "one", NOW))
    assert run(sessions.lease("s", "other", NOW + LEASE, NOW))


@pytest.mark.parametrize("state", ["due", "challenged"])
def test_a_sign_out_ends_a_session_that_waits_for_something_and_asks_nobody(state):
    store = MemoryStore()
    browser, party = signed_in(store, apps=long_tokens())
    browser.at = NOW + EVERY
    if state == "challenged":
        party.refreshed = WANTS
        browser.ask(WIKI, "/", headers={"accept": "application/json"})
    before = len(party.refreshes)
    answer = browser.ask(WIKI, "/cdn-cgi/access/logout")
    assert dict(answer.headers)["Location"].startswith("https://login.example/logout")
    assert len(party.refreshes) == before
    assert not [key for space, key in store._entries if space in ("session", "provider")]


def test_what_was_amiss_is_told_in_the_log():
    browser, party = signed_in(apps=long_tokens())
    party.amiss = ("groups_unknown: Microsoft Graph answered with status 403",)
    browser.at = NOW + EVERY
    browser.ask(WIKI, "/")
    assert browser.heard[-1].details == party.amiss
