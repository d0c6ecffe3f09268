import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from glassgate.oidc.callback import read_callback
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.logout_token import LogoutToken
from glassgate.oidc.relying_party import AuthorizationRequest, Expected, code_challenge
from oidc.scripted import (
    AUTHORITY,
    CLIENT,
    CONSUMERS,
    ENTRA,
    ENTRA_ISSUER,
    GENERIC,
    ISSUER,
    NONCE,
    NOW,
    OTHER_RSA_KEY,
    P384_KEY,
    REDIRECT,
    RSA_KEY,
    SECRET,
    TENANT,
    VERIFIER,
    answer,
    at_once,
    document,
    entra_claims,
    entra_document,
    entra_script,
    generic_claims,
    generic_script,
    jwk,
    logout_claims,
    party_of,
    refused,
    sign,
    sign_in,
    signed_in,
)

AWAY = ProviderUnavailable(Reason.TIMEOUT, "no answer")
CALLBACK = read_callback("code=the-code&state=s")
EXPECTED = Expected(NONCE, VERIFIER)


def test_a_whole_sign_in():
    script = entra_script(sign(entra_claims()))
    party = party_of(ENTRA, script)
    ask = AuthorizationRequest("s", NONCE, code_challenge(VERIFIER), ("c1",))
    url = party.authorization_url(ask, NOW)
    assert url.startswith(f"{AUTHORITY}/authorize?client_id={CLIENT}&")
    assert parse_qs(urlsplit(url).query)["code_challenge"] == [code_challenge(VERIFIER)]
    assert party.sign_in(CALLBACK, EXPECTED, NOW).identity.email == "alice@contoso.example"
    assert script.sent(f"{AUTHORITY}/token") == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": CLIENT,
        "client_secret": SECRET,
    }


def test_a_second_sign_in_asks_for_tokens_alone():
    script = entra_script(sign(entra_claims()))
    party = party_of(ENTRA, script)
    party.sign_in(CALLBACK, EXPECTED, NOW)
    party.sign_in(CALLBACK, EXPECTED, NOW + 60)
    assert [call.url.rpartition("/")[2] for call in script.calls] == [
        "openid-configuration", "token", "keys", "token",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("advertised", "callback", "reason"),
    [
        (None, "code=c&state=s", None),
        (None, f"code=c&state=s&iss={ISSUER}", None),
        (True, f"code=c&state=s&iss={ISSUER}", None),
        (True, "code=c&state=s", "iss_param_missing"),
        (True, "code=c&state=s&iss=", "iss_param_missing"),
        (True, "error=access_denied&state=s", "iss_param_missing"),
        (None, "code=c&state=s&iss=https://evil.example", "iss_param_mismatch"),
        (None, f"code=c&state=s&iss={ISSUER}/", "iss_param_mismatch"),
        (None, "error=access_denied&state=s&iss=https://evil.example", "iss_param_mismatch"),
        ("true", "code=c&state=s", None),
    ],
)
def test_the_iss_parameter(advertised, callback, reason):
    script = generic_script(
        sign(generic_claims()), discovery=document(authorization_response_iss_parameter_supported=advertised)
    )
    if reason:
        assert refused(sign_in, GENERIC, script, callback) == reason
        assert script.count("https://op.example/token") == 0
    else:
        assert sign_in(GENERIC, script, callback).subject == "user-1"


def test_the_providers_no_is_told_with_its_code():
    query = "error=access_denied&error_description=AADSTS50105%3A+Not+assigned.%0D%0ATrace+ID%3A+11111111-2222&state=s"
    with pytest.raises(ProviderRefused) as caught:
        sign_in(ENTRA, entra_script(), query)
    assert (caught.value.error, caught.value.code) == ("access_denied", "AADSTS50105")
    assert caught.value.trace_id == "11111111-2222"


