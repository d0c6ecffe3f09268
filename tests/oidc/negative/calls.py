"""What a provider may answer when it is asked: for its document, its keys, its tokens."""

import tempfile
from dataclasses import replace
from pathlib import Path

from glassgate.oidc.client_auth import ClientCertificate
from glassgate.oidc.http import open_http
from oidc.negative.rows import (
    Row,
    discovery,
    documented,
    given,
    key_set,
    keys,
    signed,
    token_endpoint,
    tokens,
)
from oidc.peer import Authority, Peer
from oidc.scripted import (
    AUTHORITY,
    CONSUMERS,
    EC_KEY,
    ENTRA_ISSUER,
    ISSUER,
    OTHER_RSA_KEY,
    OTHER_TENANT,
    P384_KEY,
    RSA_KEY,
    WEAK_RSA_KEY,
    answer,
    jwk,
)

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def on_the_wire(pieces, pause=0.0, *, seconds=10.0, tls=None, blind=False):
    """The token endpoint is a real peer, asked by the real client, which waits so many seconds."""

    def change(flow):
        folder = Path(flow.world.enter_context(tempfile.TemporaryDirectory()))
        ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
        context = {"theirs": theirs, "ours": ours}[tls[0]].context(tls[1]) if tls else None
        peer = flow.world.enter_context(Peer(pieces, pause=pause, tls=context, blind=blind))
        fetch = open_http(ours.pem, timeout=seconds, limit=2000)
        address = f"{'https' if tls or blind else 'http'}://op.localhost:{peer.port}/token"
        flow.script.answers[flow.token_endpoint] = lambda request: fetch(replace(request, url=address))

    return change


def told_in_the_log(flow, outcome):
    assert "'bad' is left out" in flow.log.text


def asked_once(flow, outcome):
    assert flow.script.count(flow.token_endpoint) <= 1
    assert "evil.example" not in flow.addresses()


def nobody_else(flow, outcome):
    assert flow.addresses() <= {"op.example"}


TOKENS = [
    Row("tokens by a redirect", "RFC 9700, 4.12", token_endpoint(answer(b"", 302, Location="https://evil.example")),
        "token_redirect", check=asked_once),
    Row("tokens by a redirect that repeats the form", "RFC 9700, 4.12",
        token_endpoint(answer(b"", 307, Location="https://evil.example")), "token_redirect", check=asked_once),
    Row("tokens by a redirect for ever", "RFC 9700, 4.12",
        token_endpoint(answer(b"", 308, Location="https://evil.example")), "token_redirect", check=asked_once),
    Row("tokens in HTML", "RFC 6749, 5.1", token_endpoint(answer(b"<html>")), "token_not_json", check=asked_once),
    Row("tokens in a form", "RFC 6749, 5.1", token_endpoint(answer(b"id_token=a&token_type=Bearer")),
        "token_not_json", check=asked_once),
    Row("tokens in a list", "RFC 6749, 5.1", token_endpoint([[]]), "token_not_json", check=asked_once),
    Row("tokens nested without end", "RFC 8259, 9", token_endpoint(answer(b"[" * 100_000)), "token_not_json",
        check=asked_once),
    Row("members twice", "RFC 7519, 4", token_endpoint(answer(b'{"id_token":"a","id_token":"b"}')), "json_duplicate",
        check=asked_once),
    Row("no ID token", "Core 1.0, 3.1.3.3", tokens(id_token=None), "id_token_missing", check=asked_once),
    Row("an ID token that is no text", "Core 1.0, 3.1.3.3", tokens(id_token=["e30.e30.AA"]), "id_token_missing",
        check=asked_once),
    Row("no token_type", "RFC 6749, 7.1", tokens(token_type=None), "token_type", check=asked_once),
    Row("another token_type", "Core 1.0, 3.1.3.3", tokens(token_type="DPoP"), "token_type", check=asked_once),
    Row("an error with status 200", "RFC 6749, 5.2", tokens(error="invalid_grant"), "token_error", check=asked_once),
    Row("a line break in the access token", "RFC 6750, 2.1", tokens(access_token="a\r\nX-Evil: 1"),
        "token_malformed", check=asked_once),
    Row("an access token that is no text", "RFC 6749, 5.1", tokens(access_token={"a": 1}), "token_malformed",
        check=asked_once),
    Row("a refresh token of 5,000 characters", "-", tokens(refresh_token="r" * 5000), "token_malformed",
        check=asked_once),
    Row("the client is not known", "RFC 6749, 5.2", token_endpoint(answer({"error": "invalid_client"}, 401)),
        "provider_refused", check=asked_once),
    Row("the grant is not good", "RFC 6749, 5.2", token_endpoint(answer({"error": "invalid_grant"}, 400)),
        "provider_refused", check=asked_once),
    Row("tokens with status 201", "RFC 6749, 5.1", token_endpoint(answer(b"{}", 201)), "token_not_json",
        check=asked_once),
    Row("a file that proves nothing", "RFC 7523, 2.2",
        given(credentials=(ClientCertificate(Path("/gone/key.pem"), Path("/gone/gate.pem")),)), "client_auth"),
    Row("no way to prove the client", "Discovery 1.0, 3",
        documented(token_endpoint_auth_methods_supported=["tls_client_auth"]), "client_auth"),
]  # fmt: skip

