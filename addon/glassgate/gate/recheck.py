"""Asks a provider again for a session while it lives: does the account still stand, and which groups has it now?"""

from dataclasses import replace
from enum import StrEnum
from functools import partial

from glassgate.access.seal import Purpose, SealError
from glassgate.access.session import Asking, Session
from glassgate.errors import StoreError
from glassgate.gate import answers
from glassgate.gate.exchange import Lane, Request, Steps, ask, tell
from glassgate.gate.site import Site
from glassgate.oidc.authorize import readable_claims
from glassgate.oidc.errors import ProviderRefused, ProviderUnavailable, Reason, SignInError
from glassgate.oidc.kept import Kept
from glassgate.oidc.relying_party import RelyingParty, SignedIn
from glassgate.record.events import Action

LEASE = 40.0  # seconds; one call to a provider ends within them
RETRY = 60.0  # seconds until a provider that was away is asked again
PATIENCE = 4  # intervals for which a session lives on without a word of its provider,
LEAST_PATIENCE = 3600.0  # or these seconds, where they are more

# The errors that one of us has to mend, and that say nothing about this user (RFC 6749, section 5.2).
OURS = frozenset(
    ("invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type", "invalid_scope")
)
# What makes `invalid_grant` a question to the person instead of an end (Microsoft's `suberror`).
NOTHING = ""  # what is kept where the provider gave no refresh token
# Faults that say nothing about this user: of our files, of what stands in between, of what the provider publishes.
NOT_ABOUT_THEM = frozenset(
    (
        Reason.CLIENT_AUTH, Reason.TOKEN_REDIRECT, Reason.TOKEN_NOT_JSON, Reason.TOKEN_ERROR, Reason.TOKEN_TYPE,
        Reason.DISCOVERY_MALFORMED, Reason.DISCOVERY_ISSUER, Reason.DISCOVERY_ENDPOINT, Reason.JWKS_MALFORMED,
        Reason.JWKS_UNFIT,
    )
)  # fmt: skip
ACT = frozenset(("basic_action", "additional_action", "message_only", "consent_required", "user_password_expired"))


class Meaning(StrEnum):
    """What a provider's refusal of a refresh token means for the session."""

    ENDED = "ended"
    ACT = "act"  # the person has to go there
    LATER = "later"  # nothing; ask again


def meaning(fault: SignInError) -> Meaning:
    """Read a failed refresh. What cannot be told apart ends the session: it is fail-safe, people sign in again."""
    if isinstance(fault, ProviderUnavailable) or fault.reason in NOT_ABOUT_THEM:
        return Meaning.LATER
    if not isinstance(fault, ProviderRefused):
        return Meaning.ENDED
    if fault.error in OURS:
        return Meaning.LATER
    wants_somebody = fault.claims is not None or fault.suberror in ACT
    return Meaning.ACT if wants_somebody or fault.error.endswith("_required") else Meaning.ENDED


def first_asking(site: Site, party: RelyingParty, signed_in: SignedIn, now: float) -> Asking | None:
    """What a new session keeps so that its provider can be asked again; None where it never is."""
    every = party.provider.recheck
    if every is None:
        return None
    # Without a refresh token it is the person who is asked again: whoever leaves out the scope that brings one, in an
    # address that goes through their own browser, gains nothing.
    kept = _sealed(site, signed_in.kept, now) if signed_in.kept else NOTHING
    return Asking(kept, now + every, now)


def is_due(session: Session, now: float) -> bool:
    """Whether the provider has to be asked."""
    return session.asking is not None and session.stands and now >= session.asking.at


def ask_again(site: Site, request: Request, session: Session) -> Steps[Session | None]:
    """Ask the provider for a session that is due; the session as it is now, or None where it has ended.

    One request asks, of all processes. The others go on meanwhile with what is known.
    """
    party = site.parties.get(session.identity.provider)
    if party is None:
        return session
    owner = site.chance(9)
    if not (yield from site.sessions.lease(session.id, owner, request.at + LEASE, request.at)):
        return session
    current = yield from site.sessions.by_id(session.id, request.at)
    if current is not None and is_due(current, request.at):
        current = yield from _ask(site, request, current, party)
    yield from site.sessions.let_go(session.id, owner, request.at)
    return current


