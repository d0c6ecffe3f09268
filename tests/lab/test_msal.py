"""Microsoft's own client against the tenant, without a network: every credential, every kind of authority."""

import html
import re
import time
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import msal
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.test import Client

from lab.tenancy import CLIENT, FABRIKAM, MULTI, ORIGIN, REDIRECT, SECRET, TENANT
from lab.tenant.test_client_auth import credential

KEY, CERTIFICATE = credential("msal", now=int(time.time()))
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = CERTIFICATE.public_bytes(Encoding.PEM)
THUMBPRINT = CERTIFICATE.fingerprint(hashes.SHA1()).hex()
CREDENTIALS = {
    "secret": SECRET,
    "certificate": {"private_key": PRIVATE, "public_certificate": PUBLIC.decode()},
    "thumbprint": {"private_key": PRIVATE, "thumbprint": THUMBPRINT},
}


@dataclass
class Answer:
    """An answer as MSAL wants it."""

    status_code: int
    text: str
    headers: dict

    def raise_for_status(self):
        """Nothing: MSAL reads errors by itself."""


@dataclass
class Http:
    """An HTTP client of MSAL's that leads straight to the lab's hosts."""

    tenancy: object

    def get(self, url, **more):
        return self._ask("GET", url, **more)

    def post(self, url, **more):
        return self._ask("POST", url, **more)

    def close(self):
        """Nothing is open."""

    def _ask(self, method, url, params=None, data=None, headers=None, **_):
        parts = urlsplit(url)
        answer = Client(self.tenancy.lab.hosts[parts.hostname]).open(
            parts.path, method=method, base_url=f"{parts.scheme}://{parts.netloc}", data=data, headers=headers,
            query_string=params or parts.query,
        )  # fmt: skip
        return Answer(answer.status_code, answer.text, dict(answer.headers))


@pytest.fixture
def tenancy(tenancy):
    """A tenant of this very moment: MSAL has a clock of its own."""
    tenancy.clock = time.time
    tenancy.registrations = [replace(one, certificates=(PUBLIC,)) for one in tenancy.registrations]
    tenancy.restart()
    return tenancy


def client(tenancy, kind="secret", *, tenant=TENANT, client_id=CLIENT, instance_discovery=False):
    return msal.ConfidentialClientApplication(
        client_id,
        authority=f"{ORIGIN}/{tenant}",
        instance_discovery=instance_discovery,
        client_credential=CREDENTIALS[kind],
        http_client=Http(tenancy),
    )


def signed_in(tenancy, app, name):
    """The result of a whole sign-in, its answer by a form."""
    flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri=REDIRECT, response_mode="form_post")
    parts = urlsplit(flow["auth_uri"])
    assert parse_qs(parts.query)["client_info"] == ["1"]
    browser = tenancy.browser()
    page = browser.submit(browser.get(f"{parts.path}?{parts.query}"), loginfmt=name, passwd=f"{name}s-password")
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return app.acquire_token_by_auth_code_flow(flow, {field: html.unescape(value) for field, value in fields})


@pytest.mark.parametrize("kind", CREDENTIALS)
@pytest.mark.parametrize(
    ("tenant", "client_id", "name", "home"),
    [(TENANT, CLIENT, "alice", TENANT), (TENANT, CLIENT, "carol", FABRIKAM), ("contoso.example", CLIENT, "bob", TENANT),
     ("organizations", MULTI, "dave", FABRIKAM), ("common", MULTI, "carol", FABRIKAM)],
    ids=["by id", "a guest", "by domain", "organizations", "common"],
)  # fmt: skip
def test_it_signs_in_and_stays_signed_in(tenancy, kind, tenant, client_id, name, home):
    app = client(tenancy, kind, tenant=tenant, client_id=client_id)
    result = signed_in(tenancy, app, name)
    assert "error" not in result, result
    (account,) = app.get_accounts()
    assert account["home_account_id"].partition(".")[2] == home
    assert app.acquire_token_silent(["User.Read"], account)["access_token"] == result["access_token"]
    fresh = app.acquire_token_silent(["User.Read"], account, force_refresh=True)
    assert fresh["access_token"] != result["access_token"]
    for scope in ("https://graph.localhost:8443/.default", "https://graph.localhost:8443/User.Read"):
        assert "access_token" in app.acquire_token_silent([scope], account)


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_an_application_gets_a_token_for_itself_and_keeps_it(tenancy, kind):
    app = client(tenancy, kind)
    first = app.acquire_token_for_client(["https://graph.localhost:8443/.default"])
    again = app.acquire_token_for_client(["https://graph.localhost:8443/.default"])
    assert first["access_token"] == again["access_token"]


@pytest.mark.parametrize(
    ("fault", "number", "suberror"),
    [("aadsts:50173@token", 50173, None), ("aadsts:50076@token", 50076, "basic_action")],
)
def test_it_is_told_why_it_cannot_stay_signed_in(tenancy, fault, number, suberror):
    app = client(tenancy)
    signed_in(tenancy, app, "alice")
    (account,) = app.get_accounts()
    tenancy.switch(**{fault: None})
    told = app.acquire_token_silent_with_error(["User.Read"], account, force_refresh=True)
    assert (told["error"], told["error_codes"], told.get("suberror")) == ("invalid_grant", [number], suberror)


def test_it_finds_its_instance_here(tenancy):
    app = client(tenancy, instance_discovery=f"{ORIGIN}/common/discovery/instance")
    assert "error" not in signed_in(tenancy, app, "alice")
