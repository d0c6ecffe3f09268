"""What a sign-in needs next: a password, a second factor, or nothing more."""

from dataclasses import dataclass

from glassgate.lab.tenant.authorize import Ask
from glassgate.lab.tenant.directory import Person
from glassgate.lab.tenant.faults import TenantError
from glassgate.lab.tenant.tenant import Session, Tenant
from glassgate.lab.tenant.tokens import Grant


@dataclass(frozen=True, slots=True)
class AskPassword:
    """Show the sign-in form, with this name filled in."""

    name: str


@dataclass(frozen=True, slots=True)
class AskFactor:
    """Show the second factor's form to this person."""

    person: Person


type Step = AskPassword | AskFactor | Grant


def next_step(tenant: Tenant, ask: Ask, session: Session | None, *, asked_anew: bool = False) -> Step:
    """The next step of a sign-in, for a browser that has this session. `asked_anew`: the person just typed.

    Raises TenantError where the request allows no page, or the person cannot do what it needs.
    """
    person = tenant.person(session.oid) if session else None
    if session is None or person is None or not (asked_anew or _may_go_on(tenant, ask, person)):
        if ask.prompt == "none":
            raise TenantError(16000 if person else 50058)
        return AskPassword(_suggested(tenant, ask, person))
    needed = set(ask.contexts) & set(tenant.registrations[ask.client_id].mfa_contexts)
    if not needed or session.mfa:
        # A context that no policy guards is granted to whoever asks, as Entra does.
        return Grant(ask, session, ask.contexts)
    if ask.prompt == "none":
        raise TenantError(50076, client=ask.client_id)
    if not person.mfa:
        raise TenantError(50079, client=ask.client_id)
    return AskFactor(person)


def _may_go_on(tenant: Tenant, ask: Ask, person: Person) -> bool:
    # Silently, with the session that stands: unless the client wants a person asked, or wants another person.
    if ask.prompt in ("login", "select_account"):
        return False
    return not ask.login_hint or tenant.directory.find(ask.login_hint) == person


def _suggested(tenant: Tenant, ask: Ask, person: Person | None) -> str:
    hinted = tenant.directory.find(ask.login_hint) if ask.login_hint else None
    if hinted:
        return hinted.username
    if "@" in ask.login_hint:
        return ask.login_hint
    return person.username if person else ""
