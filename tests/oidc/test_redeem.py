import base64
from dataclasses import replace

import pytest

from glassgate.oidc.errors import ProviderRefused
from glassgate.oidc.redeem import Grant, Tokens, read_tokens, redeem
from oidc.scripted import CLIENT, GENERIC, REDIRECT, SECRET, VERIFIER, Scripted, answer, refused

ENDPOINT = "https://op.example/token"
GRANT = Grant("the-code", VERIFIER, REDIRECT)
GOOD = {"token_type": "Bearer", "id_token": "a.b.c", "access_token": "opaque"}


def redeemed(client_auth, provider=GENERIC):
    script = Scripted({ENDPOINT: GOOD})
    assert redeem(provider, ENDPOINT, client_auth, GRANT, script) == Tokens("a.b.c", "opaque")
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
    form, headers, _ = redeemed("client_secret_basic", replace(GENERIC, client_id="my:client", client_secret="p%w :ü"))
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
        ({"refresh_token": "kept nowhere", "expires_in": "3600"}, Tokens("a.b.c", "opaque")),
    ],
)
def test_what_is_read(changes, tokens):
    assert read_tokens(answer(GOOD | changes)) == tokens


@pytest.mark.parametrize(
    ("response", "reason"),
    [
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
        (answer({"error": "invalid_grant"}, 400), "provider_refused"),
        (answer(b"", 500), "provider_unavailable"),
        (answer(b"", 429, Retry_After="9"), "provider_unavailable"),
    ],
)
def test_what_is_refused(response, reason):
    assert refused(read_tokens, response) == reason


def test_entras_refusal_keeps_its_code():
    said = {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: x",
        "error_codes": [7000215],
        "trace_id": "11111111-aaaa",
        "correlation_id": "22222222-bbbb",
    }
    with pytest.raises(ProviderRefused) as caught:
        read_tokens(answer(said, 401))
    error = caught.value
    assert (error.error, error.code, error.trace_id) == ("invalid_client", "AADSTS7000215", "11111111-aaaa")
    assert error.correlation_id == "22222222-bbbb"


def test_no_secret_is_in_a_repr():
    script = Scripted({ENDPOINT: GOOD})
    tokens = redeem(GENERIC, ENDPOINT, "client_secret_post", GRANT, script)
    told = repr([tokens, GRANT, script.calls, GENERIC])
    assert not [secret for secret in (SECRET, VERIFIER, "the-code", "a.b.c", "opaque") if secret in told]
