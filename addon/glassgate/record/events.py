"""Everything that can be told of a request, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GRANT = 32  # hex digits of the digest of a token's identity_nonce by which the record knows what was granted


class Action(StrEnum):
    """What happened. Closed: the audit log and the metrics have a row for each."""

    SIGN_IN = "sign_in"  # an identity provider proved someone: a global session began
    SIGN_IN_FAILED = "sign_in_failed"  # the provider, or our checks of its answer, said no
    ISSUED = "issued"  # an application token was given out
    LOGOUT = "logout"
    RECHECKED = "rechecked"  # the provider confirmed a session that it was asked for again
    RECHECK_FAILED = "recheck_failed"  # it could not be asked; the session goes on for now
    CHALLENGED = "challenged"  # it wants the person back before the session counts again
    SESSION_ENDED = "session_ended"  # it ended the session: an account disabled, a sign-out there
    IDLE = "session_idle"  # nobody used a session for long: it ended
    REVOKED = "revoked"  # an administrator ended a session
    KEYS_ROTATED = "keys_rotated"  # an administrator had new keys made
    SERVICE_TOKEN = "service_token"  # noqa: S105 - a name; an administrator made, rotated or deleted one: `reason` says which
    CONFIG_TAKEN = "config_taken"  # the configuration changed while the gate runs, and counts from now on
    CONFIG_REFUSED = "config_refused"  # it changed and cannot be taken: the one before stays in force
    ALLOWED = "allowed"  # a request was let in; counted, and not in the audit log
    WEBSOCKET_CLOSED = "websocket_closed"  # whoever opened it would not be let in any more
    DENIED = "denied"  # somebody known, refused by the policy
    UNAUTHENTICATED = "unauthenticated"  # no session: a redirect or a 401
    REFUSED = "refused"  # no request of ours: malformed, an unknown host, plain HTTP
    ERROR = "error"  # our own fault, the store's or the origin's: 502 or 503


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. Carries no token, code or cookie; `path` is told without its query for that reason.

    What is None is not known, or does not apply.
    """

    action: Action
    at: float  # Unix seconds
    ray: str  # the request's id, as on its error page
    allowed: bool = False
    status: int | None = None  # of the answer, where it was ours
    app: str | None = None
    app_domain: str | None = None
    app_aud: str | None = None
    user_id: str | None = None
    email: str | None = None  # only one that counts
    ip: str | None = None
    country: str | None = None
    provider: str | None = None  # identity_providers[].id
    policy: str | None = None
    reason: str | None = None  # a short machine name, "state_used"
    details: tuple[str, ...] = ()  # each rule asked, and its answer
    host: str | None = None
    method: str | None = None
    path: str | None = None
    user_agent: str | None = None
    facts: Mapping[str, Any] | None = None  # what was judged, as plain data; without secrets, and bounded
    rules: str | None = None  # a fingerprint of the policies that judged it
    grant: str | None = None  # the beginning of the digest by which a token that was given out is known
