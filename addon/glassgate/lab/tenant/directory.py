"""A tenant's directory: its people, and under which names each of them signs in."""

import base64
import hmac
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from glassgate.config.settings import LabUser

# Object and tenant ids are made from names, so that they stay the same wherever and however often the lab starts.
NAMESPACE = uuid.UUID("c9d3c1c4-5a0b-5f43-8a5b-2f0d6b5d8e77")


@dataclass(frozen=True, slots=True)
class Person:
    """A user object of a tenant. A guest has a `home`: the id of the tenant where their account is."""

    tid: str
    oid: str
    upn: str  # `name@domain` of this tenant, lower case: whom switches name
    username: str  # as shown; a guest's is the one of home
    name: str
    email: str
    names: tuple[str, ...]  # what signs in, lower case, the user names first
    login_hint: str  # the claim of that name: opaque to clients, and the account's
    password: str = field(repr=False)
    groups: tuple[str, ...] = field(default=(), repr=False)
    roles: tuple[str, ...] = ()
    mfa: bool = False
    edov: bool = False
    home: str | None = None
    home_oid: str = ""  # the account's object id at home

    @property
    def account(self) -> tuple[str, str]:
        """The account that signs in: tenant id and object id of home."""
        return (self.home, self.home_oid) if self.home else (self.tid, self.oid)


@dataclass(frozen=True, slots=True)
class Directory:
    """One tenant: its id, its domain, and its people by object id."""

    tenant_id: str
    domain: str
    people: Mapping[str, Person]

    @property
    def name(self) -> str:
        """The organisation's name, as pages show it: the first label of the domain."""
        return self.domain.partition(".")[0].capitalize()

    def find(self, name: str) -> Person | None:
        """The person who signs in by this name, or whom this `login_hint` claim names."""
        wanted = name.strip()
        return next((p for p in self.people.values() if wanted.lower() in p.names or wanted == p.login_hint), None)

    def of_account(self, account: tuple[str, str]) -> Person | None:
        """The person here whose account this is: a member, or a guest."""
        return next((person for person in self.people.values() if person.account == account), None)


def make_directory(tenant_id: str, domain: str, users: Iterable[LabUser], homes: Mapping[str, str]) -> Directory:
    """Make a tenant. `homes` are the ids of the guests' tenants, by domain."""
    people = [_person(user, tenant_id, homes.get(user.guest_of or "")) for user in users]
    return Directory(tenant_id, domain, {person.oid: person for person in people})


def proves(person: Person | None, password: str) -> bool:
    """Whether the password is the person's. Nobody's takes as long as a wrong one."""
    known = person.password if person else ""
    right = hmac.compare_digest(known.encode(), password.encode())
    return right and bool(password) and person is not None


def tenant_id_of(domain: str) -> str:
    """The id of the tenant that owns a domain, where the configuration gives it none."""
    return str(uuid.uuid5(NAMESPACE, domain.lower()))


def guid(text: str) -> str | None:
    """The text as a GUID in its usual form, or None."""
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


def _person(user: LabUser, tenant_id: str, home: str | None) -> Person:
    upn = f"{user.name}@{user.domain}"
    username = f"{user.name}@{user.guest_of}" if user.guest_of else upn
    email = user.email or username
    oid, home_oid = _oid(tenant_id, upn), _oid(home or tenant_id, username)
    return Person(
        tid=tenant_id,
        oid=oid,
        upn=upn.lower(),
        username=username,
        name=user.display_name,
        email=email,
        names=tuple(dict.fromkeys(name.lower() for name in (upn, username, user.name, email))),
        login_hint=_login_hint(home_oid, home or tenant_id, username),
        password=user.password,
        groups=(*user.groups, *(_group_id(oid, number) for number in range(user.groups_count))),
        roles=user.roles,
        mfa=user.mfa,
        edov=user.edov,
        home=home,
        home_oid=home_oid,
    )


def _oid(tenant_id: str, name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(tenant_id), name.lower()))


def _group_id(oid: str, number: int) -> str:
    return str(uuid.uuid5(uuid.UUID(oid), f"group {number}"))


def _login_hint(*parts: str) -> str:
    # Entra's begins with "O." too, and holds the same things in another coding.
    return "O." + base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
