import uuid

import pytest

from glassgate.config.settings import LabUser
from glassgate.lab.tenant.directory import make_directory, proves, tenant_id_of
from lab.tenancy import FABRIKAM, FINANCE, TENANT, USERS

DIRECTORY = make_directory(TENANT, "contoso.example", USERS, {"fabrikam.example": FABRIKAM})


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("alice", "Alice Ahlberg"),
        ("ALICE@contoso.example ", "Alice Ahlberg"),
        ("carol", "Carol Costa"),
        ("carol@contoso.example", "Carol Costa"),
        ("carol@fabrikam.example", "Carol Costa"),
        ("alice@fabrikam.example", None),
        ("", None),
    ],
)
def test_who_signs_in_by_a_name(typed, name):
    person = DIRECTORY.find(typed)
    assert (person.name if person else None) == name


def test_ids_stay_the_same_and_are_of_their_tenant():
    again = make_directory(TENANT, "contoso.example", USERS, {})
    other = make_directory(tenant_id_of("contoso.example"), "contoso.example", USERS, {})
    assert list(DIRECTORY.people) == list(again.people)
    assert not set(DIRECTORY.people) & set(other.people)
    assert all(uuid.UUID(oid) for oid in DIRECTORY.people)


def test_a_guest_has_a_home_and_members_have_none():
    carol, alice = DIRECTORY.find("carol"), DIRECTORY.find("alice")
    assert carol.account == (FABRIKAM, carol.home_oid)
    assert (alice.home, alice.account) == (None, (TENANT, alice.oid))
    assert DIRECTORY.of_account(carol.account) == carol
    assert DIRECTORY.of_account((FABRIKAM, alice.oid)) is None


def test_a_login_hint_claim_names_a_person():
    alice = DIRECTORY.find("alice")
    assert DIRECTORY.find(alice.login_hint) == alice
    assert DIRECTORY.find(alice.login_hint.lower()) is None


@pytest.mark.parametrize("password", ["", "wrong", "Alices-password", "alices-password ", "é"])
def test_a_wrong_password_proves_nobody(password):
    assert not proves(DIRECTORY.find("alice"), password)
    assert proves(DIRECTORY.find("alice"), "alices-password")


def test_nobody_is_proven_by_no_password():
    empty = make_directory(TENANT, "contoso.example", [LabUser("eve", "Eve", "")], {})
    assert not proves(empty.find("eve"), "")
    assert not proves(None, "")


def test_groups_can_be_made_up_by_the_thousand_and_stay_the_same():
    many = [LabUser("eve", "Eve", "password", groups=(FINANCE,), groups_count=5000)]
    (eve,), (again,) = (make_directory(TENANT, "contoso.example", many, {}).people.values() for _ in range(2))
    assert len(set(eve.groups)) == 5001
    assert eve.groups[0] == FINANCE
    assert eve.groups == again.groups
    assert all(str(uuid.UUID(group)) == group for group in eve.groups[:50])


def test_passwords_are_not_in_a_repr():
    assert "s-password" not in repr(DIRECTORY)
