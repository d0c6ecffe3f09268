"""What is unwise in policies: doors that stand open to all, and rules that can never matter; each with the mend."""

from collections.abc import Callable, Iterable, Iterator

from glassgate.access.app import App
from glassgate.access.circumstances import AnyServiceToken, ByServiceToken, Certificate, CommonName, Country, LinkedApp
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.questions import (
    AuthContext,
    AuthMethod,
    Email,
    EmailDomain,
    EmailList,
    EntraGroup,
    EntraRole,
    Everyone,
    LoginMethod,
    OidcClaim,
    RuleSet,
    every_question,
)
from glassgate.config.overlaps import clash, covers, takes
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError
from glassgate.oidc.provider import Provider

Warnings = Iterator[GlassgateError]
_OF_PROVIDER = (AuthContext, AuthMethod, EntraGroup, EntraRole, LoginMethod, OidcClaim)
_CREDENTIALS = (AnyServiceToken, ByServiceToken, Certificate, CommonName, LinkedApp)
MOST_DOMAINS = 8  # of one list that are told


# --- doors ------------------------------------------------------------------------------------------------


def _open_apps(settings: Settings) -> Warnings:
    for app in settings.apps:
        for policy in app.policies:
            said = _OPEN[policy.decision](policy, app) if policy.decision in _OPEN else None
            if said:
                what, mend = said
                yield GlassgateError(what, where=_policy_place(settings, app, policy), mend=mend)


def _closed_apps(settings: Settings) -> Warnings:
    for app in settings.apps:
        if all(policy.decision is Decision.DENY for policy in app.policies):
            yield GlassgateError(
                f"nobody can open `{app.name}`: none of its policies lets anybody in",
                where=place(settings, "apps", app.name),
                mend="add a policy with `decision: allow`",
            )


type _Said = tuple[str, str] | None


def _allows_all(policy: Policy, app: App) -> _Said:
    doors = _open_to(policy.include, app)
    if not doors or policy.require:
        return None
    return (
        f"`{app.name}` is open to every account of {listed(sorted(doors))}, by the policy `{policy.name}`",
        "say who may come in, with `entra_group` or `email_domain`",
    )


def _bypasses_all(policy: Policy, app: App) -> _Said:
    if policy.require or not _certain(policy.include):
        return None
    return (
        f"`{app.name}` is open to everybody without a sign-in, by the bypass `{policy.name}`",
        "say from where, with `ip` or `country`; or write `decision: allow`",
    )


def _takes_any_machine(policy: Policy, app: App) -> _Said:
    shown = [any(isinstance(one, _CREDENTIALS) for one in every_question([rule])) for rule in policy.include]
    if all(shown) or any(isinstance(one, _CREDENTIALS) for one in every_question(policy.require)):
        return None
    return (
        f"the policy `{policy.name}` of `{app.name}` takes any service token and any client certificate that counts",
        "name those that it is for, with `service_token` or `common_name`; where nothing need be shown: `bypass`",
    )


_OPEN: dict[Decision, Callable[[Policy, App], _Said]] = {
    Decision.ALLOW: _allows_all,
    Decision.BYPASS: _bypasses_all,
    Decision.SERVICE_AUTH: _takes_any_machine,
}


def _open_to(rules: Iterable[Rule], app: App) -> set[str]:
    """The providers of the app any of whose accounts one of these matches."""
    providers: set[str] = set()
    for rule in rules:
        match rule.matches:
            case Everyone():
                providers.update(app.providers)
            case LoginMethod(provider):
                providers.update({provider} & set(app.providers))
            case RuleSet(include, (), ()):
                providers |= _open_to(include, app)
    return providers


# --- what never matters -----------------------------------------------------------------------------------


def _idle_policies(settings: Settings) -> Warnings:
    for app in settings.apps:
        before: list[Policy] = []
        for policy in app.policies:
            settled = next((one for one in before if _settles(one)), None)
            taken = [_taken(rule, before) for rule in policy.include]
            why = f"`{settled.name}` before it decides for everybody" if settled else _impossible(policy, app, settings)
            if not why and all(taken):
                why = f"{listed(_names(taken))} before it decides for everybody whom it includes"
            if why:
                yield GlassgateError(
                    f"the policy `{policy.name}` of `{app.name}` can never match: {why}",
                    where=_policy_place(settings, app, policy),
                    mend="move it up, or take it out" if all(taken) else "mend the rule, or take the policy out",
                )
            else:
                yield from _dead_rules(settings, app, policy, taken)
                # A policy for programs decides of those alone that show something.
                before += [policy] if policy.decision is not Decision.SERVICE_AUTH else []


