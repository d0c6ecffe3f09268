"""What comes after the ID token: userinfo, Graph, rules, and all that is said of a session while it lives."""

from gate.site import TEAM, Browser
from glassgate.gate.exchange import Answer, Forward
from glassgate.oidc.graph import CHECK, MEMBER_OF
from glassgate.oidc.provider import GroupsFrom
from oidc.forged import hmac_by, unsigned
from oidc.negative.flow import ALICE, FRONT, GRAPH, GROUP, LATER, MEMBERS, MFA, OUTSIDERS, STEP_UP
from oidc.negative.rows import (
    Row,
    all_of,
    claims,
    forged,
    given,
    policy,
    signed,
    token_endpoint,
    tokens,
    userinfo,
)
from oidc.scripted import (
    AUTHORITY,
    CLIENT,
    NOW,
    OID,
    OTHER_RSA_KEY,
    OTHER_TENANT,
    TENANT,
    answer,
    jwk,
    logout_claims,
    sign,
)

EVIL = "https://evil.example"
THEN = NOW + LATER
OTHER_ISSUER = f"{AUTHORITY}/{OTHER_TENANT}/v2.0"
GONE = {"error": "invalid_grant", "error_description": "AADSTS50057: The user account is disabled."}


# --- userinfo -----------------------------------------------------------------------------------------------

ASKED = all_of(claims(email=None), userinfo({"sub": "user-1", "email": "ann@op.example", "email_verified": True}))

USERINFO = [
    Row("userinfo of another", "Core 1.0, 5.3.2", userinfo({"sub": "user-2"}), "userinfo_sub", good=ASKED),
    Row("userinfo of nobody", "Core 1.0, 5.3.2", userinfo({"email": "boss@op.example"}), "userinfo_sub", good=ASKED),
    Row("userinfo in HTML", "Core 1.0, 5.3.2", userinfo(answer(b"<html>")), "userinfo_malformed", good=ASKED),
    Row("userinfo elsewhere", "Core 1.0, 5.3.2", userinfo(answer(b"", 302, Location=EVIL)), "userinfo_malformed",
        good=ASKED),
    Row("userinfo with members twice", "RFC 7519, 4", userinfo(answer(b'{"sub":"a","sub":"user-1"}')),
        "json_duplicate", good=ASKED),
    Row("userinfo refuses the token", "RFC 6750, 3.1", userinfo(answer({"error": "invalid_token"}, 401)),
        "provider_refused", good=ASKED),
    Row("userinfo is away", "-", userinfo(answer(b"", 503)), "provider_unavailable", good=ASKED),
]  # fmt: skip


# --- Graph --------------------------------------------------------------------------------------------------


def graph(said):
    return lambda flow: flow.script.answers.update({GRAPH + MEMBER_OF: said, GRAPH + CHECK: said})


def page(*ids, **more):
    return {"value": [{"id": one} for one in ids], **{f"@odata.{name}": value for name, value in more.items()}}


def only_graph(flow, outcome):
    assert "evil.example" not in flow.addresses()
    assert "graph.windows.net" not in flow.addresses()


FROM_GRAPH = all_of(given(groups_from=GroupsFrom.GRAPH, graph=GRAPH), policy(MEMBERS), graph(page(GROUP)))
CHECKED = all_of(
    given(groups_from=GroupsFrom.CHECK, graph=GRAPH, named_groups=(GROUP,)),
    policy(MEMBERS),
    graph({"value": [GROUP]}),
)
NOT_IN_IT = all_of(given(groups_from=GroupsFrom.GRAPH, graph=GRAPH), policy(OUTSIDERS), graph(page("another")))
OVERAGE = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": f"{EVIL}/groups", "access_token": "x"}},
}
DENIED = {"ends": "denied", "kind": "entra", "check": only_graph}

