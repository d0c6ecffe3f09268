from dataclasses import replace

import pytest

from glassgate.access.identity import Identity
from glassgate.oidc.metadata import read_metadata
from glassgate.oidc.provider import GroupsFrom
from glassgate.oidc.providers.entra import ENTRA as WAYS
from glassgate.oidc.providers.entra import check_document_issuer, discovery_url
from oidc.scripted import (
    AUTHORITY,
    CONSUMERS,
    ENTRA,
    ENTRA_ISSUER,
    ISSUER,
    NOW,
    OID,
    OTHER_TENANT,
    RSA_KEY,
    SECRET,
    TENANT,
    WEAK_RSA_KEY,
    document,
    entra_claims,
    entra_document,
    entra_script,
    jwk,
    refused,
    sign,
    sign_in,
)

BY_DOMAIN = replace(ENTRA, tenant="contoso.example")


def signed_in(provider=ENTRA, **changes):
    return sign_in(provider, entra_script(sign(entra_claims(**changes))))


def test_who_it_is():
    assert signed_in(
        groups=["g1", "g2"], roles=["Reader"], acrs=["c1", "c2"], sid="sid-1", login_hint="opaque-hint", amr=["pwd"]
    ) == Identity(
        provider="entra",
        provider_type="entra",
        realm=TENANT,
        subject=OID,
        name="Alice Adams",
        email="alice@contoso.example",
        groups=frozenset({"g1", "g2"}),
        roles=frozenset({"Reader"}),
        acrs=frozenset({"c1", "c2"}),
        acrs_at={"c1": int(NOW), "c2": int(NOW)},
        amr=frozenset({"mfa"}),
        idp_session="sid-1",
        login_hint="opaque-hint",
    )


