"""The registration as commands of the Azure CLI, for bash: to be pasted, or run as a file."""

from collections.abc import Iterator
from shlex import quote
from typing import Any

from glassgate.cli.entra_application import PUBLIC, Application, as_text
from glassgate.cli.entra_clicks import consent_url
from glassgate.oidc.client_auth import ClientCertificate, Credential, FederatedToken

type Lines = Iterator[str]


def commands(app: Application, federated: dict[str, Any]) -> str:
    """The whole script. `federated` is the federated credential, as Microsoft Graph has it."""
    parts = (_sign_in(app), _application(app), _credentials(app, federated), _enterprise(app), _consent(app), _end(app))
    return "\n\n".join("\n".join(part) for part in parts)


def _sign_in(app: Application) -> Lines:
    yield "# Needs the Azure CLI, and the role Application Administrator or Cloud Application Administrator."
    if app.cloud != PUBLIC:
        yield f"az cloud set --name {app.cloud.name}"
    if app.several_tenants:
        yield "az login --allow-no-subscriptions   # to the tenant that the application shall belong to"
    else:
        yield f"az login --allow-no-subscriptions --tenant {quote(app.tenant)}"


def _application(app: Application) -> Lines:
    yield "work=$(mktemp -d)"
    yield from _file("application", app.body())
    yield ""
    yield "# A new application. For one that you have, write its id instead:"
    yield f"# APP_ID={quote(app.client_id)}"
    yield f"APP_ID=$(az ad app create --display-name {quote(app.name)} --sign-in-audience {app.audience} \\"
    yield f"  --web-redirect-uris {' '.join(quote(uri) for uri in app.redirect_uris)} \\"
    yield "  --query appId --output tsv)"
    yield 'echo "client_id: ${APP_ID:?}"   # for config.yaml'
    yield ""
    yield "# All that it should be. If it is not found yet, wait a minute, and give the command again."
    yield "# This replaces its name, redirect URIs, claims, permissions and app roles: where it serves others too,"
    yield "# add theirs to the file first. A role that is left out has to be disabled before it can go."
    yield "az rest --method PATCH --headers Content-Type=application/json \\"
    yield f'  --uri "{app.cloud.graph}/v1.0/applications(appId=\'${{APP_ID:?}}\')" --body "@$work/application.json"'


def _file(name: str, value: object) -> Lines:
    yield f"cat > \"$work/{name}.json\" <<'JSON'"
    yield as_text(value)
    yield "JSON"


def _credentials(app: Application, federated: dict[str, Any]) -> Lines:
    yield "# What proves the gate. What is there already stays in force."
    # Two secrets are one command, given at different times.
    yield from dict.fromkeys("\n".join(_credential(one, federated)) for one in app.provider.credentials)


def _credential(credential: Credential, federated: dict[str, Any]) -> Lines:
    if isinstance(credential, ClientCertificate):
        key, certificate = quote(str(credential.key)), quote(str(credential.certificate))
        yield f"[ -e {key} ] || openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj /CN=glassgate \\"
        yield f"  -keyout {key} -out {certificate}"
        yield f'az ad app credential reset --id "${{APP_ID:?}}" --append --cert {quote(f"@{credential.certificate}")}'
    elif isinstance(credential, FederatedToken):
        yield f"# Issuer, subject and audience as they stand in the token of {credential.path}, to the letter."
        yield from _file("federated", federated)
        yield 'az ad app federated-credential create --id "${APP_ID:?}" --parameters "@$work/federated.json"'
    else:
        yield "# This prints the secret, once: it is what `client_secret` in config.yaml takes."
        yield 'az ad app credential reset --id "${APP_ID:?}" --append --display-name glassgate --years 1 \\'
        yield "  --query password --output tsv"


def _enterprise(app: Application) -> Lines:
    yield "# Its part in this tenant, the enterprise application, says who may sign in."
    yield 'SP_ID=$(az ad sp show --id "${APP_ID:?}" --query id --output tsv 2> /dev/null ||'
    yield '  az ad sp create --id "${APP_ID:?}" --query id --output tsv)'
    if app.assigned_only:
        yield "# Policies let in nobody but who is assigned, so Entra may turn all others away."
        yield 'az ad sp update --id "${SP_ID:?}" --set appRoleAssignmentRequired=true'
    else:
        yield "# Policies may let in people who are not assigned, so this stays off: it would keep them out."
        yield '# az ad sp update --id "${SP_ID:?}" --set appRoleAssignmentRequired=true'
    if app.assigns_groups or app.named_roles:
        yield from _assignments(app)


def _assignments(app: Application) -> Lines:
    yield ""
    yield "assign() {  # a person or a group, a role: by their ids"
    yield "  az rest --method POST --headers Content-Type=application/json \\"
    yield f'    --uri "{app.cloud.graph}/v1.0/servicePrincipals/${{SP_ID:?}}/appRoleAssignedTo" \\'
    yield '    --body "{\\"principalId\\": \\"$1\\", \\"resourceId\\": \\"${SP_ID:?}\\", \\"appRoleId\\": \\"$2\\"}"'
    yield "}"
    if app.assigns_groups:
        yield "# The groups that policies name. One that is not assigned is in no token: it lets nobody in, and"
        yield "# keeps nobody out. Members of groups in groups do not count (needs Entra ID P1)."
        for group in app.groups:
            yield f"assign {group} {app.group_role}"
    for role in app.named_roles:
        yield f"# assign OBJECT-ID {role.id}   # the role {role.name}, to whom you want"


def _consent(app: Application) -> Lines:
    yield f"# Consent for everybody, so that nobody is asked, to {', '.join(app.permissions)}."
    for scope in app.further_scopes:
        yield f"# `scopes` in config.yaml asks for more; add this first, by `az ad app permission add`: {scope}"
    yield 'az ad app permission admin-consent --id "${APP_ID:?}"'
    if app.several_tenants:
        yield "# In each tenant but the one above its administrator opens its address of these, once."
    for tenant in app.provider.allowed_tenants:
        yield f'echo "{consent_url(app, tenant, "${APP_ID:?}")}"'


def _end(app: Application) -> Lines:
    for context in app.contexts:
        yield f"# The authentication context {context} and its policy: by clicks or by Graph. The Azure CLI may not."
    yield 'rm -r "$work"'
    yield f"# With the ids and the credential in config.yaml: {app.trial}"
