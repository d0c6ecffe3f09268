import uuid

import pytest

from glassgate.config.settings import LabUser
from glassgate.errors import GlassgateError
from glassgate.lab.tenant.directory import make_directory, tenant_id_of
from lab.tenancy import TENANT, USERS

DIRECTORY = make_directory(USERS, TENANT)


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
    again, other = make_directory(USERS, TENANT), make_directory(USERS, "contoso.example")
    assert list(DIRECTORY.people) == list(again.people)
    assert not set(DIRECTORY.people) & set(other.people)
    assert all(uuid.UUID(oid) for oid in DIRECTORY.people)


@pytest.mark.parametrize(
    ("tenant", "tenant_id", "domain"),
    [
        (TENANT, TENANT, "contoso.example"),
        (TENANT.upper(), TENANT, "contoso.example"),
        ("", tenant_id_of("contoso.example"), "contoso.example"),
        ("Fabrikam.Example", tenant_id_of("fabrikam.example"), "fabrikam.example"),
    ],
    ids=["id", "id in capitals", "none", "domain"],
)
def test_what_a_tenant_is_called(tenant, tenant_id, domain):
    found = make_directory(USERS, tenant)
    assert (found.tenant_id, found.domain) == (tenant_id, domain)


def test_a_tenant_without_users_has_a_domain():
    assert make_directory([], TENANT).domain == "contoso.example"


def test_a_guest_has_a_home_and_members_have_none():
    homes = {person.name: person.home for person in DIRECTORY.people.values()}
    assert homes["Carol Costa"] == tenant_id_of("fabrikam.example")
    assert homes["Alice Ahlberg"] is None


@pytest.mark.parametrize("password", ["", "wrong", "Alices-password", "alices-password ", "é"])
def test_a_wrong_password_proves_nobody(password):
    assert DIRECTORY.prove("alice", password) is None
    assert DIRECTORY.prove("alice", "alices-password").name == "Alice Ahlberg"


def test_nobody_is_proven_by_no_password():
    empty = make_directory([LabUser("eve", "Eve", "")], TENANT)
    assert empty.prove("eve", "") is None
    assert empty.prove("nobody", "") is None


def test_two_people_by_one_name_are_refused():
    twice = [LabUser("dave", "Dave", "a"), LabUser("dave", "Dave", "b", domain="other.example")]
    with pytest.raises(GlassgateError, match="two of the lab's users sign in as 'dave'"):
        make_directory(twice, TENANT)


def test_passwords_are_not_in_a_repr():
    assert "s-password" not in repr(DIRECTORY)