def test_an_access_token_that_was_swapped_is_seen():
    """OpenID Connect Core 1.0, section 3.1.3.8."""
    assert refused(sign_in, GENERIC, generic_script(sign(generic_claims(at_hash="of-another")))) == "at_hash"


def test_the_providers_not_now_is_told_as_such():
    assert refused(sign_in, ENTRA, entra_script(), "error=server_error&state=s") == "provider_unavailable"


@pytest.mark.parametrize("where", ["discovery", "keys", "token", "userinfo"])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (AWAY, "timeout"),
        (ProviderUnavailable(Reason.TLS_UNTRUSTED, "x"), "tls_untrusted"),
        (ProviderUnavailable(Reason.TOO_LARGE, "x"), "too_large"),
        (answer(b"", 500), "provider_unavailable"),
        (answer(b"", 503), "provider_unavailable"),
        (answer(b"", 429), "provider_unavailable"),
    ],
    ids=["slow", "TLS", "large", "500", "503", "429"],
)
def test_a_provider_that_is_away_is_told_as_away(where, said, reason):
    script = generic_script(sign(generic_claims(email=None)), **{where: said})
    assert refused(sign_in, GENERIC, script) == reason


@pytest.mark.parametrize("where", ["discovery", "keys", "token", "userinfo"])
@pytest.mark.parametrize("said", [b"", b"<html>", b"[]", b"{}", b"null", b'{"a":1,"a":2}', b"\xff\xfe", b"[" * 50_000])
def test_whatever_the_provider_answers_is_a_refusal_with_a_name(where, said):
    script = generic_script(sign(generic_claims(email=None)), **{where: answer(said)})
    with pytest.raises(SignInError):
        sign_in(GENERIC, script)


def test_a_key_rollover_fails_nobody():
    script = entra_script(keys=[{"keys": [jwk(RSA_KEY, "k1")]}, {"keys": [jwk(OTHER_RSA_KEY, "k2")]}], token=[
        {"token_type": "Bearer", "id_token": sign(entra_claims())},
        {"token_type": "Bearer", "id_token": sign(entra_claims(), OTHER_RSA_KEY, kid="k2")},
    ])  # fmt: skip
    party = party_of(ENTRA, script)
    party.sign_in(CALLBACK, EXPECTED, NOW)
    assert party.sign_in(CALLBACK, EXPECTED, NOW + 1).identity.realm == entra_claims()["tid"]


def test_keys_that_move_are_taken_from_the_new_place():
    script = entra_script(
        sign(entra_claims(), OTHER_RSA_KEY),
        discovery=[entra_document(), entra_document(jwks_uri=f"{AUTHORITY}/keys2")],
    )
    script.answers[f"{AUTHORITY}/keys2"] = {"keys": [jwk(OTHER_RSA_KEY)]}
    party = party_of(ENTRA, script)
    assert refused(party.sign_in, CALLBACK, EXPECTED, NOW) == "signature"
    script.answers[f"{AUTHORITY}/token"] = {
        "token_type": "Bearer",
        "id_token": sign(entra_claims(iat=NOW + 86_400, nbf=None, exp=NOW + 90_000), OTHER_RSA_KEY),
    }
    assert party.sign_in(CALLBACK, EXPECTED, NOW + 86_400).identity.provider == "entra"


def test_twenty_threads_at_the_start_ask_once_for_what_is_shared():
    script = entra_script(sign(entra_claims()))
    script.seconds = 0.02
    party = party_of(ENTRA, script)
    results = at_once(20, lambda: party.sign_in(CALLBACK, EXPECTED, NOW).identity.subject)
    assert results == [entra_claims()["oid"]] * 20
    counts = [script.count(call) for call in sorted({call.url for call in script.calls})]
    assert sorted(counts) == [1, 1, 20]


