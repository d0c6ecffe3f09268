import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import RSAAlgorithm

from glassgate.lab.tenant.client_auth import BEARER
from glassgate.lab.tenant.registration import Federated
from lab.tenancy import CLIENT, MULTI, ORIGIN, OTHER, REDIRECT, SECRET, TENANT, VERIFIER

NOW = 1_800_000_000
TOKEN_ENDPOINT = f"{ORIGIN}/{TENANT}/oauth2/v2.0/token"
ISSUER, SUBJECT = "https://cluster.example", "system:serviceaccount:gate:glassgate"
AUDIENCE = "api://AzureADTokenExchange"
APPLICATION = {"grant_type": "client_credentials", "scope": "https://graph.localhost:8443/.default"}


@cache
def credential(name, days=365, now=NOW):
    """A key and its certificate; one for all tests, since making one takes a moment."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = datetime.fromtimestamp(now, UTC) - timedelta(days=30)
    certificate = (
        x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def pem(name, **more):
    return credential(name, **more)[1].public_bytes(Encoding.PEM)


def text(digest, pad=False):
    found = base64.urlsafe_b64encode(digest).decode()
    return found if pad else found.rstrip("=")


def sha256(certificate):
    return certificate.fingerprint(hashes.SHA256())


def sha1(certificate):
    return hashlib.sha1(certificate.public_bytes(Encoding.DER)).digest()


def assertion(name="first", *, alg="PS256", header=None, key=None, **changes):
    private, certificate = credential(name)
    claims = {"aud": TOKEN_ENDPOINT, "iss": CLIENT, "sub": CLIENT, "jti": "x", "nbf": NOW, "iat": NOW, "exp": NOW + 600}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    header = {"x5t#S256": text(sha256(certificate))} if header is None else header
    return jwt.encode(claims, key or private, algorithm=alg, headers=header)


def federated_assertion(**changes):
    private, _ = credential("cluster")
    claims = {"aud": AUDIENCE, "iss": ISSUER, "sub": SUBJECT, "iat": NOW, "exp": NOW + 600} | changes
    return jwt.encode(claims, private, algorithm="RS256", headers={"kid": "k1"})


@pytest.fixture
def browser(tenancy):
    """A tenant whose first application has two certificates, one that has expired, and a federated credential."""
    first, *others = tenancy.registrations
    key = RSAAlgorithm.to_jwk(credential("cluster")[0].public_key(), as_dict=True)
    certificates = (pem("first"), pem("second"), pem("old", days=10))
    federated = (Federated(ISSUER, SUBJECT, key),)
    first = replace(first, secrets=(SECRET, "second-secret"), certificates=certificates, federated=federated)
    tenancy.registrations = (first, *others)
    tenancy.restart()
    return tenancy.browser()


def by(browser, proof, **changes):
    """A token request that is proven by an assertion."""
    proven = {"client_secret": None, "client_assertion": proof, "client_assertion_type": BEARER}
    return browser.token(**(APPLICATION | proven | changes))


@pytest.mark.parametrize("secret", [SECRET, "second-secret"])
def test_any_of_several_secrets_proves_it(browser, secret):
    assert browser.token(**APPLICATION, client_secret=secret).status_code == 200


@pytest.mark.parametrize("secret", ["", "third-secret", SECRET[:-1], "another-secret", "é"])
def test_no_other_secret_does(browser, secret):
    told = browser.token(**APPLICATION, client_secret=secret).json
    assert (told["error"], told["error_codes"]) == ("invalid_client", [7000215 if secret else 7000218])


def test_a_client_may_authenticate_by_basic(browser):
    basic = {"auth": (CLIENT, SECRET)}
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    path = f"/{TENANT}/oauth2/v2.0/token"
    code = browser.code()
    twice = browser.cookies.post(path, data=form | {"code": code, "client_secret": SECRET}, **basic)
    assert twice.json["error_codes"] == [9002313]
    other = browser.cookies.post(path, data=form | {"code": code, "client_id": OTHER}, **basic)
    assert other.json["error_codes"] == [700016]
    assert browser.cookies.post(path, data=form | {"code": code}, **basic).status_code == 200


FIRST = credential("first")[1]
GOOD = {
    "PS256, SHA-256": assertion(),
    "the second certificate": assertion("second", header={"x5t#S256": text(sha256(credential("second")[1]))}),
    "RS256, SHA-1": assertion(alg="RS256", header={"x5t": text(sha1(FIRST))}),
    "SHA-1 with padding": assertion(alg="RS256", header={"x5t": text(sha1(FIRST), pad=True)}),
    "SHA-256 with padding": assertion(header={"x5t#S256": text(sha256(FIRST), pad=True)}),
    "both thumbprints": assertion(header={"x5t#S256": text(sha256(FIRST)), "x5t": text(sha1(FIRST))}),
    "times as MSAL writes them": assertion(nbf=None, iat=NOW - 0.25, exp=NOW + 599.75),
    "a clock that is ahead": assertion(nbf=NOW + 200, exp=NOW + 800),
    "for the tenant's domain": assertion(aud=TOKEN_ENDPOINT.replace(TENANT, "contoso.example")),
    "for all tenants": assertion(aud=TOKEN_ENDPOINT.replace(TENANT, "common")),
    "for organizations": assertion(aud=TOKEN_ENDPOINT.replace(TENANT, "organizations")),
    "for no tenant in particular": assertion(aud=f"{ORIGIN}/oauth2/v2.0/token"),
    "for the issuer": assertion(aud=f"{ORIGIN}/{TENANT}/v2.0"),
    "federated": federated_assertion(),
    "federated, aud in a list": federated_assertion(aud=[AUDIENCE]),
}


@pytest.mark.parametrize("row", GOOD)
def test_an_assertion_proves_it_and_may_come_again(browser, row):
    for _ in range(2):
        answer = by(browser, GOOD[row])
        assert answer.status_code == 200, answer.json


def test_the_assertion_alone_may_say_who_it_is(browser):
    assert by(browser, assertion(), client_id=None).status_code == 200


def test_a_code_may_be_redeemed_by_an_assertion(browser):
    proven = {"client_secret": None, "client_assertion": assertion(), "client_assertion_type": BEARER}
    assert browser.redeem(browser.code(), **proven).status_code == 200


STRANGER = credential("stranger")
BAD = {
    "no JWT": ("x", 50027),
    "alg none": (jwt.encode({"iss": CLIENT, "sub": CLIENT}, "", algorithm="none"), 700027),
    "HS256 by the thumbprint": (
        jwt.encode({"iss": CLIENT}, "x" * 32, algorithm="HS256", headers={"x5t": text(sha1(FIRST))}),
        700027,
    ),
    "no thumbprint": (assertion(header={}), 700027),
    "a thumbprint that is not registered": (assertion(header={"x5t": text(sha1(STRANGER[1]))}), 700027),
    "another's key": (assertion(key=STRANGER[0]), 700027),
    "another audience": (assertion(aud="https://login.microsoftonline.com/common/oauth2/v2.0/token"), 700023),
    "another tenant": (assertion(aud=TOKEN_ENDPOINT.replace(TENANT, "fabrikam.example")), 700023),
    "no audience": (assertion(aud=None), 700023),
    "another subject": (assertion(sub=OTHER), 70021),
    "another issuer": (assertion(iss=OTHER), 70021),
    "over": (assertion(exp=NOW), 700024),
    "long over": (assertion(nbf=NOW - 3600, exp=NOW - 3000), 700024),
    "too far ahead": (assertion(exp=NOW + 3600), 700024),
    "not yet": (assertion(nbf=NOW + 400, exp=NOW + 800), 700024),
    "no end": (assertion(exp=None), 50027),
    "no beginning": (assertion(nbf=None, iat=None), 50027),
    "an end in words": (assertion(exp="soon"), 50027),
    "a certificate that has expired": (
        assertion("old", header={"x5t#S256": text(sha256(credential("old", days=10)[1]))},
                  key=credential("old", days=10)[0]),
        1000502,
    ),
    "federated, another subject": (federated_assertion(sub="system:serviceaccount:x:y"), 70021),
    "federated, another audience": (federated_assertion(aud=TOKEN_ENDPOINT), 70021),
    "federated, over": (federated_assertion(exp=NOW - 1), 700024),
    "federated, another's key": (
        jwt.encode({"aud": AUDIENCE, "iss": ISSUER, "sub": SUBJECT, "iat": NOW, "exp": NOW + 60}, STRANGER[0], "RS256"),
        700027,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD)
def test_an_assertion_that_proves_nothing(browser, row):
    proof, number = BAD[row]
    answer = by(browser, proof)
    assert (answer.status_code, answer.json["error"], answer.json["error_codes"]) == (401, "invalid_client", [number])


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_assertion_type": None}, 90023),
        ({"client_assertion_type": "saml"}, 90023),
        ({"client_secret": SECRET}, 9002313),
        ({"client_id": OTHER}, 70021),
        ({"client_id": "nobody"}, 700016),
        ({"at": "organizations"}, 50194),
        ({"client_id": MULTI, "at": "organizations"}, 70021),
    ],
    ids=["no type", "another type", "with a secret", "another app", "no app", "where all are", "another app there"],
)
def test_what_is_wrong_beside_a_good_assertion(browser, changes, number):
    assert by(browser, assertion(), **changes).json["error_codes"] == [number]


def test_an_endless_assertion_is_refused_unread(browser):
    assert by(browser, "x" * 17_000).json["error_codes"] == [90023]


def test_an_application_without_certificates_has_none(browser):
    proof = assertion(iss=OTHER, sub=OTHER)
    assert by(browser, proof, client_id=OTHER).json["error_codes"] == [700027]
