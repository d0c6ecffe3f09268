"""Keys and types are held against the schema; every one that is wrong is told in plain words."""

import pytest

from config.files import GOOD, OTHER, STAFF, app, good, provider
from glassgate.config.keys import hold_against_schema
from glassgate.config.schema import Config


def told(tree):
    config, problems = hold_against_schema(tree)
    assert (config is None) == bool(problems)
    return [(problem.path, problem.what) for problem in problems]


def test_a_good_tree_is_a_configuration():
    config, problems = hold_against_schema(provider(client_secret="x"))
    assert isinstance(config, Config)
    assert problems == []


@pytest.mark.parametrize("tree", [None, [], "x", 5, True])
def test_what_is_no_mapping_is_one_problem(tree):
    assert told(tree) == [((), "the file holds no keys with values")]


def test_all_are_told():
    tree = good(team=5, listne="x", apps=[GOOD["apps"][0] | {"origin": []}, {"name": "x"}])
    assert set(told(tree)) == {
        (("team",), "wants text, but is a number"),
        ((), "`listne` is no key of this file"),
        (("apps", 0, "origin"), "wants text, but is a list"),
        (("apps", 1), "`domain` is missing"),
        (("apps", 1), "`origin` is missing"),
        (("apps", 1), "`policies` is missing"),
    }


@pytest.mark.parametrize("key", ["entra", "oidc"])
def test_a_key_that_is_named_like_a_type_is_told_at_its_place(key):
    assert told(provider(**{key: 1})) == [
        (("identity_providers", 0), f"`{key}` is no key of a provider of type entra"),
    ]


def test_what_is_wrong_below_a_provider_is_told_at_its_place():
    tree = good(identity_providers=[OTHER | {"scopes": ["openid", 1], "prompt": 1}])
    assert told(tree) == [
        (("identity_providers", 0, "scopes", 1), "wants text, but is a number"),
        (("identity_providers", 0, "prompt"), "is none of its values"),
    ]


@pytest.mark.parametrize(
    ("keys", "place", "what"),
    [
        ({"email_domains": ["contoso.example", 1]}, ("email_domains", 1), "wants text, but is a number"),
        ({"email_domains": {STAFF: [1]}}, ("email_domains", STAFF, 0), "wants text, but is a number"),
        ({"email_domains": {"x": ["a.example"]}}, ("email_domains", "x"), "`x` is not an object id"),
        ({"email_domains": {"alone": ["a"], "[key]": ["b"]}}, ("email_domains", "alone"), "`alone` is not an"),
        ({"certificate": {"key": 1, "certificate": "c"}}, ("certificate", "key"), "wants text, but is a number"),
        ({"certificate": [{"key": 1, "certificate": "c"}]}, ("certificate", 0, "key"), "wants text, but is a number"),
        ({"certificate": {"certificate": "c"}}, ("certificate",), "`key` is missing"),
        ({"client_secret": [1]}, ("client_secret", 0), "wants text, but is a number"),
        ({"client_secret": 1}, ("client_secret",), "wants text, but is a number"),
    ],
)
def test_the_place_is_as_the_file_is_written(keys, place, what):
    path, said = told(provider(**keys))[0]
    assert path == ("identity_providers", 0, *place)
    assert what in said


@pytest.mark.parametrize("key", ["entra", "oidc", "email_domains"])
def test_an_apps_key_that_is_named_like_a_type_is_told_at_its_place(key):
    assert told(app(**{key: 1})) == [(("apps", 0), f"`{key}` is no key of an app")]


def test_a_key_that_looks_like_pydantics_own_words_is_told_as_any():
    assert told(app(**{"[key]": 1})) == [(("apps", 0), "a key is no key of an app")]


@pytest.mark.parametrize(("value", "place"), [(["op.example", 1], ("email_domains", 1)), (5, ("email_domains",))])
def test_so_is_that_of_an_openid_providers_domains(value, place):
    ((path, _),) = told(good(identity_providers=[OTHER | {"email_domains": value}]))
    assert path == ("identity_providers", 0, *place)


def test_the_mend_of_a_missing_key_says_what_it_is_for():
    _, problems = hold_against_schema(good(listen=None))
    assert problems[0].mend == "add it: The address that the gate listens on."


NOT_YET = [("fleet", None, ())]


@pytest.mark.parametrize(("key", "default", "at"), NOT_YET, ids=[row[0] for row in NOT_YET])
def test_what_is_not_there_yet_is_taken_by_its_default_alone(key, default, at):
    for value, said in ((default, []), (0, [((*at, key), "is not there yet")])):
        assert told(app(**{key: value}) if at else {**good(), key: value}) == said
