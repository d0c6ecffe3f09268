"""The links in the middle: the document, whose it is, its keys, and the time."""

from dataclasses import replace

import pytest

from glassgate.oidc.doctor import documents
from glassgate.oidc.doctor.findings import of_fault
from glassgate.oidc.errors import ProviderUnavailable, Reason, SignInError
from oidc.doctor.cases import DISCOVERY, aadsts, case, documented, generic_world, is_broken, one, states
from oidc.scripted import (
    AUTHORITY,
    ENTRA,
    ENTRA_ISSUER,
    GENERIC,
    ISSUER,
    OTHER_TENANT,
    RSA_KEY,
    TENANT,
    WEAK_RSA_KEY,
    answer,
    entra_document,
    jwk,
)


def tried(step, found):
    """What a step finds, as the walk has it: a refusal that it raises is a finding too."""
    try:
        return list(step(found))
    except SignInError as fault:
        return [of_fault(fault, found.place)]


def test_the_document_is_there():
    found = case()
    assert one(documents.discovery(found)).seen.endswith(f"/{TENANT}/v2.0/.well-known/openid-configuration")
    assert found.document["issuer"] == ENTRA_ISSUER


MISSING = [
    (
        "a tenant that nobody knows",
        aadsts(90002, "invalid_tenant"),
        "AADSTS90002: This gate asks for an unknown",
        "`tenant`",
    ),
    ("no such page", answer(b"Not found", 404), f"{DISCOVERY} is not there (status 404)", "See `authority`"),
    ("another status", answer(b"", 403), "expected status 200, got 403 (discovery_malformed)", "own address"),
    (
        "something else that refuses",
        answer({"error": "unauthenticated", "message": "Sign in first."}, 401),
        f"{DISCOVERY} is refused: unauthenticated",
        "See that `authority` in config.yaml is the provider's own address",
    ),
    ("down", answer(b"", 503), "status 503 (provider_unavailable)", "Try again in a minute"),
    ("a page in HTML", answer(b"<html>", 200), "expected a JSON object", "`authority` in config.yaml"),
    ("away", ProviderUnavailable(Reason.TIMEOUT, "GET x: no whole answer"), "no whole answer", "Try again"),
]


@pytest.mark.parametrize(("said", "seen", "mend"), [row[1:] for row in MISSING], ids=[row[0] for row in MISSING])
def test_a_document_that_is_not_there(said, seen, mend):
    assert is_broken(one(tried(documents.discovery, case(discovery=said))), seen, mend)


def test_whose_document_it_is():
    found = case()
    list(documents.discovery(found))
    assert one(documents.issuer(found)).seen == ENTRA_ISSUER
    assert found.metadata.token_endpoint == f"{AUTHORITY}/token"


def test_that_of_organizations_stands_for_any_tenant():
    provider = replace(ENTRA, tenant="organizations", allowed_tenants=(TENANT,))
    there = DISCOVERY.replace(TENANT, "organizations")
    found = case(provider, also={there: entra_document() | {"issuer": f"{AUTHORITY}/{{tenantid}}/v2.0"}})
    list(documents.discovery(found))
    assert "which stands for any tenant" in one(documents.issuer(found)).seen


OTHERS = [
    (
        "another tenant's",
        entra_document() | {"issuer": f"{AUTHORITY}/{OTHER_TENANT}/v2.0"},
        "discovery_issuer",
        "`tenant`",
    ),
    (
        "another authority's",
        entra_document() | {"issuer": "https://evil.example/v2.0"},
        "discovery_issuer",
        "`authority`",
    ),
    ("nobody's", entra_document() | {"issuer": None}, "expected an issuer, got None", "own address"),
    ("one without keys", entra_document(jwks_uri=None), "expected jwks_uri to be an address", "own address"),
    ("one in plain http", entra_document(token_endpoint="http://a.example/"), "to be https", "tell the provider"),
]


@pytest.mark.parametrize(("said", "seen", "mend"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS])
def test_a_document_of_somebody_else_is_broken(said, seen, mend):
    found = case(discovery=said)
    list(documents.discovery(found))
    assert is_broken(one(tried(documents.issuer, found)), seen, mend)


def test_keys_that_fit_are_counted_and_the_others_named():
    weak = jwk(WEAK_RSA_KEY, kid="an-old-key-of-theirs")
    found = documented(keys={"keys": [jwk(RSA_KEY, kid="a-new-key-of-theirs", issuer=ENTRA_ISSUER), weak]})
    fit, unfit = documents.keys(found)
    assert fit.seen == "1 fit: a-new-key-…"
    assert str(unfit.state) == "warning"
    assert "'an-old-key-of-theirs' has 1024 bits" in unfit.seen


NO_KEYS = [
    ("weak ones alone", {"keys": [jwk(WEAK_RSA_KEY)]}, "expected keys that can be used, got none", "RSA keys of 2048"),
    ("none", {"keys": []}, "expected keys that can be used", "RSA keys of 2048"),
    ("no list", {"keys": "x"}, "expected a list of keys", "own address"),
    (
        "another tenant's",
        {"keys": [jwk(RSA_KEY, issuer=f"{AUTHORITY}/{OTHER_TENANT}/v2.0")]},
        "none of the 1",
        "`tenant`",
    ),
    ("down", answer(b"", 500), "status 500", "Try again"),
]


@pytest.mark.parametrize(("said", "seen", "mend"), [row[1:] for row in NO_KEYS], ids=[row[0] for row in NO_KEYS])
def test_no_key_to_check_tokens_with_is_broken(said, seen, mend):
    assert is_broken(one(tried(documents.keys, documented(keys=said))), seen, mend)


def test_a_key_for_any_tenant_is_for_this_one_too():
    found = documented(keys={"keys": [jwk(RSA_KEY, issuer=f"{AUTHORITY}/{{tenantid}}/v2.0")]})
    assert states(documents.keys(found)) == ["ok"]


def test_another_providers_keys_need_no_issuer():
    found = documented(GENERIC, generic_world())
    assert found.metadata.issuer == ISSUER
    assert states(documents.keys(found)) == ["ok"]


CLOCKS = [
    ("to the second", [0.5, 0.9], "ok", "agree to the second", ""),
    ("some seconds", [12.0], "ok", "12 s behind the provider", ""),
    ("half a minute", [-45.0], "warning", "45 s ahead of the provider; `clock_skew` allows 60 s", "timedatectl"),
    ("too far behind", [95.0], "broken", "95 s behind the provider, and `clock_skew` allows 60 s", "timedatectl"),
    ("too far ahead", [-95.0], "broken", "what the gate signs is not valid there yet", "NTP"),
    ("one answer that is odd", [0.5, 0.5, 3600.0], "ok", "agree to the second", ""),
    ("not said", [], "not tried", "its answers bear no Date", "by eye"),
]


@pytest.mark.parametrize(
    ("ahead", "state", "seen", "mend"), [row[1:] for row in CLOCKS], ids=[row[0] for row in CLOCKS]
)
def test_the_clocks(ahead, state, seen, mend):
    found = case()
    found.ahead = ahead
    finding = one(documents.clock(found))
    assert str(finding.state) == state
    assert seen in finding.seen
    assert mend in finding.mend


def test_what_is_allowed_is_what_is_configured():
    found = case(replace(ENTRA, clock_skew=300))
    found.ahead = [95.0]
    assert states(documents.clock(found)) == ["warning"]
