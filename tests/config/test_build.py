"""The settings say what the file says, with its defaults, and paths made absolute."""

from pathlib import Path

import pytest

from config.files import GOOD, LAB, OTHER, SECRET, STAFF, TENANT, app, good, policy, settings
from glassgate.access.app import Launcher, Unauthenticated, default_aud
from glassgate.access.facts import Facts
from glassgate.access.identity import Identity
from glassgate.access.policy import Decision
from glassgate.config.settings import Endpoint
from glassgate.oidc.client_auth import ClientCertificate, ClientSecret, FederatedToken
from glassgate.oidc.provider import GroupsFrom
from glassgate.state.client_certificate import client_certificate

SECOND = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
ANYBODY = {"staff": {"include": [{"email": "alice@contoso.example"}]}}  # a rule that is about no tenant


def test_a_small_file_has_the_defaults(tmp_path):
    loaded = settings(good(audit=None), tmp_path)
    assert loaded.path == tmp_path / "config.yaml"
    assert loaded.team == Endpoint("team.example.com", 443)
    assert loaded.certificates == (tmp_path / "certs/edge.pem",)
    assert loaded.ca == tmp_path / "certs/ca.pem"
    assert loaded.state == tmp_path / "state"
    assert loaded.store == f"sqlite:{tmp_path}/state/glassgate.db"
    assert loaded.session_duration == 86400
    assert (loaded.audit, loaded.metrics, loaded.lab, loaded.trusted_proxies) == (None, None, None, ())
    (entra,) = loaded.providers
    assert entra.scopes == ("openid", "profile", "email")
    assert entra.authority == "https://login.microsoftonline.com"
    assert (entra.tenant, entra.clock_skew, entra.ca, entra.name) == (TENANT, 60, None, "entra")
    (wiki,) = loaded.apps
    assert wiki.aud == default_aud("team.example.com", "wiki")
    assert (wiki.session_duration, wiki.providers, wiki.domains) == (86400, ("entra",), ("wiki.example.com",))
    assert (wiki.unauthenticated, wiki.forward_cookie) == (Unauthenticated.AUTO, False)
    assert (wiki.launcher, wiki.auto_redirect, wiki.goes_straight, wiki.deny_message) == (Launcher(), None, True, "")


