"""A problem is told with its place, once, and without what only follows from another."""

import pytest

from glassgate.config.problems import Problem, in_order, line_of, located, shown

TREE = {
    "apps": [{"name": "wiki", "policies": [{"name": "sta\nff"}]}, {"name": 5, "domain": "x"}],
    "tls": {"certificate": "x"},
    "identity_providers": [{"id": "entra", "name": "Contoso"}],
}
LINES = {(): 1, ("apps",): 2, ("apps", 0): 3, ("apps", 1): 9, ("tls",): 12}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ((), "c.yaml:1: is odd"),
        (("tls", "certificate"), "c.yaml:12: `tls`: `certificate`: is odd"),
        (("apps", 0), "c.yaml:3: apps[0] `wiki`: is odd"),
        (("apps", 0, "policies", 0, "name"), "c.yaml:3: apps[0] `wiki`: policies[0]: `name`: is odd"),
        (("apps", 1, "domain", 0), "c.yaml:9: apps[1]: `domain`: is odd"),
        (("identity_providers", 0), "c.yaml:1: identity_providers[0] `entra`: is odd"),
        (("apps", 7), "c.yaml:2: apps[7]: is odd"),
    ],
)
def test_a_place_is_named(path, said):
    assert str(located(Problem(path, "is odd"), TREE, "c.yaml", LINES)) == said


def test_a_problem_may_know_its_line():
    assert located(Problem(("apps", 0), "x", line=5), TREE, "c", LINES).where == "c:5"
    assert located(Problem(("apps",), "x", key=("apps", 1, "y")), TREE, "c", LINES).where == "c:9"


def test_the_line_of_what_is_not_there_is_that_of_what_holds_it():
    assert line_of(("apps", 1, "policies", 3), LINES) == 9
    assert line_of((), {}) == 1


def test_each_is_told_once_in_order_and_without_its_consequences():
    last, first = Problem(("tls",), "last"), Problem(("apps",), "first")
    cause = Problem(("apps", 1), "cause", covers=True)
    follows = [Problem(("apps", 1), "follows"), Problem(("apps", 1, "x"), "follows")]
    assert in_order([last, *follows, cause, first, last], LINES) == [first, cause, last]


@pytest.mark.parametrize(
    ("key", "said"),
    [("team", "`team`"), (3, "`3`"), ("a:b", "a key"), ("x" * 41, "a key"), ("`", "a key"), ("", "a key")],
)
def test_a_key_that_may_be_a_secret_is_not_shown(key, said):
    assert shown(key) == said
