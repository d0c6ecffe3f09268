"""The registration as a script: bash reads it, what it would run is what is meant, and JSON in it parses."""

import json
import re
import shlex
import subprocess

import pytest

from cli.program import GROUP
from cli.test_entra_application import TEAM, TENANTS, app, of_policy, of_provider
from cli.test_entra_clicks import CERTIFICATE, FEDERATED, TWO
from glassgate.cli.entra_az import commands

CREDENTIAL = {"name": "glassgate", "issuer": "https://idp.example", "subject": "a 'b'", "audiences": ["c"]}
# Stand for the Azure CLI and OpenSSL: note how they were called, and answer with an id.
STUBS = """
noted() {{ printf "%q " "$@" >> {log}; echo >> {log}; }}
az() {{ noted az "$@"; echo the-id; }}
openssl() {{ noted openssl "$@"; }}
"""


def script(folder, *edits):
    return commands(app(folder, *edits), CREDENTIAL)


def ran(folder, text):
    """What a shell would run, as lists of words."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    stubs = STUBS.format(log=shlex.quote(str(log)))
    done = subprocess.run(["bash", "-eu"], input=stubs + text, text=True, capture_output=True, cwd=folder, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [shlex.split(line) for line in log.read_text().splitlines()]


def documents(text):
    """The JSON files that it writes, by name."""
    found = {}
    for part in text.split('cat > "$work/')[1:]:
        name, _, rest = part.partition(".json\" <<'JSON'\n")
        found[name] = json.loads(rest.partition("\nJSON\n")[0])
    return found


EVERYTHING = [
    of_provider(
        "groups_from: graph\n    recheck: 1h\n    mfa_context: c1\n    scopes: [openid, profile, api://x/Read]"
    ),
    of_policy(f'include: [{{entra_role: "Bob\'s $(rm) role"}}, {{entra_group: {GROUP}}}]'),
]
SCRIPTS = [
    ("the smallest", []),
    ("a certificate", [CERTIFICATE]),
    (
        "a certificate with an odd name",
        [(CERTIFICATE[0], 'certificate: {key: "a b\'s.pem", certificate: "$(x) c.pem"}')],
    ),
    ("a federated token", [FEDERATED]),
    ("two secrets", [TWO]),
    ("several tenants", [("tenant: contoso.example", TENANTS)]),
    ("another cloud", [of_provider("authority: https://login.microsoftonline.us")]),
    ("everything", EVERYTHING),
    ("groups and roles from the token", [EVERYTHING[1]]),
]


@pytest.mark.parametrize("edits", [row[1] for row in SCRIPTS], ids=[row[0] for row in SCRIPTS])
def test_a_shell_takes_it(tmp_path, edits):
    text = script(tmp_path, *edits)
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    calls = ran(tmp_path, text)
    assert calls[0][:2] == ["az", "cloud" if "microsoftonline.us" in str(edits) else "login"]
    assert documents(text)["application"]["displayName"] == "glassgate (access.example.com)"


def test_the_application_is_made_and_then_brought_to_what_it_should_be(tmp_path):
    text = script(tmp_path)
    made, patched = ran(tmp_path, text)[1:3]
    assert made[:4] == ["az", "ad", "app", "create"]
    assert made[made.index("--web-redirect-uris") + 1 :][:2] == [f"{TEAM}/callback", f"{TEAM}/logout"]
    assert made[made.index("--sign-in-audience") + 1] == "AzureADMyOrg"
    assert patched[patched.index("--uri") + 1] == "https://graph.microsoft.com/v1.0/applications(appId='the-id')"
    body = documents(text)["application"]
    assert body["web"]["logoutUrl"] == f"{TEAM}/frontchannel-logout/entra"
    assert body["groupMembershipClaims"] == "ApplicationGroup"


@pytest.mark.parametrize("edits", [row[1] for row in SCRIPTS], ids=[row[0] for row in SCRIPTS])
def test_where_no_application_could_be_made_nothing_else_is_touched(tmp_path, edits):
    """Neither as a file nor pasted line by line: each command asks by itself whether there is an id."""
    log = tmp_path / "log"
    failing = STUBS.format(log=shlex.quote(str(log))).replace("echo the-id", "false")
    text = script(tmp_path, *edits)
    assert not {"$APP_ID", "$SP_ID"} & set(re.findall(r"\$\w+", text))
    done = subprocess.run(["bash"], input=failing + text, text=True, capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode
    assert "APP_ID" in done.stderr
    calls = [shlex.split(line) for line in log.read_text().splitlines()]
    assert [call[1:4] for call in calls if call[1:2] == ["ad"]] == [["ad", "app", "create"]]


def test_it_says_what_it_replaces_at_an_application_that_serves_others_too(tmp_path):
    text = script(tmp_path)
    assert "# APP_ID=the-client" in text
    assert "# This replaces its name, redirect URIs, claims, permissions and app roles" in text


def test_the_tenant_is_the_configured_one(tmp_path):
    assert ran(tmp_path, script(tmp_path))[0][-2:] == ["--tenant", "contoso.example"]
    assert "--tenant" not in ran(tmp_path, script(tmp_path, ("tenant: contoso.example", TENANTS)))[0]


CREDENTIALS = [
    ("a secret", [], ["--append", "--display-name", "glassgate", "--years", "1", "--query", "password"]),
    ("a certificate", [CERTIFICATE], ["--append", "--cert", "@/etc/glassgate/c.pem"]),
]


@pytest.mark.parametrize(("edits", "words"), [row[1:] for row in CREDENTIALS], ids=[row[0] for row in CREDENTIALS])
def test_a_credential_is_added_to_those_that_are_there(tmp_path, edits, words):
    (reset,) = [call for call in ran(tmp_path, script(tmp_path, *edits)) if "credential" in call]
    assert reset[:7] == ["az", "ad", "app", "credential", "reset", "--id", "the-id"]
    assert reset[7 : 7 + len(words)] == words


def test_a_certificate_that_is_not_there_is_made(tmp_path):
    edit = (CERTIFICATE[0], "certificate: {key: k.pem, certificate: c.pem}")
    text = script(tmp_path, edit)
    assert any(call[0] == "openssl" for call in ran(tmp_path, text))
    (tmp_path / "k.pem").touch()
    assert not any(call[0] == "openssl" for call in ran(tmp_path, text))


def test_a_federated_credential_is_the_one_that_is_given(tmp_path):
    text = script(tmp_path, FEDERATED)
    assert documents(text)["federated"] == CREDENTIAL
    assert any("federated-credential" in call for call in ran(tmp_path, text))


def test_two_secrets_are_made_one_at_a_time(tmp_path):
    assert script(tmp_path, TWO).count("credential reset") == 1


def test_the_groups_that_policies_name_are_assigned(tmp_path):
    calls = ran(tmp_path, script(tmp_path))
    (assigned,) = [call for call in calls if any("appRoleAssignedTo" in word for word in call)]
    assert json.loads(assigned[-1]) == {
        "principalId": GROUP,
        "resourceId": "the-id",
        "appRoleId": "00000000-0000-0000-0000-000000000000",
    }
    assert any("appRoleAssignmentRequired=true" in call for call in calls)


def test_where_policies_let_in_others_entra_does_not_keep_them_out(tmp_path):
    calls = ran(tmp_path, script(tmp_path, of_policy("include: [{everyone: {}}]")))
    assert not any("appRoleAssignmentRequired=true" in call for call in calls)


def test_who_has_which_role_is_left_to_the_reader(tmp_path):
    text = script(tmp_path, of_policy("include: [{entra_role: Admin}]"))
    assert "# assign OBJECT-ID " in text
    assert "the role Admin" in text
    assert not any("appRoleAssignedTo" in word for call in ran(tmp_path, text) for word in call)


def test_the_other_tenants_are_told_where_to_consent(tmp_path):
    text = script(tmp_path, ("tenant: contoso.example", TENANTS))
    assert (
        'echo "https://login.microsoftonline.com/8f0c7d52-0000-4000-8000-000000000000/adminconsent?client_id=${APP_ID:?}'
    ) in text


def test_no_secret_is_in_it(tmp_path):
    assert "one-secret" not in script(tmp_path, TWO)