GROUPS = [
    Row("a next page elsewhere", "-", graph(page(GROUP, nextLink=f"{EVIL}/2")), "graph_link", good=FROM_GRAPH,
        **DENIED),
    Row("a next page in the clear", "-", graph(page(GROUP, nextLink="http://graph.localhost:8443/2")), "graph_link",
        good=FROM_GRAPH, **DENIED),
    Row("a next page with another's host as user", "RFC 3986, 3.2.1",
        graph(page(GROUP, nextLink=f"{GRAPH}@evil.example/2")), "graph_link", good=FROM_GRAPH, **DENIED),
    Row("pages in a circle", "-", graph(page(GROUP, nextLink=GRAPH + MEMBER_OF)), "graph_link", good=FROM_GRAPH,
        **DENIED),
    Row("Graph says no", "-", graph(answer({"error": {"code": "x"}}, 403)), "groups_unknown", good=FROM_GRAPH,
        **DENIED),
    Row("Graph is busy for long", "RFC 9110, 10.2.3", graph(answer(b"", 429, Retry_After="60")), "groups_unknown",
        good=FROM_GRAPH, **DENIED),
    Row("Graph is broken", "-", graph(answer(b"", 500)), "groups_unknown", good=FROM_GRAPH, **DENIED),
    Row("half of the pages", "-", all_of(
        graph(page(GROUP, nextLink=f"{GRAPH}/2")),
        lambda flow: flow.script.answers.update({f"{GRAPH}/2": answer(b"", 500)})),
        "groups_unknown", good=FROM_GRAPH, **DENIED),
    Row("groups that are no list", "-", graph({"value": {"id": GROUP}}), "groups_unknown", good=FROM_GRAPH, **DENIED),
    Row("a check that fails", "-", graph(answer(b"", 403)), "groups_unknown", good=CHECKED, **DENIED),
    Row("a check that answers what nobody asked", "-", graph({"value": ["another"]}), good=CHECKED, **DENIED),
    Row("groups that only would have excluded", "-", graph(answer(b"", 403)), "groups_unknown", good=NOT_IN_IT,
        **DENIED),
    Row("no token for Graph", "-", tokens(access_token=None), "groups_unknown", good=FROM_GRAPH, **DENIED),
    Row("too many groups for the token, and no Graph", "Core 1.0, 5.6.2", claims(**OVERAGE, groups=None),
        good=all_of(policy(MEMBERS), claims(groups=[GROUP])), **DENIED),
    Row("too many groups, which would have excluded", "Core 1.0, 5.6.2", claims(**OVERAGE), good=policy(OUTSIDERS),
        **DENIED),
    Row("the address that a token names", "Core 1.0, 5.6.2", claims(**OVERAGE), kind="entra", good=FROM_GRAPH,
        ends="ignored", check=only_graph),
    Row("a role of another's registration", "Entra", claims(roles=[GROUP], groups=[]), kind="entra", ends="denied",
        good=all_of(policy(MEMBERS), claims(groups=[GROUP]))),
]  # fmt: skip


# --- who somebody is ----------------------------------------------------------------------------------------


def without_an_email(flow, outcome):
    """The origin is told no address, and no rule sees one."""
    sent = [name.lower() for name, _ in outcome.headers] if isinstance(outcome, Forward) else []
    assert b"cf-access-authenticated-user-email" not in sent


def one_round(flow, outcome):
    assert flow.script.count(flow.token_endpoint) in (1, 2)


BY_TENANT = all_of(
    policy(ALICE),
    given(
        email_domains=(),
        tenant_email_domains={TENANT: ("contoso.example",), OTHER_TENANT: ("fabrikam.example",)},
    ),
)

PEOPLE = [
    Row("a foreign e-mail", "CVE-2023-46241 (nOAuth)", claims(iss=OTHER_ISSUER, tid=OTHER_TENANT), kind="many",
        good=BY_TENANT, ends="denied"),
    Row("an e-mail of no listed domain", "CVE-2024-21632 (nOAuth)", claims(email="alice@contoso.example.evil.example"),
        kind="entra", good=policy(ALICE), ends="denied"),
    Row("an e-mail with two ats", "CVE-2023-46241 (nOAuth)", claims(email="alice@contoso.example@evil.example"),
        kind="entra", good=policy(ALICE), ends="denied"),
    Row("an e-mail in other letters", "UTS 39", claims(email="\u0430lice@contoso.example"), kind="entra",
        good=policy(ALICE), ends="denied"),
    Row("an e-mail that Entra says is not verified", "Entra (xms_edov)", claims(xms_edov=False), kind="entra",
        good=all_of(given(email_domains=()), claims(xms_edov=True), policy(ALICE)), ends="denied"),
    Row("an e-mail that the provider did not verify", "Core 1.0, 5.1", claims(email_verified=False),
        good=all_of(claims(email="alice@contoso.example"), policy(ALICE)), ends="denied"),
    Row("an e-mail verified as text", "Core 1.0, 5.1", claims(email_verified="false"),
        good=all_of(claims(email="alice@contoso.example"), policy(ALICE)), ends="denied"),
    Row("an e-mail that the user wrote", "Core 1.0, 5.7", userinfo({"sub": "user-1", "mail": "alice@contoso.example"}),
        good=all_of(given(claims={"email": "mail"}), claims(email=None), policy(ALICE), userinfo(
            {"sub": "user-1", "mail": "alice@contoso.example", "email_verified": True})), ends="denied"),
    Row("a foreign e-mail where anybody may come", "CVE-2023-46241 (nOAuth)", claims(email="boss@evil.example"),
        kind="entra", ends="ignored", check=without_an_email),
    Row("step-up not done", "Entra (acrs)", claims(acrs=None), kind="entra",
        good=all_of(policy(STEP_UP), claims(acrs=["c1"])), ends="denied", check=one_round),
    Row("another context", "Entra (acrs)", claims(acrs=["c11", "C1", "c2"]), kind="entra",
        good=all_of(policy(STEP_UP), claims(acrs=["c1"])), ends="denied", check=one_round),
    Row("a second factor by an amr that Entra does not send", "Entra (amr)", claims(acrs=None, amr=["mfa"]),
        kind="entra", good=all_of(policy(MFA), claims(acrs=["c1"])), ends="denied", check=one_round),
]  # fmt: skip