def _ask(site: Site, request: Request, session: Session, party: RelyingParty) -> Steps[Session | None]:
    asking = session.asking
    if asking is None:
        return session
    if asking.kept == NOTHING:
        return (yield from _challenged(site, request, session, "", "kept_missing"))
    try:
        kept = Kept.from_json(site.seal.open(Purpose.KEPT, asking.kept, request.at, int(site.session_duration) + 60))
    except (SealError, TypeError):
        # The keys were rotated twice since: only the person can begin anew.
        return (yield from _challenged(site, request, session, "", "kept_unreadable"))
    try:
        refresh = partial(party.refresh, kept, session.identity, request.at)
        fresh = yield from ask(Lane.RECHECK, refresh)
    except SignInError as fault:
        return (yield from _failed(site, request, session, party, fault))
    except StoreError:
        raise
    except Exception as fault:  # noqa: BLE001 - a fault of ours keeps nobody in for longer than a silent provider
        unknown = ProviderUnavailable(Reason.PROVIDER_UNAVAILABLE, f"it could not be asked: {type(fault).__name__}")
        return (yield from _failed(site, request, session, party, unknown))
    every = party.provider.recheck or RETRY
    sealed = _sealed(site, fresh.kept or kept, request.at)
    after = replace(session, identity=fresh.identity, asking=Asking(sealed, request.at + every, request.at))
    return (yield from _written(site, request, session, after, Action.RECHECKED, details=fresh.amiss))


def _failed(
    site: Site, request: Request, session: Session, party: RelyingParty, fault: SignInError
) -> Steps[Session | None]:
    asking = session.asking
    means = meaning(fault)
    details = (fault.detail,)
    if asking is None or means is Meaning.ENDED:
        yield from site.sessions.end(session)
        yield from _told(site, request, session, Action.SESSION_ENDED, fault.reason, details)
        return None
    if means is Meaning.ACT:
        claims = readable_claims(fault.claims) if isinstance(fault, ProviderRefused) else None
        return (yield from _challenged(site, request, session, claims or "", fault.reason, details))
    patience = max(PATIENCE * (party.provider.recheck or 0), LEAST_PATIENCE)
    if request.at >= asking.heard + patience:
        return (yield from _challenged(site, request, session, "", "provider_silent", details))
    pause = max(fault.retry_after or 0, RETRY) if isinstance(fault, ProviderUnavailable) else RETRY
    after = replace(session, asking=replace(asking, at=request.at + min(pause, patience)))
    return (yield from _written(site, request, session, after, Action.RECHECK_FAILED, fault.reason, details))


def _challenged(
    site: Site, request: Request, session: Session, claims: str, reason: str, details: tuple[str, ...] = ()
) -> Steps[Session | None]:
    """The session waits till the person was back at the provider."""
    after = replace(session, challenge=claims)
    return (yield from _written(site, request, session, after, Action.CHALLENGED, reason, details))


def _written(
    site: Site, request: Request, before: Session, after: Session, action: Action, reason: str | None = None,
    details: tuple[str, ...] = (),
) -> Steps[Session | None]:  # fmt: skip
    if not (yield from site.sessions.replace(before, after, request.at)):
        # Ended, or renewed by a sign-in, while the provider was asked: that counts.
        return (yield from site.sessions.by_id(before.id, request.at))
    yield from _told(site, request, after, action, reason, details)
    return after


def _told(
    site: Site, request: Request, session: Session, action: Action, reason: str | None, details: tuple[str, ...]
) -> Steps[None]:
    identity = session.identity
    yield from tell(
        answers.told(
            action, request, site, allowed=action is Action.RECHECKED, user_id=identity.user_id,
            email=identity.email, provider=identity.provider, reason=reason, details=details,
        )
    )  # fmt: skip


def _sealed(site: Site, kept: Kept, now: float) -> str:
    return site.seal.close(Purpose.KEPT, kept.to_json(), now)
