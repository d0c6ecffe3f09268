"""The registration as calls of Microsoft Graph, and as a manifest: all JSON in them parses, and says the same."""

import base64
import json
import re
from pathlib import Path

import jwt
import pytest
from cryptography import x509

from cli.program import GROUP
from cli.test_entra_application import app, of_policy, of_provider
from cli.test_entra_clicks import CERTIFICATE, FEDERATED, TWO
from glassgate.cli.entra_graph import calls, federated, manifest
from oidc.doctor.cases import certificate, pem

MADE = certificate()
TOKEN = jwt.encode({"iss": "https://idp.example", "sub": "repo:x", "aud": ["api://A"]}, "k" * 32).encode()


def read(path):
    files = {Path("/etc/glassgate/c.pem"): pem(MADE), Path("/run/token"): TOKEN}
    if path not in files:
        raise FileNotFoundError(2, "No such file or directory")
    return files[path]


def nothing(path):
    raise FileNotFoundError(2, "No such file or directory")


CALL = re.compile(r"^(GET|POST|PATCH) (https://\S+)\nContent-Type: application/json\n\n(.*?)(?:\n\n|\Z)", re.M | re.S)


def called(folder, *edits, read=read):
    """(method, address, body) of every call."""
    text = calls(app(folder, *edits), read)
    found = CALL.findall(text)
    assert len(found) == text.count("Content-Type:")
    return [(method, address, json.loads(body)) for method, address, body in found]


def bodies(folder, address, *edits, **more):
    return [body for _, place, body in called(folder, *edits, **more) if place.endswith(address)]


def test_the_calls_in_their_order(tmp_path):
    found = called(tmp_path, of_provider("mfa_context: c1"))
    graph = "https://graph.microsoft.com/v1.0"
    assert [(method, address) for method, address, _ in found] == [
        ("POST", f"{graph}/applications"),
        ("POST", f"{graph}/servicePrincipals"),
        ("POST", f"{graph}/applications(appId='APP_ID')/addPassword"),
        ("POST", f"{graph}/servicePrincipals/SP_ID/appRoleAssignedTo"),
        ("PATCH", f"{graph}/identity/conditionalAccess/authenticationContextClassReferences/c1"),
        ("POST", f"{graph}/identity/conditionalAccess/policies"),
    ]
    assert found[0][2] == app(tmp_path, of_provider("mfa_context: c1")).body()
    assert found[1][2] == {"appId": "APP_ID", "appRoleAssignmentRequired": True}
    assert found[3][2]["principalId"] == GROUP


def test_a_policy_makes_the_context_mean_something(tmp_path):
    (policy,) = bodies(tmp_path, "/policies", of_policy("include: [{entra_auth_context: c7}]"))
    assert policy["conditions"]["applications"] == {"includeAuthenticationContextClassReferences": ["c7"]}
    assert policy["grantControls"]["builtInControls"] == ["mfa"]
    assert policy["state"] == "enabled"


def test_the_certificate_goes_along_as_it_is(tmp_path):
    (body,) = bodies(tmp_path, "/applications(appId='APP_ID')", CERTIFICATE)
    (key,) = body["keyCredentials"]
    assert (key["type"], key["usage"]) == ("AsymmetricX509Cert", "Verify")
    assert x509.load_der_x509_certificate(base64.b64decode(key["key"])) == MADE


def test_one_that_is_not_there_yet_is_left_open(tmp_path):
    (body,) = bodies(tmp_path, "/applications(appId='APP_ID')", CERTIFICATE, read=nothing)
    assert body["keyCredentials"][0]["key"].startswith("THE CERTIFICATE")


def test_two_certificates_are_one_call_since_it_replaces_them(tmp_path):
    two = "certificate: [{key: a, certificate: /etc/glassgate/c.pem}, {key: b, certificate: /etc/glassgate/c.pem}]"
    (body,) = bodies(tmp_path, "/applications(appId='APP_ID')", (CERTIFICATE[0], two))
    assert len(body["keyCredentials"]) == 2


def test_a_federated_credential_is_that_of_the_token_in_the_file(tmp_path):
    (body,) = bodies(tmp_path, "/federatedIdentityCredentials", FEDERATED)
    assert (body["issuer"], body["subject"], body["audiences"]) == ("https://idp.example", "repo:x", ["api://A"])


@pytest.mark.parametrize("data", [None, b"nonsense", b"\xff.\xff.\xff"], ids=["none", "nonsense", "bytes"])
def test_without_a_token_it_says_where_they_stand(tmp_path, data):
    made = federated(app(tmp_path, FEDERATED), nothing if data is None else lambda path: data)
    assert (made["issuer"], made["subject"]) == ("THE TOKEN'S iss", "THE TOKEN'S sub")
    assert made["audiences"] == ["api://AzureADTokenExchange"]


def test_roles_are_assigned_by_their_ids(tmp_path):
    edit = of_policy("include: [{entra_role: Admin}]")
    (body,) = bodies(tmp_path, "/appRoleAssignedTo", edit)
    assert (body["principalId"], body["appRoleId"]) == ("OBJECT_ID", app(tmp_path, edit).roles[0].id)


def test_the_manifest_is_the_application_without_its_name(tmp_path):
    edits = [of_provider("recheck: 1h"), of_policy("include: [{entra_role: Admin}]")]
    found = json.loads(manifest(app(tmp_path, *edits)))
    assert found == {name: value for name, value in app(tmp_path, *edits).body().items() if name != "displayName"}
    assert found["appRoles"][0]["value"] == "Admin"


def test_no_secret_is_in_them(tmp_path):
    assert "one-secret" not in calls(app(tmp_path, TWO), read)
    assert len(bodies(tmp_path, "/addPassword", TWO)) == 1
