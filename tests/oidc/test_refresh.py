"""A live session asked for again at its provider: the same person, or it is refused."""

import json
from dataclasses import replace

import pytest

from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.graph import MEMBER_OF
from glassgate.oidc.kept import Kept, digest
from glassgate.oidc.provider import GroupsFrom
from oidc.scripted import (
    AUTHORITY,
    CLIENT,
    ENTRA,
    ENTRA_ISSUER,
    GENERIC,
    NONCE,
    NOW,
    OTHER_RSA_KEY,
    OTHER_TENANT,
    SECRET,
    TENANT,
    answer,
    document,
    entra_claims,
    entra_script,
    generic_claims,
    generic_script,
    party_of,
    refused,
    sign,
    signed_in,
)

LATER = NOW + 3600
RECHECKED = replace(ENTRA, recheck=3600)
TOKEN = f"{AUTHORITY}/token"
GRAPH = "https://graph.localhost:8443"
FROM_GRAPH = replace(RECHECKED, groups_from=GroupsFrom.GRAPH, graph=GRAPH)


def tokens(id_token=None, **changes):
    said = {"token_type": "Bearer", "access_token": "opaque", "refresh_token": "first"}
    return {name: value for name, value in (said | {"id_token": id_token} | changes).items() if value is not None}


def later(**changes):
    """The claims of a refreshed ID token, which Entra gives no nonce."""
    times = {"iat": LATER - 300, "nbf": LATER - 300, "exp": LATER + 3600}
    return sign(entra_claims(**({"nonce": None} | times | changes)))


def begun(provider=RECHECKED, **claims):
    """What a sign-in keeps, and whom it proved."""
    got = signed_in(provider, entra_script(token=tokens(sign(entra_claims(groups=["g1"], **claims)))))
    assert got.kept
    return got.kept, got.identity


def refreshed(said, provider=RECHECKED, began=None, graph=None):
    script = entra_script(token=said)
    script.answers[GRAPH + MEMBER_OF] = graph
    return party_of(provider, script).refresh(*(began or begun(provider)), LATER), script


def test_what_a_sign_in_keeps():
    kept, _ = begun(auth_time=NOW - 9)
    assert kept == Kept("first", ENTRA_ISSUER, "pairwise-subject", digest(NONCE), NOW - 9)


@pytest.mark.parametrize(
    ("provider", "said"), [(ENTRA, {}), (RECHECKED, {"refresh_token": None}), (RECHECKED, {"refresh_token": ""})]
)
def test_nothing_is_kept_where_nobody_will_ask_again(provider, said):
    assert signed_in(provider, entra_script(token=tokens(sign(entra_claims()), **said))).kept is None


def test_the_same_person_goes_on():
    got, script = refreshed(tokens(later(groups=["g2"], roles=["Boss"], name="Alice Brown"), refresh_token="second"))
    assert (got.identity.groups, got.identity.roles, got.identity.name) == (
        {"g2"}, {"Boss"}, "Alice Brown",
    )  # fmt: skip
    assert got.identity.user_id == begun()[1].user_id
    assert got.amiss == ()
    assert script.sent(TOKEN) == {
        "grant_type": "refresh_token",
        "refresh_token": "first",
        "scope": "openid profile email offline_access",
        "client_id": CLIENT,
        "client_secret": SECRET,
    }


@pytest.mark.parametrize(("given", "kept"), [("second", "second"), (None, "first"), ("", "first")])
@pytest.mark.parametrize("id_token", [later(), None], ids=["with ID token", "without"])
def test_a_rotated_refresh_token_is_kept(given, kept, id_token):
    got, _ = refreshed(tokens(id_token, refresh_token=given))
    assert got.kept == replace(begun()[0], refresh_token=kept)


def test_without_an_id_token_all_stays_as_it_was_and_that_is_told():
    """Core 1.0, section 12.2: it might not contain one."""
    began = begun(acrs=["c1"])
    got, script = refreshed(tokens(), began=began)
    assert got.identity == began[1]
    assert "no new ID token" in got.amiss[0]
    assert script.count(f"{AUTHORITY}/keys") == 0