@pytest.mark.parametrize(
    ("claims", "field", "value"),
    [
        ({"name": None}, "name", "alice@contoso.example"),
        ({"name": None, "preferred_username": None}, "name", ""),
        ({"email": None}, "email", None),
        ({"email": None}, "unverified_email", None),
        ({"acrs": "c1"}, "acrs", frozenset({"c1"})),
        ({"acrs": ["c2"]}, "amr", frozenset()),
        ({"amr": ["mfa", "pwd"]}, "amr", frozenset()),
        ({}, "groups", frozenset()),
        ({"hasgroups": True}, "groups", None),
        ({"hasgroups": "true"}, "groups", None),
        ({"hasgroups": True, "groups": ["g1"]}, "groups", None),
        ({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://evil.example"}}},
         "groups", None),
        ({"_claim_names": {"groups": "src1"}, "groups": ["g1"]}, "groups", None),
        ({"_claim_names": {"other": "src1"}, "groups": ["g1"]}, "groups", frozenset({"g1"})),
        ({"hasgroups": False, "groups": ["g1"]}, "groups", frozenset({"g1"})),
    ],
)  # fmt: skip
def test_what_claims_mean(claims, field, value):
    assert getattr(signed_in(**claims), field) == value


def test_without_an_mfa_context_nothing_proves_mfa():
    assert signed_in(replace(ENTRA, mfa_context=None), acrs=["c1"]).amr == frozenset()


NO_AUTH = "mallory@elsewhere.example"


@pytest.mark.parametrize(
    ("domains", "claims", "counts"),
    [
        (("contoso.example",), {}, True),
        (("contoso.example",), {"email": "Alice@CONTOSO.example"}, True),
        ((), {}, False),
        (("contoso.example",), {"email": NO_AUTH}, False),
        (("contoso.example",), {"email": NO_AUTH, "verified_primary_email": [NO_AUTH]}, False),
        (("contoso.example",), {"email": NO_AUTH, "email_verified": True}, False),
        ((), {"email": NO_AUTH, "xms_edov": True}, True),
        ((), {"email": NO_AUTH, "xms_edov": 1}, True),
        ((), {"email": NO_AUTH, "xms_edov": "1"}, True),
        ((), {"email": NO_AUTH, "xms_edov": "true"}, True),
        ((), {"email": NO_AUTH, "xms_edov": False}, False),
        ((), {"email": NO_AUTH, "xms_edov": 0}, False),
        ((), {"email": NO_AUTH, "xms_edov": "0"}, False),
        ((), {"email": NO_AUTH, "xms_edov": 2}, False),
        ((), {"email": NO_AUTH, "xms_edov": 1.0}, False),
        ((), {"email": NO_AUTH, "xms_edov": [True]}, False),
        ((), {"email": "a@b@c.example", "xms_edov": True}, False),
    ],
)
def test_whose_email_counts(domains, claims, counts):
    """The nOAuth attack: a foreign administrator writes the victim's address into a user of theirs."""
    claims = entra_claims() | claims
    who = signed_in(replace(ENTRA, email_domains=domains), **claims)
    email = claims["email"]
    assert (who.email, who.unverified_email) == ((email, None) if counts else (None, email))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"ver": "1.0"}, "version"),
        ({"ver": None}, "version"),
        ({"ver": 2.0}, "version"),
        ({"ver": "1.0", "iss": f"https://sts.windows.net/{TENANT}/"}, "version"),
        ({"iss": None}, "iss_mismatch"),
        ({"iss": [ENTRA_ISSUER]}, "iss_mismatch"),
        ({"iss": ENTRA_ISSUER + "/"}, "iss_mismatch"),
        ({"iss": ENTRA_ISSUER[:-1]}, "iss_mismatch"),
        ({"iss": ENTRA_ISSUER.upper()}, "iss_mismatch"),
        ({"iss": ENTRA_ISSUER + "?x"}, "iss_mismatch"),
        ({"iss": ENTRA_ISSUER.replace("https", "http")}, "iss_mismatch"),
        ({"iss": ENTRA_ISSUER.replace(":8443", "")}, "iss_mismatch"),
        ({"iss": f"{AUTHORITY}/{{tenantid}}/v2.0"}, "iss_mismatch"),
        ({"iss": f"https://evil.example/{TENANT}/v2.0"}, "iss_mismatch"),
        ({"iss": ENTRA_ISSUER.replace("login", "x@login")}, "iss_mismatch"),
        ({"tid": None}, "tid_iss"),
        ({"tid": OTHER_TENANT}, "tid_iss"),
        ({"tid": TENANT.upper()}, "tid_iss"),
        ({"iss": f"{AUTHORITY}/{OTHER_TENANT}/v2.0"}, "tid_iss"),
        ({"iss": f"{AUTHORITY}/{OTHER_TENANT}/v2.0", "tid": OTHER_TENANT}, "tenant_not_allowed"),
        ({"iss": f"{AUTHORITY}/{CONSUMERS}/v2.0", "tid": CONSUMERS}, "personal_account"),
        ({"tid": CONSUMERS}, "personal_account"),
        ({"oid": None}, "oid_missing"),
        ({"oid": ""}, "oid_missing"),
        ({"oid": 7}, "oid_missing"),
        ({"oid": "a" * 65}, "oid_missing"),
        ({"oid": OID + "\n"}, "oid_missing"),
        ({"groups": "admins"}, "claim_type"),
        ({"roles": "Admin"}, "claim_type"),
        ({"acrs": {"c1": True}}, "claim_type"),
        ({"name": ["Alice"]}, "claim_type"),
        ({"email": ["alice@contoso.example"]}, "claim_type"),
        ({"sid": 7}, "claim_type"),
    ],
)
def test_what_is_refused(claims, reason):
    assert refused(signed_in, **claims) == reason


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (jwk(RSA_KEY, issuer=f"{AUTHORITY}/{{tenantid}}/v2.0"), None),
        (jwk(RSA_KEY), None),
        (jwk(RSA_KEY, issuer=f"{AUTHORITY}/{CONSUMERS}/v2.0"), "key_issuer"),
        (jwk(RSA_KEY, issuer=""), "key_issuer"),
    ],
    ids=["template", "none", "consumers'", "empty"],
)
def test_whose_key_signed(entry, reason):
    script = entra_script(sign(entra_claims()), keys={"keys": [entry]})
    if reason:
        assert refused(sign_in, ENTRA, script) == reason
    else:
        assert sign_in(ENTRA, script).subject == OID


def test_rs256_alone_whatever_the_document_says():
    script = entra_script(
        sign(entra_claims(), algorithm="PS256"),
        discovery=entra_document(id_token_signing_alg_values_supported=["PS256"]),
    )
    assert refused(sign_in, ENTRA, script) == "alg_not_allowed"


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
def test_a_weak_key_signs_nothing():
    keys = {"keys": [jwk(RSA_KEY, "other"), jwk(WEAK_RSA_KEY, "k1")]}
    assert refused(sign_in, ENTRA, entra_script(sign(entra_claims(), WEAK_RSA_KEY), keys=keys)) == "key_unfit"


