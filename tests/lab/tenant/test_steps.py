import pytest

from glassgate.lab.tenant.authorize import Ask
from glassgate.lab.tenant.cloud import Session
from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.grants import Grant
from glassgate.lab.tenant.steps import (
    AskConsent,
    AskFactor,
    AskPassword,
    Outsider,
    PickAccount,
    lacks_consent,
    next_step,
    remember_consent,
)
from lab.tenancy import CLIENT, FABRIKAM, MULTI, REDIRECT, TENANT, call


@pytest.fixture
def here(lab_folder):
    return call(lab_folder / "lab")


def ask(**changes):
    return Ask(**{"client_id": CLIENT, "redirect_uri": REDIRECT, "scopes": ("openid",), "challenge": "c", **changes})


def session(here, name, *, mfa=False):
    account = here.account(name) if name else None
    return Session("sid", account.tid, account.oid, 0.0, mfa) if account else None


PASSWORD, FACTOR, GRANT, PICK, CONSENT, OUTSIDER = AskPassword, AskFactor, Grant, PickAccount, AskConsent, Outsider


@pytest.mark.parametrize(
    ("changes", "who", "mfa", "anew", "expected"),
    [
        ({}, None, False, False, PASSWORD),
        ({}, "alice", False, False, GRANT),
        ({"prompt": "none"}, None, False, False, 50058),
        ({"prompt": "none"}, "alice", False, False, GRANT),
        ({"prompt": "none", "login_hint": "bob"}, "alice", False, False, 16000),
        ({"prompt": "login"}, "alice", False, False, PASSWORD),
        ({"prompt": "login"}, "alice", False, True, GRANT),
        ({"prompt": "select_account"}, None, False, False, PASSWORD),
        ({"prompt": "select_account"}, "alice", False, False, PICK),
        ({"prompt": "select_account"}, "alice", False, True, GRANT),
        ({"prompt": "consent"}, None, False, False, PASSWORD),
        ({"prompt": "consent"}, "alice", False, False, CONSENT),
        ({"login_hint": "bob"}, "alice", False, False, PASSWORD),
        ({"login_hint": "bob"}, "alice", False, True, GRANT),
        ({"contexts": ("c1",)}, None, False, False, PASSWORD),
        ({"contexts": ("c1",)}, "bob", False, False, FACTOR),
        ({"contexts": ("c1",)}, "bob", False, True, FACTOR),
        ({"contexts": ("c1",)}, "bob", True, False, GRANT),
        ({"contexts": ("c1",)}, "alice", False, True, 50079),
        ({"contexts": ("c1",), "prompt": "none"}, "bob", False, False, 50076),
        ({"contexts": ("c1",), "prompt": "consent"}, "bob", False, False, FACTOR),
        ({"contexts": ("c2",)}, "alice", False, False, GRANT),
        ({"mfa": True}, "bob", False, False, FACTOR),
        ({"mfa": True}, "bob", True, False, GRANT),
        ({}, "carol", False, False, GRANT),
        ({}, "dave", False, False, OUTSIDER),
        ({}, "dave", False, True, OUTSIDER),
        ({"prompt": "none"}, "dave", False, False, 50020),
    ],
)
def test_what_comes_next(here, changes, who, mfa, anew, expected):
    assert outcome(here, ask(**changes), session(here, who, mfa=mfa), asked_anew=anew) == expected


def outcome(*args, **kwargs):
    try:
        return type(next_step(*args, **kwargs))
    except TenantError as no:
        return no.code


@pytest.mark.parametrize(
    ("at", "who", "tenant"),
    [("organizations", "dave", FABRIKAM), ("organizations", "carol", FABRIKAM), ("common", "alice", TENANT),
     (FABRIKAM, "carol", FABRIKAM), (TENANT, "carol", TENANT)],
)  # fmt: skip
def test_whose_tenant_grants(lab_folder, at, who, tenant):
    there = call(lab_folder / "lab", at)
    assert next_step(there, ask(client_id=MULTI), session(there, who)).tid == tenant


def test_contexts_are_granted_as_asked(here):
    assert next_step(here, ask(contexts=("c1", "c2")), session(here, "bob", mfa=True)).acrs == ("c1", "c2")
    assert next_step(here, ask(), session(here, "bob", mfa=True)).acrs == ()


@pytest.mark.parametrize(
    ("changes", "who", "suggested"),
    [
        ({}, None, ""),
        ({"prompt": "login"}, "alice", "alice@contoso.example"),
        ({"login_hint": "bob"}, None, "bob@contoso.example"),
        ({"login_hint": "who@else.example"}, "alice", "who@else.example"),
        ({"login_hint": "nobody"}, None, ""),
        ({"domain_hint": "fabrikam.example"}, None, "@fabrikam.example"),
        ({"domain_hint": "fabrikam.example", "login_hint": "bob"}, None, "bob@contoso.example"),
    ],
)
def test_the_name_that_is_suggested(here, changes, who, suggested):
    assert next_step(here, ask(**changes), session(here, who)) == AskPassword(suggested)


def test_consent_is_asked_for_once_for_each_app_and_user(lab_folder):
    asking = call(lab_folder / "lab", asks_consent=True)
    alice, bob = session(asking, "alice"), session(asking, "bob")
    assert outcome(asking, ask(), alice) is CONSENT
    assert outcome(asking, ask(prompt="none"), alice) == 65001
    remember_consent(asking, ask(), asking.account("alice"))
    assert outcome(asking, ask(), alice) is GRANT
    assert outcome(asking, ask(prompt="none"), alice) is GRANT
    assert outcome(asking, ask(prompt="consent"), alice) is CONSENT
    assert outcome(asking, ask(prompt="consent"), alice, asked_anew=True, consented=True) is GRANT
    assert outcome(asking, ask(scopes=("openid", "User.Read")), alice) is CONSENT
    assert outcome(asking, ask(), bob) is CONSENT
    assert outcome(asking, ask(client_id="11111111-2222-4333-8444-555555555555"), alice) is CONSENT


def test_consent_adds_up(here):
    alice = here.account("alice")
    for scopes in (("openid", "User.Read"), ("openid", "email")):
        remember_consent(here, ask(scopes=scopes), alice)
    assert not lacks_consent(here, CLIENT, ("openid", "email", "https://graph.localhost:8443/User.Read"), alice)
    assert lacks_consent(here, CLIENT, ("Directory.Read.All",), alice)
