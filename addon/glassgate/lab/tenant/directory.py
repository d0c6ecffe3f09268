"""The tenant's directory: its people, and under which names each of them signs in."""

import base64
import hmac
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from glassgate.config.settings import LabUser
from glassgate.errors import GlassgateError

# Object and tenant ids are made from names, so that they stay the same wherever and however often the lab starts.
NAMESPACE = uuid.UUID("c9d3c1c4-5a0b-5f43-8a5b-2f0d6b5d8e77")
DEFAULT_DOMAIN = "contoso.example"


@dataclass(frozen=True, slots=True)
class Person:
    """A user object of the tenant. A guest has a `home`: the id of the tenant that they come from."""

    oid: str
    username: str  # as shown; a guest's is the one of home
    name: str
    email: str
    names: tuple[str, ...]  # what signs in, lower case
    login_hint: str  # the claim of that name: opaque to clients
    password: str = field(repr=False)
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    mfa: bool = False
    home: str | None = None


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

    def prove(self, name: str, password: str) -> Person | None:
        """The person, where the password is theirs. A name that nobody has takes as long as a wrong password."""
        person = self.find(name)
        known = person.password if person else ""
        right = hmac.compare_digest(known.encode(), password.encode())
        return person if right and password else None


def make_directory(users: Iterable[LabUser], tenant: str = "") -> Directory:
    """Make the tenant of the lab's users. `tenant` is its GUID or its domain, as a client is configured with it.

    Raises GlassgateError where two people would sign in by one name.
    """
    users = tuple(users)
    guid = _guid(tenant)
    domain = tenant.lower() if tenant and guid is None else _common_domain(users)
    tenant_id = guid or tenant_id_of(domain)
    people = [_person(user, tenant_id) for user in users]
    for name, times in Counter(name for person in people for name in person.names).items():
        if times > 1:
            raise GlassgateError(f"two of the lab's users sign in as '{name}'", where="lab.users", mend="rename one")
    return Directory(tenant_id, domain, {person.oid: person for person in people})


def tenant_id_of(domain: str) -> str:
    """The id of the tenant that owns a domain, where the configuration gives it none."""
    return str(uuid.uuid5(NAMESPACE, domain.lower()))


def _person(user: LabUser, tenant_id: str) -> Person:
    local = f"{user.name}@{user.domain}"
    username = f"{user.name}@{user.guest_of}" if user.guest_of else local
    email = user.email or username
    oid = str(uuid.uuid5(uuid.UUID(tenant_id), local.lower()))
    return Person(
        oid=oid,
        username=username,
        name=user.display_name,
        email=email,
        names=tuple(dict.fromkeys(name.lower() for name in (user.name, local, username, email))),
        login_hint=_login_hint(oid, tenant_id, username),
        password=user.password,
        groups=user.groups,
        roles=user.roles,
        mfa=user.mfa,
        home=tenant_id_of(user.guest_of) if user.guest_of else None,
    )


def _login_hint(*parts: str) -> str:
    # Entra's begins with "O." too, and holds the same things in another coding.
    return "O." + base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _guid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


def _common_domain(users: tuple[LabUser, ...]) -> str:
    counted = Counter(user.domain.lower() for user in users if not user.guest_of)
    return counted.most_common(1)[0][0] if counted else DEFAULT_DOMAIN
