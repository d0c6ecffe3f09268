"""What comes of an import: good configuration, and never a door that is wider than it was."""

import os

import pytest
import yaml

from config.files import SECRET, TENANT
from glassgate.access.explain import PARTS
from glassgate.config.cloudflare.reading import Foreign, read
from glassgate.config.cloudflare.taking import convert, covers
from glassgate.config.load import load
from glassgate.config.safety import warnings

G = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01"
IDP = {"id": "i1", "name": "Contoso", "type": "azureAD", "config": {"client_id": "c", "directory_id": TENANT}}
AUD = "ab" * 32
EMAIL, DOMAIN = {"email": {"email": "alice@contoso.example"}}, {"email_domain": {"domain": "contoso.example"}}
GITHUB = {"github-organization": {"name": "contoso", "identity_provider_id": "i9"}}


def app(*policies, **more):
    return {
        "id": "a1", "aud": AUD, "name": "wiki", "domain": "wiki.example.com", "type": "self_hosted",
        "policies": list(policies), **more,
    }  # fmt: skip


def policy(name="staff", decision="allow", **parts):
    return {"id": name, "name": name, "decision": decision, "include": [DOMAIN], "exclude": [], "require": []} | parts


def taken(*things):
    found = Foreign()
    read([IDP, *things], "f", found)
    return convert(found)


def policies(imported):
    return [[one["name"] for one in app["policies"]] for app in imported.tree["apps"]]


