"""What a sign-in needs next: an account, a password, a second factor, consent, or nothing more."""

from dataclasses import dataclass

from glassgate.lab.tenant.authorize import Ask
from glassgate.lab.tenant.cloud import CONSENTED, Call, Session
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.errors import TenantError
from glassgate.lab.tenant.grants import Grant, granted
from glassgate.lab.tenant.scopes import permissions
from glassgate.lab.tenant.switches import FOR_EVER


@dataclass(frozen=True, slots=True)
class PickAccount:
    """Show who is signed in, and ask whether they or somebody else shall go on."""

    account: Person


@dataclass(frozen=True, slots=True)
class AskPassword:
    """Show the sign-in form, with this name filled in."""

    name: str


@dataclass(frozen=True, slots=True)
class AskFactor:
    """Show the second factor's form to this person."""

    person: Person


@dataclass(frozen=True, slots=True)
class AskConsent:
    """Ask this person whether the application may."""

    person: Person


@dataclass(frozen=True, slots=True)
class Outsider:
    """Tell somebody of another tenant that they are no guest of this one."""

    account: Person
    no: TenantError


type Step = PickAccount | AskPassword | AskFactor | AskConsent | Outsider | Grant


def next_step(
    call: Call, ask: Ask, session: Session | None, *, asked_anew: bool = False, consented: bool = False
) -> Step:
    """The next step of a sign-in, for a browser that has this session.

    `asked_anew`: the person just typed, or chose; `consented`: they just said yes. Raises TenantError where the
    request allows no page, or the person cannot do what it needs.
    """
    account = call.cloud.tenants.person(session.tid, session.oid) if session else None
    if session is None or account is None or not (asked_anew or _may_go_on(call, ask, account)):
        return _who(call, ask, account)
    person = call.resident(account)
    if person is None:
        return _outsider(call, ask, account)
    if call.switches.user(person.upn).disabled:  # a guest here, whose account at home is as good as ever
        raise TenantError(50057)
    if _lacks_factor(call, ask, session):
        if ask.prompt == "none":
            raise TenantError(50076, client=ask.client_id)
        if not person.mfa:
            raise TenantError(50079, client=ask.client_id)
        return AskFactor(person)
    if not consented and _lacks_consent(call, ask, person):
        if ask.prompt == "none":
            raise TenantError(65001, client=ask.client_id)
        return AskConsent(person)
    # A context that no policy guards is granted to whoever asks, as Entra does.
    return granted(ask, session, person, call.now)


def remember_consent(call: Call, ask: Ask, person: Person) -> None:
    """Remember what a person allowed an application."""
    key = _consent_key(person, ask.client_id)
    allowed = {*_consented(call, key), *permissions(ask.scopes)}
    call.cloud.store.put(CONSENTED, key, " ".join(sorted(allowed)).encode(), FOR_EVER)


def _who(call: Call, ask: Ask, account: Person | None) -> Step:
    if ask.prompt == "none":
        raise TenantError(16000 if account else 50058)
    if account and ask.prompt == "select_account":
        return PickAccount(account)
    hinted = call.account(ask.login_hint) if ask.login_hint else None
    if hinted:
        return AskPassword(hinted.username)
    if "@" in ask.login_hint:
        return AskPassword(ask.login_hint)
    if ask.domain_hint:
        return AskPassword(f"@{ask.domain_hint}")
    return AskPassword(account.username if account else "")


def _may_go_on(call: Call, ask: Ask, account: Person) -> bool:
    # Silently, with the session that stands: unless the client wants a person asked, or wants another person.
    if ask.prompt in ("login", "select_account"):
        return False
    return not ask.login_hint or call.account(ask.login_hint) == account


def _outsider(call: Call, ask: Ask, account: Person) -> Outsider:
    idp = f"https://sts.windows.net/{account.tid}/"
    no = TenantError(50020, value=account.username, idp=idp, directory=call.authority.title, client=ask.client_id)
    if ask.prompt == "none":
        raise no
    return Outsider(account, no)


def _lacks_factor(call: Call, ask: Ask, session: Session) -> bool:
    guarded = set(ask.contexts) & set(call.client(ask.client_id).mfa_contexts)
    return not session.mfa and bool(guarded or ask.mfa)


def _lacks_consent(call: Call, ask: Ask, person: Person) -> bool:
    if ask.prompt == "consent":
        return True
    return call.cloud.asks_consent and lacks_consent(call, ask.client_id, ask.scopes, person)


def lacks_consent(call: Call, client_id: str, scopes: tuple[str, ...], person: Person) -> bool:
    """Whether a person did not yet allow an application all of this."""
    return not set(permissions(scopes)) <= _consented(call, _consent_key(person, client_id))


def _consented(call: Call, key: str) -> set[str]:
    found = call.cloud.store.get(CONSENTED, key, call.now)
    return set(found.decode().split()) if found else set()


def _consent_key(person: Person, client_id: str) -> str:
    return f"{person.tid}/{person.oid}/{client_id}"
