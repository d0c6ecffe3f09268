"""Facts in the record: what comes back judges the same, and what is nobody's business is not there."""

import json
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import pytest

from gate.site import person
from glassgate.access import recorded
from glassgate.access.facts import Facts
from glassgate.access.policy import Decision, Policy, Rule, judge
from glassgate.access.questions import EntraGroup

GROUPS = tuple(Rule(name, EntraGroup("entra", None, name)) for name in ("g1", "g500"))
POLICIES = (Policy("p", Decision.ALLOW, GROUPS),)
FULL = Facts(
    person(
        "alice", groups=frozenset(("g1", "g2")), roles=frozenset(("Admin",)), acrs=frozenset(("c1",)),
        amr=frozenset(("mfa",)), claims={"department": "sales", "levels": [1, True, "x"]},
    ),
    ip_address("2001:db8::7"),
)  # fmt: skip

ROWS = [
    ("all of it", FULL),
    ("nobody", Facts(ip=ip_address("203.0.113.7"))),
    ("nothing", Facts()),
    ("groups that could not be read", Facts(person("bob", groups=None))),
    ("only some groups were asked about", Facts(person("bob", groups_asked=frozenset(("g1",))))),
]


@pytest.mark.parametrize("facts", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_was_told_is_read_again(facts):
    back = recorded.read(json.loads(json.dumps(recorded.told(facts, POLICIES))))
    known = facts.identity and replace(facts.identity, name="")
    assert back == replace(facts, identity=known)


def test_what_no_rule_asks_for_is_not_told():
    identity = person("x", unverified_email="ceo@contoso.example", idp_session="sid-1", login_hint="hint-1")
    said = json.dumps(recorded.told(Facts(identity), POLICIES))
    for secret in ("ceo@", "sid-1", "hint-1", "unverified_email"):
        assert secret not in said


def test_of_many_groups_those_are_told_that_policies_ask_for_and_the_rest_is_not_known():
    many = Facts(person("alice", groups=frozenset(f"G{number}" for number in range(2, 900))))
    told = recorded.told(many, POLICIES)
    back = recorded.read(told)
    assert len(json.dumps(told)) < 1000
    assert judge(POLICIES, back).asked == judge(POLICIES, many).asked == (
        ("p", "include", "g1", False), ("p", "include", "g500", True),
    )  # fmt: skip
    assert EntraGroup("entra", None, "g3")(back) is None


def test_what_is_too_long_is_left_out():
    facts = Facts(person("alice", claims={"long": "x" * 2000, "short": "y"}))
    assert recorded.read(recorded.told(facts, ())).identity.claims == {"short": "y"}
    assert recorded.told(Facts(person("alice", claims={str(n): "x" * 1000 for n in range(20)})), ()) == {}


BROKEN = [
    ("no mapping", [], Facts()),
    ("another type", {"ip": 7, "identity": "alice"}, Facts()),
    ("no address", {"ip": "localhost"}, Facts()),
    ("a part of an identity", {"identity": {"provider": "entra"}}, Facts()),
    ("what a newer version wrote", {"ip": "::1", "mood": "good"}, Facts(ip=ip_address("::1"))),
]


@pytest.mark.parametrize(("plain", "facts"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_cannot_be_read_is_not_known(plain, facts):
    assert recorded.read(plain) == facts


@dataclass(frozen=True)
class Token:
    id: str
    secret: str = field(default="", repr=False)


def test_what_is_kept_out_of_reprs_is_kept_out_of_the_record():
    assert recorded._plain(Token("t1", "hunter2")) == {"id": "t1"}
