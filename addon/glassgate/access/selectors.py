"""The table of selectors: what a rule can ask, how its value is checked, and the question that it becomes."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from glassgate.access import circumstance_values as of_request
from glassgate.access import questions as ask
from glassgate.access.circumstances import AnyServiceToken, Certificate
from glassgate.access.policy import Rule
from glassgate.access.questions import Question
from glassgate.access.rule_values import DOMAIN, Linked, Listed, address, by_our_names, nothing, read_list, refuse, text
from glassgate.errors import did_you_mean

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
CONTEXT = re.compile(r"c[1-9][0-9]?", re.ASCII)  # Entra's authentication contexts: c1 to c99
ADDRESSES = frozenset(("email", "mail", "upn", "unique_name", "verified_primary_email", "verified_secondary_email"))
WORD = re.compile(r"[!-~]([ -~]{0,198}[!-~])?", re.ASCII)


class Judged(StrEnum):
    """What a rule goes by: it is asked at every request, but who somebody is was said when they signed in."""

    SIGN_IN = "the last sign-in"
    REQUEST = "the request"


@dataclass(frozen=True, slots=True)
class Source:
    """What a rule must know of an identity provider. `realm` is what people are known in: the issuer, or Entra's
    tenant id; None where it is not known."""

    id: str
    type: str  # "entra" | "oidc"
    realm: str | None = None
    mfa_context: str | None = None
    tenants: tuple[str, ...] = ()  # of Entra's, where it may be more than one


Sources = Mapping[str, Source]  # by id
Maker = Callable[[object, Sources], Question]


@dataclass(frozen=True, slots=True)
class Selector:
    """A row of the table. Only `group` has no `make`."""

    name: str
    judged: Judged
    says: str  # one line for the reference
    make: Maker | None = None
    aliases: tuple[str, ...] = ()  # Cloudflare's and Terraform's names for it
    key: str = ""  # of a provider's own selector: the key beside `provider` that holds its value

    @property
    def of_provider(self) -> bool:
        """Whether its value names an identity provider, or is about one."""
        return bool(self.key) or self.name == "login_method"


# --- values -----------------------------------------------------------------------------------------------


def _email(value: object, _: Sources) -> Question:
    return ask.Email(address(text(value, "alice@contoso.example")))


def _email_list(value: object, _: Sources) -> Question:
    return ask.EmailList(frozenset(read_list(value, address, "staff.txt")))


def _email_domain(value: object, _: Sources) -> Question:
    domain = text(value, "contoso.example")
    if not DOMAIN.fullmatch(ask.fold(domain)):
        raise refuse(f"`{domain}` is not a domain", "write what follows the @, such as `contoso.example`")
    return ask.EmailDomain(ask.fold(domain))


def _ip(value: object, _: Sources) -> Question:
    written = text(value, "203.0.113.0/24")
    try:
        return ask.Ip(ask.network(written))
    except ValueError as error:
        raise refuse(f"`{written}` is not an address or a CIDR range", str(error)) from None


def _entra_group(value: object, sources: Sources) -> Question:
    group, source = _of_provider(value, "id", sources, ("entra",))
    if not GUID.fullmatch(group):
        raise refuse(f"`{group}` is not an object id", "take the group's Object ID from Entra, not its name")
    return ask.EntraGroup(source.id, source.realm, group.lower())


def _entra_role(value: object, sources: Sources) -> Question:
    role, source = _of_provider(value, "role", sources, ("entra",))
    return ask.EntraRole(source.id, source.realm, role)


def _entra_auth_context(value: object, sources: Sources) -> Question:
    context, source = _of_provider(value, "id", sources, ("entra",))
    if not CONTEXT.fullmatch(context):
        raise refuse(f"`{context}` is not an authentication context", "write its id in Entra, `c1` to `c99`")
    return ask.AuthContext(source.id, source.realm, context)


def _auth_method(value: object, sources: Sources) -> Question:
    method, source = _of_provider(value, "method", sources, ("entra", "oidc"))
    if source.type == "oidc":
        return ask.AuthMethod(source.id, source.realm, method)
    # Entra's v2.0 ID tokens carry no amr: there, MFA is proven by an authentication context.
    if method != "mfa":
        raise refuse(f"Entra cannot prove the method `{method}`", "write `mfa`, the one that it can prove")
    if source.mfa_context is None:
        raise refuse(
            f"the provider `{source.id}` has no `mfa_context`, so nothing proves MFA there",
            "add `mfa_context: c1`, the authentication context whose Conditional Access policy asks for MFA",
        )
    return ask.AuthContext(source.id, source.realm, source.mfa_context)


def _oidc_claim(value: object, sources: Sources) -> Question:
    parts = by_our_names(value, {"claim_name": "name", "claim_value": "value"}) if isinstance(value, dict) else {}
    wanted = parts.pop("value", None)
    if not isinstance(wanted, str | bool | int):
        raise refuse("this asks for a claim and its value", "write `{name: department, value: sales}`")
    name, source = _of_provider(parts, "name", sources, ("oidc", "entra"), "name: …, value: …")
    if name in ADDRESSES or (source.type == "entra" and name == "preferred_username"):
        # It may be anybody's, by a foreign administrator's word (nOAuth).
        raise refuse("an e-mail that does not count may stand in it", "ask by `email` or `email_domain`")
    return ask.OidcClaim(source.id, source.realm, name, wanted)


def _login_method(value: object, sources: Sources) -> Question:
    provider = text(value, next(iter(sources), "entra"))
    _known(provider, sources)
    return ask.LoginMethod(provider)


_BESIDE = "and `provider: …` or `tenant: …` with it where there are several"


def _of_provider(
    value: object, key: str, sources: Sources, types: tuple[str, ...], form: str = ""
) -> tuple[str, Source]:
    """Take `value`, or `{key: …, provider: …, tenant: …}`, apart: the text, and the one provider (and tenant of it)
    that it is about. `form` is how the rest is written, where it is more than the key."""
    form = form or f"{key}: …"
    named: object = None
    tenant: object = None
    if isinstance(value, dict):
        value = by_our_names(value, {"identity_provider_id": "provider"})
        if key not in value or not value.keys() <= {key, "provider", "tenant"}:
            raise refuse("the keys are not those of this selector", f"write `{{{form}}}`, {_BESIDE}")
        named, tenant, value = value.get("provider"), value.get("tenant"), value[key]
    if not isinstance(value, str) or not WORD.fullmatch(value):
        raise refuse("the value is not one line of plain text", f"write the {key} as text")
    return value, _of_tenant(_source(named, sources, types, form), tenant, form)


def _of_tenant(source: Source, tenant: object, form: str) -> Source:
    """The source, narrowed to one tenant: another one's groups and roles are another one's to give."""
    if tenant is None and len(source.tenants) > 1:
        raise refuse(f"`{source.id}` has several tenants", f"say which: `{{{form}, tenant: {source.tenants[0]}}}`")
    if tenant is None:
        return replace(source, realm=source.tenants[0]) if source.tenants else source
    known = source.tenants or ((source.realm,) if source.realm else ())
    if not isinstance(tenant, str) or tenant.lower() not in known:
        raise refuse(f"`{source.id}` has no such tenant", f"write the id of one of its tenants{_listed(known)}")
    return replace(source, realm=tenant.lower())


def _listed(tenants: tuple[str, ...]) -> str:
    return f": {', '.join(tenants)}" if tenants else ""


def _source(named: object, sources: Sources, types: tuple[str, ...], form: str) -> Source:
    if isinstance(named, str):
        source = _known(named, sources)
        if source.type not in types:
            raise refuse(f"`{named}` is a provider of type {source.type}", f"name one of type {types[0]}")
        return source
    if named is not None:
        raise refuse("`provider` is not text", "write the id of an identity provider")
    fitting = [source for source in sources.values() if source.type in types]
    if not fitting:
        raise refuse(f"there is no identity provider of type {types[0]}", "add it to `identity_providers`")
    if len(fitting) > 1:
        ids = ", ".join(source.id for source in fitting)
        raise refuse(f"several providers could be meant: {ids}", f"say which: `{{{form}, provider: {fitting[0].id}}}`")
    return fitting[0]


def _known(provider: str, sources: Sources) -> Source:
    if provider not in sources:
        raise refuse(f"`{provider}` is no identity provider here", did_you_mean(provider, sources))
    return sources[provider]


# --- the table --------------------------------------------------------------------------------------------

_everyone = nothing("everyone", ask.Everyone())

GROUP = "group"  # its value is a name in `groups`: whoever has those resolves it
_SIGN_IN, _REQUEST = Judged.SIGN_IN, Judged.REQUEST

SELECTORS = (
    Selector("everyone", _REQUEST, "every visitor: with allow, whoever can sign in", _everyone),
    Selector("email", _SIGN_IN, "one e-mail address that counts", _email),
    Selector("email_domain", _SIGN_IN, "the domain of an e-mail address that counts, exactly", _email_domain),
    Selector("email_list", _SIGN_IN, "the e-mail addresses of a file, one a line", _email_list),
    Selector("ip", _REQUEST, "the visitor's address, or a CIDR range of them", _ip),
    Selector("ip_list", _REQUEST, "the addresses and CIDR ranges of a file, one a line", of_request.ip_list),
    Selector(GROUP, _SIGN_IN, "a rule group of `groups`, by its name"),
    Selector("entra_group", _SIGN_IN, "an Entra group, by its object id", _entra_group, ("azureAD", "azure_ad"), "id"),
    Selector("entra_role", _SIGN_IN, "an app role of the Entra registration", _entra_role, key="role"),
    Selector(
        "entra_auth_context",
        _SIGN_IN,
        "an authentication context that Entra proved (acrs)",
        _entra_auth_context,
        ("auth_context",),
        "id",
    ),
    Selector("oidc_claim", _SIGN_IN, "a claim of the ID token, or of userinfo", _oidc_claim, ("oidc",), "name"),
    Selector("login_method", _SIGN_IN, "the identity provider, by its id", _login_method),
    Selector("auth_method", _SIGN_IN, "a method that was proved (amr; for Entra `mfa`)", _auth_method, key="method"),
    Selector("service_token", _REQUEST, "one service token, by its name or its client id", of_request.service_token),
    Selector(
        "any_valid_service_token",
        _REQUEST,
        "any service token",
        nothing("any_valid_service_token", AnyServiceToken()),
    ),
    Selector("certificate", _REQUEST, "any client certificate of the app's CA", nothing("certificate", Certificate())),
    Selector("common_name", _REQUEST, "the common name of such a certificate", of_request.common_name),
    Selector("country", _REQUEST, "the country that a trusted proxy names", of_request.country, ("geo",)),
    Selector("external_evaluation", _REQUEST, "what another service answers", of_request.external_evaluation),
    Selector("linked_app_token", _REQUEST, "another app's token in Cf-Access-Token", of_request.linked_app_token),
    Selector("time_of_day", _REQUEST, "the time on the wall of a time zone", of_request.time_of_day),
)
BY_NAME: Mapping[str, Selector] = {name: row for row in SELECTORS for name in (row.name, *row.aliases)}


def find(name: str) -> Selector:
    """The row of that name or alias. Raises GlassgateError where there is none."""
    if name not in BY_NAME:
        raise refuse(f"`{name}` is no selector", did_you_mean(name, BY_NAME))
    return BY_NAME[name]


def make(name: str, value: object, sources: Iterable[Source]) -> Rule:
    """The rule that `name: value` writes down. Raises GlassgateError, without a place, where it cannot be one.

    `value` is plain data: text, or a mapping such as {"id": …, "provider": …}. `group` is not made here.
    """
    row = find(name)
    if row.make is None:
        raise refuse("a group is not made here", "name one of `groups`")
    question = row.make(value, {source.id: source for source in sources})
    needs = question.context if isinstance(question, ask.AuthContext) else None
    return Rule(_label(name, value, row), question, needs)


def _label(name: str, value: object, row: Selector) -> str:
    if isinstance(value, dict) and row.key:
        told = [str(value.get(row.key, value.get("claim_name")))]
        told += [f"= {part}" for key, part in value.items() if key in ("value", "claim_value")]
        told += [f"({part})" for key, part in value.items() if key in ("provider", "identity_provider_id", "tenant")]
        return f"{name}: {' '.join(told)}"
    if isinstance(value, Listed | Linked):
        return f"{name}: {value.name}"
    if isinstance(value, dict):
        said = ", ".join(f"{key} {' '.join(part) if isinstance(part, list) else part}" for key, part in value.items())
        return f"{name}: {said}" if said else name
    return f"{name}: {value}" if isinstance(value, str) else name