WIRE = [
    Row("an endless body", "-", on_the_wire([HEAD, *[b"a" * 1000] * 3]), "too_large"),
    Row("silence", "-", on_the_wire([b""] * 100, pause=0.05, seconds=0.3), "timeout"),
    Row("a byte now and then", "-", on_the_wire([HEAD, *[b"a"] * 100], pause=0.05, seconds=0.3), "timeout"),
    Row("a hang-up", "-", on_the_wire([b""]), "provider_unavailable"),
    Row("half an answer", "-", on_the_wire([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"]),
        "provider_unavailable"),
    Row("a certificate of nobody", "RFC 9700, 2.6", on_the_wire([HEAD], tls=("theirs", "op.localhost")),
        "tls_untrusted"),
    Row("a certificate of another host", "RFC 9525", on_the_wire([HEAD], tls=("ours", "evil.localhost")),
        "tls_untrusted"),
    Row("no TLS at all", "RFC 9700, 2.6", on_the_wire([HEAD], blind=True), "tls_untrusted"),
    Row("status 500", "-", token_endpoint(answer(b"", 500)), "provider_unavailable", check=asked_once),
    Row("status 503", "-", token_endpoint(answer(b"", 503)), "provider_unavailable", check=asked_once),
    Row("status 429", "-", token_endpoint(answer(b"", 429, Retry_After="9")), "provider_unavailable",
        check=asked_once),
]  # fmt: skip

DOCUMENTS = [
    Row("a document of another issuer", "Discovery 1.0, 4.3", documented(issuer="https://evil.example"),
        "discovery_issuer"),
    Row("a document with one slash more", "Discovery 1.0, 4.3", documented(issuer=f"{ISSUER}/"), "discovery_issuer"),
    Row("a document of another tenant", "Discovery 1.0, 4.3",
        documented(issuer=f"{AUTHORITY}/{OTHER_TENANT}/v2.0"), "discovery_issuer", kind="entra"),
    Row("a document of any tenant", "Entra", documented(issuer=f"{AUTHORITY}/{{tenantid}}/v2.0"), "discovery_issuer",
        kind="entra"),
    Row("a document of one tenant for several", "Entra", documented(issuer=ENTRA_ISSUER), "discovery_issuer",
        kind="many"),
    Row("a document without an issuer", "Discovery 1.0, 3", documented(issuer=None), "discovery_malformed"),
    Row("a document without a token endpoint", "Discovery 1.0, 3", documented(token_endpoint=None),
        "discovery_malformed"),
    Row("a document in HTML", "Discovery 1.0, 4.2", discovery(answer(b"<html>")), "discovery_malformed"),
    Row("a document elsewhere", "Discovery 1.0, 4.2", discovery(answer(b"", 302, Location="https://evil.example")),
        "discovery_malformed", check=nobody_else),
    Row("a document with members twice", "RFC 7519, 4", discovery(answer(b'{"issuer":"a","issuer":"b"}')),
        "json_duplicate"),
    Row("no algorithm of ours", "RFC 8725, 3.1", documented(id_token_signing_alg_values_supported=["HS256", "none"]),
        "discovery_malformed"),
    Row("an authorization endpoint in the clear", "RFC 9700, 4.4.1",
        documented(authorization_endpoint="http://op.example/authorize"), "discovery_endpoint"),
    Row("a token endpoint in the clear", "RFC 9700, 2.6", documented(token_endpoint="http://op.example/token"),
        "discovery_endpoint", check=nobody_else),
    Row("keys in the clear", "RFC 9700, 2.6", documented(jwks_uri="http://op.example/keys"), "discovery_endpoint",
        check=nobody_else),
    Row("an endpoint that is a script", "-", documented(authorization_endpoint="javascript:alert(1)"),
        "discovery_endpoint"),
    Row("an endpoint with a user", "RFC 3986, 3.2.1", documented(token_endpoint="https://op.example@evil.example/"),
        "discovery_endpoint", check=nobody_else),
    Row("an endpoint in a private network", "CVE-2021-26715 (SSRF)", documented(token_endpoint="https://10.0.0.1/t"),
        "discovery_endpoint", check=nobody_else),
    Row("an endpoint in the cloud's own network", "CVE-2020-10770 (SSRF)",
        documented(jwks_uri="https://169.254.169.254/latest/meta-data"), "discovery_endpoint", check=nobody_else),
    Row("an endpoint on this machine", "CVE-2020-10770 (SSRF)", documented(userinfo_endpoint="https://localhost/u"),
        "discovery_endpoint", check=nobody_else),
    Row("an endpoint on this machine, in IPv6", "CVE-2020-10770 (SSRF)", documented(jwks_uri="https://[::1]/k"),
        "discovery_endpoint", check=nobody_else),
    Row("an endpoint on this machine, by another name", "CVE-2020-10770 (SSRF)",
        documented(jwks_uri="https://[::ffff:127.0.0.1]/k"), "discovery_endpoint", check=nobody_else),
    Row("a Graph in a private network", "CVE-2020-10770 (SSRF)", documented(msgraph_host="192.168.0.1"),
        "discovery_endpoint"),
    Row("a Graph with a path", "-", documented(msgraph_host="graph.microsoft.com/v1.0"), "discovery_malformed"),
    Row("the provider is away before anything is known", "-", discovery(answer(b"", 503)), "provider_unavailable"),
]  # fmt: skip

KEYS = [
    Row("no keys", "RFC 7517, 5", keys(), "jwks_unfit"),
    Row("keys in HTML", "RFC 7517, 5", key_set(answer(b"<html>")), "jwks_malformed"),
    Row("keys that are no list", "RFC 7517, 5", key_set({"keys": jwk(RSA_KEY)}), "jwks_malformed"),
    Row("keys elsewhere", "-", key_set(answer(b"", 302, Location="https://evil.example/keys")), "jwks_malformed",
        check=nobody_else),
    Row("10,000 keys", "-", keys(*[{}] * 10_000), "jwks_unfit"),
    Row("10,000 good keys", "-", keys(*[jwk(RSA_KEY)] * 10_000), "jwks_unfit"),
    Row("keys with members twice", "RFC 7519, 4", key_set(answer(b'{"keys":[],"keys":[]}')), "json_duplicate"),
    Row("two keys of one id", "RFC 8725, 3.10", keys(jwk(RSA_KEY), jwk(OTHER_RSA_KEY)), "kid_ambiguous"),
    Row("a weak key", "RFC 7518, 3.3", keys(jwk(WEAK_RSA_KEY), jwk(RSA_KEY, "other")), "key_unfit"),
    Row("a key for encryption", "RFC 7517, 4.2", keys(jwk(RSA_KEY, use="enc"), jwk(RSA_KEY, "other")), "key_unfit"),
    Row("a key for other operations", "RFC 7517, 4.3", keys(jwk(RSA_KEY, key_ops=["encrypt"]), jwk(RSA_KEY, "other")),
        "key_unfit"),
    Row("a key of another curve", "RFC 7518, 3.4", keys(jwk(P384_KEY), jwk(RSA_KEY, "other")), "key_unfit"),
    Row("a key off its curve", "RFC 8725, 3.4", keys(jwk(EC_KEY, x="A" * 43), jwk(RSA_KEY, "other")), "key_unfit"),
    Row("an exponent of 1", "RFC 8725, 3.4", keys(jwk(RSA_KEY, e="AQ"), jwk(RSA_KEY, "other")), "key_unfit"),
    Row("a key for HMAC", "RFC 7518, 6.4", keys({"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}, jwk(RSA_KEY, "other")),
        "key_unfit"),
    Row("a key of another tenant", "Entra", keys(jwk(RSA_KEY, issuer=f"{AUTHORITY}/{OTHER_TENANT}/v2.0")),
        "key_issuer", kind="many", good=keys(jwk(RSA_KEY, issuer=f"{AUTHORITY}/{{tenantid}}/v2.0"))),
    Row("a key of personal accounts", "Entra", keys(jwk(RSA_KEY, issuer=f"{AUTHORITY}/{CONSUMERS}/v2.0")),
        "key_issuer", kind="entra", good=keys(jwk(RSA_KEY, issuer=ENTRA_ISSUER))),
    Row("a key of another authority", "Entra", keys(jwk(RSA_KEY, issuer="https://evil.example/{tenantid}/v2.0")),
        "key_issuer", kind="entra"),
    Row("one bad key among good ones", "CVE-2026-102274", keys(jwk(RSA_KEY), jwk(WEAK_RSA_KEY, "bad")),
        ends="ignored", check=told_in_the_log),
    Row("a key with members of no sense", "CVE-2026-102274",
        keys(jwk(RSA_KEY), {"kty": "RSA", "n": 7, "e": [], "kid": "bad"}), ends="ignored", check=told_in_the_log),
    Row("a key's certificate and its address", "RFC 7517, 4.6",
        keys(jwk(RSA_KEY, x5u="https://evil.example/x", x5c=["MIIC"])), ends="ignored", check=nobody_else),
    Row("signed by a key that was withdrawn", "Core 1.0, 10.1.1", signed(OTHER_RSA_KEY, kid="old"), "kid_unknown",
        good=keys(jwk(RSA_KEY), jwk(OTHER_RSA_KEY, "k2"))),
]  # fmt: skip

ROWS = TOKENS + WIRE + DOCUMENTS + KEYS
