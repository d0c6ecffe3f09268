"""The registration as clicks in the Entra admin center, in the order in which its pages come."""

import textwrap
from collections.abc import Iterator
from shlex import quote

from glassgate.cli.entra_application import WIDTH, Application
from glassgate.oidc.client_auth import ClientCertificate, Credential, FederatedToken
from glassgate.oidc.provider import GroupsFrom

type Lines = Iterator[str]


def clicks(app: Application) -> str:
    """The whole list."""
    lines = [
        f"In the Entra admin center, {app.cloud.admin_center}, as Application Administrator (or Cloud",
        "Application Administrator). What stands after a colon is to be entered as it is.",
    ]
    number = 0
    for title, steps in PAGES:
        found = list(steps(app))
        if found:
            number += 1
            lines += ["", f"{number}. {title}", *(line for step in found for line in _wrapped(step))]
    return "\n".join(lines)


def _new(app: Application) -> Lines:
    who = (
        "Accounts in any organizational directory"
        if app.several_tenants
        else "Accounts in this organizational directory only"
    )
    yield f"Name: {app.name}"
    yield f"Supported account types: {who}"
    yield f"Redirect URI: Web, {app.ours.callback}"
    yield "From its Overview take Application (client) ID, which is `client_id` in config.yaml" + (
        "." if app.several_tenants else ", and Directory (tenant) ID, which is `tenant`."
    )


def _authentication(app: Application) -> Lines:
    yield f"Web > Add URI: {app.ours.signed_out}"
    yield f"Front-channel logout URL: {app.ours.ended}"
    yield "Implicit grant and hybrid flows: leave both boxes empty."


def _credentials(app: Application) -> Lines:
    # Two secrets are one step, taken at different times.
    yield from dict.fromkeys(_credential(credential) for credential in app.provider.credentials)


def _credential(credential: Credential) -> str:
    if isinstance(credential, ClientCertificate):
        return (
            f"Certificates > Upload certificate: {credential.certificate} (to make one: openssl req -x509 -newkey"
            f" rsa:3072 -nodes -days 365 -subj /CN=glassgate -keyout {quote(str(credential.key))} -out"
            f" {quote(str(credential.certificate))})"
        )
    if isinstance(credential, FederatedToken):
        return (
            "Federated credentials > Add credential: issuer, subject and audience as they stand in the token of"
            f" {credential.path}"
        )
    return "Client secrets > New client secret. Its Value, shown this once, is `client_secret`; its Secret ID is not."


def _tokens(app: Application) -> Lines:
    by_form = [name for name in app.claims if name != "xms_edov"]
    yield f"Add optional claim > ID: {', '.join(by_form)}"
    if "xms_edov" in app.claims:
        yield 'Then, under Manifest, add {"name": "xms_edov"} to optionalClaims > idToken: the form does not offer it.'
    if app.groups_claim == "ApplicationGroup":
        yield "Add groups claim: Groups assigned to the application; for ID: Group ID"
    elif app.groups_claim:
        yield "Add groups claim: Security groups; for ID: Group ID"


def _roles(app: Application) -> Lines:
    for role in app.roles:
        value = f"value: {role.value}" if role.value else "no value; by Manifest, since the form wants one"
        yield f"Create app role: {role.name}, for users/groups, {value}"


def _permissions(app: Application) -> Lines:
    yield f"Add a permission > Microsoft Graph > Delegated permissions: {', '.join(app.permissions)}"
    for scope in app.further_scopes:
        yield f"`scopes` in config.yaml asks for this too: {scope}"
    yield "Grant admin consent. Without it each person is asked, where your tenant lets people decide."


def _enterprise(app: Application) -> Lines:
    if app.assigned_only:
        yield "Properties > Assignment required: Yes"
        yield "Your policies let in nobody but who is assigned here, so whoever tests it has to be, too."
    else:
        yield "Properties > Assignment required: No"
        yield (
            "Your policies may let in people who are not assigned here, and Yes would keep these out before any policy"
            " is asked."
        )
    if app.assigns_groups:
        yield f"Users and groups > Add: {', '.join(app.groups)}"
        yield (
            "Only groups that are assigned come in tokens, and only for direct members (needs Entra ID P1): one that is"
            " left out lets nobody in, and keeps nobody out. For groups in groups choose Security groups at the groups"
            " claim instead; then nobody may be in more than 200, or `groups_from: graph` has to ask for them."
        )
    if app.named_roles:
        names = ", ".join(role.name for role in app.named_roles)
        yield f"Users and groups > Add: for each person or group, which of the roles it has: {names}"


def _contexts(app: Application) -> Lines:
    for context in app.contexts:
        yield f"Authentication contexts > New: the id {context}, with Publish to apps"
        yield (
            f"Policies > New: all users (but your emergency accounts), target Authentication context {context}, Grant:"
            " Require multifactor authentication, Enable policy: On. Without a policy everybody has the context."
        )


def _other_tenants(app: Application) -> Lines:
    for tenant in app.provider.allowed_tenants:
        yield consent_url(app, tenant, app.client_id)
    if app.several_tenants and app.client_id != app.provider.client_id:
        yield f"In the place of {app.client_id} stands the Application (client) ID."
    if app.several_tenants and app.named_roles:
        yield "Under Enterprise applications each of them says which of its own people and groups have which role."
    if app.several_tenants:
        yield "Whoever accepts comes to a page of the gate that says that nobody is signed in: that is right."


def _then(app: Application) -> Lines:
    yield "Put the ids and the credential into config.yaml."
    yield app.trial
    if app.provider.groups_from is not GroupsFrom.CLAIM:
        yield "With `recheck` set and somebody signed in, it also tries whether groups can be read."


def consent_url(app: Application, tenant: str, client_id: str) -> str:
    """Where an administrator of another tenant lets the gate in."""
    return f"{app.provider.authority}/{tenant}/adminconsent?client_id={client_id}&redirect_uri={app.ours.signed_out}"


PAGES = (
    ("App registrations > New registration", _new),
    ("Authentication", _authentication),
    ("Certificates & secrets", _credentials),
    ("Token configuration", _tokens),
    ("App roles", _roles),
    ("API permissions", _permissions),
    ("Enterprise applications > the same name", _enterprise),
    ("Conditional Access, as Conditional Access Administrator (needs Entra ID P1)", _contexts),
    ("In each tenant but the application's own, as its administrator, open its address once", _other_tenants),
    ("On the gate's machine", _then),
)


def _wrapped(step: str) -> list[str]:
    if step.startswith(("https://", "./run.sh ")):
        return [f"   - {step}"]  # to be taken whole
    return textwrap.wrap(
        step, WIDTH, initial_indent="   - ", subsequent_indent="     ", break_long_words=False, break_on_hyphens=False
    )
