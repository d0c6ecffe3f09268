"""Checks what the parts of a file say of each other: names that must be known, or be there only once.

Works on plain data that may be wrong elsewhere, so that every error of a file is told at once.
"""

from collections.abc import Callable, Iterator

from glassgate.access.domain import Domain
from glassgate.config.bounds import check_limits
from glassgate.config.browsers import check_browsers
from glassgate.config.problems import Path, Problem, shown
from glassgate.config.providers import check_providers
from glassgate.config.settings import LAB_DOMAIN, LAB_SITES
from glassgate.config.tree import Tree, entries, lab_is_on, listed, listens_to_others, sources
from glassgate.errors import did_you_mean

Check = Callable[[Tree], Iterator[Problem]]


def check(tree: object) -> list[Problem]:
    """Every problem with names in the file, in no order."""
    return [problem for each in CHECKS for problem in each(tree)] if isinstance(tree, dict) else []


def _once(tree: Tree, path: Path, key: str, what: str) -> Iterator[Problem]:
    seen: dict[str, Path] = {}
    for place, entry in entries(tree, path):
        for below, value in listed(entry, key):
            if value in seen:
                yield Problem((*place, *below), f"{shown(value)} is {what} twice", "give each its own")
            seen.setdefault(value, place)


def _each_once(tree: Tree) -> Iterator[Problem]:
    yield from _once(tree, ("identity_providers",), "id", "the id of a provider")
    yield from _once(tree, ("apps",), "name", "the name of an app")
    yield from _once(tree, ("apps",), "aud", "an AUD tag")
    yield from _once(tree, ("lab", "users"), "name", "the name of a lab user")
    yield from _once(tree, ("lab", "tenants"), "domain", "the domain of a lab tenant")
    yield from _once(tree, ("lab", "tenants"), "id", "the id of a lab tenant")
    for tenant, _ in entries(tree, ("lab", "tenants")):
        yield from _once(tree, (*tenant, "users"), "name", "the name of a user of this tenant")
    for app, _ in entries(tree, ("apps",)):
        yield from _once(tree, (*app, "policies"), "name", "the name of a policy of this app")


def _domains_once(tree: Tree) -> Iterator[Problem]:
    # Two that differ in the case of letters alone could not be told apart at an origin that does not heed it.
    seen: set[str] = set()
    for place, app in entries(tree, ("apps",)):
        for below, domain in listed(app, "domain"):
            text = Domain.read(domain).text.lower()
            if text in seen:
                yield Problem((*place, *below), f"{shown(domain)} is a domain of the apps twice", "give each its own")
            seen.add(text)


def _team_is_no_app(tree: Tree) -> Iterator[Problem]:
    team = tree.get("team")
    name = team.partition(":")[0] if isinstance(team, str) else None
    for place, app in entries(tree, ("apps",)):
        for below, domain in listed(app, "domain"):
            if Domain.read(domain).host == name:
                yield Problem((*place, *below), f"{shown(domain)} is the team domain", "give the app a host of its own")


def _http2_needs_tls(tree: Tree) -> Iterator[Problem]:
    for place, app in entries(tree, ("apps",)):
        if app.get("http2_origin") is True and str(app.get("origin")).startswith("http:"):
            what = "the origin is plain http, and HTTP/2 is agreed on by TLS"
            yield Problem((*place, "http2_origin"), what, "give it an https origin, or leave this out")


def _providers_known(tree: Tree) -> Iterator[Problem]:
    known = sources(tree)
    ids = [source.id for source in known or ()]
    for place, app in entries(tree, ("apps",)):
        for below, provider in listed(app, "identity_providers"):
            if known is not None and provider not in ids:
                yield Problem(
                    (*place, *below), f"{shown(provider)} is no identity provider here", did_you_mean(provider, ids)
                )


def _no_listener_twice(tree: Tree) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for path, text in _listeners(tree):
        if text in seen:
            yield Problem(path, f"{text} is taken by {seen[text]}", "take another port")
        seen.setdefault(text, "`" + ".".join(map(str, path)) + "`")


def _listeners(tree: Tree) -> Iterator[tuple[Path, str]]:
    places: list[tuple[Path, object]] = [((), tree), (("metrics",), tree.get("metrics"))]
    if lab_is_on(tree):
        places += entries(tree, ("lab", "origins"))
    for path, entry in places:
        if isinstance(entry, dict) and isinstance(entry.get("listen"), str):
            yield (*path, "listen"), entry["listen"]


def _lab_stays_here(tree: Tree) -> Iterator[Problem]:
    for place, _ in entries(tree, ("lab", "origins")):
        if place[-1] not in LAB_SITES:
            what = f"{shown(place[-1])} is no sample origin"
            yield Problem(("lab", "origins"), what, did_you_mean(str(place[-1]), LAB_SITES))
    if not lab_is_on(tree):
        return
    for path, text in _listeners(tree):
        if path != ("metrics", "listen") and listens_to_others(text):
            yield Problem(
                path, f"`{text}` is not loopback, and the lab is on", "listen on 127.0.0.1, or turn the lab off"
            )
    if tree.get("trusted_proxies"):
        yield Problem(("trusted_proxies",), "the lab is on, and is never behind proxies", "leave the key out")


def _lab_tenants_are_further_ones(tree: Tree) -> Iterator[Problem]:
    # Without users such an entry only says which id the main tenant has.
    for place, tenant in entries(tree, ("lab", "tenants")):
        if str(tenant.get("domain")).lower() == LAB_DOMAIN and tenant.get("users"):
            yield Problem(
                (*place, "domain"),
                f"`{LAB_DOMAIN}` is the domain of the lab's main tenant, whose users are those of `lab.users`",
                "write these users there, or give this tenant a domain of its own",
            )


CHECKS: tuple[Check, ...] = (
    _each_once,
    _domains_once,
    _team_is_no_app,
    _http2_needs_tls,
    _providers_known,
    _no_listener_twice,
    _lab_stays_here,
    _lab_tenants_are_further_ones,
    check_providers,
    check_browsers,
    check_limits,
)
