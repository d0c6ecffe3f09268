"""The application that Entra has to know: all of it follows from the configuration."""

import json

import pytest

from cli.program import DEPLOYED, GROUP
from glassgate.cli.entra_application import DEFAULT_ACCESS, OPEN, PERMISSIONS, addresses, application, as_text
from glassgate.config.load import load

TENANTS = "tenant: organizations\n    allowed_tenants: [8f0c7d52-0000-4000-8000-000000000000]"
OTHER = "  - {id: other, type: entra, tenant: a.example, client_id: x, client_secret: y}"
TEAM = "https://access.example.com/cdn-cgi/access"


def settings(folder, *edits):
    """A deployment's settings, `edits` being (old, new) in its file."""
    text = DEPLOYED.replace("team: team.localhost:PORT", "team: access.example.com").replace("PORT", "8443")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "config.yaml").write_text(text)
    return load(folder / "config.yaml", {"CLIENT_SECRET": "x"})


def app(folder, *edits):
    found = settings(folder, *edits)
    return application(found, found.providers[0])


def of_provider(more):
    """An edit that adds keys to the provider."""
    return ("client_id: the-client", f"client_id: the-client\n    {more}")


def of_policy(rules):
    """An edit that gives the policy other rules."""
    return (f"include: [{{entra_group: {GROUP}}}]", rules)


def test_the_addresses_are_those_of_the_team(tmp_path):
    found = app(tmp_path)
    assert found.redirect_uris == (f"{TEAM}/callback", f"{TEAM}/logout")
    assert found.ours.ended == f"{TEAM}/frontchannel-logout/entra"
    assert found.name == "glassgate (access.example.com)"


def test_another_kind_of_provider_tells_of_a_sessions_end_elsewhere(tmp_path):
    found = settings(
        tmp_path, ("type: entra", "type: oidc"), ("tenant: contoso.example", "issuer: https://op.example"),
        of_policy("include: [{everyone: {}}]"),
    )  # fmt: skip
    assert addresses(found, found.providers[0]).ended == f"{TEAM}/backchannel-logout/entra"


LEFT_OPEN = [
    ("the client id", ("client_id: the-client", f"client_id: {OPEN}"), ("CLIENT-ID", "contoso.example")),
    ("the tenant", ("tenant: contoso.example", f"tenant: {OPEN}"), ("the-client", "TENANT")),
]


@pytest.mark.parametrize(("edit", "said"), [row[1:] for row in LEFT_OPEN], ids=[row[0] for row in LEFT_OPEN])
def test_what_is_not_known_yet_stands_there_in_words(tmp_path, edit, said):
    found = app(tmp_path, edit)
    assert (found.client_id, found.tenant) == said


