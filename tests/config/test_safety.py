"""What is unwise is told, with its mend; what is wise is not."""

import pytest

from config.files import GOOD, LAB, OTHER, ROOT, STAFF, app, good, policy, provider, settings
from glassgate.config.load import load
from glassgate.config.safety import notes, on_stock_programs, warnings

EVERYONE = [{"everyone": {}}]
STAFF_ALONE = [{"group": "staff"}]
OF_OTHER = {"login_method": "other"}
P = GOOD["identity_providers"][0]
HERE = "https://login.localhost:8443"
CLAIM_OF_OTHER = {"oidc_claim": {"name": "department", "value": "sales", "provider": "other"}}
TWO_TENANTS = {
    "tenant": "organizations",
    "allowed_tenants": [P["tenant"], STAFF],
    "email_domains": {P["tenant"]: ["contoso.example"]},
}


ASKED = {"identity_providers": [P | {"recheck": "1h"}]}
ALSO_OTHER = {"identity_providers": [P, OTHER]}


def rules(name, decision="allow", **parts):
    return {"name": name, "decision": decision} | parts


UNWISE = {  # name: (tree, words of the what, words of the mend)
    "literal secret": (provider(client_secret="x"), "client secret of `entra` stands in the file", "${ENTRA_"),
    "provider here": (provider(authority=HERE), "`entra` is on this machine", "real provider"),
    "issuer here": (good(identity_providers=[P, OTHER | {"issuer": "http://127.0.0.1:1"}]), "`other` is on", "lab on"),
    "asks every few seconds": (provider(recheck="59s"), "asked for at `entra` every 59 seconds", "recheck: 5m"),
    "memory": (good(store="memory:"), "signs everybody out", "sqlite:"),
    "no audit": (good(audit=None), "no audit log", "audit: {file"),
    "trusts all": (good(trusted_proxies=["0.0.0.0/0"]), "everybody is a trusted proxy", "addresses"),
    "metrics for all": (good(metrics={"listen": "0.0.0.0:9464"}), "0.0.0.0:9464", "127.0.0.1"),
    "a star within": (
        app(domain=["a.*.example.com", "*.example.com"]),
        "no certificate can cover `a.*.example.com`",
        "of your own",
    ),
    "forms that nobody has kept": (app(keep_forms=True, unauthenticated=401), "`wiki` keeps no forms", "leave out"),
    "open app": (policy(include=EVERYONE), "`wiki` is open to every account of `entra`", "entra_group"),
    "open to a provider": (policy(include=[{"login_method": "entra"}]), "open to every account", "entra_group"),
    "open by a group": (
        policy() | {"groups": {"staff": {"include": EVERYONE}}},
        "open to every account",
        "entra_group",
    ),
    "shadowed": (
        app(policies=[rules("none", "deny", include=EVERYONE), rules("late", include=[{"group": "staff"}])]),
        "`late` of `wiki` can never match: `none` before it",
        "move it up",
    ),
    "about another provider": (
        app(identity_providers=["other"], policies=[rules("p", include=[{"entra_group": STAFF}])]) | ALSO_OTHER,
        "can never match: `entra_group: " + STAFF + "` is about `entra`",
        "mend the rule",
    ),
    "asks another provider's claim": (
        app(identity_providers=["entra"], policies=[rules("p", include=[CLAIM_OF_OTHER])]) | ALSO_OTHER,
        "is about `other`, which signs nobody in here",
        "mend the rule",
    ),
    "e-mail of no tenant": (
        good(
            identity_providers=[P | TWO_TENANTS],
            groups={"staff": {"include": [{"email_domain": "fabrikam.example"}]}},
        ),
        "asks for e-mails of fabrikam.example",
        "`email_domains`",
    ),
    "requires another provider": (
        app(identity_providers=["entra"], policies=[rules("p", include=STAFF_ALONE, require=[OF_OTHER])]) | ALSO_OTHER,
        "is about `other`, which signs nobody in here",
        "mend the rule",
    ),
    "excludes everyone": (policy(exclude=EVERYONE), "it excludes everyone", "mend the rule"),
    "e-mail that does not count": (
        policy(include=[{"email_domain": "fabrikam.example"}]),
        "asks for e-mails of fabrikam.example",
        "`email_domains`",
    ),
    "e-mail in a group": (
        policy() | {"groups": {"staff": {"include": [{"email": "a@fabrikam.example"}]}}},
        "asks for e-mails of fabrikam.example",
        "`email_domains`",
    ),
}


@pytest.mark.parametrize("name", UNWISE)
def test_what_is_unwise_is_told_with_its_place_and_mend(name, tmp_path):
    tree, what, mend = UNWISE[name]
    (warning,) = warnings(settings(tree, tmp_path))
    assert what in warning.what
    assert mend in warning.mend
    assert warning.where.startswith(str(tmp_path / "config.yaml"))


