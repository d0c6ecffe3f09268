"""Visitors as people describe them, by name and group, as the facts that a policy would judge of them."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from glassgate.access import recorded
from glassgate.access.app import App
from glassgate.access.facts import Facts
from glassgate.config.settings import Settings
from glassgate.errors import GlassgateError, did_you_mean
from glassgate.oidc.claims import counting_email
from glassgate.oidc.provider import Provider

MOST_VISITORS = 1_000_000
# What a list of users may call these, as Entra's and Google's exports do.
CALLED = {
    "mail": "email", "userprincipalname": "email", "email address": "email", "e-mail": "email",
    "group": "groups", "memberof": "groups", "role": "roles", "context": "contexts", "method": "methods",
    "ipaddress": "ip", "ip address": "ip", "idp": "provider",
}  # fmt: skip
LISTS = ("groups", "roles", "contexts", "methods")
KEYS = ("email", *LISTS, "claims", "provider", "tenant", "ip", "country", "now", "service_token", "common_name")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who might come. `described` are the KEYS that are known of them; `where` the line that says so."""

    described: Mapping[str, Any]
    where: str = ""

    @property
    def called(self) -> str:
        """What to call them."""
        return str(self.described.get("email") or self.described.get("service_token") or "somebody")


@dataclass(frozen=True, slots=True)
class Met:
    """A visitor as the gate would see them at an app, and what of their description does not count there."""

    facts: Facts
    remarks: tuple[str, ...] = ()


def meet(settings: Settings, app: App, visitor: Visitor) -> Met:
    """The facts of this visitor. Raises GlassgateError where the description cannot be one."""
    said = visitor.described
    plain: dict[str, Any] = {name: said[name] for name in ("ip", "country", "now") if said.get(name)}
    if said.get("service_token"):
        plain["service_token"] = {"client_id": said["service_token"], "name": said["service_token"]}
    if said.get("common_name"):
        plain["certificate"] = {"common_name": said["common_name"], "fingerprint": "0" * 64}
    if not any(said.get(name) for name in ("email", "claims", "provider", *LISTS)):
        return Met(_read(plain, visitor))
    provider = _provider(settings, app, said.get("provider"), visitor.where)
    identity, remarks = _identity(provider, said)
    return Met(_read({**plain, "identity": identity}, visitor), remarks)


def _read(plain: Mapping[str, Any], visitor: Visitor) -> Facts:
    facts = recorded.read(plain)
    if plain.get("ip") and facts.ip is None:
        raise GlassgateError(f"`{plain['ip']}` is no address", where=visitor.where, mend="write it as `203.0.113.7`")
    return facts


def _provider(settings: Settings, app: App, named: str | None, where: str) -> Provider:
    known = {provider.id: provider for provider in settings.providers if provider.id in app.providers}
    if named is not None and named not in known:
        mend = did_you_mean(named, known)
        raise GlassgateError(f"`{named}` signs nobody in at `{app.name}`", where=where, mend=mend)
    return known[named or app.providers[0]]


def _identity(provider: Provider, said: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    realm = str(said.get("tenant") or (*provider.allowed_tenants, provider.issuer or provider.tenant)[0])
    contexts, methods = set(said.get("contexts") or ()), set(said.get("methods") or ())
    if provider.type == "entra" and provider.mfa_context and {"mfa", provider.mfa_context} & (contexts | methods):
        # There, one is proven by the other.
        contexts.add(provider.mfa_context)
        methods.add("mfa")
    email = said.get("email")
    counts = _counts(provider, realm, email)
    remarks = (f"{email} does not count when it comes from `{provider.id}`",) if email and not counts else ()
    identity = {
        "provider": provider.id, "provider_type": provider.type, "realm": realm, "subject": email or "somebody",
        "email": email if counts else None, "groups": list(said.get("groups") or ()),
        "roles": list(said.get("roles") or ()), "acrs": sorted(contexts), "amr": sorted(methods),
        "claims": dict(said.get("claims") or {}),
    }  # fmt: skip
    return identity, remarks


def _counts(provider: Provider, realm: str, email: str | None) -> bool:
    domains = provider.domains_of(realm)
    if provider.type == "oidc" and not domains:
        return True  # where the provider says that it is verified
    return counting_email(email, domains) is not None


# --- lists of them ----------------------------------------------------------------------------------------


def read_list(text: str, name: str) -> tuple[tuple[Visitor, ...], tuple[str, ...]]:
    """The visitors of a list, as CSV with a head or as JSON objects a line, and the names of columns not used.

    Raises GlassgateError, with the line, where it is neither.
    """
    lines = text.lstrip("\ufeff").strip()
    if not lines:
        raise GlassgateError("the list is empty", where=name, mend="write a user a line")
    rows = _of_json if lines.startswith("{") else _of_csv
    found = tuple(rows(lines, name))
    if len(found) > MOST_VISITORS:
        raise GlassgateError(f"there are more than {MOST_VISITORS} users", where=name, mend="split the list")
    unused = {key: None for visitor in found for key in visitor.described if key not in KEYS}
    kept = [{key: one.described[key] for key in one.described if key in KEYS} for one in found]
    for visitor, described in zip(found, kept, strict=True):
        if not described:
            raise GlassgateError(
                "nothing of this says who it is", where=visitor.where, mend=f"known: {', '.join(KEYS)}"
            )
    return tuple(replace(one, described=described) for one, described in zip(found, kept, strict=True)), tuple(unused)


def _of_csv(text: str, name: str) -> Iterator[Visitor]:
    reader = csv.DictReader(io.StringIO(text), restkey="", skipinitialspace=True)
    head = reader.fieldnames or ()
    if not any(_key(column) in KEYS for column in head):
        mend = "begin with a head, such as `email,groups`, or write JSON objects"
        raise GlassgateError("the first line names no columns", where=f"{name}:1", mend=mend)
    for row in reader:
        given = {column: value for column, value in row.items() if isinstance(value, str) and value.strip()}
        yield _visitor(given, f"{name}:{reader.line_num}", lambda value: str(value).replace(";", " ").split())


def _of_json(text: str, name: str) -> Iterator[Visitor]:
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}:{number}"
        if not line.strip():
            continue
        try:
            given = json.loads(line)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise GlassgateError(
                "this line is no JSON object", where=where, mend='write `{"email": "…", "groups": [… ]}`'
            )
        yield _visitor(given, where, _listed)


def _visitor(given: Mapping[str, Any], where: str, listed: Callable[[Any], list[str]]) -> Visitor:
    described: dict[str, Any] = {}
    for column, value in given.items():
        key = _key(column)
        described.setdefault(key, listed(value) if key in LISTS else value)
    return Visitor(described, where)


def _key(column: str) -> str:
    lower = column.strip().lower()
    return CALLED.get(lower, lower)


def _listed(value: Any) -> list[str]:
    """A list of texts, or of objects with an id, as get-identity has groups."""
    entries = value if isinstance(value, list) else [value]
    return [str(one.get("id", "") if isinstance(one, dict) else one) for one in entries]
