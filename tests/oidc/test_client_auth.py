import base64
import datetime
import hashlib
import json
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from glassgate.oidc.client_auth import (
    ASSERTION_TYPE,
    ClientAuth,
    ClientCertificate,
    ClientSecret,
    FederatedToken,
    Proof,
    UnusableFileError,
    check_credential,
    read_certificate,
)
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.redeem import TokenEndpoint
from oidc.scripted import (
    CLIENT,
    EC_KEY,
    NOW,
    OTHER_RSA_KEY,
    REDIRECT,
    RSA_KEY,
    VERIFIER,
    WEAK_RSA_KEY,
    Scripted,
    answer,
    outside,
    refused,
)

ENDPOINT = "https://login.localhost:8443/tenant/oauth2/v2.0/token"
TOKENS = {"token_type": "Bearer", "id_token": "a.b.c"}
KEY, CERTIFICATE, TOKEN = Path("/etc/gate/key.pem"), Path("/etc/gate/gate.pem"), Path("/var/run/token")
FEDERATED = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ3b3JrbG9hZCJ9.c2ln"


def key_pem(key, encryption=NoEncryption()):  # noqa: B008
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def certificate_of(key):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gate")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, begin + datetime.timedelta(days=3650))
    return builder.sign(key, hashes.SHA256())


def certificate_pem(key):
    return certificate_of(key).public_bytes(Encoding.PEM)


def pem_of_another_kind_of_key():
    """A certificate whose key is of a kind that nobody has heard of."""
    der = certificate_of(RSA_KEY).public_bytes(Encoding.DER)
    rsa = bytes.fromhex("06092a864886f70d010101")
    changed = base64.encodebytes(der.replace(rsa, rsa[:-1] + b"\x7f"))
    return b"-----BEGIN CERTIFICATE-----\n" + changed + b"-----END CERTIFICATE-----\n"


FILES = {KEY: key_pem(RSA_KEY), CERTIFICATE: certificate_pem(RSA_KEY), TOKEN: FEDERATED.encode() + b"\n"}
BY_CERTIFICATE = ClientCertificate(KEY, CERTIFICATE)


def client(*credentials, files=FILES, chance=lambda n: "random-" + "x" * n):
    return ClientAuth(CLIENT, credentials, outside(Scripted({}), files).read, chance)


def proof(credential, method="client_secret_post", **how):
    made = client(credential, **how).proven(ENDPOINT, method, NOW, lambda proof: proof)
    assert isinstance(made, Proof)
    return made