@pytest.mark.parametrize(
    ("provider", "issuer", "fit"),
    [
        (ENTRA, ENTRA_ISSUER, True),
        (replace(ENTRA, tenant=TENANT.upper()), ENTRA_ISSUER, True),
        (BY_DOMAIN, ENTRA_ISSUER, True),
        (BY_DOMAIN, f"{AUTHORITY}/{OTHER_TENANT}/v2.0", True),
        (replace(ENTRA, authority="https://LOGIN.localhost:8443"), ENTRA_ISSUER, True),
        (ENTRA, f"{AUTHORITY}/{OTHER_TENANT}/v2.0", False),
        (replace(ENTRA, tenant=TENANT.upper()), f"{AUTHORITY}/{OTHER_TENANT}/v2.0", False),
        (BY_DOMAIN, f"{AUTHORITY}/{{tenantid}}/v2.0", False),
        (BY_DOMAIN, f"{AUTHORITY}/contoso.example/v2.0", False),
        (BY_DOMAIN, f"https://evil.example/{TENANT}/v2.0", False),
        (BY_DOMAIN, f"http://login.localhost:8443/{TENANT}/v2.0", False),
        (BY_DOMAIN, ENTRA_ISSUER + "/", False),
        (BY_DOMAIN, ENTRA_ISSUER + "?a", False),
        (BY_DOMAIN, ENTRA_ISSUER + "?", False),
        (BY_DOMAIN, ENTRA_ISSUER.replace("login", "user@login"), False),
        (BY_DOMAIN, "https://[", False),
        (BY_DOMAIN, "", False),
    ],
)
def test_whose_document_it_is(provider, issuer, fit):
    if fit:
        assert check_document_issuer(provider, issuer) is None
    else:
        assert refused(check_document_issuer, provider, issuer) == "discovery_issuer"


def test_where_the_document_is():
    assert discovery_url(BY_DOMAIN) == f"{AUTHORITY}/contoso.example/v2.0/.well-known/openid-configuration"


def test_the_secret_goes_into_the_form():
    script = entra_script(sign(entra_claims()))
    sign_in(ENTRA, script)
    assert script.sent(f"{AUTHORITY}/token")["client_secret"] == SECRET
    assert WAYS.client_auth(ENTRA, read_metadata(document(), ISSUER)) == "client_secret_post"


# --- several tenants ----------------------------------------------------------------------------------------

TEMPLATE = f"{AUTHORITY}/{{tenantid}}/v2.0"
MANY = replace(
    ENTRA,
    tenant="organizations",
    allowed_tenants=(TENANT, OTHER_TENANT),
    email_domains=(),
    tenant_email_domains={TENANT: ("contoso.example",), OTHER_TENANT: ("fabrikam.example",)},
)


def of(tenant, **changes):
    return entra_claims(**({"iss": f"{AUTHORITY}/{tenant}/v2.0", "tid": tenant} | changes))


def many_script(claims, entry=None):
    script = entra_script(sign(claims), keys={"keys": [entry or jwk(RSA_KEY, issuer=TEMPLATE)]})
    script.answers[f"{AUTHORITY}/organizations/v2.0/.well-known/openid-configuration"] = document(TEMPLATE, AUTHORITY)
    return script


@pytest.mark.parametrize("tenant", [TENANT, OTHER_TENANT])
def test_users_of_every_allowed_tenant_sign_in(tenant):
    who = sign_in(MANY, many_script(of(tenant)))
    assert (who.realm, who.subject) == (tenant, OID)


def test_the_same_object_of_another_tenant_is_another_user():
    one, two = (sign_in(MANY, many_script(of(tenant))).user_id for tenant in MANY.allowed_tenants)
    assert one != two


STRANGER = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        (of(STRANGER), "tenant_not_allowed"),
        (of(CONSUMERS), "personal_account"),
        (of(TENANT, tid=CONSUMERS), "personal_account"),
        (of(TENANT, tid=OTHER_TENANT), "tid_iss"),
        (of(STRANGER, tid=TENANT), "tid_iss"),
        (of(TENANT, tid=None), "tid_iss"),
        (of(TENANT, tid=[TENANT]), "tid_iss"),
        (of(TENANT, iss=TEMPLATE), "iss_mismatch"),
        (of(TENANT, iss=f"{AUTHORITY}/organizations/v2.0"), "iss_mismatch"),
        (of(TENANT, iss=f"https://evil.example/{TENANT}/v2.0"), "iss_mismatch"),
        (of(TENANT, iss=f"{AUTHORITY}/{TENANT.upper()}/v2.0"), "iss_mismatch"),
        (of(TENANT, iss=f"{AUTHORITY}/{TENANT}/v2.0/"), "iss_mismatch"),
        (of(TENANT, ver="1.0"), "version"),
    ],
)
def test_nobody_else_does(claims, reason):
    assert refused(sign_in, MANY, many_script(claims)) == reason


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        (TEMPLATE, None),
        (ENTRA_ISSUER, None),
        (f"{AUTHORITY}/{OTHER_TENANT}/v2.0", "key_issuer"),
        (f"{AUTHORITY}/{CONSUMERS}/v2.0", "key_issuer"),
        ("https://evil.example/{tenantid}/v2.0", "key_issuer"),
        ("{tenantid}", "key_issuer"),
    ],
)
def test_a_key_of_one_tenant_signs_for_no_other(issuer, reason):
    script = many_script(of(TENANT), jwk(RSA_KEY, issuer=issuer))
    if reason:
        assert refused(sign_in, MANY, script) == reason
    else:
        assert sign_in(MANY, script).realm == TENANT


