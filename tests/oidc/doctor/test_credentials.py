"""What proves the gate: its files, and the provider's word on each credential."""

from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from glassgate.oidc.client_auth import ClientCertificate, ClientSecret, FederatedToken
from glassgate.oidc.doctor import credentials
from glassgate.oidc.errors import ProviderUnavailable, Reason
from oidc.doctor.cases import TOKEN, aadsts, case, certificate, documented, generic_world, is_broken, one, pem, states
from oidc.doctor.cases import world as make_world
from oidc.scripted import (
    AUTHORITY,
    CLIENT,
    ENTRA,
    GENERIC,
    NOW,
    OTHER_TENANT,
    RSA_KEY,
    SECRET,
    TENANT,
    answer,
    entra_document,
)

OTHER_SECRET = "k" * 32
KEY, CERTIFICATE, FEDERATED, CA = Path("/k.pem"), Path("/c.pem"), Path("/token"), Path("/ca.pem")
OWN = certificate(key=RSA_KEY)
FILES = {
    KEY: pem(RSA_KEY),
    CERTIFICATE: pem(OWN),
    CA: pem(OWN),
    FEDERATED: jwt.encode({"exp": NOW + 600}, OTHER_SECRET).encode(),
}


def with_(*given, **more):
    return replace(ENTRA, credentials=given, **more)


BY_CERTIFICATE = with_(ClientCertificate(KEY, CERTIFICATE))
BY_FILE = with_(FederatedToken(FEDERATED))


def test_files_that_are_in_order_are_told_with_their_end():
    provider = replace(ENTRA, ca=CA, credentials=(*BY_CERTIFICATE.credentials, *BY_FILE.credentials, ClientSecret("s")))
    found = credentials.configuration(case(provider, files=FILES))
    assert [(str(one.state), one.seen) for one in found] == [
        ("ok", "trusts /ca.pem"),
        ("ok", "certificate c.pem: until 2027-03-16"),
        ("ok", "federated token token: until 2027-01-15 08:10 UTC"),
        ("ok", "client secret"),
    ]


OTHER_KEY = rsa.generate_private_key(65537, 2048)
EXPIRED, FUTURE = certificate(key=RSA_KEY, days=(-90, -1)), certificate(key=RSA_KEY, days=(1, 90))
ENDING = certificate(key=RSA_KEY, days=(-90, 20))
BROKEN_FILES = [
    (
        "no key",
        BY_CERTIFICATE,
        {KEY: None},
        "certificate c.pem: `certificate.key`: /k.pem cannot be read: No such file",
        "Name a file that is there, and that the gate's own user may read.",
    ),
    ("no certificate", BY_CERTIFICATE, {CERTIFICATE: None}, "/c.pem cannot be read", "Name a file that is there"),
    ("another's key", BY_CERTIFICATE, {KEY: pem(OTHER_KEY)}, "is not the certificate of /k.pem", "made together"),
    ("no PEM", BY_CERTIFICATE, {KEY: b"nonsense"}, "/k.pem holds no private key", "Name the PEM file of the private"),
    (
        "key and certificate swapped",
        BY_CERTIFICATE,
        {KEY: FILES[CERTIFICATE], CERTIFICATE: FILES[KEY]},
        "`certificate.key`: /k.pem holds no private key",
        "Name the PEM file of the private key",
    ),
    ("an expired one", BY_CERTIFICATE, {CERTIFICATE: pem(EXPIRED)}, "to 2027-01-14, so not now", "Make a new one"),
    ("one for later", BY_CERTIFICATE, {CERTIFICATE: pem(FUTURE)}, "good from 2027-01-16", "Make a new one"),
    ("no token", BY_FILE, {FEDERATED: None}, "`federated_token_file`: /token cannot be read", "may read"),
    ("half a token", BY_FILE, {FEDERATED: b"abc"}, "/token holds no token", "your platform writes"),
    (
        "a token of yesterday",
        BY_FILE,
        {FEDERATED: jwt.encode({"exp": NOW - 1}, OTHER_SECRET).encode()},
        "until 2027-01-15 07:59 UTC",
        "still renews it",
    ),
    ("no trust", replace(ENTRA, ca=CA), {CA: None}, "/ca.pem cannot be read: No such file", "in `ca`"),
    ("trust in nothing", replace(ENTRA, ca=CA), {CA: b"nonsense"}, "/ca.pem holds no certificate", "in `ca`"),
]