def test_everything_that_is_said_is_there(tmp_path):
    tree = good(
        tls={"certificate": ["a/edge.pem", "/b/edge.pem"]},
        state="/var/lib/gate",
        session_duration="12h",
        trusted_proxies=["10.0.0.0/8", "::1"],
        metrics={"listen": "[::1]:9464"},
        identity_providers=[
            GOOD["identity_providers"][0] | {"ca": "ca.pem", "prompt": "login", "domain_hint": "x"},
            OTHER,
        ],
        lab={"enabled": False},
    )
    tree["apps"][0] |= {
        "domain": ["a.example.com", "b.example.com"],
        "aud": "a" * 64,
        "origin": "https://origin.internal:8443",
        "origin_tls": {"ca": "origin.pem", "client_certificate": "/x.pem", "server_name": "name.internal"},
        "http2_origin": True,
        "session_duration": "8h",
        "identity_providers": ["other"],
        "unauthenticated": 401,
        "forward_cookie": True,
        "client_ca": "clients.pem",
        "service_token_header": "X-Token",
        "websocket_origins": ["https://c.example.com"],
        "launcher": {"visible": False, "logo": "wiki.png", "tags": ["Everyday", "Ops", "Ops"]},
        "auto_redirect": False,
        "deny_message": "Ask the  service desk.",
    }
    loaded = settings(tree, tmp_path)
    assert [str(path) for path in loaded.certificates] == [f"{tmp_path}/a/edge.pem", "/b/edge.pem"]
    assert (str(loaded.ca), loaded.store) == (f"{tmp_path}/a/ca.pem", "sqlite:/var/lib/gate/glassgate.db")
    assert [str(network) for network in loaded.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert str(loaded.metrics) == "[::1]:9464"
    entra, other = loaded.providers
    assert (entra.ca, entra.prompt, entra.domain_hint) == (tmp_path / "ca.pem", "login", "x")
    assert (other.type, other.issuer, other.email_domains) == ("oidc", "https://id.example.org", ())
    (wiki,) = loaded.apps
    assert (wiki.domains, wiki.aud) == (("a.example.com", "b.example.com"), "a" * 64)
    assert (wiki.origin.scheme, wiki.origin.host, wiki.origin.port) == ("https", "origin.internal", 8443)
    assert wiki.origin.http2
    assert (wiki.origin.tls.ca, str(wiki.origin.tls.client_certificate)) == (tmp_path / "origin.pem", "/x.pem")
    tree["apps"][0]["origin_tls"] = {"client_certificate": True}
    own = settings(tree, tmp_path).apps[0].origin.tls
    assert own.client_certificate == client_certificate(loaded.state)
    assert (wiki.session_duration, wiki.providers, wiki.forward_cookie) == (28800, ("other",), True)
    assert (wiki.client_ca, wiki.service_token_header) == (tmp_path / "clients.pem", b"x-token")
    assert wiki.launcher == Launcher(False, tmp_path / "wiki.png", ("Everyday", "Ops"))
    assert (wiki.auto_redirect, wiki.deny_message) == (False, "Ask the service desk.")
    assert (wiki.unauthenticated, wiki.websocket_origins) == (Unauthenticated.ANSWER_401, ("https://c.example.com",))


def test_all_that_entra_may_be_told(tmp_path):
    entry = GOOD["identity_providers"][0] | {
        "tenant": "organizations",
        "allowed_tenants": [TENANT.upper(), SECOND],
        "client_secret": ["${SECRET}", "older"],
        "certificate": [
            {"key": "new-key.pem", "certificate": "new.pem"},
            {"key": "/old-key.pem", "certificate": "/old.pem", "algorithm": "RS256"},
        ],
        "federated_token_file": "token",
        "graph": "https://graph.microsoft.us/",
        "groups_from": "check",
        "recheck": "1h",
        "response_mode": "form_post",
        "email_domains": {TENANT: ["Contoso.example"], SECOND.upper(): ["fabrikam.example"]},
    }
    (entra,) = settings(good(identity_providers=[entry], groups=ANYBODY), tmp_path).providers
    assert entra.credentials == (
        ClientCertificate(tmp_path / "new-key.pem", tmp_path / "new.pem"),
        ClientCertificate(Path("/old-key.pem"), Path("/old.pem"), "RS256"),
        FederatedToken(tmp_path / "token"),
        ClientSecret(SECRET),
        ClientSecret("older"),
    )
    assert (entra.tenant, entra.allowed_tenants) == ("organizations", (TENANT, SECOND))
    assert (entra.graph, entra.groups_from) == ("https://graph.microsoft.us", GroupsFrom.CHECK)
    assert (entra.recheck, entra.response_mode) == (3600, "form_post")
    assert (entra.email_domains, entra.domains_of(TENANT), entra.domains_of(SECOND), entra.domains_of("x")) == (
        (), ("contoso.example",), ("fabrikam.example",), (),
    )  # fmt: skip


def test_what_entra_is_not_told(tmp_path):
    (entra,) = settings(good(), tmp_path).providers
    assert entra.credentials == (ClientSecret(SECRET),)
    assert (entra.allowed_tenants, entra.graph, entra.groups_from) == ((), None, GroupsFrom.CLAIM)
    assert (entra.recheck, entra.response_mode, entra.tenant_email_domains) == (None, "query", {})
    assert entra.domains_of(TENANT) == ("contoso.example",)


def test_all_that_an_openid_provider_may_be_told(tmp_path):
    entry = OTHER | {
        "client_secret": ["newer", "${SECRET}"],
        "client_auth": "client_secret_post",
        "claims": {"email": "mail", "groups": "realm_access.roles"},
        "email_domains": ["Op.example"],
        "recheck": "5m",
    }
    other = settings(good(identity_providers=[*GOOD["identity_providers"], entry]), tmp_path).providers[1]
    assert other.credentials == (ClientSecret("newer"), ClientSecret(SECRET))
    assert (other.client_auth, other.email_domains, other.recheck) == ("client_secret_post", ("op.example",), 300)
    assert other.claims == {"email": "mail", "groups": "realm_access.roles"}


def test_a_provider_is_told_what_policies_ask_of_it(tmp_path):
    sales = {"oidc_claim": {"name": "department", "value": "sales", "provider": "other"}}
    tree = policy(include=[{"group": "outer"}], exclude=[sales]) | {
        "identity_providers": [*GOOD["identity_providers"], OTHER],
        "groups": {
            "inner": {"include": [{"entra_group": STAFF.upper()}], "require": [{"oidc_claim": {
                "name": "realm_access.roles", "value": "boss", "provider": "other"}}]},
            "outer": {"include": [{"group": "inner"}, {"entra_group": SECOND}], "exclude": [{"entra_group": STAFF}]},
            "unused": {"include": [{"entra_group": TENANT}]},
        },
    }  # fmt: skip
    entra, other = settings(tree, tmp_path).providers
    assert (entra.named_groups, entra.named_claims) == ((STAFF, SECOND), ())
    assert (other.named_groups, other.named_claims) == ((), ("department", "realm_access.roles"))


def test_a_rule_may_be_about_one_of_several_tenants(tmp_path):
    entry = GOOD["identity_providers"][0] | {"tenant": "organizations", "allowed_tenants": [TENANT, SECOND]}
    tree = policy(include=[{"entra_group": {"id": STAFF, "tenant": SECOND}}]) | {
        "identity_providers": [entry | {"email_domains": {TENANT: ["contoso.example"]}}],
        "groups": ANYBODY,
    }
    rule = settings(tree, tmp_path).apps[0].policies[0].include[0]

    def asked(realm):
        return rule.matches(Facts(identity=Identity("entra", "entra", realm, "s", groups=frozenset({STAFF}))))

    assert (asked(SECOND), asked(TENANT)) == (True, None)


@pytest.mark.parametrize(
    ("store", "built"), [("memory:", "memory:"), ("sqlite:x.db", "sqlite:{}/x.db"), ("sqlite:/x.db", "sqlite:/x.db")]
)
def test_the_store_has_an_absolute_path(tmp_path, store, built):
    assert settings(good(store=store), tmp_path).store == built.format(tmp_path)


def test_policies_keep_their_order_and_their_rules(tmp_path):
    everyone = [{"everyone": {}}]
    tree = app(
        policies=[
            {"name": "out", "decision": "deny", "include": [{"ip": "192.0.2.0/24"}]},
            {"name": "in", "decision": "allow", "include": everyone, "require": [{"entra_auth_context": "c1"}],
             "exclude": [{"email": "m@contoso.example"}], "session_duration": "1h"},
        ]
    )  # fmt: skip
    out, into = settings(tree, tmp_path).apps[0].policies
    assert (out.name, out.decision) == ("out", Decision.DENY)
    assert [rule.label for rule in into.rules] == ["everyone", "entra_auth_context: c1", "email: m@contoso.example"]
    assert (into.require[0].needs_acrs, into.session_duration) == ("c1", 3600)


def test_groups_are_resolved_and_may_hold_groups(tmp_path):
    tree = policy(include=[{"group": "outer"}]) | {
        "groups": {
            "inner": {"include": [{"entra_group": STAFF}], "require": [{"auth_method": "mfa"}]},
            "outer": {"include": [{"group": "inner"}], "exclude": [{"email": "m@contoso.example"}]},
        }
    }
    rule = settings(tree, tmp_path).apps[0].policies[0].include[0]
    assert (rule.label, rule.needs_acrs) == ("group: outer", "c1")

    def asked(**known):
        return rule.matches(Facts(identity=Identity("entra", "entra", TENANT, "s", **known)))

    member = {"groups": frozenset({STAFF}), "acrs": frozenset({"c1"})}
    assert asked(**member, email="a@contoso.example") is True
    assert asked(**member, email="m@contoso.example") is False
    assert asked(**member) is None  # whether it is mallory cannot be known
    assert asked(email="a@contoso.example") is False


def test_the_lab_is_as_it_is_written(tmp_path):
    users = [
        {"name": "bob", "display_name": "Bob", "password": "password", "groups": [STAFF.upper()]}
        | {"roles": ["Boss"], "mfa": True},
        {"name": "carol", "password": "password", "guest_of": "fabrikam.example"},
        {"name": "dave", "password": "password", "guest_of": "fabrikam.example", "email": "d@x.example"},
    ]  # fmt: skip
    lab = settings(good(lab=LAB | {"users": users, "origins": {"wiki": {"listen": "127.0.0.1:9"}}}), tmp_path).lab
    bob, carol, dave = lab.users
    assert (bob.groups, bob.roles, bob.mfa, bob.email) == ((STAFF,), ("Boss",), True, None)
    assert (carol.display_name, carol.email) == ("carol", "carol@fabrikam.example")
    assert dave.email == "d@x.example"
    assert [(origin.kind, str(origin.listen)) for origin in lab.origins] == [("wiki", "127.0.0.1:9")]


def test_the_labs_tenants_and_switches_are_as_they_are_written(tmp_path):
    dave = {"name": "dave", "password": "password", "groups_count": 5000, "edov": True}
    more = {"tenants": [{"domain": "Fabrikam.Example", "id": STAFF.upper(), "users": [dave]}, {"domain": "a.example"}]}
    more |= {"faults": ["slow", "aadsts:50105@token"], "consent": True, "groups_claim": False}
    lab = settings(good(lab=LAB | more), tmp_path).lab
    fabrikam, other = lab.tenants
    assert (fabrikam.domain, fabrikam.id, other.id, other.users) == ("fabrikam.example", STAFF, None, ())
    assert (fabrikam.users[0].domain, fabrikam.users[0].groups_count) == ("fabrikam.example", 5000)
    assert fabrikam.users[0].edov
    assert (lab.faults, lab.consent, lab.groups_claim) == (("slow", "aadsts:50105@token"), True, False)
    plain = settings(good(lab=LAB), tmp_path).lab
    assert (plain.tenants, plain.faults, plain.consent, plain.groups_claim) == ((), (), False, True)


def test_what_is_printed_of_it_holds_no_secret(tmp_path):
    loaded = settings(good(lab=LAB | {"users": [{"name": "a", "password": "hunter2"}]}), tmp_path)
    assert "hunter2" not in repr(loaded)
    assert "very.secret" not in repr(loaded)


def test_places_are_known_by_name(tmp_path):
    places = settings(good(), tmp_path).places
    lines = (tmp_path / "config.yaml").read_text().splitlines()

    def line(*names):
        return lines[int(places[names].rpartition(":")[2]) - 1].strip()

    assert line("apps", "wiki") == "- name: wiki"
    assert line("apps", "wiki", "policies", "staff") == "- name: staff"
    assert line("identity_providers", "entra") == "- id: entra"
    assert line("audit") == "audit:"
