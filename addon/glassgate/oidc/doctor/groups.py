"""The links to Microsoft Graph: whether it can be reached, and whether the gate may read a user's groups there."""

from collections.abc import Iterator
from dataclasses import replace

from glassgate.oidc.doctor.case import Case, Lent, NothingLentError
from glassgate.oidc.doctor.findings import Finding, State, broken, named, not_tried, of_fault, of_refusal, ok
from glassgate.oidc.doctor.reach import host_of, judged, port_of
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.graph import MEMBER_OF, SCOPE, Graph
from glassgate.oidc.http import HttpRequest
from glassgate.oidc.provider import GroupsFrom
from glassgate.oidc.providers.entra import graph_at
from glassgate.oidc.redeem import Tokens
from glassgate.oidc.strict_json import read_object

GRANT = (
    f"Under App registrations > this gate > API permissions, add Microsoft Graph's delegated {SCOPE}, then Grant admin"
    " consent. Sessions get it at their next sign-in."
)
# The refusals of a refresh token that are about what was consented to, and not about whose token it is.
ABOUT_CONSENT = frozenset(("AADSTS65001", "AADSTS65004", "AADSTS65005", "AADSTS650056", "AADSTS650057", "AADSTS90094"))


def graph(case: Case) -> Iterator[Finding]:
    """Microsoft Graph answers, and it is Microsoft Graph: without a token it says 401, in JSON. Raises SignInError."""
    base = graph_at(case.provider, case.metadata)
    if base is None:
        yield broken("the document names no Microsoft Graph", "Set `graph` in config.yaml, for this cloud.")
        return
    host = host_of(base)
    try:
        at = case.world.connect(case.world.resolve(host), port_of(base))
    except OSError as fault:
        yield broken(
            f"{host} cannot be reached: {(fault.strerror or str(fault)).lower()}",
            f"See that this machine may go out to {host}, port {port_of(base)}; or mend `graph` in config.yaml.",
        )
        return
    trust = judged(case, base, at)
    if trust.state is State.BROKEN:
        yield trust
        return
    yield _without_a_token(case, base)


def permission(case: Case) -> Iterator[Finding]:
    """The groups of a user who is signed in now can be read. Raises SignInError."""
    if case.provider.recheck is None:
        yield not_tried(
            "no session keeps a refresh token to try with",
            "Set `recheck: 1h` at this provider, restart the gate, sign in once, and ask again.",
        )
        return
    try:
        lent = case.world.borrow(case.provider)
    except NothingLentError as nothing:
        yield not_tried(nothing.why, nothing.mend)
        return
    yield _tried(case, lent)


def _without_a_token(case: Case, base: str) -> Finding:
    answer = case.world.outside.fetch(HttpRequest("GET", base + MEMBER_OF))
    try:
        told = "error" in read_object(answer.body, Reason.GROUPS_UNKNOWN)
    except SignInError:
        told = False
    if answer.status in (401, 403) and told:
        return ok(f"{base} answers")
    if answer.status >= 500 or answer.status == 429:
        return broken(f"{base} answers with status {answer.status}", "Try again in a minute.")
    return broken(
        f"{base} answers with status {answer.status} where Microsoft Graph would ask for a token",
        "See `graph` in config.yaml. Left out, it is what the provider's document names.",
    )


def _tried(case: Case, lent: Lent) -> Finding:
    kept = lent.kept
    try:
        tokens = _redeemed(case, kept.refresh_token)
        kept = replace(kept, refresh_token=tokens.refresh_token or kept.refresh_token)
    except ProviderRefused as refused:
        return _about_token(refused, lent)
    except ProviderUnavailable as fault:
        return of_fault(fault, case.place)
    finally:
        lent.give_back(kept)
    return _read(case, tokens, lent.whose)


def _redeemed(case: Case, refresh_token: str) -> Tokens:
    endpoint = case.endpoint(case.metadata.token_endpoint, *case.provider.credentials)
    return endpoint.refresh(refresh_token, case.ways.scopes(case.provider, case.metadata), case.world.clock())


def _about_token(refused: ProviderRefused, lent: Lent) -> Finding:
    if refused.code in ABOUT_CONSENT or refused.suberror == "consent_required":
        return broken(of_refusal(refused).seen, GRANT)
    return not_tried(
        f"the session of {lent.whose} cannot be tried with: {named(refused)}",
        "That is about this user, not about the gate. Sign in once more, and ask again.",
    )


def _read(case: Case, tokens: Tokens, whose: str) -> Finding:
    granted = (tokens.scope or "").split()
    if tokens.scope is not None and not any(one.rpartition("/")[2].lower() == SCOPE.lower() for one in granted):
        return broken(f"the token for {whose} has no {SCOPE}, but {tokens.scope!r}", GRANT)
    base = graph_at(case.provider, case.metadata)
    if base is None or tokens.access_token is None:
        return broken("the provider gave no access token", GRANT)
    outside = case.world.outside
    try:
        if case.provider.groups_from is GroupsFrom.CHECK and case.provider.named_groups:
            asked = case.provider.named_groups[0]
            Graph(base, tokens.access_token, outside.fetch, outside.wait).groups_among((asked,))
            return ok(f"{SCOPE} is granted; Microsoft Graph says whether {whose} is in {asked}")
        return _first_page(case, base, tokens.access_token, whose)
    except SignInError as fault:
        return broken(fault.detail, GRANT)


def _first_page(case: Case, base: str, access_token: str, whose: str) -> Finding:
    headers = (("Authorization", f"Bearer {access_token}"), ("ConsistencyLevel", "eventual"))
    answer = case.world.outside.fetch(HttpRequest("GET", base + MEMBER_OF, headers))
    if answer.status != 200:
        return broken(f"Microsoft Graph answers with status {answer.status} to whose groups {whose} is in", GRANT)
    page = read_object(answer.body, Reason.GROUPS_UNKNOWN)
    found = page.get("value")
    count = len(found) if isinstance(found, list) else 0
    more = " and more" if "@odata.nextLink" in page else ""
    return ok(f"{SCOPE} is granted; groups of {whose}: {count}{more}")
