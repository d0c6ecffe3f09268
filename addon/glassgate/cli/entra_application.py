"""The application that Entra has to know for a configuration: everything about it, as the configuration has it."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from types import UnionType
from typing import Any

from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.questions import AuthContext, EntraGroup, EntraRole, Question, RuleSet, every_question
from glassgate.config.settings import LAB_HOSTS, Settings
from glassgate.gate.callback import CALLBACK_PATH
from glassgate.gate.provider_logout import BACK_PATH, FRONT_PATH
from glassgate.gate.sign_out import LOGOUT_PATH
from glassgate.oidc import graph
from glassgate.oidc.doctor.case import Addresses
from glassgate.oidc.provider import ORGANIZATIONS, GroupsFrom, Provider
from glassgate.oidc.providers.ways import with_offline_access

WIDTH = 100  # columns
MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
OPEN = "00000000-0000-0000-0000-000000000000"  # for an id or a secret that is not known yet
DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"  # the role of an application that declares none

# Microsoft Graph's delegated permissions, by the ids that registrations name them by; the same in every cloud.
PERMISSIONS = {
    "openid": "37f7f235-527c-4136-accd-4a02d197296e",
    "profile": "14dad69e-099b-42c9-810b-d002981feec1",
    "email": "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
    "offline_access": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
    graph.SCOPE: "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
}

# The ids of app roles are made from the team and the role, so that every run of the command says the same.
ROLES = uuid.UUID("8d0c3a52-64a7-5c0e-9d55-1f0b6a3f4c90")


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of Microsoft's clouds: its name for the Azure CLI, its admin center, its Microsoft Graph."""

    name: str
    admin_center: str
    graph: str


PUBLIC = Cloud("AzureCloud", "https://entra.microsoft.com", "https://graph.microsoft.com")
CLOUDS = {
    "https://login.microsoftonline.com": PUBLIC,
    "https://login.microsoftonline.us": Cloud(
        "AzureUSGovernment", "https://entra.microsoft.us", "https://graph.microsoft.us"
    ),
    "https://login.partner.microsoftonline.cn": Cloud(
        "AzureChinaCloud", "https://entra.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"
    ),
}


@dataclass(frozen=True, slots=True)
class Role:
    """An app role. One without a value is in no token: it lets groups be assigned that have no role of their own."""

    id: str
    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Application:
    """What has to be registered for one provider of one configuration."""

    provider: Provider
    ours: Addresses
    name: str
    in_lab: bool
    cloud: Cloud
    roles: tuple[Role, ...]  # that policies name, and where groups are assigned too one for these
    contexts: tuple[str, ...]  # authentication contexts that policies ask for
    assigned_only: bool  # whether policies let in nobody but who is assigned to the application
    config: Path  # the file that says all this

    @property
    def client_id(self) -> str:
        """Its id, or words in the place of one that is not known yet."""
        return self.provider.client_id if self.provider.client_id != OPEN else "CLIENT-ID"

    @property
    def tenant(self) -> str:
        """Where it is registered, or words in the place of that."""
        return self.provider.tenant if self.provider.tenant and self.provider.tenant != OPEN else "TENANT"

    @property
    def trial(self) -> str:
        """The command that tries whether it all works."""
        return f"./run.sh entra doctor -c {quote(str(self.config))}"

    @property
    def audience(self) -> str:
        """Whose users may sign in (`signInAudience`)."""
        return "AzureADMultipleOrgs" if self.several_tenants else "AzureADMyOrg"

    @property
    def several_tenants(self) -> bool:
        """Whether users of several tenants sign in."""
        return self.provider.tenant == ORGANIZATIONS

    @property
    def redirect_uris(self) -> tuple[str, str]:
        """Where Entra may lead a browser: after a sign-in, and after a sign-out."""
        return self.ours.callback, self.ours.signed_out

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that policies name, by object id."""
        return self.provider.named_groups

    @property
    def groups_claim(self) -> str | None:
        """Which groups stand in tokens (`groupMembershipClaims`).

        Just those that are assigned to the application: Entra leaves out all of them where there are more than 200.
        With Microsoft Graph to ask then, all of them: a list in a token counts as whole. With several tenants all of
        them too: what is assigned here says nothing there.
        """
        if not self.groups:
            return None
        return "ApplicationGroup" if self.assigns_groups else "SecurityGroup"

    @property
    def assigns_groups(self) -> bool:
        """Whether each group has to be assigned to the application."""
        return bool(self.groups) and _are_assigned(self.provider)

    @property
    def group_role(self) -> str:
        """The id of the role by which a group is assigned without having one of the policies' roles."""
        return next((role.id for role in self.roles if role.value is None), DEFAULT_ACCESS)

    @property
    def named_roles(self) -> tuple[Role, ...]:
        """The roles that policies name."""
        return tuple(role for role in self.roles if role.value is not None)

    @property
    def claims(self) -> tuple[str, ...]:
        """The optional claims that ID tokens should have."""
        provider = self.provider
        by_domain = provider.email_domains or provider.tenant_email_domains
        wanted = {
            "email": True,
            "login_hint": True,  # whom Entra signs out
            "sid": True,  # which session it says has ended
            "acrs": bool(self.contexts),
            "auth_time": provider.recheck is not None,
            "xms_edov": not by_domain,  # Entra's own word on an e-mail's domain, where none is listed
        }
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    @property
    def permissions(self) -> tuple[str, ...]:
        """Microsoft Graph's delegated permissions that are asked for, by name."""
        wanted = [scope.rpartition("/")[2] for scope in with_offline_access(self.provider)]
        if self.provider.groups_from is not GroupsFrom.CLAIM:
            wanted.append(graph.SCOPE)
        return tuple(dict.fromkeys(name for name in wanted if name in PERMISSIONS))

    @property
    def further_scopes(self) -> tuple[str, ...]:
        """The scopes of the configuration whose ids are not known here."""
        return tuple(scope for scope in self.provider.scopes if scope.rpartition("/")[2] not in PERMISSIONS)

    def body(self) -> dict[str, Any]:
        """The application as Microsoft Graph and the manifest have it (`application` of v1.0)."""
        access = [{"id": PERMISSIONS[name], "type": "Scope"} for name in self.permissions]
        return {
            "displayName": self.name,
            "signInAudience": self.audience,
            "web": {
                "redirectUris": list(self.redirect_uris),
                "logoutUrl": self.ours.ended,
                "implicitGrantSettings": {"enableIdTokenIssuance": False, "enableAccessTokenIssuance": False},
            },
            **({"groupMembershipClaims": self.groups_claim} if self.groups_claim else {}),
            "optionalClaims": {"idToken": [{"name": name, "essential": False} for name in self.claims]},
            **({"appRoles": [_as_json(role) for role in self.roles]} if self.roles else {}),
            "requiredResourceAccess": [{"resourceAppId": MICROSOFT_GRAPH, "resourceAccess": access}],
        }


