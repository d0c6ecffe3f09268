"""Visitors as people describe them: what the gate would know of them, and lists of them in two forms."""

import pytest

from config.files import GOOD, OTHER, TENANT, good, settings
from glassgate.config.visitors import Visitor, meet, read_list
from glassgate.errors import GlassgateError

P = GOOD["identity_providers"][0]


def met(tmp_path, tree=GOOD, **described):
    found = settings(tree, tmp_path)
    return meet(found, found.apps[0], Visitor(described))


def test_what_is_described_is_known(tmp_path):
    seen = met(
        tmp_path, email="alice@contoso.example", groups=["g1"], roles=["Admin"], contexts=["c2"], ip="203.0.113.7",
        claims={"department": "sales"}, country="SE", now=5.0,
    )  # fmt: skip
    identity = seen.facts.identity
    assert (identity.provider, identity.realm, identity.email) == ("entra", TENANT, "alice@contoso.example")
    assert (identity.groups, identity.roles, identity.acrs) == ({"g1"}, {"Admin"}, {"c2"})
    assert (identity.claims, identity.amr) == ({"department": "sales"}, set())
    assert (str(seen.facts.ip), seen.facts.country, seen.facts.now) == ("203.0.113.7", "SE", 5.0)
    assert seen.remarks == ()


def test_nobody_is_described(tmp_path):
    seen = met(tmp_path, ip="203.0.113.7", service_token="ci", common_name="laptop")
    assert seen.facts.identity is None
    assert (seen.facts.service_token.name, seen.facts.certificate.common_name) == ("ci", "laptop")


@pytest.mark.parametrize("said", [{"methods": ["mfa"]}, {"contexts": ["c1"]}], ids=["by the method", "by the context"])
def test_entra_proves_mfa_by_its_context(tmp_path, said):
    identity = met(tmp_path, email="a@contoso.example", **said).facts.identity
    assert (identity.acrs, identity.amr) == ({"c1"}, {"mfa"})


COUNTS = [
    ("of its domain", GOOD, "alice@contoso.example", True),
    ("of another", GOOD, "alice@fabrikam.example", False),
    (
        "of a provider that says which are verified",
        good(identity_providers=[OTHER], groups=None),
        "a@any.example",
        True,
    ),
    ("narrowed there", good(identity_providers=[OTHER | {"email_domains": ["b.example"]}]), "a@a.example", False),
]


@pytest.mark.parametrize(("tree", "email", "counts"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS])
def test_an_email_counts_as_at_the_gate(tmp_path, tree, email, counts):
    tree = tree | {"groups": {"staff": {"include": [{"everyone": {}}]}}}
    seen = met(tmp_path, tree, email=email)
    assert seen.facts.identity.email == (email if counts else None)
    assert bool(seen.remarks) is not counts


WRONG = [
    ("a provider that is not there", {"provider": "entr"}, "`entr` signs nobody in at `wiki`"),
    ("no address", {"ip": "localhost"}, "`localhost` is no address"),
]


@pytest.mark.parametrize(("described", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_cannot_be_is_refused(tmp_path, described, said):
    with pytest.raises(GlassgateError, match=said):
        met(tmp_path, **described)


LISTS = [
    ("CSV", "email,groups,ip\na@x.example,g1;g2,::1\nb@x.example,,\n",
     [{"email": "a@x.example", "groups": ["g1", "g2"], "ip": "::1"}, {"email": "b@x.example"}], ()),
    ("as Entra exports it", "\ufeffuserPrincipalName,displayName\na@x.example,Alice\n", [{"email": "a@x.example"}],
     ("displayname",)),
    ("JSON lines", '{"email": "a@x.example", "groups": ["g1"]}\n\n{"email": "b@x.example", "claims": {"d": 1}}',
     [{"email": "a@x.example", "groups": ["g1"]}, {"email": "b@x.example", "claims": {"d": 1}}], ()),
    ("as get-identity has groups", '{"email": "a@x.example", "groups": [{"id": "g1", "name": "G"}]}',
     [{"email": "a@x.example", "groups": ["g1"]}], ()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "described", "unused"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS])
def test_a_list_is_read(text, described, unused):
    found, left = read_list(text, "users")
    assert ([dict(one.described) for one in found], left) == (described, unused)


def test_a_visitor_knows_their_line():
    assert [one.where for one in read_list("email\na@x\nb@x\n", "u.csv")[0]] == ["u.csv:2", "u.csv:3"]


BROKEN = [
    ("empty", " \n", "users: the list is empty"),
    ("no head", "a@x.example\nb@x.example\n", "users:1: the first line names no columns"),
    ("half JSON", '{"email": "a@x.example"}\n{"email":', "users:2: this line is no JSON object"),
    ("JSON without a bottom", '{"email":' + "[" * 1_000_000, "users:1: this line is no JSON object"),
    ("JSON, and nobody", '{"colour": "red"}', "users:1: nothing of this says who it is"),
]


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_no_list_is_told_with_its_line(text, said):
    with pytest.raises(GlassgateError) as fault:
        read_list(text, "users")
    assert str(fault.value).startswith(said)
