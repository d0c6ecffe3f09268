import base64

import pytest

from glassgate.oidc.client_auth import ClientAuth, ClientSecret
from glassgate.oidc.errors import ProviderRefused
from glassgate.oidc.redeem import TokenEndpoint, Tokens, read_tokens
from oidc.scripted import CLIENT, GENERIC, NOW, REDIRECT, SECRET, VERIFIER, Scripted, answer, outside, refused

ENDPOINT = "https://op.example/token"
GOOD = {"token_type": "Bearer", "id_token": "a.b.c", "access_token": "opaque"}


def endpoint(script, method="client_secret_post", client_id=CLIENT, secrets=(SECRET,)):
    world = outside(script)
    client = ClientAuth(client_id, tuple(map(ClientSecret, secrets)), world.read, world.chance)
    return TokenEndpoint(ENDPOINT, method, client, script)


def redeem(script, **how):
    return endpoint(script, **how).redeem("the-code", VERIFIER, REDIRECT, NOW)


def redeemed(method, **how):
    script = Scripted({ENDPOINT: GOOD})
    assert redeem(script, method=method, **how) == Tokens("a.b.c", "opaque")
    return script.sent(ENDPOINT), dict(script.calls[0].headers), script.calls[0].method


def test_the_secret_in_the_form():
    form, headers, method = redeemed("client_secret_post")
    assert method == "POST"
    assert headers == {"Content-Type": "application/x-www-form-urlencoded"}
    assert form == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": CLIENT,
        "client_secret": SECRET,
    }


def test_the_secret_in_the_header():
    form, headers, _ = redeemed("client_secret_basic", client_id="my:client", secrets=("p%w :ü",))
    assert not {"client_id", "client_secret"} & set(form)
    scheme, _, pair = headers["Authorization"].partition(" ")
    # RFC 6749, section 2.3.1: each form-encoded first
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"my%3Aclient:p%25w+%3A%C3%BC")


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [
        ({}, Tokens("a.b.c", "opaque")),
        ({"token_type": "bearer"}, Tokens("a.b.c", "opaque")),
        ({"access_token": ""}, Tokens("a.b.c", None)),
        ({"refresh_token": "of-later", "expires_in": "3600"}, Tokens("a.b.c", "opaque", "of-later")),
        ({"refresh_token": ""}, Tokens("a.b.c", "opaque", None)),
        ({"refresh_token": "r" * 4096}, Tokens("a.b.c", "opaque", "r" * 4096)),
        ({"scope": "openid User.Read"}, Tokens("a.b.c", "opaque", scope="openid User.Read")),
        ({"scope": ["openid"]}, Tokens("a.b.c", "opaque")),
    ],
)
def test_what_is_read(changes, tokens):
    assert read_tokens(answer(GOOD | changes)) == tokens


ANSWERS = [
    (answer(GOOD, 302, Location="https://evil.example"), "token_redirect"),
    (answer(GOOD, 307), "token_redirect"),
    (answer(b"<html>"), "token_not_json"),
    (answer(b"id_token=a.b.c&token_type=Bearer"), "token_not_json"),
    (answer([GOOD]), "token_not_json"),
    (answer(b"<html>", 404), "token_not_json"),
    (answer(GOOD, 201), "token_not_json"),
    (answer(b'{"id_token": "a", "id_token": "b", "token_type": "Bearer"}'), "json_duplicate"),
    (answer(GOOD | {"error": "invalid_grant"}), "token_error"),
    (answer({"id_token": "a.b.c"}), "token_type"),
    (answer(GOOD | {"token_type": "mac"}), "token_type"),
    (answer(GOOD | {"token_type": ["Bearer"]}), "token_type"),
    (answer({"token_type": "Bearer"}), "id_token_missing"),
    (answer(GOOD | {"id_token": ""}), "id_token_missing"),
    (answer(GOOD | {"id_token": {"a": 1}}), "id_token_missing"),
    (answer(GOOD | {"access_token": 7}), "token_malformed"),
    (answer(GOOD | {"access_token": "a\r\nX-Evil: 1"}), "token_malformed"),
    (answer(GOOD | {"access_token": "a b"}), "token_malformed"),
    (answer(GOOD | {"access_token": "a\x01"}), "token_malformed"),
    (answer(GOOD | {"access_token": "\u00fc"}), "token_malformed"),
    (answer(GOOD | {"refresh_token": 7}), "token_malformed"),
    (answer(GOOD | {"refresh_token": "r" * 4097}), "token_malformed"),
    (answer({"error": "invalid_grant"}, 400), "provider_refused"),
    (answer(b"", 500), "provider_unavailable"),
    (answer(b"", 429, Retry_After="9"), "provider_unavailable"),
]


@pytest.mark.parametrize(("response", "reason"), ANSWERS)
def test_what_is_refused(response, reason):
    script = Scripted({ENDPOINT: response})
    assert refused(redeem, script) == reason
    assert script.count(ENDPOINT) == 1


def test_a_refresh_token_goes_with_its_scopes():
    script = Scripted({ENDPOINT: GOOD | {"refresh_token": "newer"}})
    tokens = endpoint(script).refresh("kept", ("openid", "offline_access"), NOW)
    assert tokens == Tokens("a.b.c", "opaque", "newer")
    assert script.sent(ENDPOINT) == {
        "grant_type": "refresh_token",
        "refresh_token": "kept",
        "scope": "openid offline_access",
        "client_id": CLIENT,
        "client_secret": SECRET,
    }


def test_a_refresh_need_not_bring_an_id_token():
    """OpenID Connect Core 1.0, section 12.2."""
    script = Scripted({ENDPOINT: {"token_type": "Bearer", "access_token": "opaque"}})
    assert endpoint(script).refresh("kept", ("openid",), NOW) == Tokens("", "opaque")


@pytest.mark.parametrize(
    ("response", "reason"),
    [(said, reason) for said, reason in ANSWERS if said.body != answer({"token_type": "Bearer"}).body],
)
def test_a_refresh_is_read_as_strictly(response, reason):
    script = Scripted({ENDPOINT: response})
    assert refused(endpoint(script).refresh, "kept", ("openid",), NOW) == reason


def test_entras_refusal_keeps_its_code():
    said = {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: x",
        "error_codes": [7000215],
        "trace_id": "11111111-aaaa",
        "correlation_id": "22222222-bbbb",
    }
    with pytest.raises(ProviderRefused) as caught:
        redeem(Scripted({ENDPOINT: answer(said, 401)}))
    error = caught.value
    assert (error.error, error.code, error.trace_id) == ("invalid_client", "AADSTS7000215", "11111111-aaaa")
    assert error.correlation_id == "22222222-bbbb"


def test_no_secret_is_in_a_repr():
    script = Scripted({ENDPOINT: GOOD | {"refresh_token": "of-later"}})
    tokens = redeem(script)
    told = repr([tokens, endpoint(script), script.calls, GENERIC])
    secrets = (SECRET, VERIFIER, "the-code", "a.b.c", "opaque", "of-later")
    assert not [secret for secret in secrets if secret in told]