def test_the_trial_is_of_this_very_file(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    assert app(folder).trial == f"./run.sh entra doctor -c '{folder}/config.yaml'"


GROUPS = [
    ("none named", of_policy("include: [{everyone: {}}]"), None),
    ("from the token", ("audit:", "audit:"), "ApplicationGroup"),
    ("from Graph", of_provider("groups_from: graph"), "SecurityGroup"),
    ("just those named, from Graph", of_provider("groups_from: check"), "SecurityGroup"),
]


@pytest.mark.parametrize(("edit", "claim"), [row[1:] for row in GROUPS], ids=[row[0] for row in GROUPS])
def test_which_groups_stand_in_tokens(tmp_path, edit, claim):
    found = app(tmp_path, edit)
    assert found.groups_claim == claim
    assert found.body().get("groupMembershipClaims") == claim
    assert found.assigns_groups is (claim == "ApplicationGroup")


CLAIMS = [
    ("always", [of_provider("email_domains: [a.example]")], ["email", "login_hint", "sid"]),
    ("no domain is listed", [], ["email", "login_hint", "sid", "xms_edov"]),
    (
        "asked again",
        [of_provider("recheck: 1h\n    email_domains: [a.example]")],
        ["email", "login_hint", "sid", "auth_time"],
    ),
    (
        "a context",
        [of_provider("email_domains: [a.example]"), of_policy("include: [{entra_auth_context: c3}]")],
        ["email", "login_hint", "sid", "acrs"],
    ),
]


@pytest.mark.parametrize(("edits", "claims"), [row[1:] for row in CLAIMS], ids=[row[0] for row in CLAIMS])
def test_which_optional_claims_are_needed(tmp_path, edits, claims):
    body = app(tmp_path, *edits).body()
    assert [one["name"] for one in body["optionalClaims"]["idToken"]] == claims


ASKED = [
    ("as configured", [], ["openid", "profile", "email"]),
    ("asked again", [of_provider("recheck: 1h")], ["openid", "profile", "email", "offline_access"]),
    ("groups from Graph", [of_provider("groups_from: check")], ["openid", "profile", "email", "User.Read"]),
    (
        "both, and it was listed",
        [
            of_provider(
                "scopes: [openid, https://graph.microsoft.com/User.Read]\n    groups_from: graph\n    recheck: 1h"
            )
        ],
        ["openid", "User.Read", "offline_access"],
    ),
]


@pytest.mark.parametrize(("edits", "names"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_which_permissions_are_asked_for(tmp_path, edits, names):
    found = app(tmp_path, *edits)
    assert list(found.permissions) == names
    (resource,) = found.body()["requiredResourceAccess"]
    assert [one["id"] for one in resource["resourceAccess"]] == [PERMISSIONS[name] for name in names]
    assert {one["type"] for one in resource["resourceAccess"]} == {"Scope"}


def test_scopes_that_have_no_id_here_are_told(tmp_path):
    found = app(tmp_path, of_provider("scopes: [openid, profile, api://other/Read]"))
    assert found.further_scopes == ("api://other/Read",)


def test_the_roles_that_policies_name_are_declared_with_ids_that_stay(tmp_path):
    edit = of_policy("include: [{entra_role: Wiki.Writer}, {entra_role: Admin}]")
    first, second = app(tmp_path, edit), app(tmp_path, edit)
    assert [role["value"] for role in first.body()["appRoles"]] == ["Admin", "Wiki.Writer"]
    assert first.roles == second.roles
    assert first.group_role == DEFAULT_ACCESS


def test_groups_beside_roles_are_assigned_by_a_role_that_is_none(tmp_path):
    """An application that declares roles has no default one, and a real one would mean something to policies."""
    found = app(tmp_path, of_policy(f"include: [{{entra_role: Admin}}, {{entra_group: {GROUP}}}]"))
    assert [role.value for role in found.roles] == ["Admin", None]
    assert found.group_role == found.roles[1].id
    assert [role.name for role in found.named_roles] == ["Admin"]


def test_the_contexts_are_those_of_policies_and_of_mfa(tmp_path):
    found = app(
        tmp_path, of_provider("mfa_context: c10"),
        of_policy("include: [{entra_auth_context: c2}, {entra_auth_context: c25}]"),
    )  # fmt: skip
    assert found.contexts == ("c2", "c10", "c25")


def test_policies_of_apps_that_do_not_use_the_provider_count_for_nothing(tmp_path):
    found = settings(
        tmp_path,
        ("  - id: entra", f"{OTHER}\n  - id: entra"),
        ("    domain: wiki.localhost", "    domain: wiki.localhost\n    identity_providers: [entra]"),
        of_policy("include: [{entra_role: {provider: entra, role: Admin}}]"),
    )  # fmt: skip
    other, entra = (application(found, provider) for provider in found.providers)
    assert (other.roles, [role.name for role in entra.roles]) == ((), ["Admin"])


ASSIGNED = [
    ("a group", "include: [{entra_group: GROUP}]", True),
    ("a role", "include: [{entra_role: Admin}]", True),
    ("a group, or an address", "include: [{entra_group: GROUP}, {email: a@b.example}]", False),
    ("everybody who is in a group", "include: [{everyone: {}}], require: [{entra_group: GROUP}]", True),
    ("everybody but a group", "include: [{everyone: {}}], exclude: [{entra_group: GROUP}]", False),
]


@pytest.mark.parametrize(("rules", "assigned"), [row[1:] for row in ASSIGNED], ids=[row[0] for row in ASSIGNED])
def test_whether_only_who_is_assigned_gets_anywhere(tmp_path, rules, assigned):
    assert app(tmp_path, of_policy(rules.replace("GROUP", GROUP))).assigned_only is assigned


ELSEWHERE = [
    ("groups that Graph tells", "groups_from: graph", "include: [{entra_group: GROUP}]", False),
    ("a role, with groups that Graph tells", "groups_from: check", "include: [{entra_role: Admin}]", True),
]


@pytest.mark.parametrize(
    ("more", "rules", "assigned"), [row[1:] for row in ELSEWHERE], ids=[row[0] for row in ELSEWHERE]
)
def test_groups_that_need_not_be_assigned_are_no_reason_to_require_it(tmp_path, more, rules, assigned):
    """Members of a group in such a group would be locked out."""
    found = app(tmp_path, of_provider(more), of_policy(rules.replace("GROUP", GROUP)))
    assert found.assigned_only is assigned
    assert not found.assigns_groups


def test_a_rule_group_counts_as_what_is_in_it(tmp_path):
    named = ("apps:", f"groups:\n  staff: {{include: [{{entra_group: {GROUP}}}]}}\napps:")
    assert app(tmp_path, of_policy("include: [{group: staff}]"), named).assigned_only


def test_several_tenants(tmp_path):
    there = "tenant: 8f0c7d52-0000-4000-8000-000000000000"
    rules = f"include: [{{entra_group: {{id: {GROUP}, {there}}}}}]"
    found = app(tmp_path, of_policy(rules), ("tenant: contoso.example", TENANTS))
    assert (found.audience, found.several_tenants) == ("AzureADMultipleOrgs", True)
    assert (found.groups_claim, found.assigns_groups, found.assigned_only) == ("SecurityGroup", False, False)
    assert app(tmp_path).audience == "AzureADMyOrg"


CLOUDS = [
    ("https://login.microsoftonline.com", "AzureCloud", "https://graph.microsoft.com"),
    ("https://login.microsoftonline.us", "AzureUSGovernment", "https://graph.microsoft.us"),
    ("https://login.partner.microsoftonline.cn", "AzureChinaCloud", "https://microsoftgraph.chinacloudapi.cn"),
    ("https://login.localhost:8443", "AzureCloud", "https://graph.microsoft.com"),
]


@pytest.mark.parametrize(("authority", "name", "graph"), CLOUDS, ids=[row[1] for row in CLOUDS[:3]] + ["unknown"])
def test_the_cloud_is_that_of_the_authority(tmp_path, authority, name, graph):
    cloud = app(tmp_path, of_provider(f"authority: {authority}")).cloud
    assert (cloud.name, cloud.graph) == (name, graph)


VALUES = [{}, [], {"a": []}, {"a": [1, 2], "b": {"c": "d" * 200}}, [{"x": ["y" * 60, "z" * 60]}, None, True, "ä\n"]]


@pytest.mark.parametrize("value", VALUES)
def test_json_stands_on_a_line_where_it_fits_and_says_the_same(value):
    text = as_text(value)
    assert json.loads(text) == value
    assert ("\n" in text) is (len(json.dumps(value)) > 100)
