import pytest

from glassgate.access.seal import Seal
from glassgate.lab.tenant.authorize import Ask
from glassgate.lab.tenant.directory import make_directory
from glassgate.lab.tenant.faults import TenantError
from glassgate.lab.tenant.keys import open_secrets, open_signing_key
from glassgate.lab.tenant.steps import AskFactor, AskPassword, next_step
from glassgate.lab.tenant.tenant import Session, Tenant
from glassgate.lab.tenant.tokens import Grant
from glassgate.state.memory import MemoryStore
from lab.tenancy import CLIENT, ORIGIN, REDIRECT, REGISTRATIONS, TENANT, USERS


@pytest.fixture(scope="module")
def tenant(lab_folder):
    secrets = open_secrets(lab_folder / "lab")
    return Tenant(
        origin=ORIGIN,
        graph="https://graph.localhost:8443",
        directory=make_directory(USERS, TENANT),
        registrations={one.client_id: one for one in REGISTRATIONS},
        key=open_signing_key(lab_folder / "lab", 0.0),
        seal=Seal(secrets),
        subject_secret=b"x" * 32,
        store=MemoryStore(),
        clock=lambda: 0.0,
    )


def ask(**changes):
    return Ask(**{"client_id": CLIENT, "redirect_uri": REDIRECT, "scopes": ("openid",), "challenge": "c", **changes})


def session(tenant, name, *, mfa=False):
    return Session("sid", tenant.directory.find(name).oid, 0, mfa) if name else None


PASSWORD, FACTOR, GRANT = AskPassword, AskFactor, Grant


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
        ({"prompt": "select_account"}, "alice", False, False, PASSWORD),
        ({"prompt": "consent"}, "alice", False, False, GRANT),
        ({"login_hint": "bob"}, "alice", False, False, PASSWORD),
        ({"login_hint": "bob"}, "alice", False, True, GRANT),
        ({"contexts": ("c1",)}, None, False, False, PASSWORD),
        ({"contexts": ("c1",)}, "bob", False, False, FACTOR),
        ({"contexts": ("c1",)}, "bob", False, True, FACTOR),
        ({"contexts": ("c1",)}, "bob", True, False, GRANT),
        ({"contexts": ("c1",)}, "alice", False, True, 50079),
        ({"contexts": ("c1",), "prompt": "none"}, "bob", False, False, 50076),
        ({"contexts": ("c2",)}, "alice", False, False, GRANT),
    ],
)
def test_what_comes_next(tenant, changes, who, mfa, anew, expected):
    assert outcome(tenant, ask(**changes), session(tenant, who, mfa=mfa), asked_anew=anew) == expected


def outcome(*args, **kwargs):
    try:
        return type(next_step(*args, **kwargs))
    except TenantError as no:
        return no.code


def test_contexts_are_granted_as_asked(tenant):
    assert next_step(tenant, ask(contexts=("c1", "c2")), session(tenant, "bob", mfa=True)).acrs == ("c1", "c2")
    assert next_step(tenant, ask(), session(tenant, "bob", mfa=True)).acrs == ()
