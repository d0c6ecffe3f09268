"""Checks what the keys of an identity provider say together, on plain data that may be wrong elsewhere."""

from collections.abc import Iterator

from glassgate.config.addresses import host_of, is_loopback
from glassgate.config.problems import Problem, shown
from glassgate.config.tree import Tree, entries, lab_is_on, listens_to_others, tenant_id
from glassgate.oidc.provider import ORGANIZATIONS

CREDENTIALS = ("client_secret", "certificate", "federated_token_file")


def check_providers(tree: Tree) -> Iterator[Problem]:
    """Every problem with the providers of the file."""
    for place, provider in entries(tree, ("identity_providers",)):
        for problem in (*_credentials(provider), *_tenants(provider), *_domains(provider), *_elsewhere(tree, provider)):
            yield Problem((*place, *problem.path), problem.what, problem.mend)


def _credentials(provider: Tree) -> Iterator[Problem]:
    if provider.get("type") == "entra" and not any(key in provider for key in CREDENTIALS):
        yield Problem(
            (),
            "nothing proves the gate to the provider",
            "add `client_secret: ${ENTRA_CLIENT_SECRET}`, a `certificate`, or a `federated_token_file`",
        )


def _tenants(provider: Tree) -> Iterator[Problem]:
    tenant, allowed = provider.get("tenant"), provider.get("allowed_tenants")
    if tenant == ORGANIZATIONS and not allowed:
        yield Problem(
            ("tenant",), f"`{ORGANIZATIONS}` would let in every organisation there is", "name the `allowed_tenants`"
        )
    if isinstance(tenant, str) and tenant != ORGANIZATIONS and allowed:
        yield Problem(
            ("allowed_tenants",),
            f"`tenant` names one tenant already: {shown(tenant)}",
            f"write `tenant: {ORGANIZATIONS}`, or leave the key out",
        )
    each = [str(one).lower() for one in allowed] if isinstance(allowed, list) else []
    for index, one in enumerate(each):
        if one in each[:index]:
            yield Problem(("allowed_tenants", index), f"{shown(one)} stands twice", "write it once")


def _domains(provider: Tree) -> Iterator[Problem]:
    domains, allowed = provider.get("email_domains"), provider.get("allowed_tenants")
    tenants = {str(tenant).lower() for tenant in allowed} if isinstance(allowed, list) else set()
    if isinstance(domains, list) and len(tenants) > 1:
        # Any administrator can write any address into a user of theirs: a domain counts from its owner alone.
        yield Problem(
            ("email_domains",),
            "each of the tenants could say that a user of its own has an address there",
            "write which tenant owns which domain: `{TENANT-ID: [contoso.example]}`",
        )
    if not isinstance(domains, dict):
        return
    if domains and provider.get("tenant") != ORGANIZATIONS:
        yield Problem(("email_domains",), "there is one tenant, and no other to tell it from", "write a plain list")
        return
    for tenant in domains:
        if tenant_id(str(tenant)) not in (None, *tenants):
            yield Problem(
                ("email_domains", str(tenant)),
                f"{shown(tenant)} is none of the `allowed_tenants`",
                "add it there, or take it out",
            )


def _elsewhere(tree: Tree, provider: Tree) -> Iterator[Problem]:
    if lab_is_on(tree) or not listens_to_others(tree.get("listen")):
        return
    for key in ("authority", "issuer"):
        value = provider.get(key)
        if isinstance(value, str) and is_loopback(host_of(value)):
            yield Problem(
                (key,),
                "the provider is on this machine, but the gate listens to others",
                "name the real provider, or listen on 127.0.0.1",
            )
