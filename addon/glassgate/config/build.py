"""Makes the rooms' values of a configuration that was checked: what is here cannot fail any more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glassgate.access import app as access
from glassgate.access.app import App, Launcher, Origin, OriginTls, SameSite, TokenCookie, Unauthenticated, default_aud
from glassgate.access.policy import Policy, Rule
from glassgate.access.questions import EntraGroup, OidcClaim, Question, RuleSet, every_question
from glassgate.access.selectors import GROUP, Source
from glassgate.config import schema, schema_lab, schema_launcher
from glassgate.config.bounds import Bounds
from glassgate.config.kinds import EVERY_TENANT
from glassgate.config.rules import Meanings
from glassgate.config.schema_cors import ANY, Cors
from glassgate.config.settings import LAB_DOMAIN, LabOrigin, LabSettings, LabTenant, LabUser, Settings
from glassgate.config.tree import tenant_id
from glassgate.oidc.client_auth import ClientCertificate, ClientSecret, Credential, FederatedToken
from glassgate.oidc.provider import GroupsFrom, Provider
from glassgate.state.client_certificate import client_certificate

# What Cloudflare Access does where an app says nothing (docs/reference/cloudflare.md has the whole table).
AS_CLOUDFLARE = {
    "unauthenticated": Unauthenticated.REDIRECT,
    "forward_cookie": True,
    "same_site": SameSite.NONE,
    "path_cookie": False,
}


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the settings of one file. `base` is the folder that its paths are relative to."""

    config: schema.Config
    path: Path
    base: Path
    meanings: Meanings = field(init=False, repr=False)

    def __post_init__(self) -> None:
        apps = {entry.name: self._aud(entry) for entry in self.config.apps}
        object.__setattr__(self, "meanings", Meanings(self.base, apps))

    def settings(self, literal_secrets: tuple[str, ...], places: Mapping[tuple[str, ...], str]) -> Settings:
        """The whole configuration as frozen values."""
        config = self.config
        files = config.tls.certificate if config.tls else [Path("certs/edge.pem")]
        certificates = tuple(self.base / file for file in files)
        return Settings(
            path=self.path,
            team=config.team,
            listen=config.listen,
            certificates=certificates,
            ca=certificates[0].parent / "ca.pem",
            state=self.base / config.state,
            store=self._store(),
            session_duration=config.session_duration,
            providers=tuple(self._provider(entry) for entry in config.identity_providers),
            apps=tuple(self._app(entry) for entry in config.apps),
            trusted_proxies=tuple(config.trusted_proxies),
            audit=self.base / config.audit.file if config.audit else None,
            metrics=config.metrics.listen if config.metrics else None,
            idle_timeout=config.idle_timeout,
            limits=(config.limits or Bounds()).agreed(),
            lab=_lab(config.lab) if config.lab and config.lab.enabled else None,
            literal_secrets=literal_secrets,
            places=places,
        )

    def _store(self) -> str:
        store = self.config.store
        if store is None:
            return f"sqlite:{self.base / self.config.state / 'glassgate.db'}"
        kind, _, rest = store.partition(":")
        return f"{kind}:{self.base / rest}" if rest else store

    def _optional(self, path: Path | None) -> Path | None:
        return self.base / path if path else None

    def _provider(self, entry: schema.Entra | schema.Oidc) -> Provider:
        common = {
            "id": entry.id,
            "type": entry.type,
            "client_id": entry.client_id,
            "credentials": self._credentials(entry),
            "name": entry.name or entry.id,
            "scopes": tuple(entry.scopes),
            "named_claims": self._named_claims(entry.id),
            "response_mode": entry.response_mode,
            "recheck": entry.recheck,
            "ca": self._optional(entry.ca),
            "clock_skew": entry.clock_skew,
            "prompt": entry.prompt,
        }
        if isinstance(entry, schema.Oidc):
            return Provider(
                **common,  # type: ignore[arg-type]
                issuer=entry.issuer,
                client_auth=entry.client_auth,
                claims=entry.claims.model_dump(exclude_none=True) if entry.claims else {},
                email_domains=tuple(entry.email_domains or ()),
            )
        domains = {tenant: tuple(found) for tenant, found in (entry.email_domains or {}).items()}
        return Provider(
            **common,  # type: ignore[arg-type]
            authority=entry.authority,
            tenant=entry.tenant,
            allowed_tenants=tuple(entry.allowed_tenants or ()),
            graph=entry.graph,
            groups_from=GroupsFrom(entry.groups_from),
            named_groups=self._named_groups(entry.id),
            email_domains=domains.pop(EVERY_TENANT, ()),
            tenant_email_domains=domains,
            mfa_context=entry.mfa_context,
            domain_hint=entry.domain_hint,
        )

    def _credentials(self, entry: schema.Entra | schema.Oidc) -> tuple[Credential, ...]:
        """Certificates first: whoever has both is on the way from a secret to a certificate."""
        found: list[Credential] = []
        if isinstance(entry, schema.Entra):
            found += [
                ClientCertificate(self.base / one.key, self.base / one.certificate, one.algorithm)
                for one in entry.certificate or ()
            ]
            if entry.federated_token_file:
                found.append(FederatedToken(self.base / entry.federated_token_file))
        return (*found, *(ClientSecret(secret) for secret in entry.client_secret or ()))

    def _named_groups(self, provider: str) -> tuple[str, ...]:
        asked = {one.group for one in self._questions() if isinstance(one, EntraGroup) and one.provider == provider}
        return tuple(sorted(asked))

    def _named_claims(self, provider: str) -> tuple[str, ...]:
        asked = {one.name for one in self._questions() if isinstance(one, OidcClaim) and one.provider == provider}
        return tuple(sorted(asked))

    def _questions(self) -> Iterator[Question]:
        """Everything that some policy asks."""
        for app in self.config.apps:
            for policy in app.policies:
                yield from every_question(self._policy(policy).rules)

    def _app(self, entry: schema.App) -> App:
        every = [provider.id for provider in self.config.identity_providers]
        return App(
            name=entry.name,
            domains=tuple(entry.domain),
            aud=self._aud(entry),
            origin=self._origin(entry),
            policies=tuple(self._policy(policy) for policy in entry.policies),
            session_duration=entry.session_duration,
            providers=tuple(dict.fromkeys(entry.identity_providers or every)),
            unauthenticated=_wish(entry, "unauthenticated"),
            forward_cookie=_wish(entry, "forward_cookie"),
            cookie=TokenCookie(
                _wish(entry, "same_site"), entry.http_only, _wish(entry, "path_cookie"), entry.binding_cookie
            ),
            cors=_cors(entry.cors) if entry.cors else None,
            deny_page=self._optional(entry.deny_page),
            deny_url=entry.deny_url,
            machine_deny_url=entry.machine_deny_url,
            websocket_origins=tuple(entry.websocket_origins),
            service_token_header=(entry.service_token_header or "").lower().encode(),
            client_ca=self._optional(entry.client_ca),
            max_body=entry.max_body,
            launcher=self._launcher(entry.launcher),
            auto_redirect=entry.auto_redirect,
            deny_message=entry.deny_message or "",
            keep_forms=entry.keep_forms,
        )

    def _aud(self, entry: schema.App) -> str:
        return entry.aud or default_aud(self.config.team.host, entry.name)

    def _origin(self, entry: schema.App) -> Origin:
        url, tls, trust = entry.origin, entry.origin_tls, OriginTls()
        if tls is not None:
            trust = OriginTls(self._optional(tls.ca), self._shown(tls.client_certificate), tls.server_name)
        return Origin(url.scheme, url.host, url.port, trust, entry.http2_origin)

    def _shown(self, certificate: Path | bool | None) -> Path | None:
        own = client_certificate(self.base / self.config.state)
        return self.base / certificate if isinstance(certificate, Path) else own if certificate else None

    def _launcher(self, entry: schema_launcher.Launcher | None) -> Launcher:
        if entry is None:
            return Launcher()
        return Launcher(entry.visible, self._optional(entry.logo), tuple(dict.fromkeys(entry.tags or ())))

    def _policy(self, entry: schema.Policy) -> Policy:
        asked = self._rule_set(entry)
        return Policy(entry.name, entry.decision, asked.include, asked.require, asked.exclude, entry.session_duration)

    def _rule_set(self, entry: schema.Rules) -> RuleSet:
        def made(rules: list[dict[str, object]] | None) -> tuple[Rule, ...]:
            return tuple(self._rule(name, value) for rule in rules or () for name, value in rule.items())

        return RuleSet(made(entry.include), made(entry.require), made(entry.exclude))

    def _rule(self, name: str, value: object) -> Rule:
        if name != GROUP:
            return self.meanings.rule(name, value, self._sources())
        group = self._rule_set(self.config.groups[str(value)])
        needs = (rule.needs_acrs for rule in (*group.require, *group.include))
        return Rule(f"{GROUP}: {value}", group, next((context for context in needs if context), None))

    def _sources(self) -> tuple[Source, ...]:
        return tuple(_source(entry) for entry in self.config.identity_providers)


