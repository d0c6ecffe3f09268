"""The registration as clicks: a new administrator finds every value, and only what this configuration needs."""

import re

import pytest

from cli.program import GROUP
from cli.test_entra_application import TEAM, TENANTS, app, of_policy, of_provider
from glassgate.cli.entra_application import OPEN
from glassgate.cli.entra_clicks import clicks

CERTIFICATE = ("client_secret: ${CLIENT_SECRET}", "certificate: {key: k.pem, certificate: /etc/glassgate/c.pem}")
TWO = ("client_secret: ${CLIENT_SECRET}", "client_secret: [one-secret, another-secret]")
FEDERATED = ("client_secret: ${CLIENT_SECRET}", "federated_token_file: /run/token")


def titles(text):
    return re.findall(r"^\d+\. (.*)$", text, re.MULTILINE)


def flat(text):
    """The text without its line ends."""
    return re.sub(r"\s+", " ", text)


def test_the_pages_come_in_order_and_are_numbered(tmp_path):
    text = clicks(app(tmp_path))
    assert titles(text)[:3] == ["App registrations > New registration", "Authentication", "Certificates & secrets"]
    assert re.findall(r"^(\d+)\.", text, re.MULTILINE) == [str(n) for n in range(1, len(titles(text)) + 1)]
    assert max(len(line) for line in text.splitlines() if "run.sh" not in line) <= 100


SAYS = [
    ("the callback", [], f"Redirect URI: Web, {TEAM}/callback"),
    ("the way back", [], f"Add URI: {TEAM}/logout"),
    ("front channel", [], f"Front-channel logout URL: {TEAM}/frontchannel-logout/entra"),
    ("one tenant", [], "Accounts in this organizational directory only"),
    ("several", [("tenant: contoso.example", TENANTS)], "Accounts in any organizational directory"),
    (
        "their consent",
        [("tenant: contoso.example", TENANTS)],
        "https://login.microsoftonline.com/8f0c7d52-0000-4000-8000-000000000000/adminconsent?client_id=the-client&",
    ),
    (
        "consent before there is an id",
        [("tenant: contoso.example", TENANTS), ("client_id: the-client", f"client_id: {OPEN}")],
        "In the place of CLIENT-ID stands the Application (client) ID.",
    ),
    ("a secret", [], "Client secrets > New client secret. Its Value, shown this once, is `client_secret`"),
    ("a certificate", [CERTIFICATE], "Certificates > Upload certificate: /etc/glassgate/c.pem"),
    ("a federated token", [FEDERATED], "Federated credentials > Add credential: issuer, subject and audience"),
    ("groups", [], "Groups assigned to the application; for ID: Group ID"),
    ("the groups", [], f"Users and groups > Add: {GROUP}"),
    ("what is left out", [], "one that is left out lets nobody in, and keeps nobody out"),
    ("all groups", [of_provider("groups_from: graph")], "Add groups claim: Security groups"),
    ("Graph", [of_provider("groups_from: graph")], "Delegated permissions: openid, profile, email, User.Read"),
    ("edov", [], 'add {"name": "xms_edov"} to optionalClaims'),
    ("roles", [of_policy("include: [{entra_role: Admin}]")], "Create app role: Admin, for users/groups, value: Admin"),
    ("assigned", [], "Assignment required: Yes"),
    ("not assigned", [of_policy("include: [{everyone: {}}]")], "Assignment required: No"),
    ("a context", [of_policy("include: [{entra_auth_context: c4}]")], "New: the id c4, with Publish to apps"),
    ("its policy", [of_policy("include: [{entra_auth_context: c4}]")], "Without a policy everybody has the context"),
    ("more scopes", [of_provider("scopes: [openid, api://x/Read]")], "asks for this too: api://x/Read"),
    ("the trial", [], "./run.sh entra doctor -c /"),
    ("another cloud", [of_provider("authority: https://login.microsoftonline.us")], "https://entra.microsoft.us"),
]


@pytest.mark.parametrize(("edits", "says"), [row[1:] for row in SAYS], ids=[row[0] for row in SAYS])
def test_what_it_says(tmp_path, edits, says):
    assert says in flat(clicks(app(tmp_path, *edits)))


def test_an_address_and_a_command_are_each_in_one_piece(tmp_path):
    many = ("tenant: contoso.example", TENANTS), ("client_id: the-client", f"client_id: {OPEN}")
    lines = clicks(app(tmp_path, *many)).splitlines()
    (consent,) = [line for line in lines if "adminconsent" in line]
    assert consent.endswith(f"/adminconsent?client_id=CLIENT-ID&redirect_uri={TEAM}/logout")
    assert f"   - ./run.sh entra doctor -c {tmp_path}/config.yaml" in lines


LACKS = [
    ("no roles", "App roles"),
    ("no contexts", "Conditional Access"),
    ("no other tenants", "In each further tenant"),
    ("no User.Read", "User.Read"),
]


@pytest.mark.parametrize("lacks", [row[1] for row in LACKS], ids=[row[0] for row in LACKS])
def test_what_is_not_needed_is_not_there(tmp_path, lacks):
    assert lacks not in clicks(app(tmp_path))


def test_two_secrets_are_one_step(tmp_path):
    text = clicks(app(tmp_path, TWO))
    assert text.count("New client secret") == 1
    assert "one-secret" not in text
