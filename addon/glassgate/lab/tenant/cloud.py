"""What the endpoints share: the cloud with its tenants and applications, and what one request is about."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from glassgate.access.seal import Seal
from glassgate.lab.tenant.directory import Directory, Person
from glassgate.lab.tenant.errors import TenantError, instant
from glassgate.lab.tenant.keys import SigningKeys
from glassgate.lab.tenant.registration import Audience, Registration
from glassgate.lab.tenant.switches import Fault, Switchboard, Switches
from glassgate.lab.tenant.tenants import EVERYWHERE, Tenants
from glassgate.state.store import Store

SESSION_LIFETIME = 24 * 3600  # of the browser's own session here
FLOW_LIFETIME = 15 * 60  # of a sign-in page
CODE_LIFETIME = 10 * 60
TOKEN_LIFETIME = 3600
REFRESH_LIFETIME = 90 * 86400
# Spaces of the store: redeemed codes, sessions that were signed out, apps of a session, what users consented to.
USED, ENDED, OPENED, CONSENTED = "lab_used", "lab_ended", "lab_opened", "lab_consent"
TEMPLATE = "{tenantid}"  # what issuers say in place of a tenant where all of them may come


class Sealed(StrEnum):
    """What is sealed here. Nothing of a sign-in is kept, so a restart in the middle loses none."""

    FLOW = "lab_flow"  # the hidden field of a sign-in page
    SESSION = "lab_session"  # the browser's session
    CODE = "lab_code"  # the authorization code
    ACCESS = "lab_access"  # the access token
    REFRESH = "lab_refresh"  # the refresh token
    PAGE = "lab_page"  # where a page of Graph's goes on


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session: whose account, since when."""

    sid: str
    tid: str  # the account's tenant, its home
    oid: str
    at: float  # Unix time of the sign-in
    mfa: bool = False


@dataclass(frozen=True, slots=True)
class Cloud:
    """Everything that there is, whoever asks."""

    origin: str  # "https://login.localhost:8443"
    graph: str  # "https://graph.localhost:8443"
    tenants: Tenants
    registrations: Mapping[str, Registration]
    keys: SigningKeys
    seal: Seal
    subject_secret: bytes = field(repr=False)
    store: Store
    switchboard: Switchboard
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    groups_claim: bool = True
    asks_consent: bool = False

    def issuer(self, tenant_id: str) -> str:
        """Who the tokens of a tenant say that they are from: by id, also where it was asked for by its domain."""
        return f"{self.origin}/{tenant_id}/v2.0"

    def pseudonym(self, *parts: str) -> bytes:
        """A digest of these parts that nobody else can make: 32 bytes, the same for ever."""
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.digest(self.subject_secret, text.encode(), "sha256")

    def home_of(self, client: Registration) -> Directory | None:
        """The tenant where an application is registered."""
        return self.tenants.find(client.tenant) if client.tenant else self.tenants.main


@dataclass(frozen=True, slots=True)
class Authority:
    """What an address names: a tenant, or with `organizations` and `common` all of them."""

    name: str  # as addresses say it: a tenant's id, "organizations", "common"
    directory: Directory | None

    @property
    def title(self) -> str:
        """The name that pages show."""
        return self.directory.name if self.directory else "Any organisation"

    def takes(self, tenant_id: str) -> bool:
        """Whether grants of a tenant are good here."""
        return self.directory is None or self.directory.tenant_id == tenant_id


def authority(tenants: Tenants, name: str) -> Authority:
    """Find what an address names. Raises TenantError where there is no such tenant."""
    if name.lower() in EVERYWHERE:
        return Authority(name.lower(), None)
    directory = tenants.find(name)
    if directory is None:
        raise TenantError(90002, value=name)
    return Authority(directory.tenant_id, directory)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: at which authority, with what switched, at which moment."""

    cloud: Cloud
    authority: Authority
    switches: Switches
    now: float

    @property
    def base(self) -> str:
        """Where this authority's endpoints stand."""
        return f"{self.cloud.origin}/{self.authority.name}"

    def fault(self, *names: str) -> Fault | None:
        """The first of these faults that is to happen now."""
        for name in names:
            found = self.cloud.switchboard.happens(self.switches.faults.get(name), self.now)
            if found:
                return found
        return None

    def client(self, client_id: str) -> Registration:
        """An application that may ask here. Raises TenantError."""
        client = self.cloud.registrations.get(client_id)
        home = self.cloud.home_of(client) if client else None
        directory = self.authority.directory
        if client is None or home is None:
            raise TenantError(700016, client=client_id, directory=self.authority.title)
        if client.audience is Audience.SINGLE and directory is not home:
            code = 700016 if directory else 50194
            raise TenantError(code, client=client_id, directory=self.authority.title)
        return client

    def person(self, tid: object, oid: object) -> Person | None:
        """The user object of these ids, in the groups of this moment."""
        person = self.cloud.tenants.person(tid, oid)
        return replace(person, groups=self.switches.user(person.upn).groups(person.groups)) if person else None

    def resident(self, account: Person) -> Person | None:
        """Who an account is here: itself at home and where all tenants' users may come, else a guest or nobody."""
        directory = self.authority.directory
        found = directory.of_account(account.account) if directory else account
        return self.person(found.tid, found.oid) if found else None

    def account(self, name: str, domain: str = "") -> Person | None:
        """The account that signs in by a name, first of all in this domain, else in this tenant."""
        directory = self.authority.directory
        return self.cloud.tenants.account(name, domain or (directory.domain if directory else ""))

    def check_standing(self, person: Person, granted: float) -> None:
        """Refuse what was granted to somebody who was disabled, or whose grants were revoked since, here or at home."""
        home = self.cloud.tenants.person(*person.account)
        for one in (person, home) if home else (person,):
            switch = self.switches.user(one.upn)
            if switch.disabled:
                raise TenantError(50057)
            if switch.revoked is not None and granted < switch.revoked:
                raise TenantError(50173, issued=instant(granted), since=instant(switch.revoked))
