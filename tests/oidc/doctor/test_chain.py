"""The whole chain: in which order it is walked, where the walk ends, and what it never tells."""

from dataclasses import replace
from pathlib import Path

import pytest

from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.doctor.chain import walk
from glassgate.oidc.doctor.findings import State
from oidc.doctor.cases import GRAPHED, LOGIN_REQUIRED, OURS, aadsts, back, case, generic_world, kept, shown
from oidc.scripted import ENTRA, GENERIC, NOW, SECRET, TENANT, answer, entra_document

ENTRAS = [
    "configuration", "DNS", "TCP", "TLS", "discovery", "issuer", "keys", "clock", "credential", "redirect URI",
    "addresses",
]  # fmt: skip
BOTH = [LOGIN_REQUIRED, back(OURS.signed_out, error="login_required")]


def walked(provider=ENTRA, given=None, **more):
    """(name, states) of each link."""
    links = walk(case(provider, given, **{"authorize": list(BOTH)} | more))
    return [(link.name, [str(finding.state) for finding in link.findings]) for link in links]


def test_entras_chain_in_its_order():
    assert walked() == [(name, ["by eye" if name == "addresses" else "ok"]) for name in ENTRAS[:-2]] + [
        ("redirect URI", ["ok", "ok"]),
        ("addresses", ["by eye"]),
    ]


def test_with_graph_two_links_more():
    names = [name for name, _ in walked(GRAPHED)]
    assert names == [*ENTRAS[:-1], "Graph", "groups", "addresses"]


def test_with_several_tenants_one_link_more():
    provider = replace(ENTRA, tenant="organizations", allowed_tenants=(TENANT,))
    names = [name for name, _ in walked(provider, connect=ConnectionRefusedError(111, "Connection refused"))]
    assert names == [*ENTRAS[:9], "tenants", *ENTRAS[9:]]


def test_another_providers_chain():
    found = walked(GENERIC, generic_world())
    assert [name for name, _ in found] == ENTRAS
    assert dict(found)["credential"] == ["not tried"], "it has no tokens for the gate itself"
    assert dict(found)["redirect URI"] == ["ok"]


BROKEN = [
    ("configuration", {"provider": replace(ENTRA, ca=Path("/gone.pem"))}),
    ("DNS", {"resolve": OSError(-2, "Name or service not known")}),
    ("TCP", {"connect": ConnectionRefusedError(111, "Connection refused")}),
    ("TLS", {"handshake": shown("login.localhost", (18, "self-signed certificate"))}),
    ("discovery", {"discovery": aadsts(90002, "invalid_tenant")}),
    ("issuer", {"discovery": entra_document() | {"issuer": "https://login.localhost:8443/other/v2.0"}}),
    ("keys", {"keys": {"keys": []}}),
    ("clock", {"clock": lambda: NOW + 300}),
    ("credential", {"token": aadsts(7000215, "invalid_client", 401)}),
    ("redirect URI", {"authorize": answer(b"AADSTS50011: The redirect URI", 400)}),
    ("Graph", {"provider": GRAPHED, "groups": answer(b"", 500)}),
    ("groups", {"provider": GRAPHED, "borrow": kept(), "token": aadsts(65001, "invalid_grant")}),
]


def without_provider(more):
    return {name: value for name, value in more.items() if name != "provider"}


@pytest.mark.parametrize(("name", "more"), BROKEN, ids=[row[0] for row in BROKEN])
def test_the_walk_ends_at_the_first_broken_link(name, more):
    found = walked(more.get("provider", ENTRA), **without_provider(more))
    names = [each for each, _ in found]
    place = names.index(name)
    before = [state for _, states in found[:place] for state in states]
    assert set(before) <= {"ok", "warning"}
    assert "broken" in found[place][1]
    assert [states for _, states in found[place + 1 : -1]] == [["not tried"]] * (len(found) - place - 2)
    assert found[-1] == ("addresses", ["by eye"]), "that hangs on nothing"


def test_one_credential_that_is_taken_is_enough_to_go_on():
    provider = replace(ENTRA, credentials=(ClientSecret("old"), ClientSecret("new")))
    found = walked(provider, token=[aadsts(7000222, "invalid_client", 401), {"access_token": "x"}])
    assert dict(found)["credential"] == ["broken", "ok"]
    assert dict(found)["redirect URI"] == ["ok", "ok"]


@pytest.mark.parametrize("more", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_no_secret_and_no_token_is_ever_told(more):
    told = str([link.findings for link in walk(case(more.get("provider", ENTRA), **without_provider(more)))])
    for secret in (SECRET, "the-refresh-token", "the-access-token", "opaque"):
        assert secret not in told


def test_every_finding_that_asks_for_something_says_what():
    for _, more in BROKEN:
        for link in walk(case(more.get("provider", ENTRA), **without_provider(more))):
            for finding in link.findings:
                assert finding.mend or finding.state not in (State.BROKEN, State.WARNING, State.BY_EYE)