# --- while a session lives ----------------------------------------------------------------------------------


def fresh(**changes):
    """The refreshed ID token says something else."""
    return claims(**({"nonce": None} | changes))


AGAIN = {"kind": "entra", "ends": "ended"}
SIGNED_IN = claims(auth_time=NOW - 60)

REFRESH = [
    Row("refreshed: another sub", "Core 1.0, 12.2", fresh(sub="another"), "refresh_subject", **AGAIN),
    Row("refreshed: another oid", "Entra", fresh(oid="another"), "refresh_subject", **AGAIN),
    Row("refreshed: another of the tenants", "Core 1.0, 12.2", fresh(iss=OTHER_ISSUER, tid=OTHER_TENANT),
        "refresh_subject", kind="many", ends="ended"),
    Row("refreshed: another tenant", "Core 1.0, 12.2", fresh(iss=OTHER_ISSUER, tid=OTHER_TENANT),
        "tenant_not_allowed", **AGAIN),
    Row("refreshed: another issuer", "Core 1.0, 12.2", fresh(iss=EVIL), "iss_mismatch", **AGAIN),
    Row("refreshed: tid unlike iss", "Entra", fresh(tid=OTHER_TENANT), "tid_iss", **AGAIN),
    Row("refreshed: another audience", "Core 1.0, 12.2", fresh(aud="another"), "aud_mismatch", **AGAIN),
    Row("refreshed: one audience more", "Core 1.0, 12.2", fresh(aud=[CLIENT, "another"]), "aud_untrusted", **AGAIN),
    Row("refreshed: another nonce", "Core 1.0, 12.2", fresh(nonce="another"), "nonce_mismatch", **AGAIN),
    Row("refreshed: an older auth_time", "Core 1.0, 12.2", fresh(auth_time=NOW - 61), "refresh_stale", good=SIGNED_IN,
        **AGAIN),
    Row("refreshed: the token of the sign-in", "Core 1.0, 12.2", fresh(iat=NOW - 1, exp=NOW + 600), "expired", **AGAIN),
    Row("refreshed: not signed", "RFC 8725, 2.1", forged(lambda it: unsigned({"alg": "none", "kid": "k1"}, it)),
        "alg_none", **AGAIN),
    Row("refreshed: signed by another", "Core 1.0, 12.2", signed(OTHER_RSA_KEY), "signature", **AGAIN),
    Row("refreshed: a key in the header", "CVE-2018-0114", signed(OTHER_RSA_KEY, jwk=jwk(OTHER_RSA_KEY)),
        "header_key", **AGAIN),
    Row("refreshed: another sub at an OpenID provider", "Core 1.0, 12.2", fresh(sub="another"), "refresh_subject",
        ends="ended"),
    Row("the account is gone", "RFC 6749, 5.2", token_endpoint(answer(GONE, 400)), "provider_refused", **AGAIN),
    Row("tokens that are none", "RFC 6749, 5.1", token_endpoint(answer(b"<html>")), "token_not_json", kind="entra",
        ends="unsettled"),
    Row("a redirect with a refresh token", "RFC 9700, 4.12", token_endpoint(answer(b"", 307, Location=EVIL)),
        "token_redirect", check=only_graph, kind="entra", ends="unsettled"),
]  # fmt: skip


# --- somebody says that a session has ended -----------------------------------------------------------------


def says(**changes):
    """The logout token says something else."""
    return lambda flow: flow.log_out(**changes)


def replayed(flow):
    """The same token once more, after a new sign-in of the same session's."""
    first = flow.log_out()
    assert first.status == 200
    flow.browser.jars = {}
    flow.sign_in()
    return flow.log_out()


def with_changes(**attributes):
    def does(flow):
        for name, value in attributes.items():
            setattr(flow, name, value)
        return flow.log_out()

    return does


def by_form(body):
    return lambda flow: flow.log_out(body=body)


