"""The least change that turns a verdict: it does, nothing less would, and the narrow come before the broad."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.site import person
from glassgate.access.facts import Facts
from glassgate.access.policy import Decision, Policy, Rule, judge
from glassgate.access.questions import AuthContext, Email, EmailDomain, EntraGroup, EntraRole, Everyone, RuleSet
from glassgate.access.turning import turns

GROUP, OTHER = (Rule(f"entra_group: {name}", EntraGroup("entra", None, name)) for name in ("ops", "finance"))
MFA = Rule("entra_auth_context: c1", AuthContext("entra", None, "c1"), "c1")
ROLE = Rule("entra_role: Admin", EntraRole("entra", None, "Admin"))
ALICE = Rule("email: alice@contoso.example", Email("alice@contoso.example"))
DOMAIN = Rule("email_domain: contoso.example", EmailDomain("contoso.example"))
ELSEWHERE = Rule("email_domain: fabrikam.example", EmailDomain("fabrikam.example"))
EVERYONE = Rule("everyone", Everyone())
NIGHT = Rule("time_of_day: night", lambda facts: False)
FACTS = Facts(person("alice"))
NAMELESS = Facts(person("alice").__class__("entra", "entra", "tenant", "oid-x"))
MEMBER = Facts(person("alice", groups=frozenset(("ops",)), acrs=frozenset(("c1",))))


def allow(name, *include, **more):
    return Policy(name, Decision.ALLOW, include, **more)


def deny(name, *include, **more):
    return Policy(name, Decision.DENY, include, **more)


IN_OPS = "add the person to the Entra group ops"
ADD = "add `email: alice@contoso.example` to `include` of the policy `p`"
KEEP = "add `email: alice@contoso.example` to `exclude` of the policy `p`"
WITH_C1 = "sign in with the authentication context c1"
FIRST = "put a policy `{{name: …, decision: {}, include: [{{email: alice@contoso.example}}]}}` before the others"
ROWS = [
    ("not a member", (allow("p", GROUP),), FACTS, [[IN_OPS], [ADD]]),
    ("MFA is missing: proof before taking the rule away", (allow("p", EVERYONE, require=(MFA,)),), FACTS,
     [[WITH_C1], ["take `entra_auth_context: c1` out of `require` of the policy `p`"]]),
    ("both are missing", (allow("p", GROUP, require=(MFA,)),), FACTS, [[WITH_C1, IN_OPS], [WITH_C1, ADD]]),
    ("excluded by name", (allow("p", EVERYONE, exclude=(ALICE,)),), FACTS,
     [["take `email: alice@contoso.example` out of `exclude` of the policy `p`"]]),
    ("excluded by a domain, which others share", (allow("p", EVERYONE, exclude=(DOMAIN,)),), FACTS,
     [["take `email_domain: contoso.example` out of `exclude` of the policy `p`"]]),
    ("denied, though another policy would", (deny("p", DOMAIN), allow("q", EVERYONE)), FACTS, [[KEEP]]),
    ("in a group of rules", (allow("p", Rule("group: g", RuleSet((GROUP,)))),), FACTS, [[IN_OPS], [ADD]]),
    ("a rule of a kind with no words of its own", (allow("p", NIGHT),), FACTS,
     [["`time_of_day: night` would have to match"], [ADD]]),
    ("who somebody is does not change", (allow("p", ELSEWHERE),), FACTS, [[ADD]]),
    ("an e-mail that does not count names nobody", (allow("p", GROUP),), NAMELESS, [[IN_OPS]]),
    ("three are missing", (allow("p", GROUP, require=(MFA, ROLE, NIGHT)),), FACTS, [[FIRST.format("allow")]]),
    ("no policy at all", (), FACTS, [[FIRST.format("allow")]]),
    ("let in by a group", (allow("p", GROUP),), MEMBER, [["take the person out of the Entra group ops"], [KEEP]]),
    ("let in by two policies", (allow("p", GROUP), allow("q", DOMAIN)), MEMBER, [
        ["take the person out of the Entra group ops", KEEP.replace("`p`", "`q`")], [KEEP, KEEP.replace("`p`", "`q`")],
    ]),
    ("let in by everyone", (allow("p", EVERYONE),), FACTS, [[KEEP]]),
    ("a deny that might hold", (deny("p", GROUP), allow("q", EVERYONE)), FACTS,
     [[IN_OPS], [ADD], [KEEP.replace("`p`", "`q`")]]),
    ("by nobody that is known", (allow("p", GROUP),), Facts(), [[IN_OPS]]),
]  # fmt: skip


@pytest.mark.parametrize(("policies", "facts", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_would_turn_it(policies, facts, said):
    told = [[change.says for change in turn.changes] for turn in turns(policies, facts)]
    assert told[: len(said)] == said


def test_what_opens_to_everyone_comes_last_and_is_told_as_such():
    policies = (allow("p", EVERYONE, require=(GROUP,)),)
    found = turns(policies, FACTS)
    assert [turn.opens for turn in found] == [False, True]
    assert found[-1].changes[0].says == "take `entra_group: ops` out of `require` of the policy `p`"


def test_of_many_rules_only_so_many_are_tried():
    many = tuple(Rule(f"entra_group: {number}", EntraGroup("entra", None, str(number))) for number in range(400))
    assert len(turns((allow("p", *many, require=(MFA,)),), FACTS)) == 5


RULES = st.sampled_from([GROUP, OTHER, MFA, ROLE, ALICE, DOMAIN, NIGHT, EVERYONE, ELSEWHERE])
PARTS = st.lists(RULES, max_size=2).map(tuple)
POLICIES = st.lists(
    st.builds(
        Policy,
        st.just("p"),
        st.sampled_from([Decision.ALLOW, Decision.DENY]),
        st.lists(RULES, min_size=1, max_size=2).map(tuple),
        PARTS,
        PARTS,
    ),
    max_size=3,
).map(lambda found: tuple(replace(one, name=f"p{number}") for number, one in enumerate(found)))


@given(POLICIES, st.sampled_from([FACTS, MEMBER, NAMELESS, Facts()]))
def test_each_turns_the_verdict_and_no_part_of_a_pair_does_alone(policies, facts):
    before = judge(policies, facts).lets_in

    def after(changes):
        made = policies
        for change in sorted(changes, key=lambda one: one.policy is None):
            made = change.made(made)
        return judge(made, facts).lets_in

    for turn in turns(policies, facts):
        assert after(turn.changes) is not before
        for fewer in itertools.combinations(turn.changes, len(turn.changes) - 1):
            assert after(fewer) is before
