"""A file is loaded whole, or refused with every reason at once: line, what, mend."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from config.files import GOOD, LAB, OTHER, SECRET, STAFF, app, good, policy, problems, provider, rule, settings
from glassgate.config.load import load
from glassgate.errors import ConfigError

ROOT = Path(__file__).parents[2]
A, P = GOOD["apps"][0], GOOD["identity_providers"][0]
TWO_ENTRAS = [P | {"id": "second"}]
TWO_TENANTS = {
    "tenant": "organizations",
    "allowed_tenants": [P["tenant"], STAFF],
    "email_domains": {P["tenant"]: ["contoso.example"]},
}

# name: (tree, words of the line that is meant, words of the what, words of the mend)
BROKEN = {
    # keys and types
    "unknown key": (good(teams="x"), "teams:", "`teams` is no key of this file", "did you mean `team`?"),
    "unknown key of an app": (
        app(polcies=[]),
        "polcies",
        "apps[0] `wiki`: `polcies` is no key of an app",
        "`policies`",
    ),
    "unknown key of a policy": (
        policy(requires=[{"everyone": {}}]),
        "requires",
        "apps[0] `wiki`: policies[0] `staff`: `requires` is no key of a policy",
        "`require`",
    ),
    "unknown key of entra": (provider(tennant="x"), "tennant", "no key of a provider of type entra", "`tenant`"),
    "unknown key of oidc": (
        good(
            identity_providers=[OTHER | {"isuer": "x"}],
            groups=None,
            apps=[A | {"policies": [{"name": "x", "decision": "allow", "include": [{"everyone": {}}]}]}],
        ),
        "isuer",
        "no key of a provider of type oidc",
        "`issuer`",
    ),
    "key of entra for oidc": (
        good(identity_providers=[P, OTHER | {"mfa_context": "c2"}]),
        "mfa_context: c2",
        "no key of a provider of type oidc",
        "known: ",
    ),
    "unknown key of tls": (
        good(tls={"certificat": "x.pem", "certificate": "y.pem"}),
        "certificat:",
        "`tls`: `certificat` is no key",
        "`certificate`",
    ),
    "unknown key of a group": (
        good(groups={"staff": {"inclde": [], "include": [{"everyone": {}}]}}),
        "inclde",
        "no key of a rule group",
        "`include`",
    ),
    "unknown key of lab": (good(lab=LAB | {"user": []}), "user: []", "no key of `lab`", "`users`"),
    "missing key": (good(team=None), "listen", "`team` is missing", "add it"),
    "missing key of an app": (
        good(apps=[{k: v for k, v in A.items() if k != "origin"}]),
        "name: wiki",
        "`origin` is missing",
        "add it",
    ),
    "missing secret": (
        good(identity_providers=[{k: v for k, v in P.items() if k != "client_secret"}]),
        "id: entra",
        "nothing proves the gate to the provider",
        "client_secret: ${ENTRA_CLIENT_SECRET}",
    ),
    "missing secret of oidc": (
        good(identity_providers=[P, {k: v for k, v in OTHER.items() if k != "client_secret"}]),
        "id: other",
        "`client_secret` is missing",
        "file:PATH",
    ),
    "number for text": (good(team=8443), "team", "wants text, but is a number", "team.localhost"),
    "list for text": (app(origin=["http://127.0.0.1:1"]), "origin", "wants text, but is a list", "http://"),
    "text for a list": (good(apps="wiki"), "apps", "wants a list", "- "),
    "text for a mapping": (good(audit="audit.jsonl"), "audit", "wants keys with values", "key: value"),
    "text for a flag": (app(forward_cookie="yes"), "forward_cookie", "wants true or false", "without quotes"),
    "nothing for a value": (good(team=None) | {"team": None}, "team", "has no value", "leave it out"),
    "empty list": (app(policies=[]), "policies", "empty list", "at least one"),
    "empty include": (policy(include=[]), "include", "empty list", "at least one"),
    "empty email_domains": (provider(email_domains=[]), "email_domains", "empty list", "leave the key out"),
    "no apps": (good(apps=[]), "apps", "empty list", "at least one"),
    # the team, the listener
    "team in capitals": (good(team="Team.example.com"), "team", "capital letters", "`team.example.com`"),
    "team with a bad port": (good(team="team.example.com:99999"), "team", "not a port", "65535"),
    "team as an address": (good(team="192.0.2.1:443"), "team", "but an address", "name"),
    "team of the lab": (good(team="login.localhost"), "team", "host of the lab", "another"),
    "listen on a name": (good(listen="localhost:8443"), "listen", "not an address to listen on", "127.0.0.1:8443"),
    "listen without a port": (good(listen="127.0.0.1"), "listen", "not an address to listen on", "127.0.0.1:8443"),
    "listen on a bare v6": (good(listen="::1:8443"), "listen", "not an address to listen on", "[::1]:8443"),
    "two listeners": (good(metrics={"listen": "127.0.0.1:8443"}), "  listen", "taken by `listen`", "another port"),
    # durations
    "duration without unit": (good(session_duration="24"), "session_duration", "not a duration", "24h"),
    "duration as a number": (good(session_duration=24), "session_duration", "wants text", "24h"),
    "duration too short": (app(session_duration="59s"), "session_duration", "too short", "from `1m` to `31d`"),
    "duration too long": (policy(session_duration="32d"), "session_duration", "too long", "from `1m` to `31d`"),
    "duration in other digits": (good(session_duration="２４h"), "session_duration", "not a duration", "24h"),
    "skew too long": (provider(clock_skew="6m"), "clock_skew", "too long", "5m"),
    # stores and paths
    "store of later": (good(store="redis://127.0.0.1"), "store", "not there yet", "sqlite:"),
    "no store": (good(store="postgres://x"), "store", "no store", "memory:"),
    "store without path": (good(store="sqlite:"), "store", "no store", "sqlite:state"),
    "empty path": (good(state=" "), "state", "no path", "path of a file"),
    "no certificates": (good(tls={"certificate": []}), "certificate", "empty list", "at least one"),
    # identity providers
    "provider without type": (good(identity_providers=[{"id": "entra"}]), "id: entra", "has no `type`", "type: entra"),
    "provider of another type": (provider(type="saml"), "id: entra", "not known", "type: oidc"),
    "provider id": (provider(id="my entra"), "id", "no id", "letters"),
    "provider twice": (good(identity_providers=[P, P]), "id: entra", "the id of a provider twice", "its own"),
    "tenant organizations": (
        provider(tenant="organizations"),
        "tenant: organizations",
        "every organisation there is",
        "`allowed_tenants`",
    ),
    "tenant common": (provider(tenant="common"), "tenant", "anybody", "tenant id"),
    "tenant in words": (provider(tenant="Contoso Ltd"), "tenant", "not a tenant", "Directory"),
    "tenants beside one": (
        provider(allowed_tenants=[STAFF]),
        "allowed_tenants",
        "names one tenant already",
        "organizations",
    ),
    "tenant by name": (
        provider(tenant="organizations", allowed_tenants=["contoso.example"]),
        "contoso.example",
        "not an object id",
        "8f0c7d52",
    ),
    "half a certificate": (provider(certificate={"key": "k.pem"}), "certificate", "`certificate` is missing", "add it"),
    "key of a certificate": (
        provider(certificate={"key": "k.pem", "certificate": "c.pem", "password": "x"}),
        "password: x",
        "`password` is no key of `certificate`",
        "known: ",
    ),
    "another algorithm": (
        provider(certificate={"key": "k.pem", "certificate": "c.pem", "algorithm": "HS256"}),
        "algorithm: HS256",
        "none of its values",
        "`PS256`, `RS256`",
    ),
    "three secrets": (provider(client_secret=["${SECRET}"] * 3), "client_secret", "too many entries", "two are enough"),
    "no secrets": (provider(client_secret=[]), "client_secret", "empty list", "at least one"),
    "groups from elsewhere": (provider(groups_from="ldap"), "groups_from", "none of its values", "`check`"),
    "graph over http": (provider(graph="http://graph.microsoft.us"), "graph", "not https", "https://"),
    "graph with a version": (provider(graph="https://graph.microsoft.us/v1.0"), "graph", "has a path", "leave it out"),
    "recheck too often": (provider(recheck="4s"), "recheck", "too short", "from `5s` to `31d`"),
    "unknown response mode": (provider(response_mode="fragment"), "response_mode", "none of its values", "`form_post`"),
    "unknown client_auth": (
        good(identity_providers=[P, OTHER | {"client_auth": "none"}]),
        "client_auth",
        "none of its values",
        "`client_secret_post`",
    ),
    "unknown claim": (
        good(identity_providers=[P, OTHER | {"claims": {"mail": "x"}}]),
        "mail: x",
        "`mail` is no key of `claims`",
        "`email`",
    ),
    "claim of two words": (
        good(identity_providers=[P, OTHER | {"claims": {"email": "my mail"}}]),
        "email: my mail",
        "no name of a claim",
        "tokens have it",
    ),
    "authority over http": (provider(authority="http://login.example.com"), "authority", "not https", "https://"),
    "authority with tenant": (
        provider(authority="https://login.example.com/contoso"),
        "authority",
        "has a path",
        "`tenant`",
    ),
    "private issuer": (
        good(identity_providers=[P, OTHER | {"issuer": "https://10.0.0.5"}]),
        "issuer",
        "private address",
        "a name",
    ),
    "issuer over http": (
        good(identity_providers=[P, OTHER | {"issuer": "http://id.example.org"}]),
        "issuer",
        "not https",
        "https://",
    ),
    "issuer with query": (
        good(identity_providers=[P, OTHER | {"issuer": "https://id.example.org/?a"}]),
        "issuer",
        "query",
        "leave it out",
    ),
    "bad context": (provider(mfa_context="mfa"), "mfa_context", "not an authentication context", "c1"),
    "unknown prompt": (provider(prompt="none"), "prompt", "none of its values", "`select_account`"),
    "scopes without openid": (provider(scopes=["profile"]), "scopes", "lacks `openid`", "add `openid`"),
    "scopes in one": (provider(scopes=["openid profile"]), "openid profile", "no scope", "entry of its own"),
    "e-mail domain": (provider(email_domains=["@contoso.example"]), "@contoso", "not a domain", "follows the @"),
    # apps
    "app twice": (good(apps=[A, A | {"domain": "b.example.com"}]), "name: wiki", "name of an app twice", "its own"),
    "domain twice": (
        good(apps=[A, A | {"name": "b"}]),
        "domain: wiki.example.com",
        "domain of the apps twice",
        "its own",
    ),
    "domain twice in one app": (app(domain=["b.example.com", "b.example.com"]), "- b.example.com", "twice", "its own"),
    "aud twice": (
        good(apps=[A | {"aud": "a" * 64}, A | {"name": "b", "domain": "b.example.com", "aud": "a" * 64}]),
        "aud: aaa",
        "AUD tag twice",
        "its own",
    ),
    "bad aud": (app(aud="A" * 64), "aud", "not an AUD tag", "64 hex digits"),
    "domain in capitals": (app(domain="Wiki.example.com"), "domain", "capital letters", "`wiki.example.com`"),
    "domain with a port": (app(domain="wiki.example.com:8443"), "domain", "has a port", "`team`"),
    "domain with a dot": (app(domain="wiki.example.com."), "domain", "ends with a dot", "`wiki.example.com`"),
    "domain twice, all of it": (
        app(domain=["b.example.com", "b.example.com/*"]),
        "- b.example.com/*",
        "domain of the apps twice",
        "its own",
    ),
    "domain twice but for case": (
        app(domain=["b.example.com/a", "b.example.com/A"]),
        "- b.example.com/A",
        "domain of the apps twice",
        "its own",
    ),
    "path with a slash": (app(domain="b.example.com/a/"), "domain", "ends with a slash", "`b.example.com/a`"),
    "path with a query": (app(domain="b.example.com/a?b"), "domain", "more than a path", "leave out"),
    "path with a fragment": (app(domain="b.example.com/a#b"), "domain", "more than a path", "leave out"),
    "path with dots": (app(domain="b.example.com/a/../b"), "domain", "not a plain path", "write letters"),
    "path with an escape": (app(domain="b.example.com/a%20b"), "domain", "not a plain path", "write letters"),
    "path with parameters": (app(domain="b.example.com/a;b"), "domain", "not a plain path", "write letters"),
    "path with empty parts": (app(domain="b.example.com/a//b"), "domain", "not a plain path", "write letters"),
    "path with two stars": (app(domain="b.example.com/a*b*"), "domain", "two stars in one part", "one between"),
    "path of the gate's": (app(domain="b.example.com/CDN-cgi/access/x"), "domain", "the gate's own", "another path"),
    "port before a path": (app(domain="b.example.com:8443/a"), "domain", "has a port", "`team`"),
    "host with two stars": (app(domain="*a*.example.com"), "domain", "two stars in one label", "one between"),
    "hosts of everybody": (app(domain="example.*"), "domain", "everybody's", "a domain of your own"),
    "pattern in capitals": (app(domain="*.Example.com"), "domain", "capital letters", "example.com"),
    "domain as a URL": (app(domain="https://wiki.example.com"), "domain", "is an address", "host name alone"),
    "domain not ASCII": (app(domain="wíki.example.com"), "domain", "not ASCII", "xn--"),
    "domain of the team": (app(domain="team.example.com"), "domain", "is the team domain", "host of its own"),
    "path of the team": (app(domain="team.example.com/a"), "domain", "is the team domain", "host of its own"),
    "domain of the lab": (app(domain=["graph.localhost"]), "graph", "host of the lab", "another"),
    "origin with a path": (app(origin="http://127.0.0.1:9000/wiki"), "origin", "has a path", "forwarded as it came"),
    "origin with a user": (app(origin="http://u:Xq8~pass@127.0.0.1"), "origin", "user name", "http://127.0.0.1:9000"),
    "origin of other scheme": (app(origin="ftp://127.0.0.1"), "origin", "not an http or https address", "http://"),
    "origin with port 0": (app(origin="http://127.0.0.1:0"), "origin", "not an http or https address", "http://"),
    "origin with a query": (app(origin="http://127.0.0.1?x"), "origin", "query", "leave it out"),
    "unknown provider": (app(identity_providers=["entar"]), "- entar", "`entar` is no identity provider", "`entra`"),
    "bad unauthenticated": (app(unauthenticated=403), "unauthenticated", "none of its values", "`auto`"),
    "websocket origin": (
        app(websocket_origins=["https://app.example.com:443"]),
        "https://app",
        "not how a browser",
        "`https://app.example.com`",
    ),
    "bad forms": (app(keep_forms="yes"), "keep_forms", "is not a size", "`64 KiB`"),
    "cors of nobody": (app(cors={"methods": ["GET"]}), "cors", "no page is named", "preflight: origin"),
    "cors of anybody's sessions": (
        app(cors={"origins": ["*"], "credentials": True}),
        "'*'",
        "open the sessions of everybody",
        "name each",
    ),
    "cors of any header of sessions": (
        app(cors={"origins": ["https://a.example"], "headers": ["*"], "credentials": True}),
        "- '*'",
        "open the sessions of everybody",
        "name each",
    ),
    "cors of the origin and of ours": (
        app(cors={"preflight": "origin", "max_age": "5m"}),
        "max_age",
        "the origin answers",
        "leave it out",
    ),
    "cors of no origin": (app(cors={"origins": ["a.example"]}), "- a.example", "is not an http", "https://"),
    "cors with a method that is none": (
        app(cors={"origins": ["https://a.example"], "methods": ["G T"]}),
        "- G T",
        "no method",
        "`GET`",
    ),
    "cors remembered for ever": (
        app(cors={"origins": ["https://a.example"], "max_age": "2d"}),
        "max_age",
        "too long",
        "24h",
    ),
    "bad same_site": (app(same_site="never"), "same_site", "none of its values", "`strict`"),
    "deny_url over http": (app(deny_url="http://www.example.com"), "deny_url", "is not https", "https://"),
    "deny_url in a circle": (
        app(deny_url="https://wiki.example.com/denied?x"),
        "deny_url",
        "in a circle",
        "everybody may read",
    ),
    "machine_deny_url in a circle": (
        app(machine_deny_url="https://wiki.example.com"),
        "machine_deny_url",
        "in a circle",
        "everybody may read",
    ),
    "a page that nobody would see": (
        app(deny_url="https://www.example.com", deny_page="no.html"),
        "deny_page",
        "nobody would see it",
        "leave one of them out",
    ),
    "deny_url with a strange query": (
        app(deny_url="https://www.example.com/?a b"),
        "deny_url",
        "query is not plain",
        "%20",
    ),
    "compat with somebody": (app(compat="okta"), "compat", "none of its values", "`cloudflare`"),
    "launcher as text": (app(launcher="yes"), "launcher", "wants keys with values", "below it"),
    "launcher with an icon": (app(launcher={"icon": "a.png"}), "icon", "`icon` is no key of `launcher`", "known: "),
    "launcher without tags": (app(launcher={"tags": []}), "tags", "is an empty list", "leave the key out"),
    "redirect by name": (app(auto_redirect="entra"), "auto_redirect", "wants true or false", "without quotes"),
    "denied in silence": (app(deny_message=" "), "deny_message", "no text for people", "500 characters"),
    "denied at length": (app(deny_message="a" * 501), "deny_message", "no text for people", "500 characters"),
    "idle too soon": (good(idle_timeout="4m"), "idle_timeout", "`4m` is too short", "from `5m` to `31d`, or `none`"),
    "service tokens": (good(service_tokens=[{"name": "ci"}]), "service_tokens", "not kept in this file", "create"),
    "fleet of later": (good(fleet={"listen": "x"}), "fleet", "not there yet", "leave it out"),
    # policies
    "policy twice": (app(policies=A["policies"] * 2), "name: staff", "name of a policy of this app twice", "its own"),
    "unknown decision": (policy(decision="alow"), "decision", "`alow` is no decision", "`allow`"),
    "rule of two": (
        policy(include=[{"everyone": {}, "ip": "::1"}]),
        "everyone",
        "one selector with its value",
        "{email_domain",
    ),
    "rule as text": (policy(include=["everyone"]), "- everyone", "one selector with its value", "{email_domain"),
    "unknown selector": (rule("emial", "a@b.c"), "emial", "`emial` is no selector", "`email`"),
    "unknown group": (rule("group", "stff"), "group: stff", "`stff` is no group here", "`staff`"),
    "group by number": (rule("group", 1), "group: 1", "not text", "name of a group"),
    "group of itself": (
        good(groups={"staff": {"include": [{"group": "staff"}]}}),
        "staff:",
        "asks itself: `staff` → `staff`",
        "out",
    ),
    "group by name": (rule("entra_group", "Staff"), "entra_group: Staff", "not an object id", "not its name"),
    "which of two providers": (
        rule("entra_group", STAFF, TWO_ENTRAS) | {"groups": {}},
        "entra_group",
        "several providers",
        "`{id: …, provider: ",
    ),
    "which of two tenants": (
        rule("entra_group", STAFF) | {"groups": {}, "identity_providers": [P | TWO_TENANTS]},
        "entra_group",
        "`entra` has several tenants",
        "`{id: …, tenant: ",
    ),
    "group of no such tenant": (
        rule("entra_group", {"id": STAFF, "tenant": STAFF}),
        "entra_group",
        "`entra` has no such tenant",
        "one of its tenants",
    ),
    "claim without a value": (rule("oidc_claim", "department"), "oidc_claim", "a claim and its value", "value: sales"),
    "group of no such provider": (
        rule("entra_group", {"id": STAFF, "provider": "entar"}),
        "entra_group",
        "no identity provider",
        "`entra`",
    ),
    "method of entra": (rule("auth_method", "pwd"), "auth_method", "cannot prove", "`mfa`"),
    "host bits": (rule("ip", "10.0.0.5/8"), "ip", "not an address or a CIDR range", "did you mean `10.0.0.0/8`?"),
    "two ats": (rule("email", "a@b@c.example"), "email", "not one e-mail address", "alice@"),
    # the rest
    "bad proxy": (good(trusted_proxies=["10.0.0.300"]), "10.0.0.300", "not an address or a CIDR range", "203.0.113"),
    "lab user twice": (
        good(lab=LAB | {"users": LAB["users"] * 2}),
        "name: alice",
        "name of a lab user twice",
        "its own",
    ),
    "lab group": (
        good(lab=LAB | {"users": [LAB["users"][0] | {"groups": ["staff"]}]}),
        "- staff",
        "not an object id",
        "8f0c7d52",
    ),
    "lab origin": (
        good(lab=LAB | {"origins": {"wikki": {"listen": "127.0.0.1:1"}}}),
        "origins",
        "`wikki` is no sample origin",
        "`wiki`",
    ),
    "lab for others": (good(listen="0.0.0.0:8443", lab=LAB), "listen", "not loopback, and the lab is on", "127.0.0.1"),
    "lab origin for others": (
        good(lab=LAB | {"origins": {"wiki": {"listen": "192.0.2.1:1"}}}),
        "    listen",
        "not loopback",
        "127.0.0.1",
    ),
    "lab behind proxies": (
        good(trusted_proxies=["10.0.0.0/8"], lab=LAB),
        "trusted_proxies",
        "never behind proxies",
        "leave the key out",
    ),
    "provider here, gate for all": (
        provider(authority="https://login.localhost:8443") | {"listen": "0.0.0.0:443"},
        "authority",
        "on this machine",
        "real provider",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_place_and_mend(name, tmp_path):
    tree, words, what, mend = BROKEN[name]
    found = problems(tree, tmp_path)
    assert len(found) == 1, found
    line, said, mending = found[0]
    assert what in said
    assert mend in mending
    lines = (tmp_path / "config.yaml").read_text().splitlines()
    assert words in lines[int(line) - 1]
    if "twice" in what:
        assert int(line) == max(number for number, text in enumerate(lines, 1) if words in text), "the second is told"


def test_every_error_is_told_at_once_in_the_order_of_the_file(tmp_path):
    text = f"""\