def _wish(entry: schema.App, key: str) -> Any:
    """What an app says of itself, else what those say whom it is to behave like."""
    if entry.compat == "cloudflare" and key not in entry.model_fields_set:
        return AS_CLOUDFLARE[key]
    return getattr(entry, key)


def _cors(entry: Cors) -> access.Cors:
    origins = entry.origins or []
    return access.Cors(
        origins=frozenset(origins) - {ANY},
        any_origin=ANY in origins,
        methods=tuple(entry.methods or ("GET", "HEAD", "POST")),
        headers=tuple(entry.headers or ()),
        credentials=entry.credentials is True,
        max_age=600 if entry.max_age is None else entry.max_age,
        passes=entry.preflight == "origin",
    )


def _source(entry: schema.Entra | schema.Oidc) -> Source:
    if isinstance(entry, schema.Oidc):
        return Source(entry.id, entry.type, entry.issuer)
    tenants = tuple(entry.allowed_tenants or ())
    return Source(entry.id, entry.type, tenant_id(entry.tenant), entry.mfa_context, tenants)


def _lab(entry: schema_lab.Lab) -> LabSettings:
    return LabSettings(
        users=tuple(_lab_user(user, LAB_DOMAIN) for user in entry.users),
        origins=tuple(LabOrigin(kind, part.listen) for kind, part in entry.origins.items()),
        tenants=tuple(
            LabTenant(tenant.domain, tenant.id, tuple(_lab_user(user, tenant.domain) for user in tenant.users))
            for tenant in entry.tenants
        ),
        groups_claim=entry.groups_claim,
        consent=entry.consent,
        faults=tuple(entry.faults),
    )


def _lab_user(user: schema_lab.LabUser, domain: str) -> LabUser:
    return LabUser(
        name=user.name,
        display_name=user.display_name or user.name,
        password=user.password,
        domain=domain,
        email=user.email or (f"{user.name}@{user.guest_of}" if user.guest_of else None),
        groups=tuple(user.groups),
        roles=tuple(user.roles),
        mfa=user.mfa,
        guest_of=user.guest_of,
        groups_count=user.groups_count,
        edov=user.edov,
    )
