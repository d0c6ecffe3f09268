import pytest

from glassgate.lab.tenant.authorize import Ask, Registration, only, read_ask, read_client
from glassgate.lab.tenant.faults import TenantError
from lab.tenancy import ASK, CLIENT, REDIRECT, REGISTRATIONS

CLIENTS = {one.client_id: one for one in REGISTRATIONS}


def params(**changes):
    return {name: [value] for name, value in {**ASK, **changes}.items() if value is not None}


def test_a_request_is_read_whole():
    ask = read_ask(params(prompt="login", login_hint="bob"), CLIENTS[CLIENT])
    assert ask == Ask(
        client_id=CLIENT,
        redirect_uri=REDIRECT,
        scopes=("openid", "profile", "email"),
        challenge=ASK["code_challenge"],
        state="the-state",
        nonce="the-nonce",
        prompt="login",
        login_hint="bob",
    )
    assert Ask.from_json(ask.to_json()) == ask


@pytest.mark.parametrize(
    ("claims", "contexts"),
    [
        (None, ()),
        ("{}", ()),
        ('{"id_token": null}', ()),
        ('{"id_token": {"acrs": null}}', ()),
        ('{"id_token": {"acrs": {"essential": true, "value": "c1"}}}', ("c1",)),
        ('{"id_token": {"acrs": {"essential": true, "values": ["c1", "c25", "c1"]}}}', ("c1", "c25")),
        ('{"access_token": {"acrs": {"value": "c1"}}}', ()),
    ],
    ids=["none", "empty", "null", "voluntary", "value", "values", "of another token"],
)
def test_the_contexts_asked_for(claims, contexts):
    assert read_ask(params(claims=claims), CLIENTS[CLIENT]).contexts == contexts


@pytest.mark.parametrize(
    "claims",
    ["[]", "1", '{"id_token": 1}', '{"id_token": {"acrs": "c1"}}', '{"id_token": {"acrs": {"value": 1}}}',
     '{"id_token": {"acrs": {"values": 1}}}', '{"id_token": {"acrs": {"value": "<b>"}}}', "[" * 2000],
)  # fmt: skip
def test_claims_that_cannot_be_read_are_refused(claims):
    with pytest.raises(TenantError) as no:
        read_ask(params(claims=claims), CLIENTS[CLIENT])
    assert no.value.code == 90023


def test_a_redirect_uri_with_a_query_is_taken_as_registered():
    uri = "https://team.localhost:8443/other?a=1"
    assert read_client(params(redirect_uri=uri), CLIENTS, "Contoso") == CLIENTS[CLIENT]


def test_a_value_is_there_once_or_not_at_all():
    assert only({"a": ["1"]}, "a") == "1"
    assert only({"a": [""]}, "a") is None
    assert only({}, "a") is None
    with pytest.raises(TenantError, match="duplicated"):
        only({"a": ["1", "1"]}, "a")


def test_secrets_are_not_in_a_repr():
    assert "hush" not in repr(Registration("client", "hush", ()))
    assert ASK["code_challenge"] not in repr(read_ask(params(), CLIENTS[CLIENT]))
