"""Makes the rooms' values of a configuration that was checked: what is here cannot fail any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from glassgate.access import selectors
from glassgate.access.app import App, Origin, OriginTls, default_aud
from glassgate.access.policy import Policy, Rule
from glassgate.access.questions import RuleSet
from glassgate.access.selectors import GROUP, Source
from glassgate.config import schema
from glassgate.config.settings import LabOrigin, LabSettings, LabUser, Settings
from glassgate.config.tree import tenant_id
from glassgate.oidc.provider import Provider


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the settings of one file. `base` is the folder that its paths are relative to."""

    config: schema.Config
    path: Path
    base: Path

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
            "client_secret": entry.client_secret,
            "name": entry.name or entry.id,
            "scopes": tuple(entry.scopes),
            "email_domains": tuple(entry.email_domains or ()),
            "ca": self._optional(entry.ca),
            "clock_skew": entry.clock_skew,
            "prompt": entry.prompt,
        }
        if isinstance(entry, schema.Oidc):
            return Provider(**common, issuer=entry.issuer)  # type: ignore[arg-type]
        return Provider(
            **common,  # type: ignore[arg-type]
            authority=entry.authority,
            tenant=entry.tenant,
            mfa_context=entry.mfa_context,
            domain_hint=entry.domain_hint,
        )

    def _app(self, entry: schema.App) -> App:
        every = [provider.id for provider in self.config.identity_providers]
        return App(
            name=entry.name,
            domains=tuple(entry.domain),
            aud=entry.aud or default_aud(self.config.team.host, entry.name),
            origin=self._origin(entry),
            policies=tuple(self._policy(policy) for policy in entry.policies),
            session_duration=entry.session_duration,
            providers=tuple(dict.fromkeys(entry.identity_providers or every)),
            unauthenticated=entry.unauthenticated,
            forward_cookie=entry.forward_cookie,
            websocket_origins=tuple(entry.websocket_origins),
        )

    def _origin(self, entry: schema.App) -> Origin:
        url, tls = entry.origin, entry.origin_tls
        if tls is None:
            return Origin(url.scheme, url.host, url.port)
        trust = OriginTls(self._optional(tls.ca), self._optional(tls.client_certificate), tls.server_name)
        return Origin(url.scheme, url.host, url.port, trust)

    def _policy(self, entry: schema.Policy) -> Policy:
        asked = self._rule_set(entry)
        return Policy(entry.name, entry.decision, asked.include, asked.require, asked.exclude, entry.session_duration)

    def _rule_set(self, entry: schema.Rules) -> RuleSet:
        def made(rules: list[dict[str, object]] | None) -> tuple[Rule, ...]:
            return tuple(self._rule(name, value) for rule in rules or () for name, value in rule.items())

        return RuleSet(made(entry.include), made(entry.require), made(entry.exclude))

    def _rule(self, name: str, value: object) -> Rule:
        if name != GROUP:
            return selectors.make(name, value, self._sources())
        group = self._rule_set(self.config.groups[str(value)])
        needs = (rule.needs_acrs for rule in (*group.require, *group.include))
        return Rule(f"{GROUP}: {value}", group, next((context for context in needs if context), None))

    def _sources(self) -> tuple[Source, ...]:
        return tuple(_source(entry) for entry in self.config.identity_providers)


def _source(entry: schema.Entra | schema.Oidc) -> Source:
    if isinstance(entry, schema.Oidc):
        return Source(entry.id, entry.type, entry.issuer)
    return Source(entry.id, entry.type, tenant_id(entry.tenant), entry.mfa_context)


def _lab(entry: schema.Lab) -> LabSettings:
    users = tuple(
        LabUser(
            name=user.name,
            display_name=user.display_name or user.name,
            password=user.password,
            email=user.email or (f"{user.name}@{user.guest_of}" if user.guest_of else None),
            groups=tuple(user.groups),
            roles=tuple(user.roles),
            mfa=user.mfa,
            guest_of=user.guest_of,
        )
        for user in entry.users
    )
    return LabSettings(users, tuple(LabOrigin(kind, part.listen) for kind, part in entry.origins.items()))
