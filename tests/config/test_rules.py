"""What rules mean, which groups they may name, and under which decision they may stand."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from config.files import GOOD, OTHER, STAFF, app, good, policy, problems, settings
from glassgate.access.facts import Facts
from glassgate.access.policy import Decision
from glassgate.access.selectors import SELECTORS
from glassgate.config.rules import check

HERE = [{"ip": "::1"}]
EVALUATION = {"url": "https://a.example/ask", "keys_url": "https://a.example/keys"}


def told(tree):
    return [(problem.path, problem.what) for problem in check(tree, Path("/nowhere"))]


@pytest.mark.parametrize("tree", [None, [], "x", {}, {"apps": 1, "groups": [], "identity_providers": {}}])
def test_anything_can_be_checked(tree):
    assert told(tree) == []


def test_a_good_file_has_no_problems():
    assert told(GOOD) == []


def test_circles_are_found_however_long():
    groups = {name: {"include": [{"group": after}]} for name, after in zip("abcd", "bcab", strict=True)}
    assert told(good(groups=groups | GOOD["groups"])) == [
        (("groups", "a"), "the group asks itself: `a` → `b` → `c` → `a`"),
        (("groups", "b"), "the group asks itself: `b` → `c` → `a` → `b`"),
        (("groups", "c"), "the group asks itself: `c` → `a` → `b` → `c`"),
    ]


def test_a_group_may_be_used_twice():
    groups = {
        "a": {"include": [{"group": "b"}, {"group": "c"}]},
        "b": {"include": [{"group": "c"}]},
        "c": {"include": [{"everyone": {}}]},
    }
    assert told(good(groups=groups | GOOD["groups"])) == []


def test_rules_without_a_provider_are_checked_all_the_same():
    tree = good(
        identity_providers="x", groups={"staff": {"include": [{"ip": "x"}, {"emial": "x"}, {"entra_group": "x"}]}}
    )
    assert [path for path, _ in told(tree)] == [
        ("groups", "staff", "include", 0, "ip"),
        ("groups", "staff", "include", 1),
    ]


VALUES = {
    "everyone": {}, "email": "a@contoso.example", "email_domain": "contoso.example", "email_list": "staff.txt",
    "ip": "10.0.0.0/8", "ip_list": "offices.txt", "group": "some", "entra_group": STAFF, "entra_role": "Boss",
    "entra_auth_context": "c1", "login_method": "entra", "oidc_claim": {"name": "a", "value": "b", "provider": "entra"},
    "auth_method": "mfa", "service_token": "backup", "any_valid_service_token": {}, "certificate": {},
    "common_name": "printer", "country": "DE", "external_evaluation": EVALUATION, "linked_app_token": "payroll",
    "time_of_day": {"to": "12:00"},
}  # fmt: skip
PEOPLE = {
    "email", "email_domain", "email_list", "entra_group", "entra_role", "entra_auth_context", "oidc_claim",
    "login_method", "auth_method",
}  # fmt: skip
MACHINES = {"service_token", "any_valid_service_token", "linked_app_token"}
REFUSED = {
    "allow": MACHINES, "deny": MACHINES, "service_auth": PEOPLE, "non_identity": PEOPLE,
    "bypass": PEOPLE | MACHINES | {"external_evaluation"},
}  # fmt: skip
SUITS = [
    pytest.param(decision, part, name, nested, id=f"{decision}-{part}-{name}{'-nested' if nested else ''}")
    for decision in REFUSED
    for part in ("include", "require", "exclude")
    for name in VALUES
    for nested in (False, True)
    if name != "group"
]


@pytest.mark.parametrize(("decision", "part", "name", "nested"), SUITS)
def test_which_selectors_suit_which_decision(decision, part, name, nested):
    """Whoever asks people where nobody signs in, or lets machines pass for people, is told so: also by a group."""
    inner = {"include": [{name: VALUES[name]}]}
    deep = {"inner": inner, "some": {"include": HERE, "exclude": [{"group": "inner"}]}}
    asked = {"name": "p", "decision": decision, "include": HERE}
    rule = {"group": "some"} if nested else {name: VALUES[name]}
    wiki = GOOD["apps"][0] | {"policies": [asked | {part: [rule]}]}
    tree = good(groups=deep, apps=[wiki, wiki | {"name": "payroll", "policies": [asked]}])
    found = [path for path, what in told(tree) if "cannot be read" not in what]
    wrong = name in REFUSED[decision]
    assert found == ([("apps", 0, "policies", 0, part, 0, "group" if nested else name)] if wrong else [])


def test_every_selector_is_tried():
    assert set(VALUES) == {row.name for row in SELECTORS}


def test_it_says_by_which_group_and_the_mend(tmp_path):
    tree = policy(decision="bypass")
    [(line, what, mend)] = problems(tree, tmp_path)
    assert "the group `staff` asks by `entra_group`: nobody signs in where this is asked" in what
    assert "decision: allow" in mend
    tree = policy(include=[{"any_valid_service_token": {}}])
    [(line, what, mend)] = problems(tree, tmp_path)
    assert line.isdigit()
    assert "people sign in, and have no such token" in what
    assert "decision: service_auth" in mend


def answers(settings_, facts):
    return settings_.apps[0].policies[0].include[0].matches(facts)


def test_lists_are_read_beside_the_file(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "offices.txt").write_text("# ours\n203.0.113.0/24  # Berlin\n\n2001:db8::1\n")
    tree = policy(include=[{"ip_list": "lists/offices.txt"}])
    found = settings(tree, tmp_path)
    assert tmp_path / "lists" / "offices.txt" in found.files
    assert answers(found, Facts(ip=ip_address("203.0.113.9"))) is True
    assert answers(found, Facts(ip=ip_address("203.0.114.9"))) is False
    (tmp_path / "lists" / "offices.txt").write_text("203.0.114.0/24\n")
    assert answers(settings(tree, tmp_path), Facts(ip=ip_address("203.0.114.9"))) is True


BAD = [
    ("a list that is not there", {"email_list": "staff.txt"}, "`staff.txt` cannot be read: No such file", "path"),
    ("a list of something else", {"email_list": "bad.txt"}, "bad.txt:2: `carol` is not one e-mail", "alice@"),
    ("an app that is not there", {"linked_app_token": "wikii"}, "`wikii` is no app here", "`wiki`"),
    ("a service by http", {"external_evaluation": EVALUATION | {"url": "http://a.example"}}, "not https", "https://"),
    (
        "a service by a password",
        {"external_evaluation": EVALUATION | {"url": "https://u:p@a.example"}},
        "user name",
        "",
    ),
    (
        "a service with a query",
        {"external_evaluation": EVALUATION | {"keys_url": "https://a.example?k=1"}},
        "query",
        "",
    ),
]


@pytest.mark.parametrize(("rule", "what", "mend"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_means_nothing_is_told_with_its_mend(rule, what, mend, tmp_path):
    (tmp_path / "bad.txt").write_text("alice@contoso.example\ncarol\n")
    found = problems(policy(include=[rule]), tmp_path)
    assert [mend in said[2] for said in found if what in said[1]] == [True]


def test_a_linked_app_is_known_by_its_name_or_its_tag(tmp_path):
    aud = "a" * 64
    named = {"linked_app_token": "payroll"}
    tagged = {"linked_app_token": {"app_uid": aud}}
    payroll = GOOD["apps"][0] | {"name": "payroll", "domain": "p.example.com", "aud": aud}
    for rule in (named, tagged):
        wiki = GOOD["apps"][0] | {"policies": [{"name": "p", "decision": "allow", "include": [rule]}]}
        assert [what for _, what in told(good(apps=[wiki, payroll]))] == ["people sign in, and have no such token"]


def test_a_bypass_is_first(tmp_path):
    late = {"name": "late", "decision": "bypass", "include": [{"ip": "::1"}]}
    found = settings(app(policies=[*GOOD["apps"][0]["policies"], late]), tmp_path)
    assert [policy.decision for policy in found.apps[0].policies] == [Decision.BYPASS, Decision.ALLOW]


def test_a_big_list_is_read_once(tmp_path):
    """Rules are made several times of a file; what was read stays the same value."""
    (tmp_path / "staff.txt").write_text("".join(f"u{n}@contoso.example\n" for n in range(1000)))
    two = [{"name": str(n), "decision": "allow", "include": [{"email_list": "staff.txt"}]} for n in range(2)]
    found = settings(app(policies=two) | {"identity_providers": [GOOD["identity_providers"][0], OTHER]}, tmp_path)
    first, second = (policy.include[0] for policy in found.apps[0].policies)
    assert first is second