def test_a_dead_provider_is_asked_once_by_many():
    script = entra_script(discovery=AWAY)
    script.seconds = 0.05
    party = party_of(ENTRA, script)
    results = at_once(20, lambda: party.sign_in(CALLBACK, EXPECTED, NOW))
    assert {str(error.reason) for error in results} == {"timeout"}
    assert len(script.calls) == 1


@pytest.mark.parametrize(
    ("discovery", "hint", "back", "url"),
    [
        (document(), "h 1", "https://team.localhost:8443/",
         f"https://op.example/logout?client_id={CLIENT}&logout_hint=h+1"
         "&post_logout_redirect_uri=https%3A%2F%2Fteam.localhost%3A8443%2F"),
        (document(), None, None, f"https://op.example/logout?client_id={CLIENT}"),
        (document(end_session_endpoint="https://op.example/out?p=1"), None, None,
         f"https://op.example/out?p=1&client_id={CLIENT}"),
        (document(end_session_endpoint=None), "h", None, None),
        (AWAY, "h", None, None),
    ],
    ids=["hint and return", "plain", "own query", "none", "away"],
)  # fmt: skip
def test_where_a_sign_out_goes(discovery, hint, back, url):
    party = party_of(GENERIC, generic_script(discovery=discovery))
    assert party.end_session_url(login_hint=hint, return_to=back, now=NOW) == url


def test_home_is_the_providers_own_address():
    homes = [party_of(provider, generic_script()).home for provider in (ENTRA, GENERIC)]
    assert homes == [AUTHORITY, ISSUER]


def test_the_age_of_keys_is_known_once_there_are_some():
    script = entra_script(sign(entra_claims()), keys=[{"keys": [jwk(RSA_KEY)]}, AWAY])
    party = party_of(ENTRA, script)
    assert party.keys_age(NOW) is None
    party.sign_in(CALLBACK, EXPECTED, NOW)
    assert (party.keys_age(NOW), party.keys_age(NOW + 90)) == (0, 90)
    script.answers[f"{AUTHORITY}/token"] = {
        "token_type": "Bearer",
        "id_token": sign(entra_claims(iat=NOW + 7200, nbf=None, exp=NOW + 9000)),
    }
    assert party.sign_in(CALLBACK, EXPECTED, NOW + 7200).identity.provider == "entra"
    assert party.keys_age(NOW + 7200) == 7200


def test_contexts_are_proven_now():
    script = entra_script(sign(entra_claims(acrs=["c2", "c1"])))
    assert signed_in(ENTRA, script).identity.acrs_at == {"c1": int(NOW), "c2": int(NOW)}
    assert signed_in(ENTRA, entra_script(sign(entra_claims()))).identity.acrs_at == {}


@pytest.mark.parametrize(
    ("mode", "said"), [("query", {}), ("form_post", {"response_mode": ["form_post"]})], ids=["query", "form_post"]
)
def test_what_a_sign_in_asks_for(mode, said):
    provider = replace(ENTRA, response_mode=mode, domain_hint="contoso.example", prompt="consent")
    ask = AuthorizationRequest("s", NONCE, code_challenge(VERIFIER), prompt="login", login_hint="alice@contoso.example")
    query = parse_qs(urlsplit(party_of(provider, entra_script()).authorization_url(ask, NOW)).query)
    assert {name: query.get(name) for name in ("prompt", "login_hint", "domain_hint")} == {
        "prompt": ["login"], "login_hint": ["alice@contoso.example"], "domain_hint": ["contoso.example"],
    }  # fmt: skip
    assert {name: query[name] for name in ("response_mode",) if name in query} == said


def test_a_challenge_and_a_context_are_asked_for_together():
    challenge = '{"access_token":{"acrs":{"essential":true,"value":"c9"}}}'
    ask = AuthorizationRequest("s", NONCE, code_challenge(VERIFIER), ("c1",), claims=challenge)
    query = parse_qs(urlsplit(party_of(ENTRA, entra_script()).authorization_url(ask, NOW)).query)
    assert json.loads(query["claims"][0]) == {
        "access_token": {"acrs": {"essential": True, "value": "c9"}},
        "id_token": {"acrs": {"essential": True, "value": "c1"}},
    }


