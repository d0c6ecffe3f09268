"""What an ID token may be: its envelope, its claims."""

import json

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oidc.forged import at_hash, b64, hmac_by, hmac_by_public_key, public_bytes, resigned, unsigned
from oidc.negative.rows import Row, all_of, claims, documented, forged, given, header, keys, signed, tokens, userinfo
from oidc.scripted import (
    AUTHORITY,
    CLIENT,
    CONSUMERS,
    EC_KEY,
    ENTRA_ISSUER,
    ISSUER,
    NOW,
    OTHER_RSA_KEY,
    OTHER_TENANT,
    P384_KEY,
    RSA_KEY,
    SECRET,
    TENANT,
    jwk,
    sign,
)

EVIL = "https://evil.example"
EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}


def headed(text, key=RSA_KEY):
    """Signed under a header that no library writes."""
    return forged(lambda claims: resigned(text.encode(), claims, key))


def cut(make):
    """A good token, spoiled as text."""
    return forged(lambda claims: make(sign(claims)))


def with_signature(make):
    def spoil(token):
        head, _, signature = token.rpartition(".")
        return f"{head}.{make(signature)}"

    return cut(spoil)


def nobody_was_asked(flow, outcome):
    assert "evil.example" not in flow.addresses()


BY_EC = all_of(keys(jwk(EC_KEY)), signed(EC_KEY, "ES256"))

