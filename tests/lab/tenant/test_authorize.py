import pytest

from glassgate.lab.tenant.authorize import Ask, Reply, Wanted, only, read_ask, read_claims, read_client, read_reply
from glassgate.lab.tenant.errors import TenantError
from lab.tenancy import ASK, CLIENT, REDIRECT, REGISTRATIONS, call

REGISTRATION = REGISTRATIONS[0]


@pytest.fixture(scope="module")
def here(lab_folder):
    return call(lab_folder / "lab")


def params(**changes):
    return {name: [value] for name, value in {**ASK, **changes}.items() if value is not None}


def test_a_request_is_read_whole(here):
    more = {"domain_hint": "Fabrikam.example", "response_mode": "form_post"}
    ask = read_ask(params(prompt="login", login_hint="bob", **more), REGISTRATION, here)
    assert ask == Ask(
        client_id=CLIENT,
        redirect_uri=REDIRECT,
        scopes=("openid", "profile", "email"),
        challenge=ASK["code_challenge"],
        state="the-state",
        nonce="the-nonce",
        prompt="login",
        login_hint="bob",
        domain_hint="fabrikam.example",
        mode="form_post",
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
    assert read_claims(claims) == Wanted(contexts)


def test_a_policys_challenge_asks_for_a_second_factor():
    assert read_claims('{"access_token": {"capolids": {"essential": true, "values": ["x"]}}}') == Wanted((), True)


@pytest.mark.parametrize(
    "claims",
    ["[]", "1", '{"id_token": 1}', '{"id_token": {"acrs": "c1"}}', '{"id_token": {"acrs": {"value": 1}}}',
     '{"id_token": {"acrs": {"values": 1}}}', '{"id_token": {"acrs": {"value": "<b>"}}}', "[" * 2000],
)  # fmt: skip
def test_claims_that_cannot_be_read_are_refused(claims):
    with pytest.raises(TenantError) as no:
        read_claims(claims)
    assert no.value.code == 90023


def test_a_redirect_uri_with_a_query_is_taken_as_registered(here):
    uri = "https://team.localhost:8443/other?a=1"
    assert read_client(params(redirect_uri=uri), here) == REGISTRATION


@pytest.mark.parametrize(
    ("changes", "reply"),
    [
        ({}, Reply(REDIRECT, "the-state", "query")),
        ({"response_mode": "form_post"}, Reply(REDIRECT, "the-state", "form_post")),
        ({"response_mode": "fragment"}, Reply(REDIRECT, "the-state", "query")),
        ({"state": None}, Reply(REDIRECT, None, "query")),
    ],
    ids=["plain", "form_post", "unknown mode", "no state"],
)
def test_a_refusal_knows_where_to_go_before_the_rest_is_read(changes, reply):
    assert read_reply(params(**changes)) == reply


def test_a_value_is_there_once_or_not_at_all():
    assert only({"a": ["1"]}, "a") == "1"
    assert only({"a": [""]}, "a") is None
    assert only({}, "a") is None
    with pytest.raises(TenantError, match="duplicated"):
        only({"a": ["1", "1"]}, "a")


def test_a_challenge_is_not_in_a_repr(here):
    assert ASK["code_challenge"] not in repr(read_ask(params(), REGISTRATION, here))
