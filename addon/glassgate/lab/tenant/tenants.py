"""All tenants of the lab: the main one, those of the configuration, and the homes of guests."""

import hmac
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from glassgate.config.settings import LAB_DOMAIN, LabSettings, LabTenant, LabUser
from glassgate.errors import GlassgateError
from glassgate.lab.tenant.directory import Directory, Person, guid, make_directory, tenant_id_of

EVERYWHERE = ("organizations", "common")  # what addresses say in place of a tenant where all of them may come


@dataclass(frozen=True, slots=True)
class Tenants:
    """The tenants, the main one first."""

    directories: tuple[Directory, ...]

    @property
    def main(self) -> Directory:
        """The tenant of the configuration's own users."""
        return self.directories[0]

    def find(self, name: str) -> Directory | None:
        """The tenant of an id or a domain, in whatever case."""
        wanted = name.lower()
        return next((one for one in self.directories if wanted in (one.tenant_id, one.domain)), None)

    def person(self, tid: object, oid: object) -> Person | None:
        """The user object of these ids."""
        directory = next((one for one in self.directories if one.tenant_id == tid), None)
        return directory.people.get(str(oid)) if directory else None

    def account(self, name: str, first: str = "") -> Person | None:
        """The account, at its home, that signs in by a name or is meant by a `login_hint` claim.

        User names go before everything else that signs in, and the tenant `first`, an id or a domain, before others.
        """
        chosen = self.find(first)
        ordered = sorted(self.directories, key=lambda one: one is not chosen)
        whole = name.strip().lower()
        exact = (p for one in ordered for p in one.people.values() if whole in p.names[:2] and "@" in whole)
        found = next(exact, None) or next((p for one in ordered if (p := one.find(name))), None)
        return self.person(*found.account) if found else None

    def __iter__(self) -> Iterator[Directory]:
        return iter(self.directories)


def make_tenants(settings: LabSettings, named: Iterable[str] = ()) -> Tenants:
    """Make the lab's tenants. `named` are the tenants, by id or domain, in which applications are registered.

    The first of them that the configuration lists nowhere is the main one. Raises GlassgateError where a name or an
    id would stand for two.
    """
    listed = {entry.domain: entry for entry in settings.tenants}
    common = _common_domain(settings.users)
    known = {
        *EVERYWHERE,
        "",
        *(name for one in settings.tenants if one.domain != common for name in (one.domain, one.id)),
    }
    asked = next((name.lower() for name in named if name.lower() not in known), "")
    domain = common if guid(asked) or not asked else asked
    entry = listed.pop(domain, LabTenant(domain))
    main = LabTenant(domain, guid(asked) or entry.id, (*settings.users, *entry.users))
    entries = [main, *listed.values()]
    for home in _homes(entries):
        entries.append(LabTenant(home))
    ids = {entry.domain: entry.id or tenant_id_of(entry.domain) for entry in entries}
    _check_once(ids.values(), "two tenants of the lab have the id", "lab.tenants", "give each its own")
    tenants = tuple(_directory(entry, entries, ids) for entry in entries)
    return Tenants(tenants)


def _directory(entry: LabTenant, entries: list[LabTenant], ids: dict[str, str]) -> Directory:
    own = [replace(user, guest_of=None) if user.guest_of == entry.domain else user for user in entry.users]
    made = make_directory(ids[entry.domain], entry.domain, [*own, *_accounts(entry, entries)], ids)
    names = (name for person in made.people.values() for name in person.names)
    _check_once(names, "two of the lab's users sign in as", "lab.users", "rename one")
    return made


def _accounts(entry: LabTenant, entries: list[LabTenant]) -> list[LabUser]:
    """The accounts of this tenant's users who are guests elsewhere, as far as it does not list them itself."""
    own = {user.name: user for user in entry.users}
    found: dict[str, LabUser] = {}
    for guest in (user for other in entries if other is not entry for user in other.users):
        if guest.guest_of != entry.domain:
            continue
        account = own.get(guest.name) or found.get(guest.name)
        if account is None:
            found[guest.name] = LabUser(guest.name, guest.display_name, guest.password, entry.domain, mfa=guest.mfa)
        elif not hmac.compare_digest(account.password.encode(), guest.password.encode()):
            raise GlassgateError(
                f"{guest.name}@{entry.domain} is one account, and has two passwords",
                where="lab.users",
                mend="write the same in both places",
            )
    return list(found.values())


def _homes(entries: list[LabTenant]) -> list[str]:
    here = {entry.domain for entry in entries}
    homes = dict.fromkeys(user.guest_of for entry in entries for user in entry.users if user.guest_of)
    return [home for home in homes if home not in here]


def _check_once(values: Iterable[str], what: str, where: str, mend: str) -> None:
    twice = next((value for value, times in Counter(values).items() if times > 1), None)
    if twice:
        raise GlassgateError(f"{what} '{twice}'", where=where, mend=mend)


def _common_domain(users: tuple[LabUser, ...]) -> str:
    counted = Counter(user.domain.lower() for user in users if not user.guest_of)
    return counted.most_common(1)[0][0] if counted else LAB_DOMAIN
