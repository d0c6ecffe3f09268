import pytest

from glassgate.config.settings import LabSettings, LabTenant, LabUser
from glassgate.errors import GlassgateError
from glassgate.lab.tenant.directory import tenant_id_of
from glassgate.lab.tenant.tenants import make_tenants
from lab.tenancy import FABRIKAM, TENANT, TENANTS, USERS

GUID = "33333333-2222-4333-8444-555555555555"
LAB = LabSettings(USERS, (), TENANTS)


@pytest.mark.parametrize(
    ("named", "tenants", "tenant_id", "domain"),
    [
        ([TENANT], (), TENANT, "contoso.example"),
        ([TENANT.upper()], (), TENANT, "contoso.example"),
        ([], (), tenant_id_of("contoso.example"), "contoso.example"),
        ([""], (), tenant_id_of("contoso.example"), "contoso.example"),
        (["Adatum.Example"], (), tenant_id_of("adatum.example"), "adatum.example"),
        (["organizations", TENANT], (), TENANT, "contoso.example"),
        (["fabrikam.example", TENANT], TENANTS, TENANT, "contoso.example"),
        ([GUID], (LabTenant("fabrikam.example", GUID),), tenant_id_of("contoso.example"), "contoso.example"),
        ([], (LabTenant("contoso.example", GUID),), GUID, "contoso.example"),
        ([TENANT], (LabTenant("contoso.example"),), TENANT, "contoso.example"),
    ],
    ids=["id", "id in capitals", "nobody says", "empty", "domain", "organizations first", "a listed one first",
         "a listed one alone", "listed itself", "listed itself without an id"],
)  # fmt: skip
def test_which_tenant_is_the_main_one(named, tenants, tenant_id, domain):
    main = make_tenants(LabSettings(USERS, (), tenants), named).main
    assert (main.tenant_id, main.domain) == (tenant_id, domain)
    assert main.find("alice")


def test_a_lab_without_users_has_a_main_tenant():
    assert make_tenants(LabSettings((), ()), [TENANT]).main.domain == "contoso.example"


@pytest.mark.parametrize("name", ["fabrikam.example", "FABRIKAM.example", FABRIKAM, FABRIKAM.upper()])
def test_a_tenant_is_known_by_id_and_domain(name):
    assert make_tenants(LAB).find(name).domain == "fabrikam.example"
    assert make_tenants(LAB).find(name + "x") is None


def test_a_guests_home_is_there_whether_or_not_it_is_listed():
    for tenants in (TENANTS, ()):
        made = make_tenants(LabSettings(USERS, (), tenants), [TENANT])
        guest = made.main.find("carol")
        account = made.person(*guest.account)
        assert (account.tid, account.username, account.home) == (FABRIKAM, "carol@fabrikam.example", None)
        assert account.login_hint == guest.login_hint
        assert (guest.tid, guest.home) == (TENANT, FABRIKAM)


@pytest.mark.parametrize(
    ("typed", "first", "found"),
    [
        ("alice", "", "alice@contoso.example"),
        ("dave", "", "dave@fabrikam.example"),
        ("carol", "", "carol@fabrikam.example"),
        ("carol@contoso.example", "", "carol@fabrikam.example"),
        ("eve", "", "eve@contoso.example"),
        ("eve", "fabrikam.example", "eve@fabrikam.example"),
        ("eve", FABRIKAM, "eve@fabrikam.example"),
        ("eve@contoso.example", FABRIKAM, "eve@contoso.example"),
        ("dave@fabrikam.example", "contoso.example", "dave@fabrikam.example"),
        ("nobody", "", None),
        ("nobody@fabrikam.example", "", None),
    ],
)
def test_whose_account_signs_in_by_a_name(typed, first, found):
    # mallory's e-mail address is dave's user name: whoever types it is dave all the same.
    mallory = LabUser("mallory", "Mallory", "password", email="dave@fabrikam.example")
    eves = [LabUser("eve", "Eve", "password", domain) for domain in ("contoso.example", "fabrikam.example")]
    fabrikam = LabTenant("fabrikam.example", users=(*TENANTS[0].users, eves[1]))
    tenants = make_tenants(LabSettings((*USERS, mallory, eves[0]), (), (fabrikam,)), [TENANT])
    account = tenants.account(typed, first)
    assert (account.username if account else None) == found


GUEST = LabUser("carol", "Carol", "one", guest_of="fabrikam.example")
AT_HOME = LabUser("carol", "Carol", "two", "fabrikam.example")
REFUSED = {
    "one name for two": (
        LabSettings((LabUser("dave", "D", "a"), LabUser("dave", "D", "b", "other.example")), ()),
        "two of the lab's users sign in as 'dave'",
    ),
    "one id for two": (
        LabSettings((), (), (LabTenant("a.example", GUID), LabTenant("b.example", GUID))),
        f"two tenants of the lab have the id '{GUID}'",
    ),
    "two passwords of one account": (
        LabSettings((GUEST,), (), (LabTenant("fabrikam.example", users=(AT_HOME,)),)),
        "carol@fabrikam.example is one account, and has two passwords",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_what_would_have_two_meanings_is_refused(row):
    settings, said = REFUSED[row]
    with pytest.raises(GlassgateError, match=said) as no:
        make_tenants(settings)
    assert no.value.mend
    assert no.value.where.startswith("lab.")


def test_one_who_is_a_guest_at_home_is_a_member():
    made = make_tenants(LabSettings((GUEST,), ()), ["fabrikam.example"])
    assert [person.home for person in made.main.people.values()] == [None]
    assert len(list(made)) == 1