def application(settings: Settings, provider: Provider) -> Application:
    """The application of a provider of type entra."""
    asked = tuple(_questions(settings, provider))
    roles = sorted({one.role for one in asked if isinstance(one, EntraRole) and one.provider == provider.id})
    contexts = {one.context for one in asked if isinstance(one, AuthContext) and one.provider == provider.id}
    contexts |= {provider.mfa_context} if provider.mfa_context else set()
    team = settings.origin_of(settings.team.host)
    declared = [Role(_role_id(team, role), role, role) for role in roles]
    if declared and provider.named_groups and _are_assigned(provider):
        declared.append(Role(_role_id(team, ""), "Assigned, without a role", None))
    return Application(
        provider=provider,
        ours=addresses(settings, provider),
        name=f"glassgate ({team.removeprefix('https://')})",
        in_lab=settings.lab is not None and provider.authority == settings.origin_of(LAB_HOSTS[0]),
        cloud=CLOUDS.get(provider.authority, PUBLIC),
        roles=tuple(declared),
        contexts=tuple(sorted(contexts, key=lambda context: int(context[1:]))),
        assigned_only=_assigned_only(settings, provider),
        config=settings.path,
    )


def addresses(settings: Settings, provider: Provider) -> Addresses:
    """The addresses of ours that a provider has to know."""
    team = settings.origin_of(settings.team.host)
    ended = FRONT_PATH if provider.type == "entra" else BACK_PATH
    return Addresses(team + CALLBACK_PATH, team + LOGOUT_PATH, team + ended + provider.id)


def _questions(settings: Settings, provider: Provider) -> Iterator[Question]:
    for app in settings.apps:
        for policy in app.policies if provider.id in app.providers else ():
            yield from every_question(policy.rules)


def _are_assigned(provider: Provider) -> bool:
    """Whether it is assigned groups that tokens hold."""
    return provider.groups_from is GroupsFrom.CLAIM and provider.tenant != ORGANIZATIONS


def _assigned_only(settings: Settings, provider: Provider) -> bool:
    """Whether every way in goes by what is assigned to the application: a role, or a group where these are."""
    assigned = EntraGroup | EntraRole if _are_assigned(provider) else EntraRole
    ways = [
        policy
        for app in settings.apps
        for policy in (app.policies if provider.id in app.providers else ())
        if policy.decision is Decision.ALLOW
    ]
    one_tenant = provider.tenant != ORGANIZATIONS
    return one_tenant and bool(ways) and all(_goes_by(assigned, policy) for policy in ways)


def _goes_by(kind: type | UnionType, rules: Policy | RuleSet) -> bool:
    """Whether nobody passes without matching a rule of this kind."""
    return any(_is(kind, rule) for rule in rules.require) or all(_is(kind, rule) for rule in rules.include)


def _is(kind: type | UnionType, rule: Rule) -> bool:
    asked = rule.matches
    return _goes_by(kind, asked) if isinstance(asked, RuleSet) else isinstance(asked, kind)


def _role_id(team: str, role: str) -> str:
    return str(uuid.uuid5(ROLES, f"{team} {role}"))


def _as_json(role: Role) -> dict[str, Any]:
    return {
        "id": role.id,
        "displayName": role.name,
        "description": f"The role {role.value} of glassgate's policies" if role.value else role.name,
        "value": role.value,
        "allowedMemberTypes": ["User"],
        "isEnabled": True,
    }


def as_text(value: Any, indent: int = 0) -> str:
    """A value as JSON that people read: what fits on a line stands on one."""
    line = json.dumps(value)
    if not isinstance(value, dict | list) or len(line) + indent <= WIDTH:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(name)}: {as_text(one, indent + 2)}" for name, one in value.items()]
    else:
        parts = [inner + as_text(one, indent + 2) for one in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{',\n'.join(parts)}\n{' ' * indent}{end}"
