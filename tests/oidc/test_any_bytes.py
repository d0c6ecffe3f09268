"""Whatever anybody says, in any place where somebody else speaks: it is a sign-in, or a refusal with a name."""

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from glassgate.access.identity import Identity
from glassgate.oidc.callback import read_callback
from glassgate.oidc.errors import SignInError
from glassgate.oidc.graph import CHECK, MEMBER_OF
from glassgate.oidc.kept import Kept, digest
from glassgate.oidc.logout_token import LogoutToken
from glassgate.oidc.provider import GroupsFrom
from glassgate.oidc.relying_party import Expected, SignedIn
from oidc.forged import b64, resigned
from oidc.scripted import (
    AUTHORITY,
    CLIENT,
    EC_KEY,
    ENTRA,
    ENTRA_ISSUER,
    GENERIC,
    ISSUER,
    NONCE,
    NOW,
    RSA_KEY,
    TENANT,
    VERIFIER,
    Scripted,
    answer,
    document,
    entra_claims,
    entra_script,
    generic_claims,
    generic_script,
    jwk,
    logout_claims,
    party_of,
    sign,
)

GRAPH = "https://graph.localhost:8443"
ASKING = replace(
    GENERIC, recheck=60, claims={"email": "a.b", "groups": "groups.a"}, named_claims=("department", "a.b.c", "x")
)
MANY = replace(ENTRA, recheck=60, groups_from=GroupsFrom.GRAPH, graph=GRAPH, named_claims=("department",))

WORDS = st.sampled_from(
    ["kty", "kid", "n", "e", "x", "y", "crv", "alg", "use", "key_ops", "issuer", "keys", "sub", "email", "a", "b", "id",
     "value", "error", "token_type", "id_token", "access_token", "refresh_token", "scope", "@odata.nextLink", "RSA",
     "EC", "P-256", "RS256", "k1", "sig", "Bearer", "user-1", ISSUER, GRAPH, "msgraph_host", "jwks_uri"]
)  # fmt: skip
LEAVES = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def changed(draw, good):
    """Something good with one part of it replaced by anything, or taken out."""
    tree = json.loads(json.dumps(good))
    part = tree
    while True:
        key = draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if not (isinstance(part[key], dict | list) and part[key] and draw(st.booleans())):
            break
        part = part[key]
    if isinstance(part, dict) and draw(st.booleans()):
        del part[key]
    else:
        part[key] = draw(JSON)
    return tree


def said(good):
    """What somebody may answer where `good` is the good answer: bytes, JSON, or nearly that."""
    body = st.binary() | JSON.map(as_bytes) | changed(good).map(as_bytes)
    return st.builds(answer, body, st.sampled_from([200, 200, 200, 201, 302, 400, 401, 429, 500, 99, 999]))


def as_bytes(value):
    return json.dumps(value).encode()


class Anywhere(Scripted):
    """Answers at addresses, too, that nobody wrote down: what is said here names them."""

    def __call__(self, request):
        self.answers.setdefault(request.url, answer({}, 404))
        return super().__call__(request)


def settled(call):
    """What the room says: something of its own, or a refusal with a name."""
    try:
        got = call()
    except SignInError:
        return None
    assert isinstance(got, SignedIn | LogoutToken)
    if isinstance(got, SignedIn):
        assert Identity.from_json(got.identity.to_json()) == got.identity
        if got.kept:
            assert Kept.from_json(json.loads(json.dumps(got.kept.to_json()))) == got.kept
    return got


def whole(provider, script, at=NOW):
    """A sign-in, and what would come of it afterwards."""
    party = party_of(provider, Anywhere(script.answers))
    got = settled(lambda: party.sign_in(read_callback("code=c&state=s"), Expected(NONCE, VERIFIER), at))
    if got and got.kept:
        settled(lambda: party.refresh(got.kept, got.identity, at))
    return got


KEYS = {"keys": [jwk(RSA_KEY), jwk(EC_KEY, "e1")]}
TOKENS = {
    "token_type": "Bearer",
    "id_token": "e30.e30.AA",
    "access_token": "opaque",
    "refresh_token": "r",
    "scope": "openid",
    "expires_in": 3600,
}
USERINFO = {"sub": "user-1", "a": {"b": "ann@op.example"}, "email_verified": True, "department": "sales"}
GROUPS = {"value": [{"id": "g1"}, {"id": "g2"}], "@odata.nextLink": f"{GRAPH}/2"}


def test_what_is_spoiled_below_is_good():
    assert whole(ASKING, generic_script(sign(generic_claims()), userinfo=USERINFO)).identity.email == "ann@op.example"
    script = entra_script(sign(entra_claims()))
    script.answers |= {GRAPH + MEMBER_OF: GROUPS, f"{GRAPH}/2": {"value": [{"id": "g3"}]}}
    assert whole(MANY, script).identity.groups == {"g1", "g2", "g3"}


