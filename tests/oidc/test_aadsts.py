"""Entra's numbers: the table is whole and fit to be read, and every answer has an explanation."""

import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgate.config.schema import Config, Entra
from glassgate.oidc.aadsts import NUMBERS, TABLE, explain
from glassgate.oidc.explanation import ERRORS, SUBERRORS, UNKNOWN, Explanation, Move

EVERYTHING = {**TABLE, **ERRORS, **SUBERRORS, "unknown": UNKNOWN}
ADDRESSES = {
    "https://aka.ms/sspr", "https://aka.ms/mfasetup", "https://myapps.microsoft.com",
    "https://login.microsoftonline.us",
}  # fmt: skip
# What is in backticks and no key: commands, and values of keys.
WORDS = {
    "./run.sh check", "callback", "organizations", "openid", "profile", "email", "offline_access", "code",
}  # fmt: skip

# Whoever signs in at an Entra tenant meets these sooner or later.
KNOWN = [
    (50011, Move.DEPLOYER, "`callback`"),
    (700016, Move.DEPLOYER, "`client_id`"),
    (7000215, Move.DEPLOYER, "Value"),
    (7000222, Move.DEPLOYER, "new client secret"),
    (90002, Move.DEPLOYER, "`tenant`"),
    (90038, Move.DEPLOYER, "`authority`"),
    (70021, Move.DEPLOYER, "`federated_token_file`"),
    (9002325, Move.DEPLOYER, "under Web"),
    (50105, Move.ADMINISTRATOR, "Users and groups"),
    (53003, Move.ADMINISTRATOR, "Conditional Access tab"),
    (50057, Move.ADMINISTRATOR, "enable the account"),
    (90094, Move.ADMINISTRATOR, "Grant admin consent"),
    (500213, Move.ADMINISTRATOR, "Inbound access"),
    (7000112, Move.ADMINISTRATOR, "Enabled for users to sign in"),
    (50126, Move.USER, "https://aka.ms/sspr"),
    (50020, Move.USER, "invitation"),
    (50076, Move.USER, "https://aka.ms/mfasetup"),
    (50079, Move.USER, "https://aka.ms/mfasetup"),
    (54005, Move.USER, "Start again"),
    (53000, Move.USER, "Company Portal"),
    (65001, Move.USER, "accept"),
    (70043, Move.USER, "Start again"),
    (50196, Move.WAIT, "Wait five minutes"),
    (90033, Move.WAIT, "Try again in a minute"),
]


@pytest.mark.parametrize(("number", "move", "words"), KNOWN, ids=[str(row[0]) for row in KNOWN])
def test_who_is_to_do_what(number, move, words):
    found = explain(f"AADSTS{number}", "invalid_request")
    assert found.move is move
    assert words in found.mend


@pytest.mark.parametrize("row", EVERYTHING.values(), ids=map(str, EVERYTHING))
def test_a_row_is_fit_to_be_read(row):
    assert isinstance(row.move, Move)
    assert 8 <= len(row.title) <= 60
    assert not row.title.endswith(".")
    for text, most in ((row.what, 120), (row.mend, 260)):
        assert 15 <= len(text) <= most
        assert text.endswith(".")
        assert text.isascii()
        assert text.isprintable()
        assert "  " not in text
        assert not set('<"|*') & set(text)


@pytest.mark.parametrize("row", EVERYTHING.values(), ids=map(str, EVERYTHING))
def test_what_a_row_names_is_there(row):
    keys = {*Entra.model_fields, *Config.model_fields}
    marked = re.findall(r"`(.*?)`", row.mend)
    assert row.mend.count("`") == 2 * len(marked)
    assert set(marked) - keys - WORDS == set()
    assert set(re.findall(r"https?://[^\s]*[^\s.,;:)]", row.mend)) <= ADDRESSES


def test_a_number_is_in_one_row_alone():
    assert len(list(chain.from_iterable(TABLE))) == len(NUMBERS)
    assert [numbers for numbers in TABLE if list(numbers) != sorted(numbers)] == []


def test_the_table_is_wide():
    assert len(NUMBERS) > 300
    assert {row.move for row in TABLE.values()} == set(Move)


def test_titles_tell_rows_apart():
    titles = [row.title for row in TABLE.values()]
    assert len(titles) == len(set(titles))


def test_an_unknown_number_goes_by_its_error_and_says_where_to_look():
    found = explain("AADSTS999999999", "invalid_scope")
    known = explain(None, "invalid_scope")
    assert (found.move, found.title, found.what) == (known.move, known.title, known.what)
    assert found.mend.startswith(known.mend)
    assert "https://login.microsoftonline.com/error?code=999999999" in found.mend


@pytest.mark.parametrize("code", ["", "50105", "AADSTS", "AADSTS١٢٣٤", "AADSTS50105 ", "aadsts50105", "<b>"])
def test_what_is_no_code_is_not_looked_up(code):
    assert explain(code, "access_denied") is ERRORS["access_denied"]


@given(
    st.none() | st.text() | st.from_regex(r"AADSTS[0-9]{1,12}", fullmatch=True),
    st.text() | st.sampled_from(sorted(ERRORS)),
    st.none() | st.text() | st.sampled_from(sorted(SUBERRORS)),
)
def test_everything_is_explained(code, error, suberror):
    found = explain(code, error, suberror)
    assert isinstance(found, Explanation)
    assert all((found.title, found.what, found.mend))
