"""What an administrator of the tenant is told: where to go in Entra."""

import pytest

from glassgate.oidc.aadsts_administrator import TABLE
from glassgate.oidc.explanation import Move

PLACES = (
    "Enterprise applications", "App registrations", "Users >", "External Identities", "Conditional Access",
    "Sign-in logs", "ID Protection", "Devices >", "Entra Connect", "federation settings", "Certificate authorities",
    "Microsoft's support", "support request", "tenant restrictions",
)  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=map(str, TABLE))
def test_it_names_a_place_in_entra(row):
    assert row.move is Move.ADMINISTRATOR
    assert any(place in row.mend for place in PLACES)
