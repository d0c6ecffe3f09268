"""The lab's section: what it is when little of it is said."""

import pytest
from pydantic import ValidationError

from glassgate.config.schema_lab import Lab

ALICE = {"name": "alice", "password": "password"}


def test_a_small_lab_has_the_defaults():
    lab = Lab.model_validate({"enabled": True, "users": [ALICE]})
    (alice,) = lab.users
    assert (alice.groups, alice.groups_count, alice.mfa, alice.edov, alice.guest_of) == ([], 0, False, False, None)
    assert (lab.groups_claim, lab.consent, lab.faults, lab.tenants, lab.origins) == (True, False, [], [], {})


@pytest.mark.parametrize(
    "tree",
    [{}, {"enabled": "yes"}, {"enabled": True, "users": [{"name": "alice"}]}, {"enabled": True, "faults": ["odd"]}],
    ids=["not said whether it is on", "no yes or no", "a user without a password", "an unknown fault"],
)
def test_what_is_no_lab(tree):
    with pytest.raises(ValidationError):
        Lab.model_validate(tree)
