"""Errors are read by people: what, where, mend."""

import pytest

from glassgate.errors import ConfigError, GlassgateError, did_you_mean


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (GlassgateError("it is odd"), "it is odd"),
        (GlassgateError("it is odd", where="c.yaml:3"), "c.yaml:3: it is odd"),
        (GlassgateError("it is odd", where="c.yaml:3", mend="mend it"), "c.yaml:3: it is odd (mend it)"),
        (ConfigError([GlassgateError("one", where="c:1"), GlassgateError("two", mend="x")]), "c:1: one\ntwo (x)"),
    ],
)
def test_an_error_says_what_where_and_the_mend(error, text):
    assert str(error) == text


@pytest.mark.parametrize(
    ("word", "known", "mend"),
    [
        ("polcies", ["name", "policies"], "did you mean `policies`?"),
        ("zzz", ["name", "policies"], "known: name, policies"),
        ("zzz", [], ""),
        ("name" * 100_000, ["name"], "known: name"),
    ],
)
def test_the_nearest_name_is_the_mend(word, known, mend):
    assert did_you_mean(word, known) == mend
