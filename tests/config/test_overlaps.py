"""Which rule leaves nothing for another, and which two nobody can match."""

import pytest

from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.questions import RuleSet
from glassgate.access.rule_values import Listed
from glassgate.access.selectors import Source, make
from glassgate.config.overlaps import clash, covers, takes

ENTRA = Source("entra", "entra", "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10", "c1")


def rule(selector, value=None):
    return make(selector, {} if value is None else value, [ENTRA])


def listed(*entries):
    return Listed("list.txt", tuple(enumerate(entries, 1)))


EVERYONE, DOMAIN = rule("everyone"), rule("email_domain", "contoso.example")
ALICE, CAROL = rule("email", "alice@contoso.example"), rule("email", "carol@fabrikam.example")
STAFF, BOTH = (rule("email_list", listed(*names)) for names in [["alice@contoso.example"], ["alice@contoso.example",
               "carol@fabrikam.example"]])  # fmt: skip
FOREIGN = rule("email_list", listed("a@b.example"))
NET, PART = rule("ip", "10.0.0.0/8"), rule("ip", "10.1.0.0/16")
OFFICES, ELSEWHERE = rule("ip_list", listed("10.1.0.0/17", "10.9.0.1")), rule("ip_list", listed("192.0.2.0/24"))
V6 = rule("ip", "2001:db8::/32")
DE, FR = rule("country", "DE"), rule("country", "FR")
TOKEN, ANY = rule("service_token", "a"), rule("any_valid_service_token")
NAMED, SHOWN = rule("common_name", "a"), rule("certificate")


def group(*include, require=(), exclude=()):
    return Rule("group", RuleSet(include, require, exclude))


COVERS = [
    ("everyone", EVERYONE, DOMAIN), ("itself", DOMAIN, rule("email_domain", "CONTOSO.example")),
    ("one of a domain", DOMAIN, ALICE), ("a list of a domain", DOMAIN, STAFF), ("one of a list", STAFF, ALICE),
    ("a list in a list", BOTH, STAFF), ("a part of a network", NET, PART), ("a list in a network", NET, OFFICES),
    ("an address of a list", OFFICES, rule("ip", "10.9.0.1")), ("a token", ANY, TOKEN), ("a name", SHOWN, NAMED),
    ("a group of one", group(DOMAIN), ALICE), ("one of a group", DOMAIN, group(ALICE, STAFF)),
    ("what a group requires", DOMAIN, group(EVERYONE, require=(ALICE,))), ("the same group", group(NET), group(NET)),
    ("everyone, a group", EVERYONE, group(DE)),
]  # fmt: skip
NOT_COVERS = [
    ("the other way round", ALICE, DOMAIN), ("another's", DOMAIN, CAROL), ("a list of two domains", DOMAIN, BOTH),
    ("the wider network", PART, NET), ("another list", OFFICES, ELSEWHERE), ("a part of it", OFFICES, PART),
    ("another family", NET, V6), ("a group that wants more", group(DOMAIN, require=(NET,)), ALICE),
    ("a group that leaves out", group(DOMAIN, exclude=(ALICE,)), ALICE), ("half a group", DOMAIN, group(ALICE, CAROL)),
    ("a name that is none", NAMED, SHOWN), ("another country", DE, FR),
]  # fmt: skip


@pytest.mark.parametrize(("wide", "narrow"), [row[1:] for row in COVERS], ids=[row[0] for row in COVERS])
def test_it_covers(wide, narrow):
    assert covers(wide, narrow)


@pytest.mark.parametrize(("wide", "narrow"), [row[1:] for row in NOT_COVERS], ids=[row[0] for row in NOT_COVERS])
def test_it_does_not_cover(wide, narrow):
    assert not covers(wide, narrow)


CLASHES = [
    ("two e-mails", ALICE, CAROL), ("an e-mail of another domain", CAROL, DOMAIN), ("not in the list", CAROL, STAFF),
    ("two domains", DOMAIN, rule("email_domain", "x.example")), ("two countries", DE, FR),
    ("two networks", NET, rule("ip", "192.0.2.0/24")), ("two families", NET, V6), ("two lists", OFFICES, ELSEWHERE),
    ("two tokens", TOKEN, rule("service_token", "b")), ("a list of another domain", FOREIGN, DOMAIN),
]  # fmt: skip
NO_CLASHES = [
    ("the same", ALICE, ALICE), ("of the domain", ALICE, DOMAIN), ("of the list", ALICE, BOTH), ("a part", NET, PART),
    ("some of the list", DOMAIN, BOTH), ("unlike things", DOMAIN, NET), ("a group", group(ALICE), CAROL),
    ("everyone", EVERYONE, DE),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in CLASHES], ids=[row[0] for row in CLASHES])
def test_nobody_matches_both(one, other):
    assert clash(one, other)
    assert clash(other, one)


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in NO_CLASHES], ids=[row[0] for row in NO_CLASHES])
def test_somebody_may_match_both(one, other):
    assert not clash(one, other)
    assert not clash(other, one)


def test_only_a_policy_without_conditions_takes_all():
    assert takes(Policy("p", Decision.DENY, (CAROL, DOMAIN)), ALICE)
    assert not takes(Policy("p", Decision.DENY, (DOMAIN,), require=(NET,)), ALICE)
    assert not takes(Policy("p", Decision.DENY, (DOMAIN,), exclude=(NET,)), ALICE)
