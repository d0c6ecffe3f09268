"""What is unwise in policies: each with its place and mend, and nothing of what is wise."""

import pytest

from config.files import GOOD, app, policy, settings
from glassgate.config.safety import warnings

STAFF = GOOD["apps"][0]["policies"]
EVERYONE, OFFICE = [{"everyone": {}}], [{"ip": "203.0.113.0/24"}]
CONTOSO, ALICE = [{"email_domain": "contoso.example"}], [{"email": "alice@contoso.example"}]
BOB = [{"email": "bob@contoso.example"}]


def one(name, decision="allow", **parts):
    return {"name": name, "decision": decision} | parts


UNWISE = {  # name: (tree, words of the what, words of the mend)
    "a bypass for all": (app(policies=[one("all", "bypass", include=EVERYONE)]), "open to everybody without", "`ip`"),
    "a bypass for all by a group": (
        app(policies=[one("all", "bypass", include=[{"group": "any"}])]) | {"groups": {"any": {"include": EVERYONE}}},
        "open to everybody without a sign-in, by the bypass `all`",
        "`country`",
    ),
    "an e-mail that its domain's deny takes": (
        app(policies=[one("no", "deny", include=CONTOSO), one("late", include=ALICE), one("rest", include=OFFICE)]),
        "`late` of `wiki` can never match: `no` before it decides for everybody whom it includes",
        "move it up",
    ),
    "one of two rules is dead": (
        app(policies=[one("first", "deny", include=ALICE), one("both", include=[*ALICE, *BOB])]),
        "the rule `email: alice@contoso.example` of the policy `both` of `wiki` can never matter: `first` before it",
        "take the rule out",
    ),
    "what a bypass takes": (
        app(policies=[one("late", include=OFFICE), one("open", "bypass", include=OFFICE)]),
        "`late` of `wiki` can never match: `open` before it",
        "move it up",
    ),
    "it excludes whom it includes": (
        policy(include=ALICE, exclude=CONTOSO), "it excludes everybody whom it includes", "mend the rule",
    ),
    "two e-mails at once": (
        policy(include=ALICE, require=BOB), "nobody matches `email: bob@contoso.example` and the rest", "mend the rule",
    ),
    "two countries at once": (
        policy(require=[{"country": "DE"}, {"country": "FR"}]) | {"trusted_proxies": ["192.0.2.1"]},
        "nobody matches `country: DE` and the rest",
        "mend the rule",
    ),
    "a country that nobody tells": (policy(require=[{"country": "DE"}]), "there are no `trusted_proxies`", "mend"),
    "an app for nobody": (policy(decision="deny", include=ALICE), "nobody can open `wiki`", "decision: allow"),
    "a certificate that nobody asks for": (policy(require=[{"certificate": {}}]), "the app has no `client_ca`", "mend"),
    "any program from somewhere": (
        app(policies=[*STAFF, one("jobs", "service_auth", include=OFFICE)]), "takes any service token", "`common_name`",
    ),
    "a list of e-mails that do not count": (
        policy(include=[{"email_list": "staff.txt"}]), "asks for e-mails of fabrikam.example", "`email_domains`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNWISE)
def test_what_is_unwise_is_told_with_its_place_and_mend(name, tmp_path):
    (tmp_path / "staff.txt").write_text("a@fabrikam.example\nb@fabrikam.example\nc@contoso.example\n")
    tree, what, mend = UNWISE[name]
    (warning,) = warnings(settings(tree, tmp_path))
    assert what in warning.what
    assert mend in warning.mend
    assert warning.where.startswith(f"{tmp_path / 'config.yaml'}:")


WISE = {
    "a bypass from the office": app(policies=[*STAFF, one("open", "bypass", include=OFFICE)]),
    "a bypass for all at night": app(
        policies=[*STAFF, one("open", "bypass", include=EVERYONE, require=[{"time_of_day": {"to": "06:00"}}])]
    ),
    "a deny for some of them": app(policies=[one("no", "deny", include=ALICE), one("yes", include=CONTOSO)]),
    "a deny elsewhere": app(policies=[one("no", "deny", include=CONTOSO, exclude=OFFICE), one("yes", include=ALICE)]),
    "a country of a proxy's": policy(require=[{"country": "DE"}]) | {"trusted_proxies": ["192.0.2.1"]},
    "programs by name": app(policies=[*STAFF, one("jobs", "service_auth", include=[{"service_token": "ci"}])]),
    "a certificate of the app's": app(
        client_ca="clients.pem", policies=[one("staff", include=CONTOSO, require=[{"certificate": {}}])]
    ),
    "an exclude of some": policy(include=CONTOSO, exclude=ALICE),
}


@pytest.mark.parametrize("name", WISE)
def test_what_is_wise_is_left_alone(name, tmp_path):
    assert warnings(settings(WISE[name], tmp_path)) == ()
