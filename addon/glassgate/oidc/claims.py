"""Reads single claims, and refuses those of a wrong type."""

import json
from collections.abc import Iterable

from glassgate.oidc.errors import Reason, SignInError, shown

type Claims = dict[str, object]

MAX_TEXT = 1024  # characters
MAX_NAMED = 4096  # characters of a claim that is kept for rules, as JSON
MAX_DEPTH = 8  # lists and objects in one another, of such a claim
MAX_ENTRIES = 20_000  # in a list: a bound far over any directory's own


def text(claims: Claims, name: str) -> str | None:
    """A claim that is text, or None where it is missing or empty. Raises claim_type."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise SignInError(Reason.CLAIM_TYPE, f"expected {name} to be text, got {shown(value)}")
    return value or None


def texts(claims: Claims, name: str) -> frozenset[str]:
    """A claim that is a list of texts; empty where missing. Raises claim_type, also for a single text."""
    value = claims.get(name)
    if value is None:
        return frozenset()
    if not isinstance(value, list) or len(value) > MAX_ENTRIES or not all(isinstance(item, str) for item in value):
        raise SignInError(Reason.CLAIM_TYPE, f"expected {name} to be a list of texts, got {shown(value)}")
    return frozenset(value)


def counting_email(email: str | None, domains: tuple[str, ...]) -> str | None:
    """The e-mail if it is one address in one of the domains (lower case); else None.

    Only printable ASCII without spaces counts, folded by ASCII's rules alone: no other letter is taken for
    another, and what goes into a header has one reading.
    """
    if not email or not email.isascii() or not email.isprintable() or set(email) & set(' ,;:<>()[]\\"'):
        return None
    local, at, domain = email.partition("@")
    if not at or not local or domain.lower() not in domains:
        return None
    return email


def is_address(email: str | None) -> bool:
    """Whether this is one plain e-mail address, in whatever domain."""
    domain = (email or "").rpartition("@")[2].lower()
    return bool(domain) and counting_email(email, (domain,)) is not None


def claim_at(claims: Claims, name: str) -> object:
    """The claim of this name; else, for `realm_access.roles`, the member `roles` of the claim `realm_access`."""
    if name in claims:
        return claims[name]
    outer, dot, inner = name.partition(".")
    value = claims.get(outer)
    return claim_at(value, inner) if dot and isinstance(value, dict) else None


def named(claims: Claims, names: Iterable[str]) -> dict[str, object]:
    """The claims that rules ask for, of those that are there. Raises claim_type for one that is too much to keep."""
    found = {name: claim_at(claims, name) for name in names}
    for name, value in found.items():
        if len(json.dumps(value)) > MAX_NAMED:
            raise SignInError(Reason.CLAIM_TYPE, f"expected {name} to be at most {MAX_NAMED} characters of JSON")
        if not _is_flat(value, MAX_DEPTH):
            raise SignInError(Reason.CLAIM_TYPE, f"expected {name} to be at most {MAX_DEPTH} levels of JSON")
    return {name: value for name, value in found.items() if value is not None}


def _is_flat(value: object, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth >= 0 and all(_is_flat(one, depth - 1) for one in inner)