team: Team.example.com
listen: 127.0.0.1:8443
listen: 127.0.0.1:8444
identity_providers:
  - {{id: entra, type: entra, tenant: {P["tenant"]}, client_id: x, client_secret: "${{MISSING}}"}}
groups:
  staff: {{include: [{{email_domain: "@contoso.example"}}]}}
apps:
  - name: wiki
    domain: wiki.example.com
    polcies: []
    origin: http://127.0.0.1:9000/x
    identity_providers: [entar]
    policies:
      - {{name: one, decision: allow, include: [{{group: stuff}}]}}
"""
    assert [(int(line), what) for line, what, _ in problems(text, tmp_path)] == [
        (1, "`team`: `Team.example.com` has capital letters"),
        (3, "`listen` stands here twice, first in line 2"),
        (5, "identity_providers[0] `entra`: `client_secret`: `${MISSING}` is not set in the environment"),
        (7, "`groups`: `staff`: include[0]: `email_domain`: `@contoso.example` is not a domain"),
        (11, "apps[0] `wiki`: `polcies` is no key of an app"),
        (12, "apps[0] `wiki`: `origin`: `http://127.0.0.1:9000/x` has a path"),
        (13, "apps[0] `wiki`: identity_providers[0]: `entar` is no identity provider here"),
        (15, "apps[0] `wiki`: policies[0] `one`: include[0]: `group`: `stuff` is no group here"),
    ]


def test_the_place_is_the_path_as_it_was_given(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("team: 1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(Path("mine.yaml"), {})
    assert {problem.where for problem in caught.value.problems} == {"mine.yaml:1"}


def test_the_demo_is_as_it_is_told():
    demo = load(ROOT / "config.yaml", {})
    assert str(demo.team) == "team.localhost:8443"
    assert {user.name: user.mfa for user in demo.lab.users} == {
        "alice": False, "bob": True, "carol": False, "mallory": False,
    }  # fmt: skip
    assert demo.literal_secrets == ("entra",)


def test_a_program_may_rewrite_the_file(tmp_path):
    demo = load(ROOT / "config.yaml", {})
    tree = yaml.safe_load((ROOT / "config.yaml").read_text())
    staff = tree["groups"]["staff"]["include"]
    tree["apps"][1]["policies"][0]["exclude"] = staff  # shared, so that the dump has an anchor and an alias
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tree, default_flow_style=False))
    again = load(tmp_path / "config.yaml", {})
    assert "*id" in (tmp_path / "config.yaml").read_text()
    assert again.apps[0] == demo.apps[0]
    assert again.apps[1].policies[0].exclude[0].label.startswith("entra_group: ")
    assert again.lab.users == demo.lab.users
    assert set(again.lab.origins) == set(demo.lab.origins)


def test_nothing_in_lab_or_groups_has_to_be_used(tmp_path):
    tree = good(groups=GOOD["groups"] | {"unused": {"include": [{"everyone": {}}]}}, lab={"enabled": True})
    assert settings(tree, tmp_path).lab.users == ()


def test_a_lab_that_is_off_is_not_there(tmp_path):
    assert settings(good(lab=LAB | {"enabled": False}, listen="0.0.0.0:443"), tmp_path).lab is None


SECRET_PLACES = [
    provider(client_secret=SECRET, tennant="x"),
    provider(client_secret=[[SECRET]]),
    provider(client_secret=[SECRET, "${SECRET}", SECRET]),
    provider(client_secret=[SECRET, SECRET + "\x07"]),
    provider(client_secret={SECRET: SECRET}),
    provider(client_secret=SECRET + "\n\x07"),
    provider(client_secrte=SECRET),
    provider(client_secret="${SECRET}", client_id=5),
    f"identity_providers: [{{id: x, client_secret: *{SECRET}}}]",
    f"identity_providers: [{{id: x, client_secret: !{SECRET} }}]",
    f"identity_providers: [{{id: x, client_secret: !!{SECRET} x}}]",
    f"identity_providers: [{{id: x, client_secret:{SECRET}}}]",
    f"identity_providers:\n  - client_secret: '{SECRET}\n",
    f"identity_providers:\n  - client_secret: @{SECRET}\n",
    f"client_secret: &{SECRET} x\na: &{SECRET} y",
    f"%{SECRET}\n---\nx",
]


@pytest.mark.parametrize("number", range(len(SECRET_PLACES)))
def test_no_error_tells_a_secret(number, tmp_path):
    found = problems(SECRET_PLACES[number], tmp_path)
    assert found
    assert "very.secret" not in str(found)


WORDS = st.sampled_from(
    ["team", "apps", "name", "domain", "policies", "include", "group", "groups", "lab", "users", "origins", "type",
     "entra", "oidc", "identity_providers", "id", "enabled", "listen", "${X}", "file:x", "<<", "everyone", "staff"]
)  # fmt: skip
LEAVES = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TREES = st.recursive(
    LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), part, max_size=4)
)


@st.composite
def mutilated(draw):
    """The good configuration with one part of it replaced by anything."""
    tree = good(lab=LAB, metrics={"listen": "127.0.0.1:9464"}, tls={"certificate": "x.pem"})
    part = tree
    for _ in range(draw(st.integers(0, 6))):
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = draw(st.sampled_from(keys))
        if not isinstance(part[key], dict | list) or not part[key]:
            break
        part = part[key]
    keys = list(part) if isinstance(part, dict) else list(range(len(part)))
    part[draw(st.sampled_from(keys))] = draw(TREES)
    return tree


QUICK = how(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(TREES | mutilated())
def test_any_data_is_taken_or_refused(tmp_path_factory, tree):
    _taken_or_refused(tmp_path_factory.mktemp("any"), yaml.safe_dump(tree).encode())


@QUICK
@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,-&*!|>'\"%@`#?\n\t abc1.$", max_size=60).map(str.encode))
def test_any_bytes_are_taken_or_refused(tmp_path_factory, raw):
    _taken_or_refused(tmp_path_factory.mktemp("any"), raw)


def _taken_or_refused(folder, raw):
    path = folder / "config.yaml"
    path.write_bytes(raw)
    refused = ()
    try:
        load(path, {"SECRET": SECRET, "X": "x"})
    except ConfigError as error:
        refused = error.problems or pytest.fail("refused without a reason")
    assert all(problem.what and problem.where.startswith(str(path)) for problem in refused)
