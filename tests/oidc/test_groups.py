"""A user's groups: from the token, or from Graph where it holds none; unknown wherever they could not be read."""

import json
from dataclasses import replace

import pytest

from glassgate.oidc.errors import ProviderUnavailable, Reason
from glassgate.oidc.graph import CHECK, MEMBER_OF
from glassgate.oidc.provider import GroupsFrom
from oidc.scripted import (
    AUTHORITY,
    ENTRA,
    GENERIC,
    answer,
    entra_claims,
    entra_document,
    entra_script,
    generic_claims,
    generic_script,
    sign,
    signed_in,
)

GRAPH = "https://graph.localhost:8443"
ALL, SOME = GRAPH + MEMBER_OF, GRAPH + CHECK
TOKEN_NAMED = "https://graph.windows.net/tenant/users/oid/getMemberObjects"
FROM_GRAPH = replace(ENTRA, groups_from=GroupsFrom.GRAPH, graph=GRAPH)
CHECKED = replace(ENTRA, groups_from=GroupsFrom.CHECK, graph=GRAPH, named_groups=("g1", "g2"))
OVERAGE = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": TOKEN_NAMED, "access_token": "theirs"}},
}


def script_of(claims, **answers):
    return entra_script(sign(entra_claims(**claims)), **answers)


def with_graph(claims, said, **answers):
    script = script_of(claims, **answers)
    script.answers |= {ALL: said, SOME: said}
    return script


@pytest.mark.parametrize(
    "claims", [OVERAGE, {"hasgroups": True}, {"hasgroups": "true"}, OVERAGE | {"groups": ["g1"]}], ids=repr
)
def test_too_many_groups_for_a_token_are_unknown_and_not_none(claims):
    """What could not be read counts against the visitor, also where it would only have excluded them."""
    script = script_of(claims)
    assert signed_in(ENTRA, script).identity.groups is None
    assert {call.url.partition("?")[0].rpartition("/")[2] for call in script.calls} == {
        "openid-configuration", "token", "keys",
    }  # fmt: skip


def test_no_groups_in_a_token_are_no_groups_where_it_would_have_them():
    assert signed_in(ENTRA, script_of({})).identity.groups == frozenset()


@pytest.mark.parametrize(
    "claims",
    [{}, OVERAGE, {"hasgroups": True}, OVERAGE | {"groups": ["g9"]}, {"hasgroups": True, "groups": []}],
    ids=repr,
)
@pytest.mark.parametrize(
    ("provider", "said"),
    [(FROM_GRAPH, {"value": [{"id": "g1"}, {"id": "G3"}]}), (CHECKED, {"value": ["g1", "G3"]})],
    ids=["all", "some"],
)
def test_graph_is_asked_where_the_token_does_not_have_them_all(provider, said, claims):
    script = with_graph(claims, said)
    got = signed_in(provider, script)
    assert got.identity.groups == ({"g1", "g3"} if provider is FROM_GRAPH else {"g1"})
    assert got.amiss == ()
    asked = script.calls[-1]
    assert asked.url == (ALL if provider is FROM_GRAPH else SOME)
    assert ("Authorization", "Bearer opaque") in asked.headers
    assert all(call.url.startswith((AUTHORITY, GRAPH)) for call in script.calls)


@pytest.mark.parametrize("provider", [FROM_GRAPH, CHECKED], ids=["all", "some"])
@pytest.mark.parametrize("groups", [["g1", "g9"], []], ids=["some", "none"])
def test_a_list_in_the_token_is_whole(provider, groups):
    script = script_of({"groups": groups})
    assert signed_in(provider, script).identity.groups == frozenset(groups)
    assert all(call.url.startswith(AUTHORITY) for call in script.calls)


def test_only_the_groups_that_policies_name_are_asked_for():
    script = with_graph({}, {"value": []})
    assert signed_in(CHECKED, script).identity.groups == frozenset()
    assert json.loads(script.calls[-1].body) == {"groupIds": ["g1", "g2"]}


