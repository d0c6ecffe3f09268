"""What the keys of a provider say together: what proves the gate to it, whose users it lets in, whose e-mails count."""

import pytest

from config.files import GOOD, LAB, OTHER, TENANT, good, problems, provider
from glassgate.config.providers import check_providers

SECOND = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
P = {key: value for key, value in GOOD["identity_providers"][0].items() if key not in ("client_secret", "tenant")}
SECRET = {"client_secret": "${SECRET}"}
ONE = SECRET | {"tenant": TENANT}
MANY = SECRET | {"tenant": "organizations", "allowed_tenants": [TENANT, SECOND], "email_domains": None}
HERE = "https://login.localhost:8443"
ANYBODY = {"staff": {"include": [{"email": "alice@contoso.example"}]}}  # a rule that is about no tenant


def told(changes, **more):
    entry = {key: value for key, value in (P | changes).items() if value is not None}
    return [(problem.path, problem.what) for problem in check_providers(good(identity_providers=[entry], **more))]


GOOD_ONES = {
    "a secret": ONE,
    "two secrets": ONE | {"client_secret": ["${SECRET}", "${SECRET}"]},
    "a certificate": {"tenant": TENANT, "certificate": {"key": "k.pem", "certificate": "c.pem"}},
    "a federated token": {"tenant": TENANT, "federated_token_file": "/var/run/token"},
    "both": ONE | {"certificate": [{"key": "k.pem", "certificate": "c.pem"}]},
    "a domain for a tenant": ONE | {"tenant": "contoso.example"},
    "several tenants": MANY,
    "one of all organizations": MANY | {"allowed_tenants": [TENANT], "email_domains": ["contoso.example"]},
    "domains of each tenant": MANY | {"email_domains": {TENANT: ["contoso.example"], SECOND: ["fabrikam.example"]}},
    "tenants in capitals": MANY | {"allowed_tenants": [TENANT.upper()], "email_domains": {TENANT: ["a.example"]}},
}


@pytest.mark.parametrize("name", GOOD_ONES)
def test_what_is_good_has_no_problems(name):
    assert told(GOOD_ONES[name]) == []


BAD = {  # name: (keys, place below the provider, words of the what, words of the mend)
    "nothing": ({"tenant": TENANT}, (), "nothing proves the gate", "`federated_token_file`"),
    "organizations alone": (
        SECRET | {"tenant": "organizations", "email_domains": None},
        ("tenant",),
        "every organisation there is",
        "`allowed_tenants`",
    ),
    "one tenant and a list": (
        ONE | {"allowed_tenants": [SECOND]},
        ("allowed_tenants",),
        f"one tenant already: `{TENANT}`",
        "`tenant: organizations`",
    ),
    "a tenant twice": (
        MANY | {"allowed_tenants": [TENANT, SECOND, TENANT.upper()]},
        ("allowed_tenants", 2),
        f"`{TENANT}` stands twice",
        "write it once",
    ),
    "a domain for all tenants": (
        MANY | {"email_domains": ["contoso.example"]},
        ("email_domains",),
        "each of the tenants could say",
        "{TENANT-ID: [contoso.example]}",
    ),
    "a domain of a stranger": (
        MANY | {"allowed_tenants": [TENANT], "email_domains": {SECOND: ["contoso.example"]}},
        ("email_domains", SECOND),
        "none of the `allowed_tenants`",
        "take it out",
    ),
    "domains by the one tenant": (
        ONE | {"email_domains": {TENANT: ["contoso.example"]}},
        ("email_domains",),
        "there is one tenant",
        "a plain list",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_go_together_is_told_with_its_mend(name, tmp_path):
    changes, place, what, mend = BAD[name]
    ((path, said),) = told(changes)
    assert path == ("identity_providers", 0, *place)
    assert what in said
    entry = {key: value for key, value in (P | changes).items() if value is not None}
    ((_, said, mending),) = problems(good(identity_providers=[entry], groups=ANYBODY), tmp_path)
    assert what in said
    assert mend in mending


def test_a_tenant_that_is_none_is_told_once(tmp_path):
    entry = P | MANY | {"email_domains": {"contoso": ["contoso.example"]}}
    ((_, what, _),) = problems(good(identity_providers=[entry], groups=ANYBODY), tmp_path)
    assert what.endswith("`email_domains`: `contoso`: `contoso` is not an object id")


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": 5},
        {"tenant": ["organizations"]},
        {"tenant": "organizations", "allowed_tenants": "x"},
        {"tenant": "organizations", "allowed_tenants": {"a": 1}},
        {"tenant": "organizations", "allowed_tenants": [5, None], "email_domains": {}},
        {"email_domains": 5},
        {"email_domains": {5: None}},
        {"email_domains": [None]},
        {"authority": 5, "issuer": []},
    ],
    ids=repr,
)
def test_whatever_else_is_wrong_it_can_be_checked(changes):
    assert isinstance(told(SECRET | changes, listen=5), list)
    assert isinstance(told(SECRET | changes, listen="0.0.0.0:443"), list)


def test_what_is_no_tenant_is_told_elsewhere():
    assert told(SECRET | {"tenant": 5, "allowed_tenants": [SECOND], "email_domains": None}) == []
    assert told(ONE | {"email_domains": {}}) == []


def test_an_openid_provider_has_no_tenants():
    assert list(check_providers(good(identity_providers=[OTHER | {"email_domains": ["a.example"]}]))) == []


@pytest.mark.parametrize(
    ("listen", "keys", "lab", "key"),
    [
        ("0.0.0.0:443", {"authority": HERE}, None, "authority"),
        ("0.0.0.0:443", {"issuer": "http://127.0.0.1:1"}, None, "issuer"),
        ("[::]:443", {"authority": "https://[::1]"}, LAB | {"enabled": False}, "authority"),
        ("127.0.0.1:443", {"authority": HERE}, None, None),
        ("0.0.0.0:443", {"authority": HERE}, LAB, None),
        ("0.0.0.0:443", {"authority": "https://login.microsoftonline.us"}, None, None),
    ],
)
def test_a_provider_on_this_machine_is_for_this_machine(listen, keys, lab, key):
    found = told(ONE | keys, listen=listen, lab=lab)
    assert [path for path, _ in found] == ([("identity_providers", 0, key)] if key else [])


def test_every_provider_is_checked():
    tree = provider()
    tree["identity_providers"] += [P | {"id": name, "tenant": TENANT} for name in ("second", "third")]
    places = [problem.path for problem in check_providers(tree)]
    assert places == [("identity_providers", 1), ("identity_providers", 2)]