# --- the provider signs somebody out ------------------------------------------------------------------------


def test_a_logout_token_is_read_with_the_providers_own_keys():
    script = generic_script()
    party = party_of(GENERIC, script)
    token = sign(logout_claims(), typ="logout+jwt")
    assert party.read_logout_token(token, NOW) == LogoutToken("user-1", "s-1", "j-1", NOW + 120)
    assert [call.url.rpartition("/")[2] for call in script.calls] == ["openid-configuration", "keys"]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (sign(logout_claims(iss="https://evil.example")), "iss_mismatch"),
        (sign(logout_claims(aud="another")), "aud_mismatch"),
        (sign(logout_claims(), OTHER_RSA_KEY), "signature"),
        (sign(logout_claims(nonce=NONCE)), "logout_nonce"),
        (sign(generic_claims()), "logout_claims"),
        (sign(logout_claims(), P384_KEY, "ES384"), "alg_not_allowed"),
    ],
    ids=["issuer", "audience", "key", "nonce", "an ID token", "algorithm"],
)
def test_no_other_token_signs_anybody_out(token, reason):
    assert refused(party_of(GENERIC, generic_script()).read_logout_token, token, NOW) == reason


def test_a_key_of_another_issuer_signs_nobody_out():
    entry = jwk(RSA_KEY, issuer=f"{AUTHORITY}/{CONSUMERS}/v2.0")
    token = sign(logout_claims(iss=ENTRA_ISSUER, tid=TENANT, ver="2.0"))
    assert party_of(ENTRA, entra_script()).read_logout_token(token, NOW).session == "s-1"
    mixed = party_of(ENTRA, entra_script(keys={"keys": [entry]}))
    assert refused(mixed.read_logout_token, token, NOW) == "key_issuer"


def test_a_logout_token_is_nobodys_sign_in():
    """Core 1.0's "purpose": what signs out does not sign in (Back-Channel Logout 1.0, section 2.4)."""
    token = sign(logout_claims(nonce=NONCE))
    assert refused(sign_in, GENERIC, generic_script(token)) == "purpose"
    assert refused(sign_in, GENERIC, generic_script(sign(logout_claims(nonce=NONCE), typ="logout+jwt"))) == "typ"


def test_no_secret_is_in_an_error_or_a_repr():
    told = repr([EXPECTED, CALLBACK, ENTRA])
    for claims in ({"nonce": "x"}, {"aud": "x"}, {"exp": 1}, {"sub": None}, {"oid": None}):
        with pytest.raises(SignInError) as caught:
            sign_in(ENTRA, entra_script(sign(entra_claims(**claims))))
        told += str(caught.value)
    assert not [secret for secret in (NONCE, VERIFIER, SECRET, "the-code", "eyJ") if secret in told]


@pytest.mark.parametrize(
    ("prompt", "auth_time", "is_in"),
    [
        ("login", NOW, True),
        ("login", NOW - 60, True),  # clocks differ
        ("login", NOW - 61, False),
        ("login", None, True),  # nothing tells its age
        ("select_account", NOW - 3600, True),
    ],
)
def test_a_new_sign_in_that_was_asked_for_is_new(prompt, auth_time, is_in):
    """The request went through a browser, which may have left the prompt out."""
    provider = replace(ENTRA, prompt=prompt)
    script = entra_script(sign(entra_claims(auth_time=auth_time)))
    expected = replace(EXPECTED, began=NOW)
    party = party_of(provider, script)
    if is_in:
        assert party.sign_in(CALLBACK, expected, NOW).identity.subject
    else:
        with pytest.raises(SignInError) as caught:
            party.sign_in(CALLBACK, expected, NOW)
        assert caught.value.reason == Reason.AUTH_TOO_OLD
