"""The links in the middle: what the provider publishes of itself, and the time that it has."""

from collections.abc import Iterator
from statistics import median
from urllib.parse import urlsplit

from glassgate.oidc.doctor.case import Case
from glassgate.oidc.doctor.findings import OTHER_PLACE, Finding, broken, named, not_tried, ok, warning
from glassgate.oidc.errors import ProviderRefused, Reason, SignInError, shown
from glassgate.oidc.http import HttpRequest
from glassgate.oidc.keys import Key, read_keys
from glassgate.oidc.metadata import read_metadata
from glassgate.oidc.provider import ORGANIZATIONS
from glassgate.oidc.providers.entra import TEMPLATE
from glassgate.oidc.refusal import check_answer
from glassgate.oidc.strict_json import read_object

UNWISE = 30.0  # seconds that two clocks may differ without a word of it
MOST_KEYS = 5  # that are told by name


def discovery(case: Case) -> Iterator[Finding]:
    """The document is there. Raises SignInError."""
    address = case.ways.discovery_url(case.provider)
    answer = case.fetch(HttpRequest("GET", address))
    if answer.status == 404:
        yield broken(
            f"{address} is not there (status 404)",
            f"See `{case.place}` in config.yaml: a provider's document stands below it.",
        )
        return
    try:
        check_answer(answer, Reason.DISCOVERY_MALFORMED)
    except ProviderRefused as refused:
        if refused.code:
            raise
        # A provider refuses nobody its document: it is something else that answers.
        yield broken(f"{address} is refused: {named(refused)}", OTHER_PLACE.format(place=case.place))
        return
    case.document = read_object(answer.body, Reason.DISCOVERY_MALFORMED)
    yield ok(f"the document is there, at {urlsplit(address).path}")


def issuer(case: Case) -> Iterator[Finding]:
    """It is the document of who is configured, and all its addresses may be used. Raises SignInError."""
    said = case.document.get("issuer")
    if not isinstance(said, str):
        raise SignInError(Reason.DISCOVERY_MALFORMED, f"expected an issuer, got {shown(said)}")
    case.ways.check_document_issuer(case.provider, said)
    case.found = read_metadata(case.document, said)
    case.ways.algorithms(case.found)
    if case.provider.tenant == ORGANIZATIONS:
        yield ok(f"{said}, which stands for any tenant; `allowed_tenants` says which count")
    else:
        yield ok(said)


def keys(case: Case) -> Iterator[Finding]:
    """There is a key that its tokens can be checked with. Raises SignInError."""
    answer = case.fetch(HttpRequest("GET", case.metadata.jwks_uri))
    check_answer(answer, Reason.JWKS_MALFORMED)
    found = read_keys(answer.body)
    fit = [key for key in found.keys if _signs_for(case, key)]
    if not fit:
        yield broken(
            f"none of the {len(found.keys)} there is for {case.metadata.issuer}",
            f"See `{case.place}` and `tenant` in config.yaml: other tenants' keys are at other addresses.",
        )
        return
    yield ok(f"{len(fit)} fit: {', '.join(_name(key) for key in fit[:MOST_KEYS])}{'…' * (len(fit) > MOST_KEYS)}")
    if found.unfit:
        each = "; ".join(f"{shown(name)} {why}" for name, why in list(found.unfit.items())[:MOST_KEYS])
        yield warning(f"left out: {each}", "As long as nothing is signed with them, this is well. The others are used.")


def clock(case: Case) -> Iterator[Finding]:
    """This machine and the provider agree on the time."""
    if not case.ahead:
        yield not_tried("its answers bear no Date", "Compare this machine's clock with another one by eye.")
        return
    ahead = median(case.ahead)
    off, skew = abs(ahead), case.provider.clock_skew
    if off < 1.5:
        yield ok("the clocks agree to the second")
        return
    seen = f"this machine is {off:.0f} s {'behind' if ahead > 0 else 'ahead of'} the provider"
    mend = "Set this machine's clock by NTP (`timedatectl set-ntp true`)."
    if off > skew:
        yield broken(f"{seen}, and `clock_skew` allows {skew} s, so {_outcome(ahead)}", mend)
    elif off > UNWISE:
        yield warning(f"{seen}; `clock_skew` allows {skew} s", mend)
    else:
        yield ok(seen)


def _outcome(ahead: float) -> str:
    return "its tokens seem to come from the future" if ahead > 0 else "what the gate signs is not valid there yet"


def _signs_for(case: Case, key: Key) -> bool:
    # As at a sign-in: a key that names an issuer signs for that one alone.
    if not case.ways.keys_name_issuer or key.issuer is None or case.provider.tenant == ORGANIZATIONS:
        return True
    tenant = case.metadata.issuer.removeprefix(f"{case.provider.authority}/").partition("/")[0]
    return key.issuer.replace(TEMPLATE, tenant) == case.metadata.issuer


def _name(key: Key) -> str:
    kid = key.kid or "one without a name"
    return kid if len(kid) <= 12 else f"{kid[:10]}…"