ENVELOPE = [
    Row("alg none", "RFC 8725, 2.1", forged(lambda it: unsigned({"alg": "none", "kid": "k1"}, it)), "alg_none"),
    Row("alg nOnE", "RFC 8725, 2.1", forged(lambda it: unsigned({"alg": "nOnE", "kid": "k1"}, it)), "alg_none"),
    Row("alg none, and a signature", "RFC 8725, 2.1", headed('{"alg":"none","kid":"k1"}'), "alg_none"),
    Row("no alg", "RFC 7515, 4.1.1", headed('{"kid":"k1"}'), "alg_not_allowed"),
    Row("alg a list", "RFC 7515, 4.1.1", headed('{"alg":["RS256"],"kid":"k1"}'), "alg_not_allowed"),
    Row("alg in small letters", "RFC 7515, 4.1.1", headed('{"alg":"rs256","kid":"k1"}'), "alg_not_allowed"),
    Row("HS256 by the public key", "CVE-2022-29217", forged(hmac_by_public_key), "alg_not_allowed"),
    Row("HS256 by the public key in PEM", "CVE-2015-9235, CVE-2016-10555",
        forged(lambda it: hmac_by(public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), it)),
        "alg_not_allowed"),
    Row("HS256 by the public key in DER", "CVE-2024-37568",
        forged(lambda it: hmac_by(public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), it)),
        "alg_not_allowed"),
    Row("HS256 by the public key as SSH has it", "CVE-2024-33663",
        forged(lambda it: hmac_by(public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH, EC_KEY), it)),
        "alg_not_allowed", good=BY_EC),
    Row("HS256 by the client secret", "CVE-2026-33322", forged(lambda it: hmac_by(SECRET.encode(), it)),
        "alg_not_allowed"),
    Row("HS256 by nothing", "RFC 8725, 3.5", forged(lambda it: hmac_by(b"", it)), "alg_not_allowed"),
    Row("RS512", "RFC 8725, 3.1", signed(RSA_KEY, "RS512"), "alg_not_allowed"),
    Row("ES384", "RFC 8725, 3.1", signed(P384_KEY, "ES384"), "alg_not_allowed"),
    Row("EdDSA", "RFC 8725, 3.1", signed(ed25519.Ed25519PrivateKey.generate(), "EdDSA"), "alg_not_allowed"),
    Row("an algorithm that the provider did not announce", "Core 1.0, 3.1.3.7 (7)", signed(EC_KEY, "ES256"),
        "alg_not_allowed", good=all_of(documented(id_token_signing_alg_values_supported=["RS256"]))),
    Row("PS256 from Entra", "Entra", signed(RSA_KEY, "PS256"), "alg_not_allowed", kind="entra"),
    Row("RS256 by a key for PS256", "CVE-2026-48523", keys(jwk(RSA_KEY, alg="PS256")), "alg_key_mismatch"),
    Row("ES256 by the id of an RSA key", "RFC 8725, 3.1", signed(EC_KEY, "ES256"), "alg_key_mismatch"),
    Row("RS256 by the id of an EC key", "RFC 8725, 3.1", signed(RSA_KEY), "alg_key_mismatch", good=BY_EC),
    Row("an unknown kid", "Core 1.0, 10.1", header(kid="k9"), "kid_unknown"),
    Row("no kid, and several keys", "Core 1.0, 10.1", header(kid=None), "kid_missing",
        good=keys(jwk(RSA_KEY), jwk(EC_KEY, "e1"))),
    Row("a kid that is a path", "RFC 8725, 3.10", header(kid="../../../../dev/null"), "kid_unknown"),
    Row("a kid that is an address", "RFC 8725, 3.10", header(kid=f"{EVIL}/key"), "kid_unknown",
        check=nobody_was_asked),
    Row("a kid that is SQL", "RFC 8725, 3.10", header(kid="k1' OR '1'='1' --"), "kid_malformed"),
    Row("a kid with a line break", "RFC 8725, 3.10", header(kid="k1\n"), "kid_malformed"),
    Row("a kid of 1,000 characters", "RFC 8725, 3.10", header(kid="k" * 1000), "kid_malformed"),
    Row("a kid that is no text", "RFC 7515, 4.1.4", headed('{"alg":"RS256","kid":["k1"]}'), "kid_malformed"),
    Row("a key in the header", "CVE-2018-0114", signed(OTHER_RSA_KEY, jwk=jwk(OTHER_RSA_KEY)), "header_key"),
    Row("the address of keys in the header", "RFC 8725, 3.10", signed(OTHER_RSA_KEY, jku=f"{EVIL}/keys"),
        "header_key", check=nobody_was_asked),
    Row("the address of a certificate in the header", "RFC 8725, 3.10", signed(OTHER_RSA_KEY, x5u=f"{EVIL}/x"),
        "header_key", check=nobody_was_asked),
    Row("a certificate in the header", "RFC 8725, 3.10", signed(OTHER_RSA_KEY, x5c=["MIIC"]), "header_key"),
    Row("a crit that nobody knows", "CVE-2026-32597", headed('{"alg":"RS256","kid":"k1","crit":["x"],"x":1}'),
        "crit_unknown"),
    Row("an empty crit", "RFC 7515, 4.1.11", headed('{"alg":"RS256","kid":"k1","crit":[]}'), "crit_unknown"),
    Row("an encrypted token", "RFC 8725, 3.6", cut(lambda token: f"{token}.AA.AA"), "format"),
    Row("an enc in the header", "CVE-2022-3102", headed('{"alg":"RS256","kid":"k1","enc":"A256GCM"}'), "format"),
    Row("a zip in the header", "CVE-2024-33664", headed('{"alg":"RS256","kid":"k1","zip":"DEF"}'), "format"),
    Row("b64=false", "RFC 7797, 6", headed('{"alg":"RS256","kid":"k1","b64":false}'), "format"),
    Row("JSON with many signatures", "RFC 7515, 7.2.1",
        forged(lambda it: json.dumps({"payload": b64(json.dumps(it).encode()), "signatures": [{}, {}]})), "format"),
    Row("JSON around a good token", "CVE-2022-39227", cut(lambda token: json.dumps({token: ""})), "format"),
    Row("a header twice over", "RFC 7515, 4", headed('{"alg":"none","alg":"RS256","kid":"k1"}'), "json_duplicate"),
    Row("a header that is no object", "RFC 7515, 4", headed('["RS256"]'), "format"),
    Row("padding in a part", "RFC 7515, 2", cut(lambda token: f"{token}="), "format"),
    Row("a blank before the token", "RFC 7515, 2", cut(lambda token: f" {token}"), "format"),
    Row("a token of 300,000 characters", "RFC 8725, 3.4", cut(lambda token: token + "A" * 300_000), "format"),
    Row("two parts", "RFC 7515, 7.1", cut(lambda token: token.rpartition(".")[0]), "format"),
    Row("no signature", "CVE-2020-28042", with_signature(lambda it: ""), "signature"),
    Row("half a signature", "CVE-2020-28042", with_signature(lambda it: it[:172]), "signature"),
    Row("three bytes of a signature", "CVE-2020-28042", with_signature(lambda it: it[:4]), "signature"),
    Row("a longer signature", "RFC 8725, 3.3", with_signature(lambda it: it + "AAAA"), "signature"),
    Row("a signature of another text", "Core 1.0, 3.1.3.7 (6)", with_signature(lambda it: sign({}).rpartition(".")[2]),
        "signature"),
    Row("a signature by another key", "Core 1.0, 3.1.3.7 (6)", signed(OTHER_RSA_KEY), "signature"),
    Row("r = s = 0", "CVE-2022-21449",
        forged(lambda it: sign(it, EC_KEY, "ES256").rpartition(".")[0] + "." + "A" * 86), "signature", good=BY_EC),
    Row("r = s = n", "CVE-2022-21449", forged(lambda it: sign(it, EC_KEY, "ES256").rpartition(".")[0] + "." + b64(
        2 * bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"))), "signature",
        good=BY_EC),
    Row("a logout token's typ", "RFC 8725, 3.11", header(typ="logout+jwt"), "typ"),
    Row("an access token's typ", "RFC 9068, 4", header(typ="at+jwt"), "typ"),
    Row("a typ that is no text", "RFC 7515, 4.1.9", headed('{"alg":"RS256","kid":"k1","typ":7}'), "typ"),
    Row("a token in a token", "RFC 8725, 2.6", forged(lambda it: sign(sign(it).encode(), cty="JWT")),
        "claims_malformed"),
    Row("claims that are no object", "RFC 7519, 7.2", forged(lambda it: sign(b"[]")), "claims_malformed"),
    Row("claims in another charset", "RFC 7519, 7.2", forged(lambda it: sign(json.dumps(it).encode("utf-16"))),
        "claims_malformed"),
    Row("NaN among the claims", "RFC 8259, 6", forged(lambda it: sign(json.dumps(it | {"exp": float("nan")}).encode())),
        "claims_malformed"),
    Row("claims twice over", "RFC 7519, 4", forged(lambda it: sign(json.dumps(it).encode()[:-1] + b',"sub":"boss"}')),
        "json_duplicate"),
]  # fmt: skip


def from_entra(tenant, **changes):
    return claims(**({"iss": f"{AUTHORITY}/{tenant}/v2.0", "tid": tenant} | changes))


ISSUERS = [
    Row("another issuer", "Core 1.0, 3.1.3.7 (2)", claims(iss=EVIL), "iss_mismatch"),
    Row("a part of the issuer", "CVE-2024-53861", claims(iss=ISSUER[:-1]), "iss_mismatch"),
    Row("a letter of the issuer", "CVE-2024-53861", claims(iss="h"), "iss_mismatch"),
    Row("one slash more", "Core 1.0, 3.1.3.7 (2)", claims(iss=f"{ISSUER}/"), "iss_mismatch"),
    Row("the issuer in capitals", "Core 1.0, 3.1.3.7 (2)", claims(iss=ISSUER.upper()), "iss_mismatch"),
    Row("a list of issuers", "RFC 7519, 4.1.1", claims(iss=[ISSUER, EVIL]), "iss_mismatch"),
    Row("no issuer", "Core 1.0, 2", claims(iss=None), "iss_mismatch"),
    Row("the template as issuer", "Entra", claims(iss=f"{AUTHORITY}/{{tenantid}}/v2.0"), "iss_mismatch", kind="many"),
    Row("an issuer of another cloud", "Entra", claims(iss=f"https://login.microsoftonline.us/{TENANT}/v2.0"),
        "iss_mismatch", kind="entra"),
    Row("tid unlike iss", "Entra", claims(tid=OTHER_TENANT), "tid_iss", kind="entra"),
    Row("tid unlike iss, both allowed", "Entra", claims(tid=OTHER_TENANT), "tid_iss", kind="many"),
    Row("no tid", "Entra", claims(tid=None), "tid_iss", kind="many"),
    Row("a tenant that is not ours", "Entra", from_entra(OTHER_TENANT), "tenant_not_allowed", kind="entra"),
    Row("a tenant that is not allowed", "Entra", from_entra("bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"),
        "tenant_not_allowed", kind="many"),
    Row("a personal account", "Entra", from_entra(CONSUMERS), "personal_account", kind="many"),
    Row("a personal account under a tenant's issuer", "Entra", claims(tid=CONSUMERS), "personal_account",
        kind="entra"),
    Row("a token of the v1.0 endpoint", "Entra", claims(ver="1.0"), "version", kind="entra"),
    Row("a token of the v1.0 issuer", "Entra", claims(ver="1.0", iss=f"https://sts.windows.net/{TENANT}/"), "version",
        kind="entra"),
]  # fmt: skip

CLAIMS = [
    Row("another audience", "Core 1.0, 3.1.3.7 (3)", claims(aud="another"), "aud_mismatch"),
    Row("an audience that begins as ours", "Core 1.0, 3.1.3.7 (3)", claims(aud=f"{CLIENT}x"), "aud_mismatch"),
    Row("no audience", "RFC 8725, 3.9", claims(aud=None), "aud_mismatch"),
    Row("an empty list of audiences", "RFC 8725, 3.9", claims(aud=[]), "aud_mismatch"),
    Row("one audience more", "Core 1.0, 3.1.3.7 (3)", claims(aud=[CLIENT, "another"], azp=CLIENT), "aud_untrusted"),
    Row("another azp", "Core 1.0, 3.1.3.7 (5)", claims(azp="another"), "azp_mismatch"),
    Row("an access token for an API as ID token", "RFC 8725, 3.12", claims(aud="00000003-0000-0000-c000-000000000000"),
        "aud_mismatch", kind="entra"),
    Row("ended", "Core 1.0, 3.1.3.7 (9)", claims(exp=NOW - 60, iat=NOW - 90), "expired"),
    Row("ended long ago", "Core 1.0, 3.1.3.7 (9)", claims(exp=NOW - 90_000, iat=NOW - 93_600), "expired"),
    Row("no end", "Core 1.0, 2", claims(exp=None), "exp_malformed"),
    Row("an end as text", "RFC 7519, 4.1.4", claims(exp=str(int(NOW + 60))), "exp_malformed"),
    Row("an end that is true", "RFC 7519, 4.1.4", claims(exp=True), "exp_malformed"),
    Row("an end beyond all numbers", "RFC 7519, 4.1.4", claims(exp=10**400), "exp_malformed"),
    Row("not begun", "RFC 7519, 4.1.5", claims(nbf=NOW + 61), "not_yet_valid"),
    Row("a beginning as text", "RFC 7519, 4.1.5", claims(nbf="now"), "claims_malformed"),
    Row("made in the future", "Core 1.0, 3.1.3.7 (10)", claims(iat=NOW + 61), "iat_implausible"),
    Row("made days ago", "Core 1.0, 3.1.3.7 (10)", claims(iat=NOW - 90_000), "iat_implausible"),
    Row("made after its end", "Core 1.0, 3.1.3.7 (10)", claims(iat=NOW + 50, exp=NOW + 40), "iat_implausible"),
    Row("never made", "Core 1.0, 2", claims(iat=None), "iat_implausible"),
    Row("good for two days", "-", claims(exp=NOW + 172_800), "lifetime"),
    Row("another nonce", "Core 1.0, 3.1.3.7 (11)", claims(nonce="another"), "nonce_mismatch"),
    Row("no nonce", "Core 1.0, 3.1.3.7 (11)", claims(nonce=None), "nonce_mismatch"),
    Row("an empty nonce", "Core 1.0, 3.1.3.7 (11)", claims(nonce=""), "nonce_mismatch"),
    Row("an older sign-in where a new one was asked for", "Core 1.0, 3.1.2.1 (prompt)",
        claims(auth_time=NOW - 3600), "auth_too_old", good=all_of(given(prompt="login"), claims(auth_time=NOW))),
    Row("no sub", "Core 1.0, 2", claims(sub=None), "sub_malformed"),
    Row("an empty sub", "Core 1.0, 2", claims(sub=""), "sub_malformed"),
    Row("a sub that is a number", "Core 1.0, 2", claims(sub=1), "sub_malformed"),
    Row("a sub of 256 letters", "Core 1.0, 2", claims(sub="s" * 256), "sub_malformed"),
    Row("a sub with a line break", "Core 1.0, 2", claims(sub="user-1\n"), "sub_malformed"),
    Row("no oid", "Entra", claims(oid=None), "oid_missing", kind="entra"),
    Row("an oid that is a list", "Entra", claims(oid=["x"]), "oid_missing", kind="entra"),
    Row("another access token's at_hash", "Core 1.0, 3.1.3.8", claims(at_hash=at_hash("another")), "at_hash",
        good=claims(at_hash=at_hash("opaque"))),
    Row("an access token that was swapped", "Core 1.0, 3.1.3.8", tokens(access_token="swapped"),
        "at_hash", good=claims(at_hash=at_hash("opaque"))),
    Row("groups as text", "Entra", claims(groups="admins"), "claim_type", kind="entra"),
    Row("groups as numbers", "Entra", claims(groups=[1]), "claim_type", kind="entra"),
    Row("roles as text", "Entra", claims(roles="Admin"), "claim_type", kind="entra"),
    Row("acrs as an object", "Entra", claims(acrs={"c1": True}), "claim_type", kind="entra"),
    Row("amr as text", "RFC 8176, 2", claims(amr="mfa"), "claim_type"),
    Row("a claim that rules ask for, without end", "-", claims(department="x" * 9000), "claim_type",
        good=all_of(given(named_claims=("department",)), userinfo({"sub": "user-1"}))),
    Row("a claim that rules ask for, without depth", "-", claims(department=json.loads("[" * 200 + "]" * 200)),
        "claim_type", good=all_of(given(named_claims=("department",)), userinfo({"sub": "user-1"}))),
    Row("a logout token as ID token", "RFC 8725, 3.12", claims(events=EVENTS), "purpose"),
    Row("an issuer of another path", "Entra", claims(iss=f"{ENTRA_ISSUER}/"), "iss_mismatch", kind="entra"),
]  # fmt: skip

ROWS = ENVELOPE + ISSUERS + CLAIMS
