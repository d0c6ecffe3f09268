"""A gate for tests, made of real parts: real keys, a memory store, and a provider that says what a test wants."""

import itertools
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from glassgate.access.app import App, Origin
from glassgate.access.identity import Identity
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.seal import Seal
from glassgate.gate.apps import Apps
from glassgate.gate.evaluations import Evaluations
from glassgate.gate.exchange import PIECE, Collect, Request, run
from glassgate.gate.journey import journey
from glassgate.gate.kept_forms import KeptForms
from glassgate.gate.pace import Pace
from glassgate.gate.service_tokens import ServiceTokens
from glassgate.gate.sessions import Sessions
from glassgate.gate.site import Site
from glassgate.oidc.client_auth import ClientSecret
from glassgate.oidc.errors import SignInError
from glassgate.oidc.kept import Kept
from glassgate.oidc.logout_token import LogoutToken
from glassgate.oidc.provider import Provider
from glassgate.oidc.relying_party import SignedIn
from glassgate.state.memory import MemoryStore

NOW = 1_800_000_000.0
TEAM, WIKI, PAYROLL = "team.localhost", "wiki.localhost", "payroll.localhost"
BROWSER = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def request_of(
    target, *, host=f"{WIKI}:8443", method="GET", headers=(), secure=True, at=NOW, peer="127.0.0.1", hosts=None
):
    """A request as mitmproxy would hand it over."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    hosts = [host] if hosts is None else hosts
    fields = [("Host", value) for value in hosts] + pairs
    encoded = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields)
    return Request("0123456789abcdef", at, secure, method, tuple(hosts), target, encoded, ip_address(peer))


@dataclass(frozen=True)
class Key:
    kid: str
    private_key: object


@cache
def rsa_key(name):
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Keys:
    """The key ring's face, with keys that live as long as the test run."""

    def __init__(self, name="one"):
        self.signing = Key((name * 64)[:64], rsa_key(name))
        self.verifying = (self.signing,)
        self._name = name

    def secrets(self, purpose):
        return (f"{self._name} {purpose}".encode().ljust(32, b".")[-32:],)

    def public_document(self):
        return {"keys": [], "public_cert": {}, "public_certs": []}


@dataclass
class Party:
    """A provider that proves whoever is to sign in next, or fails as the test wants."""

    provider: Provider
    next: Identity | Exception
    asked: list = field(default_factory=list)
    kept: Kept | None = None
    refreshed: Identity | Exception | None = None  # None: nothing changed
    refreshes: list = field(default_factory=list)
    amiss: tuple = ()
    logout: LogoutToken | Exception | None = None
    home: str = "https://login.example"
    expected: object = None  # what the last sign-in had to hold

    def authorization_url(self, ask, now):
        self.asked.append(ask)
        if isinstance(self.next, Exception) and not isinstance(self.next, SignInError):
            raise self.next
        return f"https://login.example/authorize?state={ask.state}"

    def sign_in(self, callback, expected, now):
        if isinstance(self.next, Exception):
            raise self.next
        assert expected.nonce == self.asked[-1].nonce
        self.expected = expected
        return SignedIn(self.next, self.kept, self.amiss)

    def refresh(self, kept, identity, now):
        self.refreshes.append((kept.refresh_token, now))
        if isinstance(self.refreshed, Exception):
            raise self.refreshed
        again = replace(kept, refresh_token=f"refresh-{len(self.refreshes)}")
        return SignedIn(self.refreshed or identity, again, self.amiss)

    def read_logout_token(self, token, now):
        if isinstance(self.logout, Exception):
            raise self.logout
        assert token == "the.logout.token"
        return self.logout

    def end_session_url(self, *, login_hint, return_to, now):
        return f"https://login.example/logout?back={return_to}"


def email_rule(email):
    return Rule(f"email: {email}", lambda facts: facts.identity and facts.identity.email == email)


EVERYONE = Rule("everyone", lambda facts: True)
MFA = Rule("entra_auth_context: c1", lambda facts: facts.identity and "c1" in facts.identity.acrs, needs_acrs="c1")


def person(name, **more):
    return Identity("entra", "entra", "tenant", f"oid-{name}", name, f"{name}@contoso.example", **more)


LOCAL = Origin("http", "127.0.0.1", 9000)


