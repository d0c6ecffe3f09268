"""Clients that nobody here wrote, against the lab's tenant: Microsoft's own, and one that checks ID tokens."""

import subprocess
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import msal
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from journeys.visitor import Form, Visitor

TENANT = "8f0c7d52-3b6e-4f6c-9a55-2d1c7e9b4a10"
CLIENT = "5d3a1c9e-7f42-4c7b-8e0d-6b2f9a4c1e35"
SECRET = "lab-secret-known-to-everybody"


class Localhost(HTTPAdapter):
    """What a resolver does that knows RFC 6761: every name under .localhost is this machine."""

    def build_connection_pool_key_attributes(self, request, verify, cert=None):
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        pool |= {"server_hostname": host["host"], "assert_hostname": host["host"]}
        return host | {"host": "127.0.0.1"}, pool

    def add_headers(self, request, **more):
        request.headers["Host"] = urlsplit(request.url).netloc


def http(ca):
    """A plain requests session, with the CA and that resolver."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(ca)
    session.mount("https://", Localhost())
    return session


@dataclass
class Lab:
    demo: object
    key: str
    certificate: str

    @property
    def authority(self):
        return self.demo.url("login", f"/{TENANT}")

    @property
    def callback(self):
        return self.demo.url("team", "/cdn-cgi/access/callback")

    def sign_in(self, url, name="alice"):
        """What the browser brings back to the callback, from the sign-in at `url`."""
        browser = Visitor(self.demo.ca)
        page = browser.ask(url)
        assert page.status == 200, page.text[:500]
        form = Form(page.text)
        answer = browser.ask(
            f"https://{urlsplit(url).netloc}{form.action}",
            method="POST",
            data={**form.fields, "loginfmt": name, "passwd": "password"},
        )
        location = answer.headers["Location"]
        assert location.startswith(self.callback)
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@pytest.fixture(scope="module")
def lab(running_demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "client.key", "-out", "client.pem",
         "-days", "30", "-subj", "/CN=glassgate"],
        cwd=folder, check=True, capture_output=True, timeout=60,
    )  # fmt: skip

    def edit(config):
        config["identity_providers"][0]["certificate"] = {"key": "client.key", "certificate": "client.pem"}

    with running_demo(folder, edit) as demo:
        yield Lab(demo, (folder / "client.key").read_text(), (folder / "client.pem").read_text())


def credential(lab, kind):
    if kind == "secret":
        return SECRET
    return {"private_key": lab.key, "public_certificate": lab.certificate}


@pytest.mark.parametrize("kind", ["secret", "certificate"])
def test_microsofts_own_client_signs_in_and_stays_signed_in(lab, kind):
    app = msal.ConfidentialClientApplication(
        CLIENT,
        authority=lab.authority,
        instance_discovery=False,
        client_credential=credential(lab, kind),
        http_client=http(lab.demo.ca),
    )
    flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri=lab.callback)
    result = app.acquire_token_by_auth_code_flow(flow, lab.sign_in(flow["auth_uri"]))
    assert "error" not in result, result
    assert result["id_token_claims"]["preferred_username"] == "alice@contoso.example"
    assert result["id_token_claims"]["tid"] == TENANT
    (account,) = app.get_accounts()
    assert account["username"] == "alice@contoso.example"
    cached = app.acquire_token_silent(["User.Read"], account)
    assert cached["access_token"] == result["access_token"]
    fresh = app.acquire_token_silent(["User.Read"], account, force_refresh=True)
    assert "error" not in fresh, fresh
    assert fresh["access_token"] != result["access_token"]
    me = http(lab.demo.ca).get(
        lab.demo.url("graph", "/v1.0/me"), headers={"Authorization": f"Bearer {fresh['access_token']}"}, timeout=20
    )
    assert me.json()["userPrincipalName"] == "alice@contoso.example"


def test_its_wrong_secret_is_refused_in_entras_words(lab):
    app = msal.ConfidentialClientApplication(
        CLIENT,
        authority=lab.authority,
        instance_discovery=False,
        client_credential="wrong",
        http_client=http(lab.demo.ca),
    )
    result = app.acquire_token_for_client([lab.demo.url("graph", "/.default")])
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000215])


def test_a_client_that_checks_id_tokens_signs_in(lab):
    """Authlib: the token's signature by the published keys, issuer, audience, nonce, times and at_hash."""
    documents = http(lab.demo.ca)
    metadata = documents.get(f"{lab.authority}/v2.0/.well-known/openid-configuration", timeout=20).json()
    client = OAuth2Session(
        CLIENT, SECRET, scope="openid profile email", redirect_uri=lab.callback, code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post",
    )  # fmt: skip
    client.trust_env, client.verify = False, str(lab.demo.ca)
    client.mount("https://", Localhost())
    verifier = "v" * 64
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], nonce="the-nonce", code_verifier=verifier
    )
    answer = lab.sign_in(url)
    assert answer["state"] == state
    tokens = client.fetch_token(
        metadata["token_endpoint"], code=answer["code"], code_verifier=verifier, grant_type="authorization_code"
    )
    keys = KeySet.import_key_set(documents.get(metadata["jwks_uri"], timeout=20).json())
    token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    claims = CodeIDToken(
        token.claims,
        token.header,
        {"iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"essential": True, "value": CLIENT}},
        {"nonce": "the-nonce", "client_id": CLIENT, "access_token": tokens["access_token"]},
    )
    claims.validate()
    assert claims["email"] == "alice@contoso.example"
