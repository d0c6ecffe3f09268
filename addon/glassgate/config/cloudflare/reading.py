"""Reads what there is of Cloudflare Access: its API's JSON, and Terraform's state, in every shape of theirs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]

# Terraform's resources, by what follows cloudflare_access_ (till 2024) or cloudflare_zero_trust_access_.
RESOURCE = re.compile(r"cloudflare_(?:zero_trust_)?access_(application|policy|group|identity_provider|service_token)")
KINDS = {
    "application": "apps", "policy": "policies", "group": "groups", "identity_provider": "providers",
    "service_token": "tokens",
}  # fmt: skip
RULES = ("include", "require", "exclude")


@dataclass(frozen=True, slots=True)
class Thing:
    """One application, policy, group, … and where it stands."""

    where: str
    said: Entry

    @property
    def id(self) -> str:
        """Its id at Cloudflare."""
        return str(self.said.get("id") or self.said.get("uid") or "")

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.said.get("name") or "")


@dataclass(frozen=True, slots=True)
class Foreign:
    """All that was found, and the places of what was not understood."""

    apps: list[Thing] = field(default_factory=list)
    policies: list[Thing] = field(default_factory=list)
    groups: list[Thing] = field(default_factory=list)
    providers: list[Thing] = field(default_factory=list)
    tokens: list[Thing] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


def read(data: object, name: str, found: Foreign) -> None:
    """Add what a document holds to `found`; `name` is the file's, for places."""
    if isinstance(data, dict) and isinstance(data.get("resources"), list):
        _state(data["resources"], name, found)
    elif isinstance(data, dict) and isinstance(data.get("values"), dict):
        _shown(data["values"].get("root_module", {}), name, found)
    else:
        _api(data, name, found)


def _state(resources: list[Any], name: str, found: Foreign) -> None:
    """A state file of Terraform's (version 4): `terraform state pull`."""
    for resource in resources:
        kind = RESOURCE.fullmatch(str(resource.get("type"))) if isinstance(resource, dict) else None
        for index, instance in enumerate(resource.get("instances", ()) if kind else ()):
            place = f"{name}: {resource['type']}.{resource.get('name')}"
            place += f"[{instance.get('index_key', index)}]" if len(resource["instances"]) > 1 else ""
            _put(found, KINDS[kind[1]] if kind else "", place, instance.get("attributes"))


def _shown(module: Any, name: str, found: Foreign) -> None:
    """What `terraform show -json` prints."""
    for resource in module.get("resources", ()):
        if kind := RESOURCE.fullmatch(str(resource.get("type"))):
            _put(found, KINDS[kind[1]], f"{name}: {resource.get('address')}", resource.get("values"))
    for below in module.get("child_modules", ()):
        _shown(below, name, found)


def _put(found: Foreign, kind: str, where: str, said: object) -> None:
    if isinstance(said, dict):
        getattr(found, kind).append(Thing(where, said))
    else:
        found.strange.append(where)


def _api(data: object, name: str, found: Foreign) -> None:
    """An answer of the API, a list of what it holds, or several of them under names."""
    for where, entry in _entries(data, name):
        kind = _kind(entry)
        if kind:
            getattr(found, kind).append(Thing(where, entry))
        elif entry:
            found.strange.append(where)


def _entries(data: object, where: str) -> Iterator[tuple[str, Entry]]:
    if isinstance(data, list):
        for index, one in enumerate(data):
            yield from _entries(one, f"{where}[{index}]")
    elif isinstance(data, dict) and "result" in data:
        yield from _entries(data["result"], where)
    elif isinstance(data, dict) and not _kind(data) and any(isinstance(one, list | dict) for one in data.values()):
        for key, one in data.items():
            yield from _entries(one, f"{where}: {key}")
    elif isinstance(data, dict):
        yield where, data


def _kind(entry: Entry) -> str:
    """What an object of the API is, by its keys."""
    if "decision" in entry and "include" in entry:
        return "policies"
    if "include" in entry:
        return "groups"
    if "client_id" in entry and "config" not in entry:
        return "tokens"
    if "config" in entry and "type" in entry:
        return "providers"
    return "apps" if "aud" in entry or "domain" in entry or "destinations" in entry else ""


# --- rules ------------------------------------------------------------------------------------------------


def rules(entry: Entry, part: str) -> Iterator[tuple[str, str, Any]]:
    """The rules of a part: for each its place, its selector, and its value as the API has it, a mapping or None.

    Terraform's older shape holds many in one: `{email: [a, b], everyone: true, azure: [{id: [g, h], …}]}`.
    """
    given = entry.get(part) or ()
    for index, rule in enumerate(given if isinstance(given, list) else [given]):
        for selector, value in rule.items() if isinstance(rule, dict) else ():
            for one in _values(selector, value):
                yield f"{part}[{index}]", selector, one


# The key that the API has where Terraform's older shape writes the values alone.
BARE = {
    "email": "email", "email_domain": "domain", "ip": "ip", "group": "id", "geo": "country_code",
    "service_token": "token_id", "common_name": "common_name", "login_method": "id", "auth_method": "auth_method",
    "email_list": "id", "ip_list": "id", "device_posture": "integration_uid",
}  # fmt: skip
EMPTY: tuple[object, ...] = (None, False, "", [])


def _values(selector: str, value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _values(selector, one)
    elif isinstance(value, dict):
        yield from _each(value)
    elif value is True:
        yield {}
    elif value not in EMPTY:
        yield {BARE.get(selector, "id"): value}


def _each(value: Entry) -> Iterator[Entry]:
    """A mapping in which one key holds a list, as many mappings."""
    several = next((key for key, one in value.items() if isinstance(one, list)), None)
    if several is None:
        yield {key: one for key, one in value.items() if one is not None}
        return
    for one in value[several]:
        yield from _each({**value, several: one})