def opened(assertion, algorithm):
    key = certificate_of(RSA_KEY).public_key()
    claims = jwt.decode(
        assertion,
        key,
        [algorithm],
        audience=ENDPOINT,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    return jwt.get_unverified_header(assertion), claims


def thumbprint(digest):
    der = certificate_of(RSA_KEY).public_bytes(Encoding.DER)
    return base64.urlsafe_b64encode(digest(der).digest()).rstrip(b"=").decode()


def test_a_secret_in_the_form():
    assert proof(ClientSecret("s&=ü")) == Proof({"client_id": CLIENT, "client_secret": "s&=ü"})


def test_a_secret_in_the_header():
    made = proof(ClientSecret("s:%ü"), "client_secret_basic")
    ((name, value),) = made.headers
    assert (name, made.fields) == ("Authorization", {})
    assert base64.b64decode(value.removeprefix("Basic ")).decode() == f"{CLIENT}:s%3A%25%C3%BC"


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_certificate_signs_an_assertion(method):
    """Microsoft's "certificate credentials": PS256, found by x5t#S256; RFC 7523, section 3."""
    made = proof(BY_CERTIFICATE, method)
    assert made.headers == ()
    assertion = made.fields.pop("client_assertion")
    assert made.fields == {"client_id": CLIENT, "client_assertion_type": ASSERTION_TYPE}
    header, claims = opened(assertion, "PS256")
    assert header == {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint(hashlib.sha256)}
    assert claims == {
        "aud": ENDPOINT,
        "iss": CLIENT,
        "sub": CLIENT,
        "jti": "random-" + "x" * 16,
        "iat": NOW,
        "nbf": NOW - 60,
        "exp": NOW + 300,
    }
    assert all(type(claims[name]) is int for name in ("iat", "nbf", "exp"))


def test_the_older_algorithm_goes_with_the_older_thumbprint():
    made = proof(ClientCertificate(KEY, CERTIFICATE, "RS256"))
    header, claims = opened(made.fields["client_assertion"], "RS256")
    assert header["x5t"] == thumbprint(hashlib.sha1)
    assert header["x5t#S256"] == thumbprint(hashlib.sha256)
    assert claims["aud"] == ENDPOINT


def test_no_assertion_is_made_twice():
    numbers = iter(range(9))
    one = client(BY_CERTIFICATE, chance=lambda n: f"{n} bytes, number {next(numbers)}")
    made = [one.proven(ENDPOINT, "", NOW, lambda proof: proof).fields["client_assertion"] for _ in range(2)]
    assert [opened(assertion, "PS256")[1]["jti"] for assertion in made] == [
        "16 bytes, number 0", "16 bytes, number 1",
    ]  # fmt: skip


def test_a_federated_token_is_the_assertion():
    assert proof(FederatedToken(TOKEN)).fields == {
        "client_id": CLIENT,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": FEDERATED,
    }


def test_files_are_read_anew_each_time():
    files = dict(FILES)
    one = client(FederatedToken(TOKEN), BY_CERTIFICATE, files=files)
    two = client(BY_CERTIFICATE, files=files)

    def asserted(client):
        return client.proven(ENDPOINT, "", NOW, lambda proof: proof).fields["client_assertion"]

    assert asserted(one) == FEDERATED
    files[TOKEN] = b"bmV3.bmV3.bmV3"
    assert asserted(one) == "bmV3.bmV3.bmV3"
    before = jwt.get_unverified_header(asserted(two))
    files |= {KEY: key_pem(OTHER_RSA_KEY), CERTIFICATE: certificate_pem(OTHER_RSA_KEY)}
    assert jwt.get_unverified_header(asserted(two)) != before


UNUSABLE = {  # name: (credential, files, the path that is told, words)
    "no key": (BY_CERTIFICATE, FILES | {KEY: None}, KEY, "cannot be read: No such file"),
    "no certificate": (BY_CERTIFICATE, FILES | {CERTIFICATE: None}, CERTIFICATE, "cannot be read: No such file"),
    "empty key": (BY_CERTIFICATE, FILES | {KEY: b""}, KEY, "no private key without"),
    "key in DER": (
        BY_CERTIFICATE,
        FILES | {KEY: RSA_KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())},
        KEY,
        "no private key without a passphrase",
    ),
    "key with a password": (
        BY_CERTIFICATE,
        FILES | {KEY: key_pem(RSA_KEY, BestAvailableEncryption(b"secret"))},
        KEY,
        "no private key without a passphrase",
    ),
    "public key": (BY_CERTIFICATE, FILES | {KEY: certificate_pem(RSA_KEY)}, KEY, "no private key without"),
    "EC key": (
        BY_CERTIFICATE,
        FILES | {KEY: key_pem(EC_KEY), CERTIFICATE: certificate_pem(EC_KEY)},
        KEY,
        "is no RSA key",
    ),
    "weak key": (
        BY_CERTIFICATE,
        FILES | {KEY: key_pem(WEAK_RSA_KEY), CERTIFICATE: certificate_pem(WEAK_RSA_KEY)},
        KEY,
        "has 1024 bits, expected 2048 to 8192",
    ),
    "certificate no PEM": (BY_CERTIFICATE, FILES | {CERTIFICATE: b"\xff\x00"}, CERTIFICATE, "holds no certificate"),
    "certificate is the key": (
        BY_CERTIFICATE,
        FILES | {CERTIFICATE: key_pem(RSA_KEY)},
        CERTIFICATE,
        "holds no certificate",
    ),
    "certificate of another key": (
        BY_CERTIFICATE,
        FILES | {CERTIFICATE: certificate_pem(OTHER_RSA_KEY)},
        CERTIFICATE,
        f"is not the certificate of {KEY}",
    ),
    "certificate of an unknown kind": (
        BY_CERTIFICATE,
        FILES | {CERTIFICATE: pem_of_another_kind_of_key()},
        CERTIFICATE,
        "holds no certificate",
    ),
    "no token": (FederatedToken(TOKEN), FILES | {TOKEN: None}, TOKEN, "cannot be read: No such file"),
    "empty token": (FederatedToken(TOKEN), FILES | {TOKEN: b"\n"}, TOKEN, "holds no token"),
    "token not ASCII": (FederatedToken(TOKEN), FILES | {TOKEN: "a.b.ü".encode()}, TOKEN, "holds no token"),
    "token of two parts": (FederatedToken(TOKEN), FILES | {TOKEN: b"a.b"}, TOKEN, "holds no token"),
    "token of five parts": (FederatedToken(TOKEN), FILES | {TOKEN: b"a.b.c.d.e"}, TOKEN, "holds no token"),
    "token and more": (FederatedToken(TOKEN), FILES | {TOKEN: b"a.b.c\nsecond line"}, TOKEN, "holds no token"),
    "token that is JSON": (FederatedToken(TOKEN), FILES | {TOKEN: b'{"a.b.c": 1}'}, TOKEN, "holds no token"),
    "huge token": (FederatedToken(TOKEN), FILES | {TOKEN: b"a.b." + b"c" * 20_000}, TOKEN, "holds no token"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_cannot_be_used_is_told_by_its_path(name):
    credential, files, path, words = UNUSABLE[name]
    files = {place: data for place, data in files.items() if data is not None}
    with pytest.raises(UnusableFileError) as caught:
        proof(credential, files=files)
    key = {KEY: "certificate.key", TOKEN: "federated_token_file"}.get(path, "certificate.certificate")
    assert (caught.value.reason, caught.value.key) == ("client_auth", key)
    assert caught.value.mend
    assert caught.value.detail.startswith(f"{path} ")
    assert words in caught.value.detail
    assert "PRIVATE" not in str(caught.value)
    assert refused(check_credential, credential, outside(Scripted({}), files).read) == "client_auth"


def test_the_longest_token_that_is_taken():
    longest = b"a.b." + b"c" * (16_384 - 4)
    assert proof(FederatedToken(TOKEN), files={TOKEN: longest}).fields["client_assertion"] == longest.decode()
    assert refused(proof, FederatedToken(TOKEN), files={TOKEN: longest + b"c"}) == "client_auth"


@pytest.mark.parametrize("credential", [ClientSecret("x"), BY_CERTIFICATE, FederatedToken(TOKEN)])
def test_what_can_be_used_passes_the_check(credential):
    assert check_credential(credential, outside(Scripted({}), FILES).read) is None


def test_key_and_certificate_may_stand_in_one_file():
    both = {KEY: FILES[CERTIFICATE] + FILES[KEY]}
    key, certificate = read_certificate(ClientCertificate(KEY, KEY), outside(Scripted({}), both).read)
    assert key.public_key() == certificate.public_key()


# --- two credentials ----------------------------------------------------------------------------------------

NO_CLIENT = answer({"error": "invalid_client", "error_description": "AADSTS7000222: The secret is expired."}, 401)


def redeemed(credentials, *answers, files=FILES):
    """What came of a code, and the secret or kind of assertion of each request for it."""
    script = Scripted({ENDPOINT: list(answers)})
    endpoint = TokenEndpoint(ENDPOINT, "client_secret_post", client(*credentials, files=files), script)
    try:
        got = endpoint.redeem("the-code", VERIFIER, REDIRECT, NOW)
    except SignInError as fault:
        got = fault
    forms = [parse_qs(request.body.decode()) for request in script.calls]
    assert all((form["code"], form["code_verifier"]) == (["the-code"], [VERIFIER]) for form in forms)
    return got, [form.get("client_secret", form.get("client_assertion"))[0] for form in forms]


NEW, OLD = ClientSecret("new"), ClientSecret("old")


@pytest.mark.parametrize("status", [400, 401])
def test_the_second_is_tried_where_the_provider_does_not_know_the_first(status):
    no = answer({"error": "invalid_client"}, status)
    got, sent = redeemed((NEW, OLD), no, TOKENS)
    assert (got.id_token, sent) == ("a.b.c", ["new", "old"])


def test_the_first_alone_is_sent_where_it_is_taken():
    got, sent = redeemed((NEW, OLD), TOKENS)
    assert (got.id_token, sent) == ("a.b.c", ["new"])


def test_where_none_is_taken_the_last_answer_is_told():
    got, sent = redeemed(
        (NEW, OLD), answer({"error": "invalid_client", "error_description": "AADSTS7000215"}, 401), NO_CLIENT
    )
    assert isinstance(got, ProviderRefused)
    assert (got.code, sent) == ("AADSTS7000222", ["new", "old"])


def test_a_single_one_is_not_tried_again():
    got, sent = redeemed((NEW,), NO_CLIENT, TOKENS)
    assert (got.error, sent) == ("invalid_client", ["new"])


OTHER_ANSWERS = {
    "tokens that are none": TOKENS | {"token_type": "mac"},
    "no ID token": {"token_type": "Bearer"},
    "invalid_client with 200": {"error": "invalid_client"},
    "invalid_grant": answer({"error": "invalid_grant", "error_description": "AADSTS54005: used twice"}, 400),
    "invalid_request": answer({"error": "invalid_request"}, 400),
    "unauthorized_client": answer({"error": "unauthorized_client"}, 400),
    "interaction_required": answer({"error": "interaction_required"}, 400),
    "invalid_client in other letters": answer({"error": "Invalid_Client"}, 401),
    "invalid_client in the text": answer({"error": "invalid_grant", "error_description": "invalid_client"}, 400),
    "401 in HTML": answer(b"<html>invalid_client", 401),
    "invalid_client, but busy": answer({"error": "invalid_client"}, 429, Retry_After="1"),
    "invalid_client, but broken": answer({"error": "invalid_client"}, 503),
    "redirect": answer({"error": "invalid_client"}, 302, Location="https://evil.example"),
    "not now": answer({"error": "temporarily_unavailable"}, 400),
    "not JSON": answer(b"<html>"),
    "twice": answer(b'{"error": "x", "error": "invalid_client"}', 400),
    "slow": ProviderUnavailable(Reason.TIMEOUT, "no answer"),
    "lost": ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, "reset"),
    "untrusted": ProviderUnavailable(Reason.TLS_UNTRUSTED, "x"),
}


@pytest.mark.parametrize("name", OTHER_ANSWERS)
def test_with_any_other_answer_the_code_is_sent_once(name):
    """The grant may be used up by then, and a code that comes twice is taken for a stolen one (RFC 6749, 4.1.2)."""
    got, sent = redeemed((NEW, OLD), OTHER_ANSWERS[name], TOKENS)
    assert isinstance(got, SignInError)
    assert sent == ["new"]


def test_an_older_credential_stands_in_for_a_file_that_cannot_be_used():
    got, sent = redeemed((BY_CERTIFICATE, OLD), TOKENS, files={})
    assert (got.id_token, sent) == ("a.b.c", ["old"])


def test_without_any_that_can_be_used_nothing_is_sent():
    got, sent = redeemed((BY_CERTIFICATE, FederatedToken(TOKEN)), TOKENS, files={})
    assert (str(got.reason), sent) == ("client_auth", [])
    assert str(TOKEN) in got.detail


def test_a_certificate_is_tried_before_the_secret_that_it_replaces():
    got, sent = redeemed((BY_CERTIFICATE, OLD), NO_CLIENT, TOKENS)
    assert got.id_token == "a.b.c"
    assert opened(sent[0], "PS256")[1]["iss"] == CLIENT
    assert sent[1] == "old"


def test_nothing_of_the_first_goes_along_with_the_second():
    script = Scripted({ENDPOINT: [NO_CLIENT, TOKENS]})
    endpoint = TokenEndpoint(ENDPOINT, "client_secret_basic", client(OLD, BY_CERTIFICATE), script)
    endpoint.redeem("the-code", VERIFIER, REDIRECT, NOW)
    second = script.calls[1]
    assert "Authorization" not in dict(second.headers)
    assert b"client_secret" not in second.body


def test_no_credential_is_in_a_repr():
    told = repr([proof(NEW), proof(BY_CERTIFICATE), proof(NEW, "client_secret_basic"), client(NEW, OLD)])
    assert not [secret for secret in ("new", "old", "eyJ", "Basic") if secret in told]
    assert json.dumps(told)
