import pytest

from glassgate.oidc.discovery import Discovery, max_age
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason
from glassgate.oidc.relying_party import WAYS
from oidc.scripted import (
    AUTHORITY,
    ENTRA,
    ENTRA_ISSUER,
    GENERIC,
    ISSUER,
    NOW,
    TENANT,
    answer,
    document,
    entra_document,
    entra_script,
    generic_script,
    refused,
)

ADDRESS = f"{ISSUER}/.well-known/openid-configuration"
AWAY = ProviderUnavailable(Reason.TIMEOUT, "no answer")


def found(provider, script):
    return Discovery(provider, WAYS[provider.type], script)


def test_documents_are_found():
    assert found(GENERIC, generic_script()).metadata(NOW).issuer == ISSUER
    assert found(ENTRA, entra_script()).metadata(NOW).issuer == ENTRA_ISSUER


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(b"<html>"), "discovery_malformed"),
        (answer(b""), "discovery_malformed"),
        (answer([]), "discovery_malformed"),
        (answer({}), "discovery_malformed"),
        (answer(document(issuer=7)), "discovery_malformed"),
        (answer(b'{"issuer": "a", "issuer": "b"}'), "json_duplicate"),
        (answer({}, 302, Location="https://evil.example"), "discovery_malformed"),
        (answer(b"", 404), "discovery_malformed"),
        (answer(b"", 503), "provider_unavailable"),
        (answer(document(ISSUER + "/")), "discovery_issuer"),
        (answer(document("https://evil.example")), "discovery_issuer"),
        (answer(document(token_endpoint="http://op.example/token")), "discovery_endpoint"),
        (AWAY, "timeout"),
    ],
)
def test_what_is_no_document_of_this_provider(said, reason):
    assert refused(found(GENERIC, generic_script(discovery=said)).metadata, NOW) == reason


def test_entra_says_that_it_knows_no_such_tenant():
    said = answer({"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."}, 400)
    with pytest.raises(ProviderRefused) as caught:
        found(ENTRA, entra_script(discovery=said)).metadata(NOW)
    assert caught.value.code == "AADSTS90002"


def test_nothing_is_asked_before_it_is_needed_and_then_once():
    script = generic_script()
    discovery = found(GENERIC, script)
    assert script.calls == []
    for after in (0, 1, 86_000):
        discovery.metadata(NOW + after)
    assert script.count(ADDRESS) == 1
    discovery.metadata(NOW + 86_400)
    assert script.count(ADDRESS) == 2


def test_an_outage_is_outlived_for_two_days_from_the_last_contact():
    script = generic_script(discovery=[answer(document(), Cache_Control="max-age=600"), AWAY])
    discovery = found(GENERIC, script)
    assert discovery.metadata(NOW).issuer == discovery.metadata(NOW + 172_799).issuer == ISSUER
    assert refused(discovery.metadata, NOW + 172_800) == "timeout"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("max-age=3600", 3600), ("public, max-age=600, must-revalidate", 600), ("max-age=0", 300), ("no-store", 86_400),
     ("max-age=99999999", 86_400), ("", 86_400), ("max-age=x", 86_400)],
)  # fmt: skip
def test_how_long_it_is_fresh(said, seconds):
    assert max_age(answer({}, Cache_Control=said)) == seconds


def test_the_tenants_document_is_asked_for_by_name():
    script = entra_script(discovery=entra_document())
    found(ENTRA, script).metadata(NOW)
    assert script.calls[0].url == f"{AUTHORITY}/{TENANT}/v2.0/.well-known/openid-configuration"
