"""What whoever runs the gate is told: a key of config.yaml, or a place in its registration. No blame for visitors."""

import pytest

from glassgate.oidc.aadsts_deployer import TABLE
from glassgate.oidc.explanation import Move


@pytest.mark.parametrize("row", TABLE.values(), ids=map(str, TABLE))
def test_it_names_what_to_change(row):
    assert row.move is Move.DEPLOYER
    assert any(place in row.mend for place in ("`", "pp registration", "OpenSSL", "claims mapping policy"))


@pytest.mark.parametrize("row", TABLE.values(), ids=map(str, TABLE))
def test_it_is_not_the_visitors_fault(row):
    assert "your " not in row.title.lower()
    assert "you did" not in row.what
