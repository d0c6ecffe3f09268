"""Recorded requests by two configurations: the verdicts that differ, and what the record is silent about."""

from dataclasses import replace

import pytest

from config.files import GOOD, STAFF, TENANT, app, good, policy, settings
from gate.site import NOW, person
from glassgate.access.facts import Facts
from glassgate.config.replay import Seen, compare

ALICE = Facts(replace(person("alice", groups=frozenset((STAFF,))), realm=TENANT))
BOB = Facts(replace(person("bob"), realm=TENANT))
P = GOOD["identity_providers"][0]


def seen(facts, host="wiki.example.com", path="/", **more):
    return Seen("a" * 16, NOW, "GET", host, path, facts, **more)


def told(tmp_path, new, *traffic, old=GOOD):
    return compare(settings(old, tmp_path), settings(new, tmp_path), traffic)


BY_NAME = policy(include=[{"email": "bob@contoso.example"}])
CLAIM = policy(include=[{"oidc_claim": {"name": "department", "value": "sales"}}])
ROWS = [
    ("nothing changes", GOOD, ALICE, None),
    ("lets in who was kept out", BY_NAME, BOB, (False, "no policy holds", True, "staff")),
    ("keeps out who was let in", BY_NAME, ALICE, (True, "staff", False, "no policy holds")),
    ("another policy, the same verdict", policy(name="other"), ALICE, None),
    ("the app is gone", app(domain="other.example.com"), ALICE,
     (True, "staff", False, "there is no app at wiki.example.com")),
    ("its e-mail counts no more", good(identity_providers=[P | {"email_domains": ["fabrikam.example"]}],
     apps=BY_NAME["apps"]), BOB, None),
]  # fmt: skip


@pytest.mark.parametrize(("new", "facts", "change"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_changes(tmp_path, new, facts, change):
    found = told(tmp_path, new, seen(facts))
    if change is None:
        assert (found.changed, found.same, found.unjudged) == ((), 1, {})
    else:
        ((old, now),) = [(one.old, one.new) for one in found.changed]
        assert (old.let_in, old.by, now.let_in, now.by) == change


OF_PATHS = [
    ("a part of the host", "/part/x?y=1", {}, ["admins"]),
    ("the rest of it", "/x", {}, []),
    ("a path of the gate's own, of the app that it names", "/cdn-cgi/access/authorized", {"aud": "b" * 64}, ["admins"]),
    ("an address that two apps could have", "/%2570art", {},
     ["the address could be read as another application's"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "more", "by"), [row[1:] for row in OF_PATHS], ids=[row[0] for row in OF_PATHS])
def test_a_request_is_of_the_app_that_has_its_path(tmp_path, path, more, by):
    part = {**app()["apps"][0], "name": "part", "domain": "wiki.example.com/part", "aud": "b" * 64,
            "policies": [{"name": "admins", "decision": "deny", "include": [{"everyone": {}}]}]}  # fmt: skip
    found = told(tmp_path, good(apps=[*app()["apps"], part]), seen(ALICE, path=path, **more))
    assert [change.new.by for change in found.changed] == by


def test_both_sides_are_told_with_the_rules_that_decided(tmp_path):
    (change,) = told(tmp_path, BY_NAME, seen(ALICE)).changed
    assert change.old.rules == ("include group: staff: yes",)
    assert change.new.rules == ("staff: include email: bob@contoso.example: no",)


def test_what_the_record_does_not_say_is_not_judged(tmp_path):
    found = told(tmp_path, CLAIM, seen(ALICE))
    assert (found.changed, found.same) == ((), 0)
    assert found.unjudged == {"the record does not say what `oidc_claim: department = sales` asks for": 1}


def test_who_is_not_known_is_not_judged_and_counted_by_reason(tmp_path):
    traffic = [seen(None, gap="nobody was signed in"), seen(None, gap="nobody was signed in"), seen(ALICE), seen(BOB)]
    found = told(tmp_path, GOOD, *traffic)
    assert (found.unjudged, found.same, found.let_in) == ({"nobody was signed in": 2}, 2, 1)


def test_a_provider_that_signs_nobody_in_any_more(tmp_path):
    other = replace(ALICE.identity, provider="google")
    found = told(tmp_path, policy(include=[{"everyone": {}}]), seen(Facts(other)))
    assert (found.same, found.let_in) == (1, 0)
