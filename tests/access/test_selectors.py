"""The table of selectors: each row answers yes, no and unknown; what it takes, and what it refuses."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from glassgate.access.facts import ClientCertificate, Evaluation, Facts, ServiceToken
from glassgate.access.identity import Identity
from glassgate.access.rule_values import Linked, Listed
from glassgate.access.selectors import BY_NAME, GROUP, SELECTORS, Judged, Source, find, make
from glassgate.errors import GlassgateError

TENANT = "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10"
STAFF = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01"
ENTRA = Source("entra", "entra", TENANT, "c1")
OIDC = Source("other", "oidc", "https://id.example.org")
SECOND = Source("second", "entra", None, None)
ABROAD_ID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
MANY = Source("entra", "entra", None, "c1", (TENANT, ABROAD_ID))


def who(provider="entra", realm=TENANT, **known):
    return Facts(identity=Identity(provider, "entra", realm, "subject", **known))


def claiming(value, realm="https://id.example.org"):
    return who("other", realm, claims={"department": value})


NOBODY = Facts()
OTHERS = who("other", "https://id.example.org", amr=frozenset({"mfa"}))
ABROAD = who(realm="another tenant", groups=frozenset({STAFF}), roles=frozenset({"Boss"}), acrs=frozenset({"c1"}))

TOKEN = ServiceToken("0" * 32 + ".access", "backup")
SHOWN = ClientCertificate("printer-7", "ab" * 32)
ASKED = Evaluation("https://a.example/ask", "https://a.example/keys")


def at(text):
    """Facts at a time of UTC."""
    return Facts(now=datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# selector: (value, facts that say yes, no, unknown). A selector that is there without a row fails.
ROWS = {
    "everyone": ({}, [NOBODY, who()], [], []),
    "email": (
        "Alice@Contoso.example",
        [who(email="alice@contoso.example"), who(email="ALICE@CONTOSO.EXAMPLE")],
        [
            who(email="bob@contoso.example"),
            who(email="alice@contoso.example.evil"),
            who(email="xalice@contoso.example"),
        ],
        [NOBODY, who(), who(unverified_email="alice@contoso.example"), who(email="a@b@contoso.example")],
    ),
    "email_domain": (
        "contoso.example",
        [who(email="alice@contoso.example"), who(email="x@CONTOSO.example")],
        [who(email="a@x.contoso.example"), who(email="a@notcontoso.example"), who(email="a@contoso.example.evil")],
        [NOBODY, who(), who(unverified_email="a@contoso.example"), who(email="a@evil@contoso.example")],
    ),
    "ip": (
        "203.0.113.0/24",
        [Facts(ip=ip_address("203.0.113.7")), Facts(ip=ip_address("::ffff:203.0.113.7"))],
        [Facts(ip=ip_address("203.0.114.1")), Facts(ip=ip_address("2001:db8::1"))],
        [NOBODY, who()],
    ),
    "entra_group": (
        STAFF.upper(),
        [who(groups=frozenset({STAFF})), who(groups=frozenset({STAFF.upper(), "x"}))],
        [who(), OTHERS, who("other", groups=frozenset({STAFF}))],
        [NOBODY, who(groups=None), ABROAD],
    ),
    "entra_role": (
        "Boss",
        [who(roles=frozenset({"Boss"}))],
        [who(), who(roles=frozenset({"boss"})), who("other", roles=frozenset({"Boss"}))],
        [NOBODY, ABROAD],
    ),
    "entra_auth_context": (
        "c1",
        [who(acrs=frozenset({"c1", "c2"}))],
        [who(), who(acrs=frozenset({"c11"})), who("other", acrs=frozenset({"c1"}))],
        [NOBODY, ABROAD],
    ),
    "auth_method": (
        {"method": "mfa", "provider": "other"},
        [OTHERS],
        [who("other", "https://id.example.org", amr=frozenset({"pwd"})), who(amr=frozenset({"mfa"}))],
        [NOBODY, who("other", "https://elsewhere.example", amr=frozenset({"mfa"}))],
    ),
    "oidc_claim": (
        {"name": "department", "value": "sales", "provider": "other"},
        [claiming("sales"), claiming(["support", "sales"])],
        [
            claiming("sales "),
            claiming("Sales"),
            claiming(["sale"]),
            claiming({"sales": True}),
            claiming([]),
            who(claims={"department": "sales"}),
        ],
        # Whoever leaves out the scope that brings a claim must not get past an `exclude` by it.
        [NOBODY, OTHERS, claiming(None), claiming("sales", realm="https://elsewhere.example")],
    ),
    "login_method": ("other", [OTHERS], [who()], [NOBODY]),
    "email_list": (
        Listed("staff.txt", ((1, "Alice@contoso.example"), (3, "bob@fabrikam.example"))),
        [who(email="alice@contoso.example"), who(email="BOB@fabrikam.example")],
        [who(email="carol@contoso.example"), who(email="bob@fabrikam.example.evil")],
        [NOBODY, who(), who(unverified_email="alice@contoso.example")],
    ),
    "ip_list": (
        Listed("offices.txt", ((1, "203.0.113.0/25"), (2, "203.0.113.128/25"), (4, "2001:db8::/32"))),
        [Facts(ip=ip_address(text)) for text in ("203.0.113.0", "203.0.113.255", "::ffff:203.0.113.7", "2001:db8::1")],
        [Facts(ip=ip_address(text)) for text in ("203.0.112.255", "203.0.114.0", "2001:db9::", "::1")],
        [NOBODY, who()],
    ),
    "service_token": (
        "backup",
        [Facts(service_token=TOKEN)],
        [Facts(service_token=ServiceToken("1" * 32 + ".access", "Backup"))],
        [NOBODY, who()],
    ),
    "any_valid_service_token": ({}, [Facts(service_token=TOKEN)], [], [NOBODY, who()]),
    "certificate": ({}, [Facts(certificate=SHOWN), Facts(certificate=ClientCertificate(None, "ab"))], [], [NOBODY]),
    "common_name": (
        "Printer-7",
        [Facts(certificate=SHOWN), Facts(certificate=ClientCertificate("PRINTER-7", "ab"))],
        [Facts(certificate=ClientCertificate("printer-77", "ab")), Facts(certificate=ClientCertificate("", "ab"))],
        [NOBODY, Facts(certificate=ClientCertificate(None, "ab"))],
    ),
    "country": ("de", [Facts(country="DE")], [Facts(country="FR"), Facts(country="T1")], [NOBODY, who()]),
    "external_evaluation": (
        {"url": "https://a.example/ask", "keys_url": "https://a.example/keys"},
        [Facts(evaluations={ASKED: True})],
        [Facts(evaluations={ASKED: False})],
        [NOBODY, Facts(evaluations={ASKED: None}), Facts(evaluations={Evaluation("https://b.example", "x"): True})],
    ),
    "linked_app_token": (
        Linked("payroll", "a" * 64),
        [Facts(linked_apps=frozenset({"a" * 64, "b" * 64}))],
        [],
        [NOBODY, Facts(linked_apps=frozenset({"b" * 64})), who()],
    ),
    "time_of_day": (
        {"from": "09:00", "to": "17:30", "days": ["mon", "tue", "wed", "thu", "fri"], "timezone": "Europe/Berlin"},
        [at("2026-11-25 08:00"), at("2026-11-25 16:29:59"), at("2026-07-01 07:00")],
        [at("2026-11-25 07:59:59"), at("2026-11-25 16:30"), at("2026-11-28 12:00"), at("2026-07-01 15:30")],
        [NOBODY, who()],
    ),
}
WITHOUT_A_NO = {"everyone", "any_valid_service_token", "certificate", "linked_app_token"}
ANSWERS = [
    pytest.param(name, value, facts, answer, id=f"{name}-{said}-{number}")
    for name, (value, *columns) in ROWS.items()
    for (said, answer), column in zip({"yes": True, "no": False, "unknown": None}.items(), columns, strict=True)
    for number, facts in enumerate(column)
]


def test_every_selector_that_is_there_has_rows():
    there = {row.name for row in SELECTORS if row.make}
    assert set(ROWS) == there
    assert {name for name, (_, yes, no, unknown) in ROWS.items() if not (yes and no and unknown)} == WITHOUT_A_NO
    # What is not shown is never a no: who leaves it out must gain nothing by it.
    assert all(ROWS[name][3] for name in WITHOUT_A_NO - {"everyone"})


@pytest.mark.parametrize(("name", "value", "facts", "answer"), ANSWERS)
def test_a_rule_answers(name, value, facts, answer):
    assert make(name, value, [ENTRA, OIDC]).matches(facts) is answer


def test_a_group_is_not_made_here():
    with pytest.raises(GlassgateError, match="a group is not made here"):
        make(GROUP, "staff", [ENTRA])


def test_names_are_unique():
    assert len(BY_NAME) == sum(1 + len(row.aliases) for row in SELECTORS)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("azureAD", "entra_group"),
        ("azure_ad", "entra_group"),
        ("auth_context", "entra_auth_context"),
        ("geo", "country"),
        ("oidc", "oidc_claim"),
    ],
)
def test_other_names_are_taken(alias, name):
    assert find(alias) is find(name)


def test_only_what_can_be_asked_at_every_request_is_so_judged():
    at_every_request = {row.name for row in SELECTORS if row.judged is Judged.REQUEST}
    assert at_every_request == {
        "everyone",
        "ip",
        "ip_list",
        "service_token",
        "any_valid_service_token",
        "certificate",
        "common_name",
        "country",
        "external_evaluation",
        "linked_app_token",
        "time_of_day",
    }


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("everyone", True, "everyone"),
        ("email", "Alice@contoso.example", "email: Alice@contoso.example"),
        ("azureAD", {"id": STAFF, "identity_provider_id": "entra"}, f"azureAD: {STAFF} (entra)"),
        ("entra_role", {"role": "Boss"}, "entra_role: Boss"),
        ("email_list", Listed("staff.txt", ((1, "a@b.example"),)), "email_list: staff.txt"),
        ("linked_app_token", Linked("payroll", "a" * 64), "linked_app_token: payroll"),
        ("certificate", {}, "certificate"),
        ("geo", {"country_code": "DE"}, "geo: country_code DE"),
        ("time_of_day", {"from": "09:00", "days": ["mon", "tue"]}, "time_of_day: from 09:00, days mon tue"),
        ("entra_role", {"role": "Boss", "tenant": TENANT}, f"entra_role: Boss ({TENANT})"),
        ("oidc_claim", {"name": "department", "value": "sales"}, "oidc_claim: department = sales"),
        (
            "oidc",
            {"claim_name": "level", "claim_value": 3, "identity_provider_id": "entra"},
            "oidc: level = 3 (entra)",
        ),
    ],
)
def test_the_label_is_as_configured(name, value, label):
    assert make(name, value, [ENTRA]).label == label


@pytest.mark.parametrize(
    ("name", "value", "needs"),
    [
        ("entra_auth_context", "c2", "c2"),
        ("auth_method", {"method": "mfa", "provider": "entra"}, "c1"),
        ("auth_method", {"method": "mfa", "provider": "other"}, None),
        ("entra_group", STAFF, None),
    ],
)
def test_a_rule_says_which_context_would_make_it_match(name, value, needs):
    assert make(name, value, [ENTRA, OIDC]).needs_acrs == needs


def test_mfa_of_entra_is_proved_by_its_context_and_not_by_amr():
    mfa = make("auth_method", "mfa", [ENTRA])
    assert mfa.matches(who(acrs=frozenset({"c1"}))) is True
    assert mfa.matches(who(amr=frozenset({"mfa"}))) is False


@pytest.mark.parametrize(
    ("asked", "groups", "answer"),
    [
        (None, set(), False),
        ({STAFF}, {STAFF}, True),
        ({STAFF}, set(), False),
        (set(), set(), None),
    ],
    ids=["all are known", "asked: yes", "asked: no", "not asked"],
)
def test_of_a_group_that_was_not_asked_about_nothing_is_known(asked, groups, answer):
    """A rule may name a group that no rule named when the person signed in."""
    asked = None if asked is None else frozenset(asked)
    rule = make("entra_group", STAFF, [ENTRA])
    assert rule.matches(who(groups=frozenset(groups), groups_asked=asked)) is answer


def test_a_provider_whose_tenant_is_known_by_a_domain_is_told_by_its_id():
    assert make("entra_group", STAFF, [SECOND]).matches(who("second", "any", groups=frozenset({STAFF}))) is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entra_group", {"id": STAFF}),
        ("entra_role", {"role": "Boss"}),
        ("entra_auth_context", {"id": "c1"}),
        ("auth_method", {"method": "mfa"}),
        ("oidc_claim", {"name": "department", "value": "sales"}),
    ],
)
def test_of_several_tenants_a_rule_is_about_one(name, value):
    """Every administrator names groups and roles as they like, and asks for as much proof as they like."""
    everything = {"groups": frozenset({STAFF}), "roles": frozenset({"Boss"}), "acrs": frozenset({"c1"})}
    here, abroad = (who(realm=realm, claims={"department": "sales"}, **everything) for realm in (TENANT, ABROAD_ID))
    rule = make(name, value | {"tenant": TENANT.upper()}, [MANY])
    assert (rule.matches(here), rule.matches(abroad)) == (True, None)
    with pytest.raises(GlassgateError, match="`entra` has several tenants") as caught:
        make(name, value, [MANY])
    form = ", ".join(f"{key}: …" for key in value)
    assert caught.value.mend == f"say which: `{{{form}, tenant: {TENANT}}}`"


def test_the_only_one_of_the_allowed_tenants_needs_no_name():
    rule = make("entra_group", STAFF, [Source("entra", "entra", None, None, (TENANT,))])
    assert (rule.matches(who(groups=frozenset({STAFF}))), rule.matches(ABROAD)) == (True, None)


@pytest.mark.parametrize(
    ("value", "claim", "answer"),
    [
        ("sales", "sales", True),
        ("3", 3, False),
        (3, 3, True),
        (3, "3", False),
        (3, 3.0, False),
        (True, True, True),
        (True, "true", False),
        (True, 1, False),
        (1, True, False),
        ("", "", True),
        ("", None, None),
        ("null", None, None),
        (3, [1, 2, 3], True),
        ("3", ["3"], True),
        (False, [True], False),
        ("[3]", [3], False),
        ("a", {"a": 1}, False),
    ],
)
def test_a_claim_is_compared_with_its_type(value, claim, answer):
    rule = make("oidc_claim", {"name": "level", "value": value}, [OIDC])
    assert rule.matches(who("other", "https://id.example.org", claims={"level": claim})) is answer


def test_a_claim_is_known_by_cloudflares_names_too():
    value = {"claim_name": "department", "claim_value": "sales", "identity_provider_id": "other"}
    assert make("oidc", value, [ENTRA, OIDC]).matches(claiming("sales")) is True


REFUSED = {  # name: (selector, value, providers, words of the what, words of the mend)
    "unknown": ("emial", "x", [ENTRA], "`emial` is no selector", "did you mean `email`?"),
    "everyone of something": ("everyone", "all", [ENTRA], "takes no value", "everyone: {}"),
    "e-mail as a list": ("email", ["a@b.example"], [ENTRA], "not text", "alice@contoso.example"),
    "e-mail without a domain": ("email", "alice", [ENTRA], "not one e-mail address", "alice@"),
    "e-mail of two": ("email", "a@b@c.example", [ENTRA], "not one e-mail address", "alice@"),
    "e-mail with a name": ("email", "Alice <a@b.example>", [ENTRA], "not one e-mail address", "alice@"),
    "domain with an at": ("email_domain", "@contoso.example", [ENTRA], "not a domain", "follows the @"),
    "domain with a star": ("email_domain", "*.contoso.example", [ENTRA], "not a domain", "follows the @"),
    "address": ("ip", "203.0.113.300", [ENTRA], "not an address", "203.0.113.0/24"),
    "host bits": ("ip", "203.0.113.7/24", [ENTRA], "not an address", "did you mean `203.0.113.0/24`?"),
    "zone": ("ip", "fe80::1%eth0", [ENTRA], "not an address", "zone"),
    "group by its name": ("entra_group", "Staff", [ENTRA], "not an object id", "Object ID"),
    "group with other keys": (
        "entra_group",
        {"id": STAFF, "name": "x"},
        [ENTRA],
        "keys",
        "write `{id: …}`, and `provider: …`",
    ),
    "group without id": ("entra_group", {"provider": "entra"}, [ENTRA], "keys", "write `{id: …}`, and `provider: …`"),
    "group of no entra": ("entra_group", STAFF, [OIDC], "no identity provider of type entra", "identity_providers"),
    "group of two entras": ("entra_group", STAFF, [ENTRA, SECOND], "several providers", "`{id: …, provider: entra}`"),
    "group of an oidc": (
        "entra_group",
        {"id": STAFF, "provider": "other"},
        [ENTRA, OIDC],
        "of type oidc",
        "type entra",
    ),
    "group of an unknown": ("entra_group", {"id": STAFF, "provider": "entar"}, [ENTRA], "no identity", "`entra`"),
    "group of a number": ("entra_group", {"id": STAFF, "provider": 1}, [ENTRA], "not text", "id of an identity"),
    "role of two lines": ("entra_role", "a\nb", [ENTRA], "plain text", "role as text"),
    "context": ("entra_auth_context", "c100", [ENTRA], "not an authentication context", "`c1` to `c99`"),
    "method of two": ("auth_method", "mfa", [ENTRA, OIDC], "several providers", "`{method: …, provider: entra}`"),
    "method of entra": ("auth_method", "pwd", [ENTRA], "cannot prove", "`mfa`"),
    "mfa without context": ("auth_method", "mfa", [SECOND], "no `mfa_context`", "mfa_context: c1"),
    "group of a stranger's tenant": (
        "entra_group",
        {"id": STAFF, "tenant": ABROAD_ID},
        [ENTRA],
        "`entra` has no such tenant",
        "id of one of its tenants",
    ),
    "group of a tenant by name": (
        "entra_group",
        {"id": STAFF, "tenant": "contoso.example"},
        [MANY],
        "no such tenant",
        "id of one of its tenants",
    ),
    "group of a tenant that is not known": ("entra_group", {"id": STAFF, "tenant": TENANT}, [SECOND], "no such", "id"),
    "group of several tenants": ("entra_group", STAFF, [MANY], "has several tenants", f"`{{id: …, tenant: {TENANT}}}`"),
    "role of a tenant by number": ("entra_role", {"role": "Boss", "tenant": 1}, [MANY], "no such tenant", "id of one"),
    "claim alone": ("oidc_claim", "department", [OIDC], "a claim and its value", "{name: department, value: sales}"),
    "claim without a value": ("oidc_claim", {"name": "department"}, [OIDC], "a claim and its value", "value: sales"),
    "claim of a list": (
        "oidc_claim",
        {"name": "department", "value": ["a"]},
        [OIDC],
        "a claim and its",
        "value: sales",
    ),
    "claim of nothing": (
        "oidc_claim",
        {"name": "department", "value": None},
        [OIDC],
        "a claim and its",
        "value: sales",
    ),
    "value of no claim": ("oidc_claim", {"value": "sales"}, [OIDC], "keys", "{name: …"),
    "claim with other keys": ("oidc_claim", {"name": "a", "value": "b", "x": 1}, [OIDC], "keys", "{name: …"),
    "claim by two names": (
        "oidc_claim",
        {"name": "a", "value": "b", "claim_value": "c"},
        [OIDC],
        "by two names",
        "write it once",
    ),
    "provider by two names": (
        "entra_group",
        {"id": STAFF, "provider": "entra", "identity_provider_id": "second"},
        [ENTRA, SECOND],
        "by two names",
        "write it once",
    ),
    "claim by a number": ("oidc_claim", {"name": 1, "value": "b"}, [OIDC], "plain text", "name as text"),
    "claim that is an e-mail": (
        "oidc_claim",
        {"name": "email", "value": "alice@contoso.example"},
        [OIDC],
        "does not count",
        "`email_domain`",
    ),
    "claim that is an e-mail by another name": (
        "oidc_claim",
        {"name": "upn", "value": "alice@contoso.example"},
        [OIDC],
        "does not count",
        "`email_domain`",
    ),
    "name in Entra that anybody can be given": (
        "oidc_claim",
        {"name": "preferred_username", "value": "alice@contoso.example"},
        [ENTRA],
        "does not count",
        "`email_domain`",
    ),
    "claim of two": (
        "oidc_claim",
        {"name": "a", "value": "b"},
        [ENTRA, OIDC],
        "several providers",
        "`{name: …, value: …, provider: entra}`",
    ),
    "claim by another key": (
        "oidc_claim",
        {"claim": "a", "value": "b"},
        [OIDC],
        "keys",
        "write `{name: …, value: …}`, and `provider: …`",
    ),
    "login by nobody": ("login_method", "entar", [ENTRA], "no identity provider", "`entra`"),
    "login by a list": ("login_method", ["entra"], [ENTRA], "not text", "`entra`"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_value_is_refused_with_its_mend(name):
    selector, value, providers, what, mend = REFUSED[name]
    with pytest.raises(GlassgateError) as caught:
        make(selector, value, providers)
    assert what in caught.value.what
    assert mend in caught.value.mend