WISE = {
    "the small file": good(),
    "literal secret in the lab": provider(client_secret="x") | {"lab": LAB},
    "provider of the lab": provider(authority=HERE) | {"lab": LAB},
    "asks every minute": provider(recheck="1m"),
    "asks every few seconds in the lab": provider(recheck="5s") | {"lab": LAB},
    "e-mail of one tenant": good(
        identity_providers=[P | TWO_TENANTS], groups={"staff": {"include": [{"email_domain": "contoso.example"}]}}
    ),
    "everyone with a second factor": policy(include=EVERYONE, require=[{"entra_auth_context": "c1"}]),
    "everyone denied, last": app(policies=[*GOOD["apps"][0]["policies"], rules("rest", "deny", include=EVERYONE)]),
    "everyone but": app(
        policies=[rules("a", "deny", include=EVERYONE, exclude=STAFF_ALONE), rules("b", include=STAFF_ALONE)]
    ),
    "e-mails that oidc verifies": app(
        identity_providers=["other"], policies=[rules("p", include=[{"email_domain": "any.example"}])]
    )
    | ALSO_OTHER,
    "one of two is possible": app(identity_providers=["entra"], policies=[rules("p", include=[OF_OTHER, *STAFF_ALONE])])
    | ALSO_OTHER,
}


@pytest.mark.parametrize("name", WISE)
def test_what_is_wise_is_left_alone(name, tmp_path):
    assert warnings(settings(WISE[name], tmp_path)) == ()


def test_the_demo_is_wise():
    assert warnings(load(ROOT / "config.yaml", {})) == ()


@pytest.mark.parametrize(("forwards", "told"), [(True, 0), (False, 1)])
def test_apps_that_read_the_cookie_alone_are_a_note(tmp_path, forwards, told):
    found = notes(settings(app(forward_cookie=forwards) | ASKED, tmp_path))
    assert len(found) == told


UNASKED = {  # name: (tree, whether there is a note)
    "never asked again": ({}, True),
    "asked every hour": (ASKED, False),
    "never asked again in the lab": ({"lab": LAB}, False),
}


@pytest.mark.parametrize("name", UNASKED)
def test_accounts_that_end_unheard_are_a_note(tmp_path, name):
    changes, told = UNASKED[name]
    found = notes(settings(app(forward_cookie=True) | changes, tmp_path))
    assert [one.mend for one in found] == ["`recheck: 1h` asks there once an hour"] * told


ORIGINS = {  # name: (what an app says of its origin, whether there is a note)
    "elsewhere": ({"origin": "http://10.0.0.7:9000"}, True),
    "on this machine": ({"origin": "http://127.0.0.1:9000"}, False),
    "shown a certificate": (
        {"origin": "https://wiki.internal.example", "origin_tls": {"client_certificate": True}}, False
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORIGINS)
def test_origins_that_cannot_tell_the_gate_from_others_are_a_note(tmp_path, name):
    changes, told = ORIGINS[name]
    found = notes(settings(app(forward_cookie=True, **changes) | ASKED, tmp_path))
    assert ["glassgate origin check" in one.mend for one in found] == [True] * told


KEPT = [(True, None, "256 MiB of the store"), ("1 MiB", "memory:", "32 MiB of the memory")]


@pytest.mark.parametrize(("size", "store", "told"), KEPT)
def test_how_much_kept_forms_may_take_is_a_note(tmp_path, size, store, told):
    [note] = notes(
        settings(app(forward_cookie=True, keep_forms=size) | ASKED | ({"store": store} if store else {}), tmp_path)
    )
    assert f"forms of `wiki` that wait for a sign-in take up to {told}" in str(note)


STOCK = {  # name: (what is said besides, words of the note)
    "on this machine": ({}, None),
    "on the internet": ({"listen": "0.0.0.0:443"}, "bound no times and no counts of connections"),
    "what holds there too": ({"limits": {"head": "32 KiB"}}, None),
    "what does not": (
        {"limits": {"head": "32 KiB", "head_time": "5s", "connections": 100}},
        "do not heed `connections`, `of_one_address`, `head_time` of `limits`",
    ),
}


@pytest.mark.parametrize("name", STOCK)
def test_what_stock_programs_do_not_bound_is_a_note(tmp_path, name):
    changes, said = STOCK[name]
    found = settings(good(**changes), tmp_path)
    told = [str(note) for note in on_stock_programs(found)]
    assert [said in one and "run the gate by `serve`" in one for one in told] == [True] * bool(said)
    assert {str(note) for note in on_stock_programs(found)} <= {str(note) for note in notes(found)}
