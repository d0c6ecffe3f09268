"""The safety report: what a configuration may say, but is unwise, each with the mend."""

from collections.abc import Callable, Iterable, Iterator

from glassgate.access.app import App
from glassgate.access.policy import Decision, Policy, Rule
from glassgate.access.questions import (
    AuthContext,
    AuthMethod,
    Email,
    EmailDomain,
    EntraGroup,
    EntraRole,
    Everyone,
    LoginMethod,
    OidcClaim,
    RuleSet,
    every_question,
)
from glassgate.config.addresses import host_of, is_loopback
from glassgate.config.limits import LIMITS, OF_OUR_DRIVER
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError
from glassgate.oidc.provider import Provider

Warnings = Iterator[GlassgateError]
_OF_PROVIDER = (AuthContext, AuthMethod, EntraGroup, EntraRole, LoginMethod, OidcClaim)


def warnings(settings: Settings) -> tuple[GlassgateError, ...]:
    """What is unwise."""
    return tuple(warning for each in _CHECKS for warning in each(settings))


def notes(settings: Settings) -> tuple[GlassgateError, ...]:
    """What is well as it is, but good to know. Never a reason to refuse anything."""
    return (*_cookies(settings), *_long_memories(settings), *on_stock_programs(settings))


def on_stock_programs(settings: Settings) -> Warnings:
    """What of the limits does not hold with `mitmdump -s` and `mitmweb -s`, where that matters."""
    unheeded = [name for name in OF_OUR_DRIVER if getattr(settings.limits, name) != getattr(LIMITS, name)]
    said = f"do not heed {_list(unheeded)} of `limits`" if unheeded else "bound no times and no counts of connections"
    if unheeded or not is_loopback(settings.listen.host):
        yield GlassgateError(
            f"`mitmdump -s` and `mitmweb -s` {said}",
            where=_place(settings, "limits" if unheeded else "listen"),
            mend="run the gate by `serve`, or put a proxy in front that does",
        )


def _cookies(settings: Settings) -> Warnings:
    silent = [app.name for app in settings.apps if not app.forward_cookie]
    if silent:
        yield GlassgateError(
            f"the origins of {_list(silent)} get the token in the header Cf-Access-Jwt-Assertion, not in a cookie",
            where=_place(settings, "apps"),
            mend="where one reads the cookie alone, as Cloudflare's Python sample does, say `forward_cookie: true`",
        )


def _long_memories(settings: Settings) -> Warnings:
    for provider in settings.providers if settings.lab is None else ():
        if provider.recheck is None:
            yield GlassgateError(
                f"whose account is disabled at `{provider.id}` stays signed in here till the session ends",
                where=_place(settings, "identity_providers", provider.id),
                mend="`recheck: 1h` asks there once an hour",
            )


# --- the whole file ---------------------------------------------------------------------------------------


def _secrets(settings: Settings) -> Warnings:
    for provider in settings.literal_secrets if settings.lab is None else ():
        yield GlassgateError(
            f"the client secret of `{provider}` stands in the file",
            where=_place(settings, "identity_providers", provider),
            mend="take it from the environment, `${ENTRA_CLIENT_SECRET}`, or from a file, `file:PATH`",
        )


def _providers_here(settings: Settings) -> Warnings:
    for provider in settings.providers if settings.lab is None else ():
        if is_loopback(host_of(provider.issuer or provider.authority)):
            yield GlassgateError(
                f"the provider `{provider.id}` is on this machine, and the lab is off",
                where=_place(settings, "identity_providers", provider.id),
                mend="name the real provider, or turn the lab on",
            )


def _busy_rechecks(settings: Settings) -> Warnings:
    for provider in settings.providers if settings.lab is None else ():
        if provider.recheck and provider.recheck < 60:
            yield GlassgateError(
                f"every live session is asked for at `{provider.id}` every {provider.recheck} seconds",
                where=_place(settings, "identity_providers", provider.id),
                mend="write `recheck: 5m` or more: providers throttle who asks so often",
            )


def _store(settings: Settings) -> Warnings:
    if settings.store == "memory:":
        yield GlassgateError(
            "sessions are kept in memory: a restart signs everybody out",
            where=_place(settings, "store"),
            mend="write `store: sqlite:state/glassgate.db`",
        )


def _audit(settings: Settings) -> Warnings:
    if settings.audit is None:
        yield GlassgateError(
            "there is no audit log: nobody can say later who was let in",
            where=_place(settings),
            mend="add `audit: {file: state/audit.jsonl}`",
        )