def test_where_policies_name_none_nobody_is_asked():
    script = script_of({})
    identity = signed_in(replace(CHECKED, named_groups=()), script).identity
    assert (identity.groups, identity.groups_asked) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("provider", "claims", "asked"),
    [(FROM_GRAPH, {}, None), (CHECKED, {}, {"g1", "g2"}), (CHECKED, {"groups": ["g9"]}, None), (ENTRA, {}, None)],
    ids=["all", "some", "a list in the token", "the token alone"],
)
def test_which_groups_were_asked_about_is_kept(provider, claims, asked):
    script = with_graph(claims, {"value": ["g1"]})
    assert signed_in(provider, script).identity.groups_asked == asked


@pytest.mark.parametrize("provider", [FROM_GRAPH, CHECKED], ids=["all", "some"])
@pytest.mark.parametrize(
    ("said", "amiss"),
    [
        (answer({"error": {"code": "Authorization_RequestDenied"}}, 403), "groups_unknown: "),
        (answer(b"", 429, Retry_After="60"), "groups_unknown: "),
        (answer(b"", 500), "groups_unknown: "),
        (ProviderUnavailable(Reason.TIMEOUT, "no answer"), "timeout: "),
        (answer(b"<html>"), "groups_unknown: "),
        (answer({"value": None}), "groups_unknown: "),
    ],
    ids=["403", "429", "500", "away", "HTML", "null"],
)
def test_a_graph_that_fails_costs_no_sign_in_but_leaves_groups_unknown(provider, said, amiss):
    got = signed_in(provider, with_graph({}, said))
    assert got.identity.groups is None
    assert got.identity.subject == entra_claims()["oid"]
    (told,) = got.amiss
    assert told.startswith(amiss)
    assert "opaque" not in told


def test_half_of_the_pages_is_not_the_groups():
    script = with_graph({}, {"value": [{"id": "g1"}], "@odata.nextLink": f"{GRAPH}/2"})
    script.answers[f"{GRAPH}/2"] = answer(b"", 500)
    got = signed_in(FROM_GRAPH, script)
    assert (got.identity.groups, len(got.amiss)) == (None, 1)


@pytest.mark.parametrize("provider", [FROM_GRAPH, CHECKED], ids=["all", "some"])
@pytest.mark.parametrize("claims", [{}, OVERAGE], ids=["no groups", "overage"])
def test_without_a_token_for_graph_groups_are_unknown(provider, claims):
    token = {"token_type": "Bearer", "id_token": sign(entra_claims(**claims))}
    got = signed_in(provider, script_of({}, token=token))
    assert got.identity.groups is None
    assert got.amiss[0].startswith("groups_unknown: ")


@pytest.mark.parametrize("provider", [FROM_GRAPH, CHECKED], ids=["all", "some"])
def test_without_an_address_of_graph_groups_are_unknown(provider):
    got = signed_in(replace(provider, graph=None), script_of({}))
    assert got.identity.groups is None
    assert got.amiss[0].startswith("groups_unknown: ")


def test_graph_is_where_the_document_says():
    """Sovereign clouds: their tokens go to their own Graph, never to the public one."""
    script = script_of({}, discovery=entra_document(msgraph_host="graph.microsoft.us"))
    script.answers["https://graph.microsoft.us" + MEMBER_OF] = {"value": [{"id": "g1"}]}
    assert signed_in(replace(FROM_GRAPH, graph=None), script).identity.groups == {"g1"}


def test_what_is_configured_wins_over_the_document():
    script = with_graph({}, {"value": []}, discovery=entra_document(msgraph_host="graph.microsoft.us"))
    assert signed_in(FROM_GRAPH, script).identity.groups == frozenset()


def test_a_page_elsewhere_is_not_fetched():
    script = with_graph({}, {"value": [{"id": "g1"}], "@odata.nextLink": "https://evil.example/2"})
    got = signed_in(FROM_GRAPH, script)
    assert (got.identity.groups, got.amiss[0].partition(":")[0]) == (None, "graph_link")


def test_a_busy_graph_is_waited_for():
    script = with_graph({}, [answer(b"", 429, Retry_After="2"), {"value": [{"id": "g1"}]}])
    assert signed_in(FROM_GRAPH, script).identity.groups == {"g1"}
    assert script.waits == [2]


def test_an_openid_providers_users_are_in_no_graph():
    provider = replace(GENERIC, groups_from=GroupsFrom.GRAPH, graph=GRAPH)
    script = generic_script(sign(generic_claims()))
    assert signed_in(provider, script).identity.groups == frozenset()
    assert all(call.url.startswith("https://op.example/") for call in script.calls)