@pytest.mark.parametrize(
    ("tenant", "email", "counts"),
    [
        (TENANT, "alice@contoso.example", True),
        (OTHER_TENANT, "frank@fabrikam.example", True),
        (OTHER_TENANT, "alice@contoso.example", False),
        (TENANT, "frank@fabrikam.example", False),
    ],
)
def test_a_domain_counts_from_its_own_tenant_alone(tenant, email, counts):
    """nOAuth among one's own: each administrator writes what they like into the addresses of their users."""
    who = sign_in(MANY, many_script(of(tenant, email=email)))
    assert (who.email, who.unverified_email) == ((email, None) if counts else (None, email))


@pytest.mark.parametrize("changes", [{"allowed_tenants": ()}, {"allowed_tenants": (TENANT.upper(),)}])
def test_without_the_tenants_id_nobody_is_allowed(changes):
    assert refused(sign_in, replace(MANY, **changes), many_script(of(TENANT))) == "tenant_not_allowed"


@pytest.mark.parametrize(
    ("issuer", "fit"),
    [
        (TEMPLATE, True),
        (ENTRA_ISSUER, False),
        (f"{AUTHORITY}/organizations/v2.0", False),
        (f"{AUTHORITY}/{{tenantid}}/v2.0/", False),
        ("https://evil.example/{tenantid}/v2.0", False),
        (f"{AUTHORITY}/common/v2.0", False),
    ],
)
def test_the_document_of_organizations_names_no_tenant(issuer, fit):
    if fit:
        assert check_document_issuer(MANY, issuer) is None
    else:
        assert refused(check_document_issuer, MANY, issuer) == "discovery_issuer"


def test_one_tenants_document_is_not_that_of_organizations():
    assert refused(check_document_issuer, ENTRA, TEMPLATE) == "discovery_issuer"


# --- what is asked for --------------------------------------------------------------------------------------

PLAIN = ("openid", "profile", "email")


@pytest.mark.parametrize(
    ("changes", "host", "asked"),
    [
        ({}, "graph.microsoft.com", PLAIN),
        ({"groups_from": GroupsFrom.GRAPH}, "graph.microsoft.com", (*PLAIN, "https://graph.microsoft.com/User.Read")),
        ({"groups_from": GroupsFrom.CHECK}, "graph.microsoft.us", (*PLAIN, "https://graph.microsoft.us/User.Read")),
        (
            {"groups_from": GroupsFrom.GRAPH},
            "microsoftgraph.chinacloudapi.cn",
            (*PLAIN, "https://microsoftgraph.chinacloudapi.cn/User.Read"),
        ),
        (
            {"groups_from": GroupsFrom.GRAPH, "graph": "https://dod-graph.microsoft.us"},
            "graph.microsoft.us",
            (*PLAIN, "https://dod-graph.microsoft.us/User.Read"),
        ),
        (
            {"groups_from": GroupsFrom.GRAPH, "recheck": 60},
            "graph.microsoft.com",
            (*PLAIN, "offline_access", "https://graph.microsoft.com/User.Read"),
        ),
        ({"groups_from": GroupsFrom.GRAPH}, None, PLAIN),
        (
            {"groups_from": GroupsFrom.GRAPH, "scopes": ("openid", "User.Read")},
            "graph.microsoft.com",
            ("openid", "User.Read"),
        ),
    ],
)
def test_the_permission_is_named_by_its_own_graph(changes, host, asked):
    """In sovereign clouds a bare User.Read would be the public Graph's, and so would the token."""
    metadata = read_metadata(document(ENTRA_ISSUER, AUTHORITY, msgraph_host=host), ENTRA_ISSUER)
    assert WAYS.scopes(replace(ENTRA, **changes), metadata) == asked


def test_claims_that_rules_ask_for_are_kept():
    provider = replace(ENTRA, named_claims=("department", "gone"))
    who = signed_in(provider, department="sales", other="x")
    assert who.claims == {"department": "sales"}


def test_an_empty_allowed_email_domain_is_no_domain():
    who = sign_in(
        replace(MANY, tenant_email_domains={TENANT: ()}, email_domains=("contoso.example",)), many_script(of(TENANT))
    )
    assert (who.email, who.unverified_email) == (None, "alice@contoso.example")
