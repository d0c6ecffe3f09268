"""The chain of a sign-in, in the order in which it breaks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from glassgate.oidc.doctor import addresses, credentials, documents, groups, reach
from glassgate.oidc.doctor.case import Case
from glassgate.oidc.doctor.findings import Finding, Link, State, not_tried, of_fault
from glassgate.oidc.errors import SignInError
from glassgate.oidc.provider import ORGANIZATIONS, GroupsFrom, Provider


def every(provider: Provider) -> bool:
    """Every provider has such a link."""
    return True


def of_several_tenants(provider: Provider) -> bool:
    """Only Entra's `organizations` does."""
    return provider.tenant == ORGANIZATIONS


def with_graph(provider: Provider) -> bool:
    """Only Entra does, where groups come from Microsoft Graph."""
    return provider.type == "entra" and provider.groups_from is not GroupsFrom.CLAIM


@dataclass(frozen=True, slots=True)
class Step:
    """One link: how it is tried, and for whom.

    `one_is_enough`: it holds as long as one of its parts does. `stands_apart`: it does not hang on the links before.
    """

    name: str
    try_it: Callable[[Case], Iterable[Finding]]  # raises SignInError
    applies: Callable[[Provider], bool] = every
    one_is_enough: bool = False
    stands_apart: bool = False


CHAIN = (
    Step("configuration", credentials.configuration),
    Step("DNS", reach.dns),
    Step("TCP", reach.tcp),
    Step("TLS", reach.tls),
    Step("discovery", documents.discovery),
    Step("issuer", documents.issuer),
    Step("keys", documents.keys),
    Step("clock", documents.clock),
    Step("credential", credentials.credential, one_is_enough=True),
    Step("tenants", credentials.tenants, of_several_tenants, one_is_enough=True),
    Step("redirect URI", addresses.redirect_uri),
    Step("Graph", groups.graph, with_graph),
    Step("groups", groups.permission, with_graph),
    Step("addresses", addresses.by_hand, stands_apart=True),
)


def walk(case: Case) -> Iterator[Link]:
    """Try one link after the other, to the first that does not hold; what hangs on it is not tried."""
    holds = True
    for step in CHAIN:
        if not step.applies(case.provider):
            continue
        if holds or step.stands_apart:
            link = Link(step.name, _tried(step, case))
            yield link
            holds = holds and _holds(step, link)
        else:
            yield Link(step.name, (not_tried(""),))


def _tried(step: Step, case: Case) -> tuple[Finding, ...]:
    found: list[Finding] = []  # what was found before it raised counts too
    try:
        for finding in step.try_it(case):
            found.append(finding)
    except SignInError as fault:
        found.append(of_fault(fault, case.place))
    return tuple(found)


def _holds(step: Step, link: Link) -> bool:
    one_holds = any(finding.state is not State.BROKEN for finding in link.findings)
    return not link.is_broken or (step.one_is_enough and one_holds)
