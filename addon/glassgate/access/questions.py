"""The questions that rules ask: each a value, called with the facts. None says that it cannot be known."""

import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from glassgate.access.facts import Facts
from glassgate.access.identity import Identity
from glassgate.access.policy import Rule

Answer = bool | None
Question = Callable[[Facts], Answer]
Network = IPv4Network | IPv6Network

MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291 section 2.5.5.2
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold(text: str) -> str:
    """Lower the ASCII letters alone: str.lower would turn the Kelvin sign into a k, and one user into another."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def network(text: str) -> Network:
    """Read an address or a CIDR range, IPv4-mapped ones as IPv4. Raises ValueError with the mend as its text."""
    if "%" in text:
        raise ValueError("leave the zone, `%…`, out")
    try:
        found = ip_network(text)
    except ValueError as error:
        if str(error).endswith("has host bits set"):
            raise ValueError(f"did you mean `{ip_network(text, strict=False)}`?") from None
        raise ValueError("write `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32`") from None
    if isinstance(found, IPv6Network) and found.subnet_of(MAPPED):
        return ip_network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - 96))
    return found


@dataclass(frozen=True, slots=True)
class Everyone:
    """Any visitor at all."""

    def __call__(self, facts: Facts) -> Answer:
        """Yes."""
        return True


@dataclass(frozen=True, slots=True)
class Email:
    """One address, folded. An identity whose e-mail does not count is not known to be, or not to be, this one."""

    address: str

    def __call__(self, facts: Facts) -> Answer:
        """Compare the e-mail that counts."""
        email = _counting(facts)
        return None if email is None else email == self.address


@dataclass(frozen=True, slots=True)
class EmailDomain:
    """What follows the only @, whole: `contoso.example` is neither `x.contoso.example` nor `notcontoso.example`."""

    domain: str

    def __call__(self, facts: Facts) -> Answer:
        """Compare the domain of the e-mail that counts."""
        email = _counting(facts)
        return None if email is None else email.partition("@")[2] == self.domain


@dataclass(frozen=True, slots=True)
class EmailList:
    """One of many addresses, each folded."""

    addresses: frozenset[str]

    def __call__(self, facts: Facts) -> Answer:
        """Look the e-mail that counts up."""
        email = _counting(facts)
        return None if email is None else email in self.addresses


@dataclass(frozen=True, slots=True)
class Ip:
    """The visitor's address lies in a network."""

    network: Network

    def __call__(self, facts: Facts) -> Answer:
        """Look the address up, an IPv4-mapped one as IPv4."""
        ip: IPv4Address | IPv6Address | None = facts.ip
        if isinstance(ip, IPv6Address):
            ip = ip.ipv4_mapped or ip
        return None if ip is None else ip in self.network


@dataclass(frozen=True, slots=True)
class EntraGroup:
    """Membership of a group, by its object id in lower case, in one provider's tenant."""

    provider: str
    realm: str | None
    group: str

    def __call__(self, facts: Facts) -> Answer:
        """Look in the groups that could be read."""

        def member(identity: Identity) -> Answer:
            groups = identity.groups
            if groups is None:
                return None
            # Entra writes them in lower case: most often they need no folding.
            if self.group in groups or self.group in {fold(group) for group in groups}:
                return True
            # A rule may name a group that none named when the person signed in.
            return False if identity.groups_asked is None or self.group in identity.groups_asked else None

        return _there(self.provider, self.realm, facts, member)


@dataclass(frozen=True, slots=True)
class EntraRole:
    """An app role, exactly as Entra's registration writes it."""

    provider: str
    realm: str | None
    role: str

    def __call__(self, facts: Facts) -> Answer:
        """Look in the roles."""
        return _there(self.provider, self.realm, facts, lambda identity: self.role in identity.roles)


@dataclass(frozen=True, slots=True)
class AuthContext:
    """An authentication context that Entra said was satisfied (its `acrs` claim)."""

    provider: str
    realm: str | None
    context: str

    def __call__(self, facts: Facts) -> Answer:
        """Look in what was proved at sign-in."""
        return _there(self.provider, self.realm, facts, lambda identity: self.context in identity.acrs)


@dataclass(frozen=True, slots=True)
class AuthMethod:
    """A method that the provider said was used (`amr`, RFC 8176)."""

    provider: str
    realm: str | None
    method: str

    def __call__(self, facts: Facts) -> Answer:
        """Look in what was proved at sign-in."""
        return _there(self.provider, self.realm, facts, lambda identity: self.method in identity.amr)


@dataclass(frozen=True, slots=True)
class OidcClaim:
    """A claim that is this value, of the same type, or a list that holds it.

    A claim that is not there is in doubt: whoever leaves out the scope that brings it must gain nothing by it.
    """

    provider: str
    realm: str | None
    name: str
    value: str | bool | int

    def __call__(self, facts: Facts) -> Answer:
        """Look in the claims that were kept at sign-in."""

        def has(identity: Identity) -> Answer:
            found = identity.claims.get(self.name)
            if found is None:
                return None
            listed = found if isinstance(found, list) else [found]
            return any(type(one) is type(self.value) and one == self.value for one in listed)

        return _there(self.provider, self.realm, facts, has)


@dataclass(frozen=True, slots=True)
class LoginMethod:
    """The provider that the visitor signed in with."""

    provider: str

    def __call__(self, facts: Facts) -> Answer:
        """Compare the provider's id."""
        return None if facts.identity is None else facts.identity.provider == self.provider


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A rule group: one of `include`, all of `require`, none of `exclude`.

    Doubt is handed on, never settled here: only the policy outside knows which answer counts against the visitor.
    """

    include: tuple[Rule, ...]
    require: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()

    def __call__(self, facts: Facts) -> Answer:
        """Ask them all, by Kleene's three-valued logic."""

        def answers(rules: tuple[Rule, ...]) -> list[Answer]:
            return [rule.matches(facts) for rule in rules]

        excluded = _any(answers(self.exclude))
        return _all(
            [
                _any(answers(self.include)),
                *answers(self.require),
                None if excluded is None else not excluded,
            ]
        )


def every_question(rules: Iterable[Rule]) -> Iterator[Question]:
    """What the rules ask, with what their groups ask."""
    for rule in rules:
        yield rule.matches
        if isinstance(rule.matches, RuleSet):
            yield from every_question((*rule.matches.include, *rule.matches.require, *rule.matches.exclude))


def _any(answers: Iterable[Answer]) -> Answer:
    # Kleene's "or": one yes settles it, else one doubt leaves it open.
    given = list(answers)
    return True if True in given else None if None in given else False


def _all(answers: Iterable[Answer]) -> Answer:
    given = list(answers)
    return False if False in given else None if None in given else True


def _counting(facts: Facts) -> str | None:
    email = facts.identity.email if facts.identity else None
    return fold(email) if email is not None and email.count("@") == 1 else None


def _there(provider: str, realm: str | None, facts: Facts, ask: Callable[[Identity], Answer]) -> Answer:
    """Ask only an identity of this provider; one that it issued for another tenant is in doubt."""
    identity = facts.identity
    if identity is None:
        return None
    if identity.provider != provider:
        return False
    return ask(identity) if realm is None or identity.realm == realm else None
