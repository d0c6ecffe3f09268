"""Whatever stands in a file, what has the right shape is found, and the rest is passed over."""

import pytest

from glassgate.access.selectors import Source
from glassgate.config.tree import entries, lab_is_on, listed, listens_to_others, rules, sources, tenant_id

GUID = "8F0C7D52-3b6e-4f6c-9a55-2d1c7e9b4a10"
OTHER = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
ENTRA = {"id": "entra", "type": "entra", "tenant": GUID, "mfa_context": "c1"}


@pytest.mark.parametrize(
    ("tree", "path", "found"),
    [
        ({"apps": [{"a": 1}, 2, {"b": 3}]}, ("apps",), [("apps", 0), ("apps", 2)]),
        ({"groups": {"x": {}, "y": 1}}, ("groups",), [("groups", "x")]),
        ({"apps": [{"policies": [{}]}]}, ("apps", 0, "policies"), [("apps", 0, "policies", 0)]),
        ({"apps": "x"}, ("apps",), []),
        ({"lab": []}, ("lab", "users"), []),
        ({}, ("apps",), []),
        ([], ("apps",), []),
        (None, (), []),
    ],
)
def test_mappings_are_found(tree, path, found):
    assert [place for place, _ in entries(tree, path)] == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("a", [(("k",), "a")]), (["a", 1, "b"], [(("k", 0), "a"), (("k", 2), "b")]), (1, []), ({"a": 1}, [])],
)
def test_texts_are_found(value, found):
    assert list(listed({"k": value}, "k")) == found


def test_rules_are_found_in_groups_and_policies():
    tree = {
        "groups": {"g": {"include": [{"ip": 1}, "x", {"two": 1, "keys": 2}], "exclude": {"ip": {"a": 1}}}, "bad": []},
        "apps": [{"policies": [{"require": [{"email": "x"}]}, 5]}, "x"],
    }
    assert list(rules(tree)) == [
        (("groups", "g", "include", 0), "ip", 1),
        (("apps", 0, "policies", 0, "require", 0), "email", "x"),
    ]


@pytest.mark.parametrize(
    ("providers", "found"),
    [
        ([ENTRA], (Source("entra", "entra", GUID.lower(), "c1"),)),
        ([ENTRA | {"tenant": "contoso.example", "mfa_context": None}], (Source("entra", "entra", None, None),)),
        (
            [ENTRA | {"tenant": "organizations", "allowed_tenants": [GUID, OTHER]}],
            (Source("entra", "entra", None, "c1", (GUID.lower(), OTHER)),),
        ),
        ([ENTRA | {"allowed_tenants": "x"}], (Source("entra", "entra", GUID.lower(), "c1"),)),
        ([{"id": "o", "type": "oidc", "issuer": "https://x"}], (Source("o", "oidc", "https://x", None),)),
        ([ENTRA, {"id": "o"}], None),
        ([ENTRA, {"id": 1, "type": "oidc"}], None),
        ([ENTRA, {"id": "x", "type": ["oidc"]}], None),
        ([ENTRA, "x"], None),
        ("x", None),
        ([], ()),
    ],
)
def test_providers_are_known_or_nobody_is_accused(providers, found):
    assert sources({"identity_providers": providers}) == found


@pytest.mark.parametrize(("tenant", "known"), [(GUID, GUID.lower()), ("contoso.example", None), (GUID + "x", None)])
def test_a_tenant_is_known_by_its_id_alone(tenant, known):
    assert tenant_id(tenant) == known


@pytest.mark.parametrize(
    ("tree", "on"),
    [({"lab": {"enabled": True}}, True), ({"lab": {"enabled": "yes"}}, False), ({"lab": True}, False), ({}, False)],
)
def test_a_lab_is_on_where_it_says_so(tree, on):
    assert lab_is_on(tree) is on


@pytest.mark.parametrize(
    ("address", "others"),
    [("0.0.0.0:443", True), ("[::]:443", True), ("192.0.2.1:1", True), ("127.0.0.9:1", False), ("[::1]:1", False),
     ("x", False), (5, False), (None, False)],
)  # fmt: skip
def test_who_reaches_a_listener(address, others):
    assert listens_to_others(address) is others
