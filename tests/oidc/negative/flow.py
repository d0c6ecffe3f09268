"""A whole sign-in: a browser, a gate with its real relying party, and a provider that does what a row wants.

The provider is a good one until it is told otherwise: it binds its codes to PKCE, takes each once, and signs for
whoever asks.
"""

import contextlib
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlencode, urlsplit

from gate.site import STAFF, TEAM, WIKI, Browser, app, site_of
from glassgate.access.policy import Decision, Policy
from glassgate.access.selectors import Source, make
from glassgate.gate.exchange import Answer
from glassgate.oidc.authorize import code_challenge
from glassgate.state.memory import MemoryStore
from oidc.scripted import (
    AUTHORITY,
    ENTRA,
    ENTRA_ISSUER,
    GENERIC,
    ISSUER,
    OTHER_TENANT,
    RSA_KEY,
    SECRET,
    TENANT,
    Scripted,
    answer,
    document,
    entra_claims,
    generic_claims,
    jwk,
    logout_claims,
    party_of,
    sign,
    without_none,
)

CALLBACK = "/cdn-cgi/access/callback"
FRONT = "/cdn-cgi/access/frontchannel-logout/"
BACK = "/cdn-cgi/access/backchannel-logout/"
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site", "accept": "text/html"}
GRAPH = "https://graph.localhost:8443"
GROUP = "11111111-aaaa-bbbb-cccc-000000000001"
SESSIONS = ("__Host-CF_Authorization=", "CF_Authorization=")  # cookies that open something
HOLDS = ("session", "cookie", "grant", "provider")  # where the store keeps who is signed in
TEMPLATE = f"{AUTHORITY}/{{tenantid}}/v2.0"
LATER = 3601.0  # seconds after which a session is asked for again

OF_ENTRA = [Source("entra", "entra", mfa_context="c1")]
EVERYONE = (make("everyone", True, []),)
MEMBERS = Policy("members", Decision.ALLOW, (make("entra_group", GROUP, OF_ENTRA),))
OUTSIDERS = Policy("outsiders", Decision.ALLOW, EVERYONE, exclude=(make("entra_group", GROUP, OF_ENTRA),))
ALICE = Policy("alice", Decision.ALLOW, (make("email", "alice@contoso.example", []),))
STEP_UP = Policy("step up", Decision.ALLOW, EVERYONE, require=(make("entra_auth_context", "c1", OF_ENTRA),))
MFA = Policy("mfa", Decision.ALLOW, EVERYONE, require=(make("auth_method", "mfa", OF_ENTRA),))


@dataclass(frozen=True)
class Kind:
    """A kind of provider: how it is configured, where it is, and what it says of somebody."""

    provider: object
    discovery: str
    document: dict
    base: str
    claims: object


KINDS = {
    "entra": Kind(
        replace(ENTRA, recheck=3600),
        f"{AUTHORITY}/{TENANT}/v2.0/.well-known/openid-configuration",
        document(ENTRA_ISSUER, AUTHORITY),
        AUTHORITY,
        entra_claims,
    ),
    "many": Kind(
        replace(ENTRA, recheck=3600, tenant="organizations", allowed_tenants=(TENANT, OTHER_TENANT)),
        f"{AUTHORITY}/organizations/v2.0/.well-known/openid-configuration",
        document(TEMPLATE, AUTHORITY),
        AUTHORITY,
        entra_claims,
    ),
    "op": Kind(
        replace(GENERIC, recheck=3600),
        f"{ISSUER}/.well-known/openid-configuration",
        document(),
        "https://op.example",
        generic_claims,
    ),
}