@pytest.mark.parametrize(
    ("provider", "files", "seen", "mend"), [row[1:] for row in BROKEN_FILES], ids=[row[0] for row in BROKEN_FILES]
)
def test_a_file_that_cannot_be_used_is_broken(provider, files, seen, mend):
    there = {path: data for path, data in (FILES | files).items() if data is not None}
    broken = [one for one in credentials.configuration(case(provider, files=there)) if one.state == "broken"]
    assert is_broken(one(broken), seen, mend)


UNWISE = [
    ("a certificate near its end", BY_CERTIFICATE, {CERTIFICATE: pem(ENDING)}, "until 2027-02-04", "two may be named"),
    (
        "a token without an end",
        BY_FILE,
        {FEDERATED: jwt.encode({}, OTHER_SECRET).encode()},
        "no time of its end",
        "platform",
    ),
    ("a secret's id", with_(ClientSecret(CLIENT)), {}, "looks like the secret's id", "column Value"),
]


@pytest.mark.parametrize(
    ("provider", "files", "seen", "mend"), [row[1:] for row in UNWISE], ids=[row[0] for row in UNWISE]
)
def test_what_is_unwise_is_a_warning(provider, files, seen, mend):
    finding = one(credentials.configuration(case(provider, files=FILES | files)))
    assert str(finding.state) == "warning"
    assert seen in finding.seen
    assert mend in finding.mend
    assert CLIENT not in finding.seen


def test_a_secret_is_tried_by_a_token_of_the_gates_own():
    given = make_world()
    found = documented(given=given)
    assert one(credentials.credential(found)).seen == "client secret: taken"
    sent = given.sent(TOKEN)
    assert (sent["grant_type"], sent["scope"]) == ("client_credentials", "https://graph.localhost:8443/.default")
    assert found.taken == [ClientSecret(SECRET)]


SAID = [
    ("wrong", aadsts(7000215, "invalid_client", 401), "broken", "This gate's secret is wrong", "its Value"),
    (
        "expired",
        aadsts(7000222, "invalid_client", 401),
        "broken",
        "This gate's secret has expired",
        "a new client secret",
    ),
    ("of another certificate", aadsts(700027, "invalid_client", 401), "broken", "certificate is not taken", "Upload"),
    ("signed at another time", aadsts(700024, "invalid_client", 401), "broken", "clock is wrong", "NTP"),
    ("federated, not expected", aadsts(700211, "invalid_client", 401), "broken", "not expected", "issuer, subject"),
    ("unknown", aadsts(700016, "unauthorized_client"), "broken", "Entra does not know this gate", "`client_id`"),
    ("switched off", aadsts(7000112, "unauthorized_client"), "broken", "switched off in Entra", "Enabled for users"),
    ("nowhere an enterprise app", aadsts(7000229, "invalid_client", 401), "broken", "does not know", "Enterprise app"),
    (
        "a name alone",
        answer({"error": "invalid_client"}, 401),
        "broken",
        "does not take this gate's word",
        "`client_secret`",
    ),
    ("past the client", answer({"error": "unauthorized_client"}, 400), "ok", "taken (unauthorized_client", ""),
    ("consent is missing", aadsts(65001, "invalid_grant"), "ok", "taken (AADSTS65001", ""),
    ("kept out by a rule", aadsts(53003, "access_denied"), "ok", "taken (AADSTS53003", ""),
    ("no such grant", answer({"error": "unsupported_grant_type"}, 400), "not tried", "tells nothing", "sign-in will"),
    ("no such scope", aadsts(500011, "invalid_resource"), "not tried", "tells nothing", "sign-in will"),
    ("down", answer(b"", 503), "broken", "status 503", "Try again"),
    ("not in time", ProviderUnavailable(Reason.TIMEOUT, "no whole answer"), "broken", "no whole answer", "Try again"),
    ("moved", answer(b"", 302), "broken", "expected tokens, got a redirect", "own address"),
]


