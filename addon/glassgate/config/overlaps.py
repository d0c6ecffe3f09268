"""Which rules leave nothing for others: what one matches, another never gets to decide, or can never match with it."""

from collections.abc import Iterable

from glassgate.access.circumstances import (
    AnyServiceToken,
    ByServiceToken,
    Certificate,
    CommonName,
    Country,
    IpList,
)
from glassgate.access.policy import Policy, Rule
from glassgate.access.questions import (
    Email,
    EmailDomain,
    EmailList,
    Everyone,
    Ip,
    LoginMethod,
    Network,
    Question,
    RuleSet,
)


def covers(wide: Rule, narrow: Rule) -> bool:
    """Whether whoever `narrow` matches is matched by `wide` as well."""
    return _covers(wide.matches, narrow.matches)


def takes(policy: Policy, rule: Rule) -> bool:
    """Whether this policy decides for everybody whom the rule matches."""
    return not policy.require and not policy.exclude and any(covers(wide, rule) for wide in policy.include)


def clash(one: Rule, other: Rule) -> bool:
    """Whether nobody can match both."""
    first, second = one.matches, other.matches
    for kind in (Email, EmailDomain, Country, LoginMethod, ByServiceToken, CommonName):
        if isinstance(first, kind) and isinstance(second, kind):
            return first != second
    pair = (first, second) if isinstance(first, Email | EmailList) else (second, first)
    match pair:
        case Email(address), EmailDomain(domain):
            return not address.endswith(f"@{domain}")
        case (Email(address), EmailList(addresses)) | (EmailList(addresses), Email(address)):
            return address not in addresses
        case EmailList(addresses), EmailDomain(domain):
            return not any(address.endswith(f"@{domain}") for address in addresses)
        case EmailList(addresses), EmailList(others):
            return not addresses & others
    here, there = _networks(first), _networks(second)
    return bool(here and there) and not any(a.version == b.version and a.overlaps(b) for a in here for b in there)


MOST_COMPARED = 64  # networks of a list that are held against another's: two long lists are nobody's mistake


def _networks(question: Question) -> tuple[Network, ...]:
    if isinstance(question, Ip):
        return (question.network,)
    listed = question.networks.listed if isinstance(question, IpList) else ()
    return listed if len(listed) <= MOST_COMPARED else ()


def _covers(wide: Question, narrow: Question) -> bool:
    if isinstance(narrow, RuleSet) and wide != narrow:
        # Whoever a group matches is matched by one of its includes.
        return _all_covered(wide, narrow.include) or any(_covers(wide, rule.matches) for rule in narrow.require)
    match wide, narrow:
        case Everyone(), _:
            return True
        case EmailDomain(domain), Email(address):
            return address.endswith(f"@{domain}")
        case EmailDomain(domain), EmailList(addresses):
            return all(address.endswith(f"@{domain}") for address in addresses)
        case EmailList(addresses), Email(address):
            return address in addresses
        case EmailList(addresses), EmailList(others):
            return addresses >= others
        case Ip(network), (Ip() | IpList()) as other:
            return _within(_networks(other), (network,))
        case IpList(), (Ip() | IpList()) as other:
            return wide == other or _within(_networks(other), _networks(wide))
        case AnyServiceToken(), ByServiceToken():
            return True
        case Certificate(), CommonName():
            return True
        case RuleSet(include, (), ()), _:
            return wide == narrow or any(_covers(rule.matches, narrow) for rule in include)
    return wide == narrow


def _all_covered(wide: Question, rules: Iterable[Rule]) -> bool:
    return all(_covers(wide, rule.matches) for rule in rules)


def _within(inner: tuple[Network, ...], outer: tuple[Network, ...]) -> bool:
    return bool(inner) and all(
        any(one.version == other.version and one.subnet_of(other) for other in outer)  # type: ignore[arg-type]
        for one in inner
    )
