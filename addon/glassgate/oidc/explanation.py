"""What a provider's refusal means to the people concerned, as far as its standard names tell (RFC 6749, OpenID)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class Move(StrEnum):
    """Who can do something about it."""

    USER = "user"  # whoever wants to sign in
    ADMINISTRATOR = "administrator"  # whoever looks after the accounts at the provider
    DEPLOYER = "deployer"  # whoever runs this gate
    WAIT = "wait"  # nobody: it passes


@dataclass(frozen=True, slots=True)
class Explanation:
    """A refusal in plain words. In `mend`, `names` stand in backticks, and addresses are links where it is shown."""

    move: Move
    title: str
    what: str  # what happened, for whoever wanted to sign in
    mend: str  # what to do, for whoever's move it is


user = partial(Explanation, Move.USER)
administrator = partial(Explanation, Move.ADMINISTRATOR)
deployer = partial(Explanation, Move.DEPLOYER)
wait = partial(Explanation, Move.WAIT)

MORE_TO_DO = user(
    "One more step is needed",
    "Your identity provider wants something more from you before it vouches for you.",
    "Start again, and go through all that it asks to the end.",
)
SIGN_IN_AGAIN = user(
    "Please sign in once more",
    "What should have proven who you are was used before, is too old, or has been taken back.",
    "Start again and sign in. If that never helps, show this page to whoever runs this gate.",
)
CONSENT = user(
    "You have not agreed yet",
    "Your identity provider asked whether this gate may know who you are, and nobody has agreed.",
    "Start again and accept. If you cannot, ask your administrator to agree for everybody.",
)
PASSING = wait(
    "Your identity provider is busy",
    "It could not answer just now. Nothing is wrong with your account.",
    "Try again in a minute. If it stays so for an hour, tell your administrator.",
)
NOT_IN_THIS_WAY = deployer(
    "This gate is not set up as it should be",
    "Your identity provider does not let this gate sign people in in the way it asked. It is nothing you did.",
    "Compare the gate's registration at the provider with this provider's entry in config.yaml. The provider's own"
    " words say which of its rules was broken.",
)

# RFC 6749, sections 4.1.2.1 and 5.2; OpenID Connect Core 1.0, section 3.1.2.6; RFC 8707; Entra's invalid_resource.
ERRORS: Mapping[str, Explanation] = {
    "access_denied": user(
        "Your identity provider said no",
        "Somebody cancelled this sign-in, or a rule at your identity provider forbids it.",
        "If you cancelled it yourself, start again. If not, show this page to whoever looks after your account there.",
    ),
    "consent_required": CONSENT,
    "interaction_required": MORE_TO_DO,
    "unmet_authentication_requirements": MORE_TO_DO,
    "login_required": user(
        "Nobody is signed in there",
        "Your identity provider was asked quietly, and has no session that could answer.",
        "Start again and sign in. If that comes back each time, allow cookies for its sign-in page.",
    ),
    "account_selection_required": user(
        "Choose an account",
        "You have more than one account at your identity provider, and it does not know which one you mean.",
        "Start again and pick the one that you want to use here.",
    ),
    "invalid_grant": SIGN_IN_AGAIN,
    "invalid_client": deployer(
        "Your provider does not take this gate's word",
        "The gate could not prove to your identity provider that it is the gate. It is nothing you did.",
        "Check this provider's `client_id` and `client_secret` in config.yaml (or whatever else proves the gate). Its"
        " secret may have run out: make a new one at the provider.",
    ),
    "unauthorized_client": deployer(
        "This gate is not known there",
        "Your identity provider does not know this gate, or has not allowed it to sign people in.",
        "Check this provider's `client_id` in config.yaml, and that the registration there is enabled and allows the"
        " authorization code flow.",
    ),
    "invalid_scope": deployer(
        "This gate asks for too much",
        "The gate asked your identity provider for something that it does not know or may not give.",
        "Check this provider's `scopes` in config.yaml against what its registration there allows.",
    ),
    "invalid_resource": deployer(
        "This gate asks for something unknown",
        "The gate asked for access to a service that is not in this organisation's directory.",
        "Check this provider's `scopes` in config.yaml, and that the service they name is there.",
    ),
    "invalid_target": NOT_IN_THIS_WAY,
    "invalid_request": NOT_IN_THIS_WAY,
    "invalid_request_uri": NOT_IN_THIS_WAY,
    "invalid_request_object": NOT_IN_THIS_WAY,
    "request_not_supported": NOT_IN_THIS_WAY,
    "request_uri_not_supported": NOT_IN_THIS_WAY,
    "registration_not_supported": NOT_IN_THIS_WAY,
    "unsupported_grant_type": NOT_IN_THIS_WAY,
    "unsupported_response_type": NOT_IN_THIS_WAY,
    "server_error": PASSING,
    "temporarily_unavailable": PASSING,
}

# Entra's finer names beside an error, of which Microsoft says that programs may go by them.
SUBERRORS: Mapping[str, Explanation] = {
    "basic_action": MORE_TO_DO,
    "additional_action": MORE_TO_DO,
    "consent_required": CONSENT,
    "bad_token": SIGN_IN_AGAIN,
    "token_expired": SIGN_IN_AGAIN,
    "user_password_expired": user(
        "Your password has expired",
        "Your identity provider knows you, but wants a new password first.",
        "Change it there, then start again.",
    ),
    "message_only": administrator(
        "Your identity provider said no",
        "A rule of your organisation stands in the way, and trying again will not change that.",
        "The provider's own words name the rule. Its sign-in logs have this attempt under the correlation id.",
    ),
}

UNKNOWN = administrator(
    "Your identity provider said no",
    "It gave a reason that this gate has no words of its own for. You were not signed in.",
    "The provider's own words say more, and its logs have this attempt under the ids that it gave. If its side is in"
    " order, it is the move of whoever runs this gate.",
)


def by_name(error: str, suberror: str | None = None) -> Explanation:
    """What a refusal means by its names alone. Every name has an answer."""
    return SUBERRORS.get(suberror or "") or ERRORS.get(error, UNKNOWN)
