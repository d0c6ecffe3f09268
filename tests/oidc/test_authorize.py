import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from glassgate.oidc.authorize import AuthorizationRequest, authorization_url, code_challenge, readable_claims
from glassgate.oidc.metadata import read_metadata
from glassgate.oidc.relying_party import WAYS
from oidc.scripted import CLIENT, ENTRA, GENERIC, ISSUER, REDIRECT, document

ASK = AuthorizationRequest(state="st", nonce="no", code_challenge="ch")


def asked(provider=ENTRA, ask=ASK, **changes):
    metadata = read_metadata(document(**changes), ISSUER)
    url = authorization_url(provider, WAYS[provider.type], metadata, REDIRECT, ask)
    return parse_qs(urlsplit(url).query)


def test_the_challenge_is_that_of_the_rfc():
    # RFC 7636, appendix B
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_what_every_request_says():
    assert asked(GENERIC) == {
        "client_id": [CLIENT],
        "response_type": ["code"],
        "redirect_uri": [REDIRECT],
        "scope": ["openid profile email"],
        "state": ["st"],
        "nonce": ["no"],
        "code_challenge": ["ch"],
        "code_challenge_method": ["S256"],
    }


@pytest.mark.parametrize(
    ("provider", "ask", "name", "said"),
    [
        (replace(ENTRA, prompt="consent"), ASK, "prompt", "consent"),
        (replace(ENTRA, prompt="consent"), replace(ASK, prompt="login"), "prompt", "login"),
        (replace(ENTRA, domain_hint="contoso.example"), ASK, "domain_hint", "contoso.example"),
        (ENTRA, replace(ASK, login_hint="a@b"), "login_hint", "a@b"),
        (ENTRA, replace(ASK, login_hint="a@b", prompt="select_account"), "login_hint", None),
        (replace(GENERIC, scopes=("openid", "groups")), ASK, "scope", "openid groups"),
        (GENERIC, replace(ASK, acrs=("c1",)), "claims", None),
        (ENTRA, ASK, "claims", None),
        (replace(ENTRA, prompt="select_account"), replace(ASK, login_hint="a@b"), "login_hint", None),
        (replace(ENTRA, prompt="select_account"), replace(ASK, login_hint="a@b", prompt="login"), "login_hint", "a@b"),
        (replace(GENERIC, response_mode="form_post"), ASK, "response_mode", "form_post"),
        (replace(ENTRA, response_mode="form_post"), ASK, "response_mode", "form_post"),
        (ENTRA, ASK, "response_mode", None),
        (replace(GENERIC, recheck=60), ASK, "scope", "openid profile email offline_access"),
        (replace(ENTRA, recheck=60, scopes=("openid", "offline_access")), ASK, "scope", "openid offline_access"),
    ],
    ids=[
        "provider's prompt", "the request's prompt wins", "domain_hint", "login_hint", "no hint for select_account",
        "scopes", "acrs are Entra's", "no acrs", "no hint for the provider's select_account", "a hint for login",
        "form_post", "form_post of Entra", "query is the default", "a refresh token", "a refresh token, asked for once",
    ],
)  # fmt: skip
def test_what_a_request_may_say(provider, ask, name, said):
    assert asked(provider, ask).get(name) == (None if said is None else [said])


@pytest.mark.parametrize(
    ("acrs", "wanted"), [(("c1",), {"value": "c1"}), (("c1", "c2"), {"values": ["c1", "c2"]})], ids=["one", "two"]
)
def test_authentication_contexts_are_asked_for(acrs, wanted):
    (claims,) = asked(ENTRA, replace(ASK, acrs=acrs))["claims"]
    assert json.loads(claims) == {"id_token": {"acrs": {"essential": True} | wanted}}


CHALLENGE = '{"access_token":{"capolids":{"essential":true,"values":["x"]}}}'


@pytest.mark.parametrize(
    ("provider", "claims", "acrs", "said"),
    [
        (ENTRA, CHALLENGE, (), {"access_token": {"capolids": {"essential": True, "values": ["x"]}}}),
        (GENERIC, CHALLENGE, ("c1",), {"access_token": {"capolids": {"essential": True, "values": ["x"]}}}),
        (
            ENTRA,
            CHALLENGE,
            ("c1",),
            {
                "access_token": {"capolids": {"essential": True, "values": ["x"]}},
                "id_token": {"acrs": {"essential": True, "value": "c1"}},
            },
        ),
        (
            ENTRA,
            '{"id_token":{"xms_cc":null,"acrs":{"value":"c9"}}}',
            ("c1", "c2"),
            {"id_token": {"xms_cc": None, "acrs": {"essential": True, "values": ["c1", "c2"]}}},
        ),
        (ENTRA, '{"id_token":7}', ("c1",), {"id_token": {"acrs": {"essential": True, "value": "c1"}}}),
        (ENTRA, "{}", (), None),
        (ENTRA, '["acrs"]', (), None),
        (ENTRA, '["acrs"]', ("c1",), {"id_token": {"acrs": {"essential": True, "value": "c1"}}}),
        (ENTRA, "no JSON", (), None),
        (ENTRA, "[" * 100_000, (), None),
    ],
    ids=[
        "sent back", "whoever asked", "with acrs", "ours win", "id_token no object", "empty", "a list",
        "a list, with acrs", "no JSON", "deep",
    ],
)  # fmt: skip
def test_what_the_provider_asked_for_is_sent_back(provider, claims, acrs, said):
    got = asked(provider, replace(ASK, claims=claims, acrs=acrs)).get("claims")
    assert (json.loads(got[0]) if got else None) == said


@pytest.mark.parametrize(
    ("asked", "readable"),
    [
        (CHALLENGE, CHALLENGE),
        ("{}", "{}"),
        ("[]", None),
        ("7", None),
        ("x", None),
        ("", None),
        (None, None),
        ("[" * 100_000, None),
    ],
)
def test_a_challenge_is_one_object(asked, readable):
    assert readable_claims(asked) == readable


def test_the_endpoints_own_query_stays():
    query = asked(authorization_endpoint="https://op.example/authorize?p=B2C_1%20x&q=")
    assert query["p"] == ["B2C_1 x"]
    assert query["state"] == ["st"]


def test_state_and_nonce_are_in_no_repr():
    assert "hidden" not in repr(replace(ASK, state="hidden", nonce="hidden"))