SOMEBODY_ELSE = {  # name: (claims, reason)
    "another sub": ({"sub": "another"}, "refresh_subject"),
    "another oid": ({"oid": "another-object"}, "refresh_subject"),
    "another tenant": ({"iss": f"{AUTHORITY}/{OTHER_TENANT}/v2.0", "tid": OTHER_TENANT}, "tenant_not_allowed"),
    "another issuer": ({"iss": "https://evil.example"}, "iss_mismatch"),
    "tid unlike iss": ({"tid": OTHER_TENANT}, "tid_iss"),
    "another client": ({"aud": "another"}, "aud_mismatch"),
    "another nonce": ({"nonce": "another"}, "nonce_mismatch"),
    "an older sign-in": ({"auth_time": NOW - 61}, "refresh_stale"),
    "no sub": ({"sub": None}, "sub_malformed"),
    "no oid": ({"oid": None}, "oid_missing"),
    "ended": ({"exp": LATER - 61, "iat": LATER - 600, "nbf": None}, "expired"),
    "made at the sign-in, a day ago": ({"iat": LATER - 90_000, "nbf": None}, "iat_implausible"),
}


@pytest.mark.parametrize("name", SOMEBODY_ELSE)
def test_anybody_else_is_refused(name):
    """The whole of the sign-in's checks, and those of Core 1.0, section 12.2."""
    claims, reason = SOMEBODY_ELSE[name]
    began = begun(auth_time=NOW - 60)
    assert refreshed(tokens(later(auth_time=NOW - 60)), began=began)[0].identity.subject == began[1].subject
    assert refused(refreshed, tokens(later(**({"auth_time": NOW - 60} | claims))), began=began) == reason


def test_another_of_the_allowed_tenants_is_somebody_else():
    many = replace(RECHECKED, tenant="organizations", allowed_tenants=(TENANT, OTHER_TENANT))
    template = document(f"{AUTHORITY}/{{tenantid}}/v2.0", AUTHORITY)
    keys = {
        "keys": [entra_script().answers[f"{AUTHORITY}/keys"]["keys"][0] | {"issuer": f"{AUTHORITY}/{{tenantid}}/v2.0"}]
    }

    def party(token):
        script = entra_script(token=token, keys=keys)
        script.answers[f"{AUTHORITY}/organizations/v2.0/.well-known/openid-configuration"] = template
        return party_of(many, script)

    began = begun()
    assert party(tokens(later())).refresh(*began, LATER).identity.realm == TENANT
    moved = later(iss=f"{AUTHORITY}/{OTHER_TENANT}/v2.0", tid=OTHER_TENANT)
    assert refused(party(tokens(moved)).refresh, *began, LATER) == "refresh_subject"


def test_a_signature_of_another_counts_as_little_as_at_the_sign_in():
    forged = sign(entra_claims(nonce=None, iat=LATER, exp=LATER + 60), OTHER_RSA_KEY)
    assert refused(refreshed, tokens(forged)) == "signature"


def test_its_own_nonce_may_come_again():
    assert refreshed(tokens(later(nonce=NONCE)))[0].identity


@pytest.mark.parametrize(
    ("acrs", "had", "proven"),
    [
        (None, ["c1"], {"c1": int(NOW)}),
        ([], ["c1"], {"c1": int(NOW)}),
        (["c1"], ["c1"], {"c1": int(LATER)}),
        (["c2"], ["c1"], {"c1": int(NOW), "c2": int(LATER)}),
        (["c1"], None, {"c1": int(LATER)}),
        (None, None, {}),
    ],
)
def test_contexts_stay_proven_at_the_age_that_they_have(acrs, had, proven):
    got, _ = refreshed(tokens(later(acrs=acrs)), began=begun(acrs=had))
    assert got.identity.acrs_at == proven
    assert got.identity.acrs == set(proven)
    assert got.identity.amr == ({"mfa"} if "c1" in proven else set())


@pytest.mark.parametrize(
    ("claims", "session", "hint"),
    [({}, "sid-1", "hint-1"), ({"sid": "sid-2", "login_hint": "hint-2"}, "sid-1", "hint-2")],
)
def test_what_a_sign_out_names_stays_what_it_was(claims, session, hint):
    got, _ = refreshed(tokens(later(**claims)), began=begun(sid="sid-1", login_hint="hint-1"))
    assert (got.identity.idp_session, got.identity.login_hint) == (session, hint)


def test_what_the_account_lost_is_lost():
    began = begun(email="alice@contoso.example", roles=["Boss"])
    got, _ = refreshed(tokens(later(email=None, groups=[])), began=began)
    assert (began[1].email, began[1].roles, began[1].groups) == ("alice@contoso.example", {"Boss"}, {"g1"})
    assert (got.identity.email, got.identity.roles, got.identity.groups) == (None, set(), set())


# --- the provider says no -----------------------------------------------------------------------------------


