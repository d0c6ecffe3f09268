"""Reads plain data that may be wrong anywhere: takes what has the right shape, and passes over the rest."""

from collections.abc import Iterator
from typing import Any

from glassgate.access.policy import Decision
from glassgate.access.selectors import GUID, Source
from glassgate.config.addresses import is_loopback, listener
from glassgate.config.problems import BadValueError, Path, child

Tree = dict[str, Any]
DECISIONS = {str(one): one for one in Decision} | {"non_identity": Decision.SERVICE_AUTH}  # Cloudflare's API
RULES = ("include", "require", "exclude")


def entries(tree: object, path: Path) -> Iterator[tuple[Path, Tree]]:
    """The mappings of the list or mapping that stands at a place, each with its own place."""
    for key in path:
        tree = child(tree, key)
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, part in children:
        if isinstance(part, dict):
            yield (*path, key), part


def listed(entry: Tree, key: str) -> Iterator[tuple[Path, str]]:
    """The texts of a key that is one text or a list of them."""
    value = entry.get(key)
    if isinstance(value, str):
        yield (key,), value
    for index, item in enumerate(value if isinstance(value, list) else []):
        if isinstance(item, str):
            yield (key, index), item


def rules(tree: Tree) -> Iterator[tuple[Path, str, object]]:
    """Every rule of the file that has the shape of one: its place, its selector, its value."""
    holders = [*entries(tree, ("groups",))]
    for app, _ in entries(tree, ("apps",)):
        holders += entries(tree, (*app, "policies"))
    for holder, _ in holders:
        for part in RULES:
            for path, rule in entries(tree, (*holder, part)):
                if len(rule) == 1 and isinstance(path[-1], int):
                    yield path, *next(iter(rule.items()))


def decisions(tree: Tree) -> Iterator[tuple[Path, Decision]]:
    """Every policy whose decision can be read: its place, and that."""
    for app, _ in entries(tree, ("apps",)):
        for policy, entry in entries(tree, (*app, "policies")):
            said = entry.get("decision")
            if isinstance(said, str) and said in DECISIONS:
                yield policy, DECISIONS[said]


def sources(tree: Tree) -> tuple[Source, ...] | None:
    """What rules must know of the providers; None where an entry cannot be read, so that nobody is accused of it."""
    providers = tree.get("identity_providers")
    if not isinstance(providers, list):
        return None
    found = [_source(entry) for entry in providers]
    return tuple(source for source in found if source) if all(found) else None


def _source(entry: object) -> Source | None:
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("id"), str)
        or entry.get("type") not in ("entra", "oidc")
    ):
        return None
    realm, context = entry.get("issuer"), entry.get("mfa_context")
    if entry["type"] == "entra":
        realm = entry.get("tenant")
        realm = tenant_id(realm) if isinstance(realm, str) else None
    tenants = entry.get("allowed_tenants")
    return Source(
        entry["id"],
        entry["type"],
        realm if isinstance(realm, str) else None,
        str(context) if context else None,
        tuple(dict.fromkeys(str(tenant).lower() for tenant in tenants)) if isinstance(tenants, list) else (),
    )


def tenant_id(text: str) -> str | None:
    """The tenant, where it is written as its id: a domain says nothing of the `tid` that tokens bear."""
    return text.lower() if GUID.fullmatch(text) else None


def lab_is_on(tree: Tree) -> bool:
    """Whether the file enables the lab."""
    lab = tree.get("lab")
    return isinstance(lab, dict) and lab.get("enabled") is True


def listens_to_others(address: object) -> bool:
    """Whether a listener is reached from other machines; what is no listener is told elsewhere."""
    try:
        return isinstance(address, str) and not is_loopback(listener(address).host)
    except BadValueError:
        return False