@dataclass
class Flow:
    """One visitor's way. What a row changes, it changes before the visitor sets out."""

    kind: str = "op"
    given: dict = field(default_factory=dict)  # of the provider's configuration
    host: str = WIKI
    policy: Policy = STAFF
    # what the provider says
    claims: dict = field(default_factory=dict)  # of the ID token; None leaves one out
    header: dict = field(default_factory=dict)  # of its header
    key: object = RSA_KEY
    algorithm: str = "RS256"
    forge: object = None  # claims -> token
    tokens: dict = field(default_factory=dict)  # of the token endpoint's answer; None leaves a member out
    ignores_pkce: bool = False
    script: Scripted = None
    # what comes back to the gate
    fields: dict = field(default_factory=dict)  # of the callback; None leaves one out
    query: object = None  # (flow, its fields) -> the callback's query
    posts: object = None  # fields -> the form's body, where it comes in a form
    form: dict = field(default_factory=lambda: dict(FORM))  # the headers of that form
    # what came of it
    answers: list = field(default_factory=list)
    asked: dict = field(default_factory=dict)  # of the last authorization request
    issued: dict = field(default_factory=dict)  # codes: what each is bound to
    before: dict = field(default_factory=lambda: {space: [] for space in HOLDS})  # what the store held
    log: object = None

    def __post_init__(self):
        self.world = contextlib.ExitStack()
        self.of = KINDS[self.kind]
        self.token_endpoint = f"{self.of.base}/token"
        self.keys_endpoint = f"{self.of.base}/keys"
        self.script = Scripted(
            {
                self.of.discovery: dict(self.of.document),
                self.keys_endpoint: {"keys": [jwk(RSA_KEY)]},
                self.token_endpoint: self.redeem,
                "https://op.example/userinfo": {"sub": "user-1"},
            }
        )

    def open(self):
        """The gate, with what the row made of its provider; and a browser before it."""
        provider = replace(self.of.provider, **self.given)
        self.store = MemoryStore()
        apps = [replace(app("app", self.host, self.policy), providers=(provider.id,), session_duration=86_400)]
        parties = {provider.id: party_of(provider, self.script)}
        self.site = site_of(apps=apps, store=self.store, parties=parties)
        self.browser = Browser(self.site)
        return self

    # --- the provider ---------------------------------------------------------------------------------------

    def document(self, **changes):
        """Change the provider's document; None leaves a member out."""
        self.script.answers[self.of.discovery] = without_none(self.of.document | changes)

    def keys(self, *entries):
        self.script.answers[self.keys_endpoint] = {"keys": list(entries)}

    def authorize(self):
        """A new code, bound to what the browser asks for."""
        code = f"code-{len(self.issued)}"
        self.issued[code] = {"challenge": self.asked["code_challenge"], "nonce": self.asked["nonce"]}
        return code

    def redeem(self, request):
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form["grant_type"] == "refresh_token":
            return self.said(None)
        bound = self.issued.pop(form["code"], None)
        if bound is None:
            return answer({"error": "invalid_grant", "error_description": "AADSTS54005: redeemed before."}, 400)
        if code_challenge(form["code_verifier"]) != bound["challenge"] and not self.ignores_pkce:
            return answer({"error": "invalid_grant", "error_description": "AADSTS501481: no match."}, 400)
        return self.said(bound["nonce"])

    def said(self, nonce):
        """The token endpoint's good answer, with what the row changes of it."""
        at = self.browser.at
        claims = self.of.claims(**({"nonce": nonce, "iat": at - 1, "exp": at + 600, "nbf": None} | self.claims))
        token = self.forge(claims) if self.forge else sign(claims, self.key, self.algorithm, **self.header)
        good = {"token_type": "Bearer", "access_token": "opaque", "refresh_token": "refresh", "id_token": token}
        return without_none(good | self.tokens)

    # --- the browser ----------------------------------------------------------------------------------------

    def ask(self, host, target, **how):
        outcome = self.browser.ask(host, target, **how)
        self.answers.append(outcome)
        return outcome

    def start(self):
        """To the provider's door; an answer where the way ends before it."""
        outcome = self.follow(self.host, "/first", till_provider=True)
        return outcome if isinstance(outcome, Answer) and outcome.status >= 400 else None

    def follow(self, host, target, till_provider=False):
        """Along all redirects, by way of the provider, to an answer or to the app."""
        for _ in range(16):
            outcome = self.ask(host, target)
            location = dict(getattr(outcome, "headers", ())).get("Location")
            if location is None:
                return outcome
            parts = urlsplit(location)
            if parts.hostname == urlsplit(self.of.base).hostname:
                self.asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                if till_provider:
                    return None
                return self.come_back()
            host, target = parts.hostname, parts.path + (f"?{parts.query}" if parts.query else "")
        raise AssertionError("a circle of redirects")

    def come_back(self):
        """From the provider, with its answer."""
        fields = without_none({"code": self.authorize(), "state": self.asked["state"]} | self.fields)
        if self.posts:
            answered = Browser(self.site, self.browser.at).ask(
                TEAM, CALLBACK, method="POST", headers=self.form, body=self.posts(fields)
            )
            self.answers.append(answered)
            way = dict(answered.headers).get("Location")
            return self.follow(TEAM, way.partition(":8443")[2]) if way else answered
        query = self.query(self, fields) if self.query else urlencode(fields)
        return self.follow(TEAM, f"{CALLBACK}?{query}")

    def sign_in(self):
        """The whole way, from the app's first page back to it."""
        return self.start() or self.come_back()

    def go_on(self, after=LATER):
        """A page of the app later on, when the session is asked for again."""
        self.browser.at += after
        return self.ask(self.host, "/later", headers={"accept": "*/*"})

    def log_out(self, provider="op", body=None, **changes):
        """The provider's server says that a session has ended."""
        at = self.browser.at
        token = sign(
            logout_claims(**({"iat": at - 1, "exp": at + 60} | changes)), self.key, self.algorithm, **self.header
        )
        body = urlencode({"logout_token": token}).encode() if body is None else body
        headers = {"content-type": FORM["content-type"]}
        return Browser(self.site, at).ask(TEAM, BACK + provider, method="POST", headers=headers, body=body)

    # --- what came of it ------------------------------------------------------------------------------------

    def held(self):
        """What the store holds of who is signed in."""
        return {space: self.store.find(space, "", self.browser.at) for space in HOLDS}

    def cookies(self):
        """The cookies that were set and open something."""
        lines = [
            value
            for one in self.answers
            if isinstance(one, Answer)
            for name, value in one.headers
            if name == "Set-Cookie"
        ]
        return [line for line in lines if line.startswith(SESSIONS) and "01 Jan 1970" not in line]

    def told(self):
        """Every reason and detail that was told, in order."""
        events = [event for one in self.answers for event in getattr(one, "events", ())] + self.browser.heard
        return [(event.reason, event.details) for event in events]

    def reasons(self):
        return [reason for reason, _ in self.told() if reason]

    def addresses(self):
        """Whom the gate called."""
        return {urlsplit(call.url).hostname for call in self.script.calls}

    def secrets(self):
        """What no page may hold."""
        return [SECRET, *self.issued, "eyJ", "opaque", self.asked.get("nonce", SECRET)]