def _open_doors(settings: Settings) -> Warnings:
    if any(network.prefixlen == 0 for network in settings.trusted_proxies):
        yield GlassgateError(
            "everybody is a trusted proxy, and may claim any address",
            where=_place(settings, "trusted_proxies"),
            mend="name the addresses of your proxies alone",
        )
    if settings.metrics and not is_loopback(settings.metrics.host):
        yield GlassgateError(
            f"the metrics can be read by whoever reaches {settings.metrics}",
            where=_place(settings, "metrics"),
            mend="listen on 127.0.0.1, or keep others out with a firewall",
        )


# --- the policies -----------------------------------------------------------------------------------------


def _open_apps(settings: Settings) -> Warnings:
    for app in settings.apps:
        for policy in app.policies:
            doors = _open_to(policy.include, app) if policy.decision is Decision.ALLOW else set()
            if doors and not policy.require:
                yield GlassgateError(
                    f"`{app.name}` is open to every account of {_list(sorted(doors))}, by the policy `{policy.name}`",
                    where=_policy_place(settings, app, policy),
                    mend="say who may come in, with `entra_group` or `email_domain`",
                )


def _idle_policies(settings: Settings) -> Warnings:
    for app in settings.apps:
        settled: Policy | None = None
        for policy in app.policies:
            why = f"`{settled.name}` before it decides for everybody" if settled else _impossible(policy, app)
            if why:
                yield GlassgateError(
                    f"the policy `{policy.name}` of `{app.name}` can never match: {why}",
                    where=_policy_place(settings, app, policy),
                    mend="move it up, or take it out" if settled else "mend the rule, or take the policy out",
                )
            elif _settles(policy):
                settled = policy


def _uncounted_emails(settings: Settings) -> Warnings:
    for app in settings.apps:
        allowed = [provider for provider in settings.providers if provider.id in app.providers]
        for policy in app.policies:
            domains = {_email_domain(question) for question in every_question(policy.rules)} - {""}
            for domain in sorted(domains):
                if not any(_counts(provider, domain) for provider in allowed):
                    yield GlassgateError(
                        f"the policy `{policy.name}` of `{app.name}` asks for e-mails of {domain}, "
                        f"but none of them counts when it comes from {_list(app.providers)}",
                        where=_policy_place(settings, app, policy),
                        mend=f"add {domain} to the provider's `email_domains` if it owns it, or ask for a group",
                    )


def _impossible(asked: Policy | RuleSet, app: App) -> str:
    """Why the include, require and exclude can never hold together, or ""."""
    includes = [_never(rule, app) for rule in asked.include]
    if all(includes):
        return includes[0]
    if _certain(asked.exclude):
        return "it excludes everyone"
    return next((why for why in (_never(rule, app) for rule in asked.require) if why), "")


def _never(rule: Rule, app: App) -> str:
    question = rule.matches
    if isinstance(question, _OF_PROVIDER) and question.provider not in app.providers:
        return f"`{rule.label}` is about `{question.provider}`, which signs nobody in here"
    return _impossible(question, app) if isinstance(question, RuleSet) else ""


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


def _certain(rules: Iterable[Rule]) -> bool:
    """Whether one of these matches whoever comes."""
    return any(
        isinstance(rule.matches, Everyone) or (isinstance(rule.matches, RuleSet) and _settles(rule.matches))
        for rule in rules
    )


def _settles(asked: Policy | RuleSet) -> bool:
    """Whether it holds for whoever comes."""
    return not asked.require and not asked.exclude and _certain(asked.include)


def _email_domain(question: object) -> str:
    if isinstance(question, Email):
        return question.address.partition("@")[2]
    return question.domain if isinstance(question, EmailDomain) else ""


def _counts(provider: Provider, domain: str) -> bool:
    # An OpenID provider says itself which are verified; `email_domains`, where it stands, only narrows that.
    listed = {*provider.email_domains, *(one for found in provider.tenant_email_domains.values() for one in found)}
    return domain in listed or (provider.type == "oidc" and not listed)


# --- saying it --------------------------------------------------------------------------------------------


def _place(settings: Settings, *names: str) -> str:
    return settings.places.get(names, str(settings.path))


def _policy_place(settings: Settings, app: App, policy: Policy) -> str:
    return _place(settings, "apps", app.name, "policies", policy.name)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


_CHECKS: tuple[Callable[[Settings], Warnings], ...] = (
    _secrets,
    _providers_here,
    _busy_rechecks,
    _store,
    _audit,
    _open_doors,
    _open_apps,
    _idle_policies,
    _uncounted_emails,
)
