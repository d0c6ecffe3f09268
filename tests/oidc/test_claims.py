import json

import pytest

from glassgate.oidc.claims import claim_at, counting_email, is_address, named, text, texts
from oidc.scripted import refused

DOMAINS = ("contoso.example", "kontoso.example")


def test_claims_of_the_right_type():
    claims = {"name": "Ann", "none": None, "empty": "", "groups": ["a", "b", "a"]}
    assert (text(claims, "name"), text(claims, "none"), text(claims, "empty"), text(claims, "gone")) == (
        "Ann", None, None, None,
    )  # fmt: skip
    assert (texts(claims, "groups"), texts(claims, "gone")) == (frozenset({"a", "b"}), frozenset())


def test_the_bounds_themselves_are_within():
    assert text({"name": "x" * 1024}, "name")
    assert len(texts({"groups": [str(number) for number in range(20_000)]}, "groups")) == 20_000
    eight = json.loads("[" * 8 + "1" + "]" * 8)
    assert named({"long": "x" * 4094, "deep": eight}, ("long", "deep")) == {"long": "x" * 4094, "deep": eight}


@pytest.mark.parametrize("value", [1, True, ["a"], {}, "x" * 1025], ids=lambda value: repr(value)[:20])
def test_text_of_a_wrong_type(value):
    assert refused(text, {"name": value}, "name") == "claim_type"


@pytest.mark.parametrize("value", ["admins", [1], [["a"]], {"a": 1}, True, ["a"] * 20_001], ids=lambda v: repr(v)[:20])
def test_a_list_of_a_wrong_type(value):
    assert refused(texts, {"groups": value}, "groups") == "claim_type"


@pytest.mark.parametrize(
    ("email", "counts"),
    [
        ("ann@contoso.example", True),
        ("Ann.O'Hara+x@Contoso.EXAMPLE", True),
        ("ann@sub.contoso.example", False),
        ("ann@contoso.example.evil.example", False),
        ("ann@evil@contoso.example", False),
        ("ann@contoso.example@evil.example", False),
        ("@contoso.example", False),
        ("contoso.example", False),
        ("ann@\u212aontoso.example", False),  # the Kelvin sign, which case folding makes a k
        ("ann@contoso.example ", False),
        ("ann@contoso.example\r\nX-Evil: 1", False),
        ("ann@contoso.example,bob@contoso.example", False),
        ("Ann <ann@contoso.example>", False),
        ("ann bob@contoso.example", False),
        ("<ann@contoso.example", False),
        ("bob,ann@contoso.example", False),
        ('"ann"@contoso.example', False),
        ("\u00e4nn@contoso.example", False),
        ("an\x1bn@contoso.example", False),
        ("ann\t@contoso.example", False),
        ("", False),
        (None, False),
    ],
)
def test_which_addresses_count(email, counts):
    assert counting_email(email, DOMAINS) == (email if counts else None)


def test_without_domains_none_counts():
    assert counting_email("ann@contoso.example", ()) is None


@pytest.mark.parametrize(
    ("email", "one"),
    [("a@b.example", True), ("a@", False), ("a", False), ("", False), (None, False), ("a@b@c.example", False)],
)
def test_what_is_one_address(email, one):
    assert is_address(email) is one


@pytest.mark.parametrize(
    ("claims", "name", "found"),
    [
        ({"a": 1}, "a", 1),
        ({"a": {"b": {"c": ["x"]}}}, "a.b.c", ["x"]),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
        ({"a": {"b.c": 1}}, "a.b.c", 1),
        ({"https://op.example/roles": ["x"]}, "https://op.example/roles", ["x"]),
        ({"a": {"b": 1}}, "a", {"b": 1}),
        ({"a": {"b": 1}}, "a.c", None),
        ({"a": ["b"]}, "a.b", None),
        ({"a": "b"}, "a.b", None),
        ({"a": None}, "a.b", None),
        ({"": {"": 1}}, ".", 1),
        ({}, "", None),
        ({}, "....", None),
    ],
)
def test_a_claim_is_found_by_its_name_or_by_the_way_to_it(claims, name, found):
    assert claim_at(claims, name) == found


def test_what_rules_ask_for_is_kept_and_nothing_else():
    claims = {"department": "sales", "level": 0, "boss": False, "none": None, "a": {"b": ["x"]}, "secret": "x"}
    names = ("department", "level", "boss", "none", "a.b", "gone")
    assert named(claims, names) == {"department": "sales", "level": 0, "boss": False, "a.b": ["x"]}


NESTED = '{"a": ' * 400 + "1" + "}" * 400


@pytest.mark.parametrize(
    "value",
    ["x" * 4095, ["x" * 100] * 100, {"a": "x" * 5000}, json.loads("[" * 10 + "]" * 10), json.loads(NESTED)],
    ids=["text", "list", "object", "lists in lists", "objects in objects"],
)
def test_what_is_too_much_to_keep_is_refused(value):
    """It goes into the session, and must come out of it again."""
    assert refused(named, {"department": value}, ("department",)) == "claim_type"
    assert named({"department": value}, ("level",)) == {}
