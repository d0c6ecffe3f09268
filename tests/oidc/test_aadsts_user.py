"""What a person in front of the page is told: words that they know, and something to do."""

import pytest

from glassgate.oidc.aadsts_user import TABLE
from glassgate.oidc.explanation import Move

JARGON = ("config.yaml", "`", "OAuth", "token", "claim", "tenant", "scope", "endpoint", "grant ", "PKCE")


@pytest.mark.parametrize("row", TABLE.values(), ids=map(str, TABLE))
def test_it_is_said_so_that_anybody_understands_it(row):
    assert row.move is Move.USER
    assert [word for word in JARGON if word in row.title + row.what + row.mend] == []


@pytest.mark.parametrize("row", TABLE.values(), ids=map(str, TABLE))
def test_there_is_a_way_on(row):
    ways = ("tart again", "Come back", "Use such a device", "Open the address", "Use a computer")
    assert any(way in row.mend for way in ways)
