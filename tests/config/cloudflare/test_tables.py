"""The tables of the import: each row makes what its selector takes, and names what it lacks."""

import pytest

from glassgate.access.selectors import BY_NAME
from glassgate.config.cloudflare.reading import Foreign, Thing
from glassgate.config.cloudflare.tables import MADE, SETTINGS, Known, UntakenError, entra, line, oidc
from glassgate.config.schema import App

VALUES = {
    "email": "a@x.example", "domain": "x.example", "ip": "::1", "country_code": "SE", "id": "g1", "ac_id": "c1",
    "auth_method": "mfa", "claim_name": "d", "claim_value": "v", "common_name": "cn", "token_id": "t1",
    "evaluate_url": "https://e", "keys_url": "https://k", "app_uid": "a1", "identity_provider_id": "i1",
}  # fmt: skip


def known(*providers):
    found = Foreign(apps=[Thing("f", {"id": "a1", "name": "wiki"})], tokens=[Thing("f", {"id": "t1", "name": "ci"})])
    ids = {f"i{number}": str(one["id"]) for number, one in enumerate(providers, 1)} | {"g1": "one"}
    return Known(found, group_names={"g1": "staff"}, providers=list(providers), provider_ids=ids)


ONE = known(entra("one", {}))
TWO = known(entra("one", {}), oidc("two", {}))


@pytest.mark.parametrize("theirs", MADE)
def test_each_rule_is_one_of_a_selector_of_ours(theirs):
    for have in (ONE, TWO):
        ((ours, value),) = MADE[theirs](have, VALUES).items()
        assert ours in BY_NAME
        assert value is not None


TOLD = [
    ("group", ONE, {"group": "staff"}),
    ("azureAD", ONE, {"entra_group": "g1"}),
    ("azureAD", TWO, {"entra_group": {"id": "g1", "provider": "one"}}),
    ("oidc", ONE, {"oidc_claim": {"name": "d", "value": "v"}}),
    ("service_token", ONE, {"service_token": "ci"}),
    ("linked_app_token", ONE, {"linked_app_token": "wiki"}),
    ("everyone", ONE, {"everyone": {}}),
]


@pytest.mark.parametrize(("theirs", "have", "rule"), TOLD)
def test_what_a_rule_becomes(theirs, have, rule):
    assert MADE[theirs](have, VALUES) == rule


@pytest.mark.parametrize(
    ("theirs", "value"),
    [("group", {"id": "gone"}), ("linked_app_token", {"app_uid": "gone"}),
     ("azureAD", {"id": "g", "identity_provider_id": "gone"})],
)  # fmt: skip
def test_what_names_something_that_is_not_here_is_not_taken(theirs, value):
    have = TWO
    have.found.providers.append(Thing("f", {"id": "i1"}))
    with pytest.raises(UntakenError, match="not here"):
        MADE[theirs](have, value)


def test_an_app_that_cannot_be_told_from_another_is_not_linked():
    have = known(entra("one", {}))
    have.found.apps.append(Thing("f", {"id": "a2", "name": "wiki\n"}))
    for app in ("a1", "a2"):
        with pytest.raises(UntakenError, match="another app has the name"):
            MADE["linked_app_token"](have, {"app_uid": app})


def test_each_setting_is_a_key_of_an_app_or_is_told_as_none():
    assert {ours for ours, _, _ in SETTINGS.values()} - {""} <= set(App.model_fields)


def test_a_name_is_one_line():
    assert (line("  Staff\n(all)\t"), line("\n"), len(line("x" * 99))) == ("Staff (all)", "unnamed", 60)
    assert line("$${SECRET}") == "$$ {SECRET}"


def test_a_provider_says_what_its_own_configuration_does():
    assert entra("e", {"directory_id": "d1", "client_id": "c1"})["tenant"] == "d1"
    assert oidc("o", {"auth_url": "https://id.example.org/authorize?x=1"})["issuer"] == "https://id.example.org"