def app(name, domain, *policies, origin=LOCAL, **more):
    return App(name, (domain,), (name.encode().hex() * 64)[:64], origin, policies, 3600, ("entra",), **more)


STAFF = Policy("staff", Decision.ALLOW, (EVERYONE,), exclude=(email_rule("mallory@contoso.example"),))
FINANCE = Policy("finance", Decision.ALLOW, (email_rule("bob@contoso.example"),), require=(MFA,))


def site_of(*, apps=None, store=None, keys=None, parties=None, port=8443, fetch=None, **more):
    apps = [app("wiki", WIKI, STAFF), app("payroll", PAYROLL, FINANCE)] if apps is None else apps
    keys = keys or Keys()
    provider = Provider("entra", "entra", "client", (ClientSecret("secret"),))
    counter = itertools.count()
    evaluations = Evaluations(f"https://{TEAM}:{port}", keys.secrets, fetch, lambda n: f"nonce-{next(counter)}")
    store = store or MemoryStore()
    given = {
        "team": TEAM, "port": port, "apps": Apps(apps),
        "lab_hosts": frozenset(("login.localhost",)), "session_duration": 86400, "trusted_proxies": (),
        "parties": parties or {"entra": Party(provider, person("alice"))}, "keys": keys, "seal": Seal(keys.secrets),
        "sessions": Sessions(store), "evaluations": evaluations, "service_tokens": ServiceTokens(store),
        "forms": KeptForms(store),
        "pace": Pace(), "verified": {},
        "chance": lambda n: f"chance{next(counter):04d}-{n}",
        **more,
    }  # fmt: skip
    return Site(**given)


class Browser:
    """Follows redirects among our hosts and keeps cookies by host, as a browser does; stops at anyone else's."""

    def __init__(self, site, at=NOW):
        self.site, self.at, self.jars, self.last, self.urls = site, at, {}, None, []
        self.heard = []  # what the journeys told beside their outcomes

    def ask(self, host, target, *, headers=None, method="GET", body=b""):
        """One request, no redirects followed."""
        sent = dict(BROWSER if headers is None else headers)
        jar = self.jars.setdefault(host, {})
        if jar:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        outcome = run(
            journey(self.site, request_of(target, host=f"{host}:8443", method=method, headers=sent, at=self.at)),
            self.heard.append,
        )
        if isinstance(outcome, Collect):
            outcome = run(delivered(outcome, body), self.heard.append)
        for name, value in getattr(outcome, "headers", ()):
            if name == "Set-Cookie":
                pair, _, attributes = value.partition(";")
                cookie, _, content = pair.partition("=")
                if "Expires=Thu, 01 Jan 1970" in attributes:
                    jar.pop(cookie, None)
                else:
                    jar[cookie] = content
        self.last = outcome
        return outcome

    def open(self, host, target, headers=None):
        """Follow redirects till an answer, a forward, or a foreign address; the provider comes straight back."""
        for _ in range(12):
            outcome = self.ask(host, target, headers=headers)
            location = dict(getattr(outcome, "headers", ())).get("Location")
            if location is None:
                return outcome
            self.urls.append(location)
            parts = urlsplit(location)
            if parts.hostname == "login.example":
                if parts.path != "/authorize":
                    return outcome
                state = parse_qs(parts.query)["state"][0]
                host, target = TEAM, f"/cdn-cgi/access/callback?code=c&state={state}"
            else:
                host, target = parts.hostname, parts.path + (f"?{parts.query}" if parts.query else "")
        raise AssertionError(f"a circle of redirects: {self.urls}")


def delivered(collect, body):
    """The steps that a body leads to, as the layers have it come."""
    while collect.pieces and len(body) >= PIECE:
        answer = yield from collect.pieces.take(body[:PIECE])
        if answer:
            return answer
        body = body[PIECE:]
    return (yield from collect.go_on(body))


def begun(site, at=NOW):
    """A browser at the provider, and the state that it took there."""
    browser = Browser(site, at)
    location = dict(browser.ask(WIKI, "/first").headers)["Location"]
    location = dict(browser.ask(TEAM, location.partition(":8443")[2]).headers)["Location"]
    return browser, location.partition("state=")[2]


def signed_in(browser):
    """Whether the browser holds a global session."""
    return "__Host-CF_Authorization" in browser.jars.get(TEAM, {})


def reason(answer):
    """Why an answer says no."""
    return next(event.reason for event in answer.events if event.reason)