def an_id_token(flow):
    token = sign(flow.of.claims(nonce=flow.asked["nonce"], sid="s-1", iat=NOW - 1, exp=NOW + 600))
    return flow.log_out(body=f"logout_token={token}".encode())


def text(make):
    def does(flow):
        return flow.log_out(body=f"logout_token={make(logout_claims())}".encode())

    return does


WITH_SID = claims(sid="s-1")
KEPT = {"good": WITH_SID, "ends": "kept", "ender": lambda flow: flow.log_out()}

LOGOUT = [
    Row("a logout token with a nonce", "Back-Channel Logout 1.0, 2.4", does=says(nonce="n"), reason="logout_nonce",
        **KEPT),
    Row("a logout token without events", "Back-Channel Logout 1.0, 2.4", does=says(events=None),
        reason="logout_claims", **KEPT),
    Row("a logout token with another event", "Back-Channel Logout 1.0, 2.4", does=says(events={"urn:x": {}}),
        reason="logout_claims", **KEPT),
    Row("a logout token of nobody", "Back-Channel Logout 1.0, 2.4", does=says(sub=None, sid=None),
        reason="logout_claims", **KEPT),
    Row("a logout token without jti", "Back-Channel Logout 1.0, 2.4", does=says(jti=None), reason="logout_claims",
        **KEPT),
    Row("a logout token twice", "Back-Channel Logout 1.0, 2.6", does=replayed, reason="logout_replayed", **KEPT),
    Row("a logout token of another issuer", "Back-Channel Logout 1.0, 2.6", does=says(iss=EVIL),
        reason="iss_mismatch", **KEPT),
    Row("a logout token of another client", "Back-Channel Logout 1.0, 2.6", does=says(aud="another"),
        reason="aud_mismatch", **KEPT),
    Row("a logout token that has ended", "Back-Channel Logout 1.0, 2.6", does=says(exp=NOW - 61, iat=NOW - 90),
        reason="expired", **KEPT),
    Row("a logout token that does not end", "Back-Channel Logout 1.0, 2.4", does=says(exp=None),
        reason="exp_malformed", **KEPT),
    Row("a logout token by another key", "Back-Channel Logout 1.0, 2.6", does=with_changes(key=OTHER_RSA_KEY),
        reason="signature", **KEPT),
    Row("a logout token that is not signed", "Back-Channel Logout 1.0, 2.6",
        does=text(lambda it: unsigned({"alg": "none", "kid": "k1"}, it)), reason="alg_none", **KEPT),
    Row("a logout token by HMAC", "CVE-2022-29217", does=text(lambda it: hmac_by(b"secret", it)),
        reason="alg_not_allowed", **KEPT),
    Row("an access token as logout token", "RFC 8725, 3.11", does=with_changes(header={"typ": "at+jwt"}),
        reason="typ", **KEPT),
    Row("an ID token as logout token", "RFC 8725, 3.12", does=an_id_token, reason="logout_claims", **KEPT),
    Row("no logout token", "Back-Channel Logout 1.0, 2.5", does=by_form(b""), reason="format", **KEPT),
    Row("two logout tokens", "RFC 6749, 3.1", does=by_form(b"logout_token=a.b.c&logout_token=d.e.f"),
        reason="parameter_repeated", **KEPT),
    Row("a logout token of another session", "Back-Channel Logout 1.0, 2.7", does=says(sid="s-2"), good=WITH_SID,
        ends="ignored", ender=lambda flow: flow.log_out()),
]  # fmt: skip


def framed(target):
    def does(flow):
        frame = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
        said = Browser(flow.site).ask(TEAM, FRONT + target, headers=frame)
        assert isinstance(said, Answer)
        assert said.status == 200
        return said

    return does


IN_A_FRAME = {"good": WITH_SID, "ends": "ignored", "ender": framed("op?sid=s-1")}

FRAMES = [
    Row("a frame with an unknown sid", "Front-Channel Logout 1.0, 3", does=framed("op?sid=another"), **IN_A_FRAME),
    Row("a frame without a sid", "Front-Channel Logout 1.0, 3", does=framed("op"), **IN_A_FRAME),
    Row("a frame with the user's id", "Front-Channel Logout 1.0, 3", does=framed(f"entra?sid={OID}"), kind="entra",
        good=WITH_SID, ends="ignored", ender=framed("entra?sid=s-1")),
    Row("a frame with the user's sub", "Front-Channel Logout 1.0, 3", does=framed("op?sid=user-1"), **IN_A_FRAME),
    Row("a frame with two sids", "RFC 6749, 3.1", does=framed("op?sid=s-1&sid=s-1"), **IN_A_FRAME),
]  # fmt: skip

ROWS = USERINFO + GROUPS + PEOPLE + REFRESH + LOGOUT + FRAMES
