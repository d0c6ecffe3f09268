from dataclasses import replace

import pytest

from glassgate.lab.tenant.cloud import authority
from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.switches import Fault, Switches, UserSwitch
from lab.tenancy import CLIENT, FABRIKAM, MULTI, OTHER, TENANT, call


@pytest.fixture
def here(lab_folder):
    return call(lab_folder / "lab")


def refused(make, *args):
    """The number that a refusal bears, or None."""
    try:
        make(*args)
    except TenantError as no:
        return no.code
    return None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (TENANT, TENANT),
        ("Contoso.example", TENANT),
        ("fabrikam.example", FABRIKAM),
        ("Common", "common"),
        ("organizations", "organizations"),
        ("consumers", None),
        ("nowhere.example", None),
    ],
)
def test_what_an_address_names(here, name, found):
    if found is None:
        assert refused(authority, here.cloud.tenants, name) == 90002
        return
    named = authority(here.cloud.tenants, name)
    assert named.name == found
    assert named.takes(FABRIKAM) is (found != TENANT)


@pytest.mark.parametrize(
    ("at", "client", "number"),
    [
        (TENANT, CLIENT, None),
        (TENANT, OTHER, None),
        (TENANT, MULTI, None),
        (FABRIKAM, MULTI, None),
        (FABRIKAM, CLIENT, 700016),
        ("organizations", MULTI, None),
        ("common", MULTI, None),
        ("organizations", CLIENT, 50194),
        ("common", OTHER, 50194),
        (TENANT, "nobody", 700016),
        ("organizations", "nobody", 700016),
    ],
)
def test_where_an_application_may_ask(lab_folder, at, client, number):
    assert refused(call(lab_folder / "lab", at).client, client) == number


def test_a_user_has_the_groups_of_the_moment(here):
    bob = here.account("bob")
    switches = Switches(users={"bob@contoso.example": UserSwitch(added=("x",))})
    assert replace(here, switches=switches).person(bob.tid, bob.oid).groups == (*bob.groups, "x")
    assert here.person(TENANT, "nobody") is None


@pytest.mark.parametrize(
    ("upn", "switch", "number"),
    [
        ("alice@contoso.example", UserSwitch(disabled=True), None),
        ("carol@contoso.example", UserSwitch(disabled=True), 50057),
        ("carol@fabrikam.example", UserSwitch(disabled=True), 50057),
        ("carol@contoso.example", UserSwitch(revoked=100.0), 50173),
        ("carol@fabrikam.example", UserSwitch(revoked=100.0), 50173),
        ("carol@contoso.example", UserSwitch(revoked=99.0), None),
    ],
    ids=["somebody else", "disabled here", "disabled at home", "revoked here", "revoked at home", "revoked before"],
)
def test_a_grant_hangs_on_the_user_here_and_at_home(here, upn, switch, number):
    guest = here.resident(here.account("carol"))
    switched = replace(here, switches=Switches(users={upn: switch}))
    assert refused(switched.check_standing, guest, 99.0) == number


def test_the_first_fault_that_is_on_happens(here):
    switched = replace(here, switches=Switches(faults={"down": Fault("down"), "slow": Fault("slow")}))
    assert switched.fault("alg_none", "slow", "down") == Fault("slow")
    assert here.fault("down") is None


def test_pseudonyms_are_of_their_parts_alone(here):
    made = here.cloud.pseudonym
    assert made("a", "bc") == made("a", "bc") != made("ab", "c")


def test_secrets_are_not_in_a_repr(here):
    assert "a-client-secret" not in repr(here)
    assert "xxxx" not in repr(here)
