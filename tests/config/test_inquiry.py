"""What is known of an answered request, and what today's configuration says of it."""

from dataclasses import replace
from ipaddress import ip_address

from config.files import GOOD, STAFF, TENANT, policy, settings
from gate.site import NOW, person
from glassgate.access import recorded
from glassgate.access.explain import fingerprint
from glassgate.access.facts import Facts
from glassgate.config.inquiry import of_let_in, of_lines
from glassgate.record.lately import LetIn, mark

ALICE = replace(person("alice", groups=frozenset((STAFF,))), realm=TENANT)
BOB = replace(person("bob"), realm=TENANT)


def line(found, identity, *, allowed, action, **more):
    facts = recorded.told(Facts(identity, ip_address("203.0.113.7")), found.apps[0].policies)
    return {
        "Action": action, "Allowed": allowed, "App": "wiki", "AppUUID": found.apps[0].aud, "RayID": "a" * 16,
        "CreatedAt": "2027-01-15T08:00:00.250Z", "Facts": facts, "Rules": fingerprint(found.apps[0].policies), **more,
    }  # fmt: skip


def test_a_refusal_is_judged_again_by_the_facts_that_were_told(tmp_path):
    found = settings(GOOD, tmp_path)
    (told,) = of_lines(found, [line(found, BOB, allowed=False, action="denied")])
    assert (told.at, told.judged.let_in, told.judged.then, told.judged.changed) == (1_800_000_000.25, False, "", False)
    assert not told.judged.now.verdict.lets_in
    assert told.judged.turns[0].changes[0].says == f"add the person to the Entra group {STAFF}"


def test_what_was_changed_since_is_said(tmp_path):
    before = line(settings(GOOD, tmp_path), BOB, allowed=False, action="denied")
    (told,) = of_lines(settings(policy(include=[{"email": "bob@contoso.example"}]), tmp_path), [before])
    assert told.judged.changed
    assert (told.judged.let_in, told.judged.now.verdict.lets_in) == (False, True)


def test_a_line_of_an_older_version_does_not_say(tmp_path):
    found = settings(GOOD, tmp_path)
    (told,) = of_lines(found, [line(found, BOB, allowed=False, action="denied", Rules=None)])
    assert told.judged.changed is None


def test_an_app_that_is_no_more(tmp_path):
    found = settings(GOOD, tmp_path)
    (told,) = of_lines(found, [line(found, BOB, allowed=False, action="denied", App="old", AppUUID="0")])
    assert (told.judged, told.gap) == (None, "there is no app `old` any more")


def test_what_no_policy_judged_is_told_as_it_is(tmp_path):
    (told,) = of_lines(settings(GOOD, tmp_path), [{"Action": "refused", "Reason": "plain_http", "RayID": "a"}])
    assert (told.action, told.judged, told.gap) == ("refused", None, "")


def let_in(**more):
    given = {"app": mark("wiki"), "policy": mark("staff"), "grant": "f" * 32, **more}
    return LetIn("a" * 16, NOW, ip=ip_address("203.0.113.7"), **given)


def test_what_was_let_in_is_judged_by_the_line_of_its_token(tmp_path):
    found = settings(GOOD, tmp_path)
    told = of_let_in(found, let_in(), line(found, ALICE, allowed=True, action="issued"), None)
    assert (told.action, told.at, told.judged.then, told.judged.let_in) == ("allowed", NOW, "staff", True)
    assert (told.judged.facts.identity.groups, str(told.judged.facts.ip)) == ({STAFF}, "203.0.113.7")
    assert told.judged.now.verdict.lets_in


def test_the_session_that_stands_counts_before_the_line(tmp_path):
    found = settings(GOOD, tmp_path)
    told = of_let_in(found, let_in(), line(found, ALICE, allowed=True, action="issued"), BOB)
    assert told.judged.facts.identity == BOB


def test_what_nobody_signed_in_for_needs_no_token(tmp_path):
    told = of_let_in(settings(GOOD, tmp_path), let_in(grant=""), None, None)
    assert told.judged.facts.identity is None


def test_what_is_not_known_is_said(tmp_path):
    found = settings(GOOD, tmp_path)
    assert of_let_in(found, let_in(), None, None).gap.startswith("its session has ended")
    assert of_let_in(found, let_in(app=1), None, None).gap == "its app is no more"
    assert of_let_in(found, let_in(policy=1, grant=""), None, None).judged.then == "a policy that is there no more"
