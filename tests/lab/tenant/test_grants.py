import pytest

from glassgate.lab.tenant.authorize import Ask
from glassgate.lab.tenant.cloud import Session
from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.grants import granted, make_code, make_refresh_token, open_code, open_refresh_token
from lab.tenancy import CLIENT, REDIRECT, call


@pytest.fixture
def here(lab_folder):
    return call(lab_folder / "lab")


@pytest.fixture
def ask():
    return Ask(CLIENT, REDIRECT, ("openid", "offline_access"), "the-challenge", state="s", nonce="n", contexts=("c1",))


@pytest.fixture
def grant(here, ask):
    alice = here.account("alice")
    return granted(ask, Session("sid", alice.tid, alice.oid, 5.5, mfa=True), alice, here.now)


def test_a_code_stands_for_what_was_granted(here, ask, grant):
    code = open_code(here, make_code(here, ask, grant))
    assert code.grant == grant
    assert (code.redirect_uri, code.challenge) == (REDIRECT, "the-challenge")
    assert (grant.acrs, grant.nonce, grant.at, grant.issued) == (("c1",), "n", 5.5, here.now)


def test_every_code_is_another(here, ask, grant):
    assert len({open_code(here, make_code(here, ask, grant)).id for _ in range(5)}) == 5


def test_a_refresh_token_stands_for_the_same_and_is_short(here, grant):
    token = make_refresh_token(here, grant)
    assert open_refresh_token(here, token) == grant
    assert len(token) < 1000


@pytest.mark.parametrize("text", ["", "x", "é", "x" * 9000])
def test_what_is_not_ours_is_refused(here, text):
    for opened in (open_code, open_refresh_token):
        with pytest.raises(TenantError) as no:
            opened(here, text)
        assert no.value.code == 70000


def test_what_is_granted_is_not_shown(here, ask, grant):
    assert "the-challenge" not in repr(open_code(here, make_code(here, ask, grant)))