@pytest.mark.parametrize(("said", "state", "seen", "mend"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_what_the_provider_says_to_a_credential(said, state, seen, mend):
    found = documented(token=said)
    finding = one(credentials.credential(found))
    assert str(finding.state) == state
    assert finding.seen.startswith("client secret: ")
    assert seen in finding.seen
    assert mend in finding.mend
    assert bool(found.taken) is (state == "ok")


def test_each_credential_is_tried_by_itself():
    provider = with_(ClientSecret("new"), ClientSecret("old"))
    found = documented(provider, token=[{"access_token": "x"}, aadsts(7000222, "invalid_client", 401)])
    new, old = credentials.credential(found)
    assert new.seen == "client secret 1 of 2: taken"
    assert is_broken(old, "client secret 2 of 2: AADSTS7000222", "a new client secret")
    assert found.taken == [ClientSecret("new")]


def test_a_certificate_is_tried_by_what_it_signs():
    given = make_world(files=FILES)
    found = documented(BY_CERTIFICATE, given)
    assert one(credentials.credential(found)).seen == "certificate c.pem: taken"
    claims = jwt.decode(given.sent(TOKEN)["client_assertion"], options={"verify_signature": False})
    assert (claims["aud"], claims["iss"]) == (TOKEN, CLIENT)


def test_another_provider_is_asked_without_a_scope():
    given = generic_world(token={"access_token": "x"})
    found = documented(GENERIC, given)
    assert states(credentials.credential(found)) == ["ok"]
    assert "scope" not in given.sent("https://op.example/token")


SEVERAL = replace(ENTRA, tenant="organizations", allowed_tenants=(TENANT, OTHER_TENANT))


def in_tenants(*said):
    """`organizations`, and what each of the two allowed tenants answers."""
    base = f"{AUTHORITY}/organizations/oauth2/v2.0"
    there = entra_document(token_endpoint=f"{base}/token") | {"issuer": f"{AUTHORITY}/{{tenantid}}/v2.0"}
    tokens = {
        f"{AUTHORITY}/{tenant}/oauth2/v2.0/token": one for tenant, one in zip((TENANT, OTHER_TENANT), said, strict=True)
    }
    document = f"{AUTHORITY}/organizations/v2.0/.well-known/openid-configuration"
    return documented(SEVERAL, make_world(also={document: there, **tokens}))


GOOD, NOT_THERE = {"access_token": "x"}, aadsts(7000229, "invalid_client", 401)


def test_of_several_tenants_each_is_asked_whether_it_has_the_gate():
    found = in_tenants(GOOD, NOT_THERE)
    assert one(credentials.credential(found)).seen == "client secret: taken"
    has, lacks = credentials.tenants(found)
    assert has.seen == f"{TENANT}: has this gate"
    assert is_broken(
        lacks, f"{OTHER_TENANT}: AADSTS7000229", f"{AUTHORITY}/{OTHER_TENANT}/adminconsent?client_id={CLIENT}"
    )


def test_a_credential_is_tried_in_the_first_tenant_that_has_the_gate():
    found = in_tenants(NOT_THERE, GOOD)
    assert one(credentials.credential(found)).seen == "client secret: taken"
    assert states(credentials.tenants(found)) == ["broken", "ok"]


def test_in_no_tenant_at_all():
    found = in_tenants(NOT_THERE, NOT_THERE)
    assert is_broken(one(credentials.credential(found)), "AADSTS7000229", "Enterprise applications")
    assert states(credentials.tenants(found)) == ["not tried", "not tried"]


def test_a_tenant_that_there_is_not_is_to_be_mended_in_the_file():
    found = in_tenants(aadsts(90002, "invalid_request"), GOOD)
    assert one(credentials.credential(found)).seen == "client secret: taken"
    mistyped, _ = credentials.tenants(found)
    assert is_broken(mistyped, f"{TENANT}: AADSTS90002", "`allowed_tenants`")


def test_a_tenant_that_is_busy_is_not_asked_for_consent():
    found = in_tenants(GOOD, answer(b"", 503))
    list(credentials.credential(found))
    _, busy = credentials.tenants(found)
    assert is_broken(busy, "status 503", "Try again")
