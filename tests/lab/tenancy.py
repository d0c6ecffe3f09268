"""A lab tenant to talk to: its users and client, a clock to turn, and a browser."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from werkzeug.test import Client

from glassgate.access.seal import Seal
from glassgate.config.settings import LabSettings, LabTenant, LabUser
from glassgate.lab.open import Team, open_lab
from glassgate.lab.tenant.cloud import Authority, Call, Cloud
from glassgate.lab.tenant.directory import tenant_id_of
from glassgate.lab.tenant.keys import SigningKeys, open_secrets
from glassgate.lab.tenant.registration import Audience, Registration
from glassgate.lab.tenant.switches import Fault, Switchboard, UserSwitch
from glassgate.lab.tenant.tenants import make_tenants
from glassgate.oidc.http import HttpResponse
from glassgate.state.memory import MemoryStore

ORIGIN = "https://login.localhost:8443"
TENANT = "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10"
FABRIKAM = tenant_id_of("fabrikam.example")
CLIENT, OTHER = "5d3a1c9e-7f42-4c7b-8e0d-6b2f9a4c1e35", "11111111-2222-4333-8444-555555555555"
SECRET = "a-client-secret"
REDIRECT = "https://team.localhost:8443/cdn-cgi/access/callback"
SIGNED_OUT = "https://team.localhost:8443/cdn-cgi/access/logout"
FRONT_CHANNEL = "https://team.localhost:8443/cdn-cgi/access/frontchannel-logout/entra"
OTHERS_FRONT_CHANNEL = "https://crm.example/signed-out?from=entra"
VERIFIER = "v" * 43
MULTI = "22222222-2222-4333-8444-555555555555"
STAFF = "1f6b2c44-9f7e-4a53-8b0a-3f9d0c5e7a01"
FINANCE = "7c0d9e1b-52a8-4d36-b1f4-08e6a2c3d902"

USERS = (
    LabUser("alice", "Alice Ahlberg", "alices-password"),
    LabUser("bob", "Bob <b>Brandt</b>", "bobs-password", groups=(FINANCE,), roles=("Approver",), mfa=True),
    LabUser("carol", "Carol Costa", "carols-password", guest_of="fabrikam.example", email="carol@fabrikam.example"),
)
TENANTS = (LabTenant("fabrikam.example", users=(LabUser("dave", "Dave", "daves-password", "fabrikam.example"),)),)
REGISTRATIONS = (
    Registration(
        CLIENT,
        (SECRET,),
        (REDIRECT, "https://team.localhost:8443/other?a=1"),
        (SIGNED_OUT,),
        ("c1",),
        tenant=TENANT,
        logout_uri=FRONT_CHANNEL,
    ),
    Registration(OTHER, ("another-secret",), (REDIRECT,), logout_uri=OTHERS_FRONT_CHANNEL),
    Registration(MULTI, (SECRET,), (REDIRECT,), audience=Audience.MULTIPLE),
)


def challenge_of(verifier):
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


ASK = {
    "client_id": CLIENT,
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid profile email",
    "state": "the-state",
    "nonce": "the-nonce",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}
STEP_UP = {"claims": '{"id_token":{"acrs":{"essential":true,"value":"c1"}}}'}


@dataclass
class Clock:
    """A clock that stands until it is turned."""

    now: float = 1_800_000_000.0

    def __call__(self):
        return self.now


@dataclass
class Tenancy:
    """A lab without origins, which can be started again on the same folder and store."""

    folder: object
    clock: Clock = field(default_factory=Clock)
    store: MemoryStore = field(default_factory=MemoryStore)
    users: tuple = USERS
    registrations: tuple = REGISTRATIONS
    more: dict = field(default_factory=dict)  # of LabSettings
    slept: list = field(default_factory=list)

    def __post_init__(self):
        self.restart()

    def restart(self):
        self.lab = open_lab(
            self.settings,
            public_origin=lambda host: f"https://{host}:8443",
            registrations=self.registrations,
            team=Team("https://team.localhost:8443", {}, lambda request: HttpResponse(503)),
            state=self.folder / "lab",
            store=self.store,
            clock=self.clock,
            sleep=self.slept.append,
        )

    @property
    def settings(self):
        return LabSettings(self.users, (), **({"tenants": TENANTS} | self.more))

    @property
    def switchboard(self):
        """The switches, as another process would turn them."""
        return Switchboard(self.store)

    def switch(self, **faults):
        """Turn on faults, for ever or so many times."""
        for name, times in faults.items():
            self.switchboard.change(lambda s, n=name, t=times: s.with_fault(Fault(n, times=t)), self.clock())

    def switch_user(self, upn, **changes):
        """Do something to a user."""
        self.switchboard.change(lambda s: s.with_user(upn, UserSwitch(**changes)), self.clock())

    def browser(self):
        return Browser(self)

    def graph(self, path, json=None, **headers):
        client = Client(self.lab.hosts["graph.localhost"])
        method = "GET" if json is None else "POST"
        return client.open(path, method=method, base_url="https://graph.localhost:8443", headers=headers, json=json)


def call(folder, at=None, **changes):
    """One request of a cloud without endpoints, at the main tenant or at another authority, for what is below them."""
    tenants = make_tenants(LabSettings(USERS, (), TENANTS), [TENANT])
    store = changes.pop("store", None) or MemoryStore()
    secrets = open_secrets(folder)
    cloud = Cloud(
        origin=ORIGIN,
        graph="https://graph.localhost:8443",
        tenants=tenants,
        registrations={one.client_id: one for one in REGISTRATIONS},
        keys=SigningKeys.open(folder, 0.0),
        seal=Seal(secrets),
        subject_secret=b"x" * 32,
        store=store,
        switchboard=Switchboard(store),
        clock=Clock(),
        sleep=lambda seconds: None,
        **changes,
    )
    directory = tenants.main if at is None else tenants.find(at)
    now = cloud.clock()
    return Call(cloud, Authority(directory.tenant_id if directory else at, directory), cloud.switchboard.read(now), now)


class Browser:
    """A browser of its own: cookies, and forms as a person sends them. Redirects are looked at, not followed."""

    def __init__(self, tenancy):
        self.tenancy = tenancy
        self.cookies = Client(lambda environ, start: tenancy.lab.hosts["login.localhost"](environ, start))

    def get(self, path, **headers):
        return self.cookies.get(path, base_url=ORIGIN, headers=headers)

    def post(self, path, data=None, **headers):
        return self.cookies.post(path, base_url=ORIGIN, data=data or {}, headers=headers)

    def authorize(self, tenant=TENANT, **changes):
        ask = {name: value for name, value in {**ASK, **changes}.items() if value is not None}
        return self.get(f"/{tenant}/oauth2/v2.0/authorize?{urlencode(ask, doseq=True)}")

    def submit(self, page, **fields):
        action = re.search(r'action="([^"]+)"', page.text)[1]
        filled = dict(re.findall(r'<input[^>]* name="(ctx|otc)" value="([^"]*)"', page.text))
        return self.post(action, {**filled, **fields})

    def sign_in(self, name="alice", password=None, **changes):
        page = self.authorize(**changes)
        if page.status_code == 302:  # signed in already
            return page
        return self.submit(page, loginfmt=name, passwd=password or f"{name.partition('@')[0]}s-password")

    def code(self, name="alice", **changes):
        return answer_of(self.sign_in(name, **changes))["code"]

    def redeem(self, good_code, **changes):
        return self.token(**({"code": good_code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER} | changes))

    def refresh(self, good_token, **changes):
        return self.token(**({"grant_type": "refresh_token", "refresh_token": good_token} | changes))

    def token(self, at=TENANT, **changes):
        form = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "grant_type": "authorization_code",
        }
        form = {name: value for name, value in (form | changes).items() if value is not None}
        return self.post(f"/{at}/oauth2/v2.0/token", form)


def answer_of(response):
    """What a redirect tells the client."""
    assert response.status_code == 302, response.text[:500]
    parts = urlsplit(response.headers["Location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == REDIRECT
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def number_of(response):
    """The AADSTS number that a response tells, wherever it tells it."""
    where = response.headers.get("Location") or response.text
    return int(re.search(r"AADSTS(\d+)", where)[1])


def claims_in(browser, answer, audience=CLIENT):
    """The ID token of a token answer, checked by the keys that the tenant publishes."""
    found = browser.get(f"/{TENANT}/discovery/v2.0/keys").json
    token = answer.json["id_token"]
    key = jwt.PyJWKSet.from_dict(found)[jwt.get_unverified_header(token)["kid"]]
    unclocked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, options=unclocked)