def _dead_rules(settings: Settings, app: App, policy: Policy, taken: list[Policy | None]) -> Warnings:
    for rule, by in zip(policy.include, taken, strict=True):
        if by:
            yield GlassgateError(
                f"the rule `{rule.label}` of the policy `{policy.name}` of `{app.name}` can never matter: "
                f"`{by.name}` before it decides for everybody whom it matches",
                where=_policy_place(settings, app, policy),
                mend="move the policy up, or take the rule out",
            )


def _taken(rule: Rule, before: list[Policy]) -> Policy | None:
    return next((policy for policy in before if takes(policy, rule)), None)


def _names(policies: Iterable[Policy | None]) -> list[str]:
    return list(dict.fromkeys(policy.name for policy in policies if policy))


def _impossible(asked: Policy | RuleSet, app: App, settings: Settings) -> str:
    """Why the include, require and exclude can never hold together, or ""."""
    includes = [_never(rule, app, settings) for rule in asked.include]
    if all(includes):
        return includes[0]
    if _certain(asked.exclude):
        return "it excludes everyone"
    if all(any(covers(out, rule) for out in asked.exclude) for rule in asked.include):
        return "it excludes everybody whom it includes"
    for rule in asked.require:
        if why := _never(rule, app, settings):
            return why
        if all(clash(rule, one) for one in asked.include) or any(clash(rule, one) for one in asked.require):
            return f"nobody matches `{rule.label}` and the rest of it"
    return ""


def _never(rule: Rule, app: App, settings: Settings) -> str:
    question = rule.matches
    if isinstance(question, _OF_PROVIDER) and question.provider not in app.providers:
        return f"`{rule.label}` is about `{question.provider}`, which signs nobody in here"
    if isinstance(question, Country) and not settings.trusted_proxies:
        return f"`{rule.label}` goes by the word of a trusted proxy, and there are no `trusted_proxies`"
    if isinstance(question, Certificate | CommonName) and app.client_ca is None:
        return f"`{rule.label}` goes by client certificates, and the app has no `client_ca`"
    return _impossible(question, app, settings) if isinstance(question, RuleSet) else ""


def _certain(rules: Iterable[Rule]) -> bool:
    """Whether one of these matches whoever comes."""
    return any(
        isinstance(rule.matches, Everyone) or (isinstance(rule.matches, RuleSet) and _settles(rule.matches))
        for rule in rules
    )


def _settles(asked: Policy | RuleSet) -> bool:
    """Whether it holds for whoever comes."""
    return not asked.require and not asked.exclude and _certain(asked.include)


# --- e-mails ----------------------------------------------------------------------------------------------


def _uncounted_emails(settings: Settings) -> Warnings:
    for app in settings.apps:
        allowed = [provider for provider in settings.providers if provider.id in app.providers]
        for policy in app.policies:
            domains = {domain for question in every_question(policy.rules) for domain in _email_domains(question)}
            idle = [one for one in sorted(domains) if not any(_counts(provider, one) for provider in allowed)]
            for domain in idle[:MOST_DOMAINS]:
                yield GlassgateError(
                    f"the policy `{policy.name}` of `{app.name}` asks for e-mails of {domain}, "
                    f"but none of them counts when it comes from {listed(app.providers)}",
                    where=_policy_place(settings, app, policy),
                    mend=f"add {domain} to the provider's `email_domains` if it owns it, or ask for a group",
                )


def _email_domains(question: object) -> set[str]:
    match question:
        case Email(address):
            return {address.partition("@")[2]}
        case EmailDomain(domain):
            return {domain}
        case EmailList(addresses):
            return {address.partition("@")[2] for address in addresses}
    return set()


def _counts(provider: Provider, domain: str) -> bool:
    # An OpenID provider says itself which are verified; `email_domains`, where it stands, only narrows that.
    known = {*provider.email_domains, *(one for found in provider.tenant_email_domains.values() for one in found)}
    return domain in known or (provider.type == "oidc" and not known)


# --- saying it --------------------------------------------------------------------------------------------


def place(settings: Settings, *names: str) -> str:
    """Where something that has a name stands: "config.yaml:41"."""
    return settings.places.get(names, str(settings.path))


def _policy_place(settings: Settings, app: App, policy: Policy) -> str:
    return place(settings, "apps", app.name, "policies", policy.name)


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them."""
    return ", ".join(f"`{name}`" for name in names)


CHECKS: tuple[Callable[[Settings], Warnings], ...] = (_open_apps, _closed_apps, _idle_policies, _uncounted_emails)