def loaded(tmp_path, imported):
    tree = {
        "team": "team.example.com", "listen": "127.0.0.1:8443", "identity_providers": imported.providers,
        "audit": {"file": "audit.jsonl"}, **imported.tree,
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return load(path, {**os.environ, "CLIENT_SECRET": SECRET})


def test_what_is_taken_is_a_good_configuration_whose_origins_check_names(tmp_path):
    imported = taken(
        app(policy(include=[{"azureAD": {"id": G, "identity_provider_id": "i1"}}, {"group": {"id": "g1"}}],
                   exclude=[EMAIL], session_duration="6h"), session_duration="24h"),
        {"id": "g1", "name": "Ops", "include": [EMAIL], "require": [{"auth_method": {"auth_method": "mfa"}}]},
    )  # fmt: skip
    assert imported.left_out == []
    settings = loaded(tmp_path, imported)
    (one,) = settings.apps
    assert (one.name, one.domains, one.aud, one.session_duration) == ("wiki", ("wiki.example.com",), AUD, 86400)
    (made,) = one.policies
    assert [rule.label for rule in made.rules] == [f"entra_group: {G}", "group: Ops", "email: alice@contoso.example"]
    assert made.session_duration == 6 * 3600
    said = [str(warning) for warning in warnings(settings) if "placeholder" in str(warning)]
    assert len(said) == 1
    assert "the origin of `wiki` is a placeholder: nothing will ever answer at wiki.invalid" in said[0]


def test_nothing_of_it_names_a_variable_of_the_gates_environment(tmp_path):
    """A text of the block page, an address or a tag would show a secret to whomever is kept out, or lets in."""
    name = "${CLIENT_SECRET}"
    imported = taken(
        app(policy(name, include=[DOMAIN, {"common_name": {"common_name": name}}]), policy("later", exclude=[EMAIL]),
            name=name, custom_deny_message=name, custom_deny_url=f"https://x.example/{name}", tags=[name])
    )  # fmt: skip
    assert len(imported.left_out) == 4
    assert name not in yaml.safe_dump(imported.tree)
    assert loaded(tmp_path, imported).apps[0].name == "$ {CLIENT_SECRET}"
    assert taken(app(policy(exclude=[{"common_name": {"common_name": name}}]))).tree["apps"] == []


WIDER = [
    ("an include that cannot be taken narrows", [policy(include=[DOMAIN, GITHUB])], [["staff"]]),
    ("the only include", [policy(include=[GITHUB])], []),
    ("a require would be gone", [policy(require=[GITHUB])], []),
    ("an exclude would be gone", [policy(exclude=[GITHUB])], []),
    (
        "a deny that would deny fewer takes what follows with it",
        [policy("first"), policy("d", "deny", include=[DOMAIN, GITHUB]), policy("after")],
        [["first"]],
    ),
    ("a deny that denies more is kept", [policy("d", "deny", exclude=[GITHUB]), policy("after")], [["d", "after"]]),
    ("approval would be gone", [policy(approval_required=True)], []),
    ("a decision nobody knows may have denied", [policy(decision="maybe"), policy("b")], []),
    ("a policy that is not here may have denied", [policy("a"), "p-gone", policy("b")], [["a"]]),
]


@pytest.mark.parametrize(("given", "names"), [row[1:] for row in WIDER], ids=[row[0] for row in WIDER])
def test_nothing_is_wider_than_it_was_and_what_is_gone_is_told(given, names):
    imported = taken(app(*given))
    assert policies(imported) == names
    assert imported.left_out
    assert all(one.where.startswith("f[1]") and one.what for one in imported.left_out)


NARROWED = {"id": "g1", "name": "Ops", "include": [EMAIL, GITHUB]}
IN_GROUP = {"group": {"id": "g1"}}
OF_GROUPS = [
    ("included: fewer come in", policy(include=[IN_GROUP]), [["staff"]]),
    ("required: fewer come in", policy(require=[IN_GROUP]), [["staff"]]),
    ("excluded: more would", policy(exclude=[IN_GROUP]), []),
    ("denied: fewer would be", policy(decision="deny", include=[IN_GROUP]), []),
]


@pytest.mark.parametrize(("given", "names"), [row[1:] for row in OF_GROUPS], ids=[row[0] for row in OF_GROUPS])
def test_a_group_of_which_not_all_could_be_taken_is_used_only_where_that_narrows(given, names):
    assert policies(taken(app(given), NARROWED)) == names


def test_a_group_that_would_be_wider_is_not_there():
    imported = taken(app(policy(include=[DOMAIN, IN_GROUP])), NARROWED | {"include": [EMAIL], "require": [GITHUB]})
    assert "groups" not in imported.tree
    assert imported.tree["apps"][0]["policies"][0]["include"] == [{"email_domain": "contoso.example"}]


def test_groups_of_groups_and_circles():
    outer = {"id": "g2", "name": "All", "include": [IN_GROUP]}
    around = [{"id": "g3", "name": "A", "include": [{"group": {"id": "g4"}}]},
              {"id": "g4", "name": "B", "include": [{"group": {"id": "g3"}}]}]  # fmt: skip
    imported = taken(outer, NARROWED | {"include": [EMAIL]}, *around)
    assert imported.tree["groups"] == {
        "Ops": {"include": [{"email": "alice@contoso.example"}]}, "All": {"include": [{"group": "Ops"}]},
    }  # fmt: skip
    assert sum("asks itself" in one.what for one in imported.left_out) == 2


OLD = {"id": "p1", "application_id": "a1", "precedence": 2, "name": "second", "decision": "allow"}
ORDERS = [
    ("in the app, by precedence", [app(policy("b", precedence=2), policy("a", precedence=1))], ["a", "b"]),
    ("named by the app", [app("p2", {"id": "p1", "precedence": 1}), OLD | {"include": [EMAIL]},
                          policy("x") | {"id": "p2"}], ["x", "second"]),
    ("naming the app, as Terraform had it", [app(), OLD | {"include": [EMAIL]},
     OLD | {"id": "p0", "precedence": 1, "name": "first", "include": [EMAIL]}], ["first", "second"]),
]  # fmt: skip


@pytest.mark.parametrize(("things", "names"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS])
def test_policies_are_taken_in_their_order(things, names):
    assert policies(taken(*things)) == [names]


def test_two_of_one_name_get_names_of_their_own():
    imported = taken(app(policy(), policy()), app(policy()) | {"id": "a2", "aud": "cd" * 32, "domain": "b.example.com"})
    assert [one["name"] for one in imported.tree["apps"]] == ["wiki", "wiki 2"]
    assert policies(imported) == [["staff", "staff 2"], ["staff"]]


LEFT = [
    ("another kind of app", {"type": "saas"}, "`wiki` is an app of type saas"),
    ("a setting that is not there", {"allow_iframe": True}, "`allow_iframe` is left out"),
    (
        "what would open every session to any page",
        {"cors_headers": {"allow_all_origins": True, "allow_credentials": True}},
        "`cors_headers` is left out: with credentials `*`",
    ),
    (
        "preflights by both",
        {"cors_headers": {"allowed_origins": ["https://spa.example.com"]}, "options_preflight_bypass": True},
        "`options_preflight_bypass` is left out: the origin answers preflights",
    ),
    ("a private destination", {"destinations": [{"type": "private", "cidr": "10.0.0.0/8"}]}, "a private destination"),
    ("a logo elsewhere", {"logo_url": "https://x.example/logo.svg"}, "`logo_url` is left out: this is an address"),
    ("a duration that is too short", {"session_duration": "0s"}, "`session_duration`: `0s` is too short"),
]


@pytest.mark.parametrize(("more", "said"), [row[1:] for row in LEFT], ids=[row[0] for row in LEFT])
def test_what_cannot_be_taken_is_named(more, said):
    (problem,) = taken(app(policy(), **more)).left_out
    assert said in problem.what
    assert problem.where == "f[1]"


PAGES = {
    "allowed_origins": ["https://spa.example.com"], "allowed_methods": ["GET", "PUT"], "allow_all_headers": False,
    "allowed_headers": ["X-Y"], "allow_credentials": True, "max_age": 600,
}  # fmt: skip
SETTINGS = [
    ("pages of others", {"cors_headers": PAGES}, {"cors": {"origins": ["https://spa.example.com"], "methods":
     ["GET", "PUT"], "headers": ["X-Y"], "credentials": True, "max_age": "600s"}}),
    ("as Terraform has them", {"cors_headers": [{"allow_all_origins": True, "allow_all_headers": True}]},
     {"cors": {"origins": ["*"], "headers": ["*"]}}),
    ("preflights for the origin", {"options_preflight_bypass": True}, {"cors": {"preflight": "origin"}}),
    ("words for whom it refuses", {"custom_deny_message": "Ask Ops."}, {"deny_message": "Ask Ops."}),
    ("a cookie for all of the host", {"path_cookie_attribute": False}, {"path_cookie": False}),
    ("one for its part, as ours", {"path_cookie_attribute": True}, {}),
    ("how the cookie is set", {"same_site_cookie_attribute": "Strict", "http_only_cookie_attribute": False},
     {"same_site": "strict", "http_only": False}),
]  # fmt: skip


@pytest.mark.parametrize(("theirs", "ours"), [row[1:] for row in SETTINGS], ids=[row[0] for row in SETTINGS])
def test_what_an_app_says_of_browsers_is_taken(theirs, ours):
    imported = taken(app(policy(), **theirs))
    assert imported.left_out == []
    made = imported.tree["apps"][0]
    assert {name: made[name] for name in made.keys() - {"name", "domain", "origin", "aud", "policies"}} == ours


def test_what_is_as_it_would_be_is_not_written():
    unsaid = {"http_only_cookie_attribute": True, "enable_binding_cookie": False, "custom_deny_url": "", "tags": None}
    imported = taken(app(policy(), app_launcher_visible=True, **unsaid))
    assert imported.left_out == []
    assert imported.tree["apps"][0].keys() == {"name", "domain", "origin", "aud", "policies"}


SAAS = {"type": "saas", "id": "a2", "aud": "cd" * 32}
COVERED = [
    ("the host of a path that could not be taken", "wiki.example.com/admin", []),
    ("another host", "admin.example.com", ["wiki"]),
    ("a pattern that the host is one of", "*.example.com", []),
]


@pytest.mark.parametrize(("domain", "names"), [row[1:] for row in COVERED], ids=[row[0] for row in COVERED])
def test_an_app_does_not_stand_for_another_one_that_is_left_out(domain, names):
    imported = taken(app(policy()), app(policy(), **SAAS, domain=domain, name="other"))
    assert [one["name"] for one in imported.tree["apps"]] == names


COVERS = [
    ("a.example", "a.example", True), ("a.example", "a.example/x", True), ("a.example/x", "a.example", False),
    ("a.example/x", "a.example/y", False), ("a.example/x*", "a.example/xy", True), ("*.example", "a.example", True),
    ("*.example", "a.b.example", False), ("a.example", "A.EXAMPLE/x", True), ("b*.x.example", "bc.x.example/y", True),
]  # fmt: skip


@pytest.mark.parametrize(("broad", "narrow", "said"), COVERS)
def test_which_host_stands_for_which(broad, narrow, said):
    assert covers(broad, narrow) is said


IDPS = [("known", ["i1"], ["contoso"]), ("one of two", ["i9", "i1"], ["contoso"]), ("none", ["i9"], None)]


@pytest.mark.parametrize(("wanted", "ours"), [row[1:] for row in IDPS], ids=[row[0] for row in IDPS])
def test_nobody_else_signs_people_in(wanted, ours):
    imported = taken(app(policy(), allowed_idps=wanted))
    assert [one["identity_providers"] for one in imported.tree["apps"]] == ([ours] if ours else [])
    assert bool(imported.left_out) is (ours is None)


def test_a_second_factor_that_an_app_wants_is_not_forgotten():
    assert taken(app(policy(), mfa_config={"allowed_authenticators": ["totp"]})).tree["apps"] == []


def test_every_part_of_what_is_taken_is_a_rule_of_ours(tmp_path):
    parts = {part: [EMAIL] for part in PARTS}
    settings = loaded(tmp_path, taken(app(policy(**parts))))
    assert len(settings.apps[0].policies[0].rules) == 3
