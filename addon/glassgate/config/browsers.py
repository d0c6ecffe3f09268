"""Checks what an application says of browsers: whose pages may use it, and where they are sent.

Works on plain data that may be wrong elsewhere, as `names` does.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from glassgate.access.domain import Domain
from glassgate.config.addresses import ANY, host_of
from glassgate.config.problems import Problem
from glassgate.config.tree import Tree, entries, listed

OTHER_KEYS = ("origins", "methods", "headers", "credentials", "max_age")


def check_browsers(tree: Tree) -> Iterator[Problem]:
    """Every problem with `cors` and with where refused people are sent."""
    for place, app in entries(tree, ("apps",)):
        cors = app.get("cors")
        for problem in (*(_cors(cors) if isinstance(cors, dict) else ()), *_denied_elsewhere(app)):
            yield Problem((*place, *problem.path), problem.what, problem.mend)


def _cors(cors: Tree) -> Iterator[Problem]:
    if cors.get("preflight") == "origin":
        for key in OTHER_KEYS:
            if key in cors:
                yield Problem(("cors", key), "the origin answers preflights, and says this itself", "leave it out")
    elif "origins" not in cors:
        yield Problem(("cors",), "no page is named", "add `origins: [https://app.example.com]`, or `preflight: origin`")
    if cors.get("credentials") is not True:
        return
    for key in ("origins", "methods", "headers"):
        for below, value in listed(cors, key):
            if value == ANY:
                what = "with credentials `*` would open the sessions of everybody here to any page"
                yield Problem(("cors", *below), what, "name each one")


def _denied_elsewhere(app: Tree) -> Iterator[Problem]:
    if app.get("deny_url") and app.get("deny_page"):
        yield Problem(("deny_page",), "nobody would see it, since they are sent to `deny_url`", "leave one of them out")
    domains = [Domain.read(text) for _, text in listed(app, "domain")]
    for key in ("deny_url", "machine_deny_url"):
        url = str(app.get(key, ""))
        host, path = host_of(url), urlsplit(url).path if host_of(url) else ""
        if any(domain.covers_host(host) and domain.covers(path or "/") for domain in domains):
            what = "whom this app refuses would be sent to it again, in a circle"
            yield Problem((key,), what, "name a page that everybody may read")