def test_a_refusal_keeps_all_that_tells_what_to_do():
    said = {
        "error": "invalid_grant",
        "error_description": "AADSTS50076: Due to a configuration change, you must use multi-factor authentication.",
        "suberror": "basic_action",
        "claims": '{"access_token":{"capolids":{"essential":true,"values":["x"]}}}',
    }
    with pytest.raises(ProviderRefused) as caught:
        refreshed(answer(said, 400))
    assert (caught.value.error, caught.value.suberror) == ("invalid_grant", "basic_action")
    assert (caught.value.code, caught.value.claims) == ("AADSTS50076", said["claims"])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(b"", 429, Retry_After="7"), "provider_unavailable"),
        (answer(b"", 503), "provider_unavailable"),
        (answer({"error": "temporarily_unavailable"}, 400), "provider_unavailable"),
        (ProviderUnavailable(Reason.TIMEOUT, "no answer"), "timeout"),
    ],
)
def test_a_provider_that_is_away_is_told_as_away(said, reason):
    with pytest.raises(ProviderUnavailable) as caught:
        refreshed(said)
    assert caught.value.reason == reason


# --- groups -------------------------------------------------------------------------------------------------

PAGE = {"value": [{"id": "g7"}]}


def test_groups_are_read_again():
    got, script = refreshed(tokens(later()), FROM_GRAPH, graph=PAGE)
    assert got.identity.groups == {"g7"}
    assert script.sent(TOKEN)["scope"].split() == [
        "openid", "profile", "email", "offline_access", f"{GRAPH}/User.Read",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [answer(b"", 429, Retry_After="60"), answer(b"", 500), ProviderUnavailable(Reason.TIMEOUT, "no answer")],
    ids=["429", "500", "slow"],
)
def test_a_graph_that_is_away_is_a_provider_that_is_away(said):
    """What is known stays in force meanwhile; at a sign-in there is nothing known."""
    with pytest.raises(ProviderUnavailable):
        refreshed(tokens(later()), FROM_GRAPH, graph=said)
    script = entra_script(token=tokens(sign(entra_claims())))
    script.answers[GRAPH + MEMBER_OF] = said
    got = signed_in(FROM_GRAPH, script)
    assert (got.identity.groups, len(got.amiss)) == (None, 1)


def test_a_graph_that_says_no_leaves_groups_unknown():
    got, _ = refreshed(tokens(later()), FROM_GRAPH, graph=answer({"error": {"code": "x"}}, 403))
    assert got.identity.groups is None
    assert got.amiss[0].startswith("groups_unknown: ")


def test_overage_that_came_since_makes_groups_unknown():
    got, _ = refreshed(tokens(later(_claim_names={"groups": "src1"})))
    assert got.identity.groups is None


# --- other providers ----------------------------------------------------------------------------------------

OP = replace(GENERIC, recheck=3600)


def op_claims(**changes):
    return generic_claims(**({"iat": LATER, "exp": LATER + 60} | changes))


def test_an_openid_provider_is_asked_the_same_way():
    first = signed_in(OP, generic_script(token=tokens(sign(generic_claims(amr=["pwd", "otp"])))))
    script = generic_script(token=tokens(sign(op_claims(nonce=None, groups=["new"])), refresh_token="second"))
    got = party_of(OP, script).refresh(first.kept, first.identity, LATER)
    assert (got.identity.groups, got.identity.amr) == ({"new"}, {"pwd", "otp"})
    assert got.kept.refresh_token == "second"
    assert script.sent("https://op.example/token")["scope"] == "openid profile email offline_access"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sub": "user-2"}, "refresh_subject"),
        ({"auth_time": NOW - 61}, "refresh_stale"),
        ({"nonce": "x"}, "nonce_mismatch"),
    ],
)
def test_an_openid_provider_says_who_it_is_as_strictly(claims, reason):
    first = signed_in(OP, generic_script(token=tokens(sign(generic_claims(auth_time=NOW - 60)))))
    script = generic_script(token=tokens(sign(op_claims(**claims))))
    assert refused(party_of(OP, script).refresh, first.kept, first.identity, LATER) == reason


def test_nothing_of_it_is_told():
    kept, identity = begun()
    told = repr(kept)
    for said in (tokens(later(sub="x")), answer({"error": "invalid_grant"}, 400), tokens(later(nonce="n-1"))):
        with pytest.raises(SignInError) as caught:
            refreshed(said, began=(kept, identity))
        told += str(caught.value)
    assert not [secret for secret in ("first", SECRET, NONCE, "eyJ", "n-1") if secret in told]
    assert json.dumps(told)