@given(said(document()))
def test_any_document(body):
    whole(ASKING, generic_script(sign(generic_claims()), discovery=body))
    script = entra_script(sign(entra_claims()), discovery=body)
    script.answers[f"{AUTHORITY}/organizations/v2.0/.well-known/openid-configuration"] = body
    whole(replace(MANY, tenant="organizations", allowed_tenants=(TENANT,)), script)


@settings(max_examples=200)
@given(said(KEYS), st.sampled_from([(RSA_KEY, "RS256", "k1"), (RSA_KEY, "PS256", "k1"), (EC_KEY, "ES256", "e1")]))
def test_any_keys(body, signer):
    key, algorithm, kid = signer
    token = sign(generic_claims(), key, algorithm, kid=kid)
    whole(ASKING, generic_script(token, keys=body, userinfo=USERINFO))


@given(said(TOKENS))
def test_any_answer_for_a_code(body):
    whole(ASKING, generic_script(token=body))


@given(said(TOKENS | {"id_token": sign(generic_claims(nonce=None))}))
def test_any_answer_for_a_refresh_token(body):
    kept = Kept("r", ISSUER, "user-1", digest(NONCE))
    identity = Identity("op", "oidc", ISSUER, "user-1", acrs=frozenset({"c1"}), acrs_at={"c1": 1})
    party = party_of(ASKING, generic_script(token=body, userinfo=USERINFO))
    settled(lambda: party.refresh(kept, identity, NOW))


@given(said(USERINFO))
def test_any_userinfo(body):
    whole(ASKING, generic_script(sign(generic_claims()), userinfo=body))


@given(said(GROUPS), st.sampled_from(list(GroupsFrom)))
def test_any_answer_of_graph(body, source):
    def script():
        made = entra_script(sign(entra_claims()))
        made.answers |= {GRAPH + MEMBER_OF: body, GRAPH + CHECK: body, f"{GRAPH}/2": body}
        return made

    provider = replace(MANY, groups_from=source, named_groups=("g1",))
    got = whole(provider, script())
    assert got
    assert got.identity.groups is None or got.identity.groups <= {"g1", "g2"} or source is GroupsFrom.GRAPH


@given(st.text() | st.binary().map(b64) | st.lists(st.binary().map(b64), min_size=2, max_size=6).map(".".join))
def test_any_token(token):
    whole(ASKING, generic_script(token))
    settled(lambda: party_of(ASKING, generic_script()).read_logout_token(token, NOW))


@given(JSON.map(as_bytes) | st.binary() | changed({"alg": "RS256", "kid": "k1", "typ": "JWT"}).map(as_bytes))
def test_any_header(header):
    whole(ASKING, generic_script(resigned(header), userinfo=USERINFO))
    logout = resigned(header, logout_claims())
    settled(lambda: party_of(ASKING, generic_script()).read_logout_token(logout, NOW))


ENTRA_ALL = entra_claims(
    groups=["g1"], roles=["r"], acrs=["c1"], sid="s", login_hint="h", xms_edov=True, auth_time=NOW, azp=None,
    department="sales", hasgroups=False, _claim_names={"groups": "x"}, iss=ENTRA_ISSUER,
)  # fmt: skip


@settings(max_examples=200)
@given(JSON.map(as_bytes) | st.binary() | changed(ENTRA_ALL).map(as_bytes))
def test_any_claims_of_entra(claims):
    script = entra_script(token={"token_type": "Bearer", "refresh_token": "r", "id_token": sign(claims)})
    whole(replace(MANY, groups_from=GroupsFrom.CLAIM), script)


GENERIC_ALL = generic_claims(
    a={"b": "ann@op.example", "c": [1]}, groups={"a": ["g1"]}, amr=["pwd"], sid="s", auth_time=NOW, azp=CLIENT,
    department={"name": ["sales"]}, at_hash=None, nbf=NOW, name="Ann", preferred_username="ann",
)  # fmt: skip


@settings(max_examples=200)
@given(JSON.map(as_bytes) | st.binary() | changed(GENERIC_ALL).map(as_bytes))
def test_any_claims_of_an_openid_provider(claims):
    token = {"token_type": "Bearer", "refresh_token": "r", "access_token": "opaque", "id_token": sign(claims)}
    whole(ASKING, generic_script(token=token, userinfo=USERINFO))


@given(JSON.map(as_bytes) | st.binary() | changed(logout_claims()).map(as_bytes))
def test_any_claims_of_a_logout_token(claims):
    settled(lambda: party_of(ASKING, generic_script()).read_logout_token(sign(claims, typ="logout+jwt"), NOW))
